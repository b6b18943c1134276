/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pull_call.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/image/pull_protocol.h"
#include "src/image/reference.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "userns/join.h"

#define ROLE	      "cove-pull"
#define SOCKET_BUFFER (256 << 10)

int pull_call_start(struct pull_call *c, int run_fd, int dir_fd, struct err *e)
{
	return pull_call_start_role(c, ROLE, run_fd, dir_fd, e);
}

/* The role's environment.  libcurl brings GnuTLS along (by LDAP and RTMP, which are not used),
 * which would set itself up before main(): a third of a millisecond.  gnutls_global_init(3). */
static char **role_env(void)
{
	scoped(strv) char **env = strv_copy(environ);

	return env && strv_add(&env, "GNUTLS_NO_IMPLICIT_INIT=1") == 0 ? take_ptr(&env) : NULL;
}

int pull_call_start_role(struct pull_call *c, const char *role, int run_fd, int dir_fd,
			 struct err *e)
{
	return pull_call_start_stream(c, role, run_fd, dir_fd, -EBADF, -EBADF, e);
}

int pull_call_start_stream(struct pull_call *c, const char *role, int run_fd, int dir_fd, int in_fd,
			   int out_fd, struct err *e)
{
	const struct proc_fd maybe[] = { { dir_fd, PULL_DIR_FD },
					 { in_fd, STDIN_FILENO },
					 { out_fd, STDOUT_FILENO } };
	scoped(strv) char **env = role_env();
	scoped(mem) char *path = proc_role_path(role);
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	char *argv[] = { path, NULL };
	struct proc_fd fds[2 + ARRAY_LEN(maybe)];
	struct proc_options o = { .path = path,
				  .argv = argv,
				  .env = env,
				  .fds = fds,
				  .n_fds = 2,
				  .null_stdio = 1,
				  .die_with_us = 1 };
	int size = SOCKET_BUFFER, rc;

	if (!path || !env)
		return err_errno(e, ENOMEM, "start %s", role);
	if (fd_pair(SOCK_SEQPACKET, &ours, &theirs, e) < 0)
		return e->code;
	/* A message is at most PULL_MESSAGE_MAX; the default buffer (212,992) holds it, more is
	 * better. */
	(void)setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	fds[0] = (struct proc_fd){ STDERR_FILENO, STDERR_FILENO };
	fds[1] = (struct proc_fd){ theirs, PULL_SOCKET_FD };
	for (size_t i = 0; i < ARRAY_LEN(maybe); i++)
		if (maybe[i].from >= 0)
			fds[o.n_fds++] = maybe[i];
	rc = run_fd >= 0 ? userns_spawn(run_fd, &o, &c->child, e) : proc_spawn(&o, &c->child, e);
	if (rc < 0)
		return err_in(e, "start %s", role);
	c->socket_fd = take_fd(&ours);
	c->role = role;
	return 0;
}

int pull_call_receive(struct pull_call *c, json_object **ret, struct err *e)
{
	scoped(json) json_object *o = NULL;
	const char *text, *hint;
	int rc = pull_receive(c->socket_fd, &o, e);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		rc = proc_wait(&c->child);
		return err_set(e, -EIO, "%s ended unexpectedly with status %d", c->role, rc);
	}
	c->ended = pull_is(o, "error") || pull_is(o, "done") || pull_is(o, "unchanged");
	if (pull_is(o, "error")) {
		text = json_get_str(o, "text");
		hint = json_get_str(o, "hint");
		rc = (int)json_get_int(o, "code", -EIO);
		(void)err_set(e, rc < 0 ? rc : -EIO, "%s", text ? text : "failed");
		return hint && *hint ? err_hint(e, "%s", hint) : e->code;
	}
	*ret = take_ptr(&o);
	return 0;
}

void pull_call_end(struct pull_call *c)
{
	if (c->ended)
		(void)proc_wait(&c->child); /* its status says nothing new */
	proc_end(&c->child);
	fd_close(take_fd(&c->socket_fd));
}

char *pull_cache_dir(const struct engine *en)
{
	const char *xdg = getenv("XDG_CACHE_HOME");

	if (xdg && *xdg)
		return str_printf("%s/containers", xdg);
	return en->home ? str_printf("%s/.cache/containers", en->home) : NULL;
}

int pull_registries(struct engine *en, struct registries **ret, struct err *e)
{
	scoped(mem) char *cache = pull_cache_dir(en);

	return registries_load(en->config_dir, cache, ret, e) < 0
		       ? err_in(e, "loading registries configuration")
		       : 0;
}

int pull_place(struct engine *en, const struct reference *name, int tls_verify,
	       struct reference *ret, int *ret_insecure, struct err *e)
{
	scoped(registries) struct registries *r = NULL;
	struct registry_source *list = NULL;
	size_t n = 0;
	int rc;

	if (pull_registries(en, &r, e) < 0 || registries_sources(r, name, &list, &n, e) < 0)
		return e->code;
	/* Mirrors come first; the place itself is the last. */
	rc = n ? reference_copy(&list[n - 1].ref, ret, e)
	       : err_set(e, -EINVAL, "no place to push to");
	if (rc >= 0)
		*ret_insecure = tls_verify < 0 ? list[n - 1].insecure : !tls_verify;
	registry_sources_free(list, n);
	return rc;
}

int pull_is_insecure(struct engine *en, const char *registry, int tls_verify, struct err *e)
{
	scoped(registries) struct registries *r = NULL;
	scoped(reference) struct reference ref = { 0 };
	struct registry_source *list = NULL;
	size_t n = 0;
	int rc;

	if (tls_verify >= 0)
		return !tls_verify;
	ref.registry = strdup(registry);
	ref.repository = strdup("x");
	if (!ref.registry || !ref.repository)
		return err_errno(e, ENOMEM, "read registries.conf");
	if (pull_registries(en, &r, e) < 0 || registries_sources(r, &ref, &list, &n, e) < 0)
		return e->code;
	rc = n && list[n - 1].insecure; /* the place itself is the last */
	registry_sources_free(list, n);
	return rc;
}

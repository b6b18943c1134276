/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/scp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/util/account.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define CONNECTIONS_MAX (1 << 20) /* bytes of the file with their names */

void scp_place_done(struct scp_place *p)
{
	free(p->user);
	free(p->host);
	free(p->image);
	*p = (struct scp_place){ 0 };
}

static void scoped_scp_place(struct scp_place *p)
{
	scp_place_done(p);
}

/* What ssh and sudo take for an option, or a shell for something else, is neither user nor host. */
static int check_word(const char *what, const char *word, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-:[]";

	return *word == '-' || !*word || word[strspn(word, allowed)]
		       ? err_set(e, -EINVAL, "invalid %s \"%s\"", what, word)
		       : 0;
}

int scp_place_parse(const char *text, struct scp_place *ret, struct err *e)
{
	__attribute__((cleanup(scoped_scp_place))) struct scp_place p = { 0 };
	const char *colons = strstr(text, "::"),
		   *at = colons ? memrchr(text, '@', (size_t)(colons - text)) : NULL;
	const char *host = at ? at + 1 : text, *image = colons ? colons + 2 : text;

	if (at)
		p.user = strndup(text, (size_t)(at - text));
	if (colons)
		p.host = strndup(host, (size_t)(colons - host));
	if (*image)
		p.image = strdup(image);
	if ((at && !p.user) || (colons && !p.host) || (*image && !p.image))
		return err_errno(e, ENOMEM, "copy an image");
	if ((p.user && check_word("user", p.user, e) < 0) ||
	    (p.host && check_word("host", p.host, e) < 0))
		return e->code;
	if (!colons && !p.image)
		return err_set(e, -EINVAL, "an image's name is missing");
	ret->user = take_ptr(&p.user);
	ret->host = take_ptr(&p.host);
	ret->image = take_ptr(&p.image);
	return 0;
}

/* ---- how to get there ------------------------------------------------------------------------ */

static int is_here(const struct scp_place *p)
{
	return p->host && (!strcmp(p->host, "localhost") || !strcmp(p->host, "127.0.0.1"));
}

/* This user's own store? */
static int is_ours(const struct engine *en, const struct scp_place *p)
{
	scoped(account) struct account a = ACCOUNT_NONE;

	if (!p->host)
		return 1;
	if (!is_here(p) || !p->user)
		return 0;
	return account_find(en->uid, &a) && !strcmp(a.name, p->user);
}

/* The connection called HOST in podman-connections.json: its document, or NULL.  *RET owned. */
static int connection(struct engine *en, const char *host, json_object **ret, struct err *e)
{
	const char *named = getenv("PODMAN_CONNECTIONS_CONF");
	scoped(mem) char *path = named && *named ? strdup(named)
						 : str_printf("%s/podman-connections.json",
							      en->config_dir ? en->config_dir : "");
	scoped(mem) char *text = NULL;
	scoped(json) json_object *doc = NULL;
	json_object *found;
	size_t n = 0;
	int rc;

	if (!path)
		return err_errno(e, ENOMEM, "copy an image");
	rc = path_read(AT_FDCWD, path, CONNECTIONS_MAX, &text, &n, e);
	if (rc == -ENOENT || rc == -ENOTDIR) {
		err_clear(e);
		return 0;
	}
	if (rc < 0 || json_parse(text, n, &doc, e) < 0)
		return err_in(e, "%s", path);
	found = json_path(doc, "Connection", "Connections", host, NULL);
	*ret = found ? json_object_get(found) : NULL;
	return 0;
}

/* For a POSIX shell: 'WORD', with each ' as '\''. */
static int quote(struct strbuf *b, const char *word)
{
	(void)strbuf_putc(b, '\'');
	for (; *word; word++)
		(void)strbuf_printf(b, *word == '\'' ? "'\\''" : "%c", *word);
	return strbuf_putc(b, '\'');
}

/* What is run there: cove, or podman where there is no cove. */
static int shell_words(struct strbuf *b, const char *verb)
{
	return strbuf_printf(b,
			     "if command -v cove >/dev/null 2>&1; then exec cove %s; else exec "
			     "podman %s; fi",
			     verb, verb);
}

static int ssh_argv(struct engine *en, const struct scp_place *p, const char *command, char ***ret,
		    struct err *e)
{
	scoped(json) json_object *c = NULL;
	scoped(mem) char *to = NULL;
	const char *uri = NULL, *identity = NULL, *path;
	int rc;

	if (!p->user && connection(en, p->host, &c, e) < 0)
		return e->code;
	uri = json_get_str(c, "URI");
	identity = json_get_str(c, "Identity");
	if (uri && !str_starts(uri, "ssh://"))
		return err_set(e, -ENOTSUP, "connection %s: %s is no ssh:// address", p->host, uri);
	path = uri ? strchr(uri + strlen("ssh://"), '/') : NULL;
	/* ssh knows no path in its addresses. */
	to = path  ? strndup(uri, (size_t)(path - uri))
	     : uri ? strdup(uri)
		   : str_printf("ssh://%s%s%s", p->user ? p->user : "", p->user ? "@" : "",
				p->host);
	rc = to ? strv_add(ret, "ssh") : -ENOMEM;
	if (rc == 0 && identity && *identity && (rc = strv_add(ret, "-i")) == 0)
		rc = strv_add(ret, identity);
	if (rc == 0 && (rc = strv_add(ret, "-T")) == 0 && (rc = strv_add(ret, "--")) == 0 &&
	    (rc = strv_add(ret, to)) == 0)
		rc = strv_add(ret, command);
	return rc < 0 ? err_errno(e, rc, "copy an image") : 0;
}

static int sudo_argv(const struct scp_place *p, const char *command, char ***ret, struct err *e)
{
	const char *const words[] = { "sudo", "--login", "--user", p->user ? p->user : "root",
				      "--",   "sh",	 "-c",	   command,
				      NULL };

	for (const char *const *w = words; *w; w++)
		if (strv_add(ret, *w) < 0)
			return err_errno(e, ENOMEM, "copy an image");
	return 0;
}

/* Start VERB (a shell's words) at P with FD as its descriptor NUMBER. */
static int start(struct engine *en, const struct scp_place *p, const char *verb, int fd, int number,
		 int quiet, struct child *ret, struct err *e)
{
	scoped(strbuf) struct strbuf command = STRBUF_INIT;
	scoped(strv) char **argv = NULL;
	scoped(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct proc_fd fds[2] = { { fd, number }, { null, number ? 0 : 1 } };
	struct proc_options o = { .fds = fds, .n_fds = number || quiet ? 2 : 1, .die_with_us = 1 };
	int rc;

	if (null < 0)
		return err_sys(e, "open /dev/null");
	if (shell_words(&command, verb) < 0)
		return err_errno(e, ENOMEM, "copy an image");
	rc = is_here(p) ? sudo_argv(p, command.s, &argv, e) : ssh_argv(en, p, command.s, &argv, e);
	if (rc < 0 || !argv)
		return rc;
	o.path = argv[0];
	o.argv = argv;
	return proc_spawn(&o, ret, e);
}

/* ---- the copy -------------------------------------------------------------------------------- */

struct copy {
	struct engine *en;
	struct scp_place from, to;
	const char *format;
	int quiet;
	int pipe_r, pipe_w;
	struct child saves, loads; /* where those are others */
};

static void scoped_copy(struct copy *c)
{
	fd_close(c->pipe_r);
	fd_close(c->pipe_w);
	proc_end(&c->saves);
	proc_end(&c->loads);
	scp_place_done(&c->from);
	scp_place_done(&c->to);
}

static int wait_for(struct child *c, const struct scp_place *p, const char *what, struct err *e)
{
	int status = c->pid ? proc_wait(c) : 0;

	if (status == 0)
		return 0;
	return status < 0 ? err_errno(e, status, "wait for %s", p->host)
			  : err_set(e, -EIO, "%s the image at %s failed with status %d", what,
				    p->host, status);
}

static int start_others(struct copy *c, struct err *e)
{
	scoped(strbuf) struct strbuf save = STRBUF_INIT;

	if (!is_ours(c->en, &c->to)) {
		if (start(c->en, &c->to, "load", c->pipe_r, 0, c->quiet, &c->loads, e) < 0)
			return e->code;
		fd_close(take_fd(&c->pipe_r));
	}
	if (is_ours(c->en, &c->from))
		return 0;
	(void)strbuf_printf(&save, "save --format %s ", c->format);
	if (quote(&save, c->from.image) < 0)
		return err_errno(e, ENOMEM, "copy an image");
	if (start(c->en, &c->from, save.s, c->pipe_w, 1, c->quiet, &c->saves, e) < 0)
		return e->code;
	fd_close(take_fd(&c->pipe_w));
	return 0;
}

static int save_here(struct copy *c, struct err *e)
{
	char *references[] = { c->from.image, NULL }, path[32];
	const struct image_save_options o = { .references = references,
					      .format = c->format,
					      .output = fd_proc_path(c->pipe_w, path) };
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	int rc = image_save(c->en, &o, e);

	(void)signal(SIGPIPE, before);
	fd_close(take_fd(&c->pipe_w));
	return rc;
}

static int load_here(struct copy *c, char ***ret_names, struct err *e)
{
	char path[32];
	const struct image_load_options o = { .path = fd_proc_path(c->pipe_r, path) };
	int rc = image_load(c->en, &o, ret_names, e);

	fd_close(take_fd(&c->pipe_r)); /* who still writes is to notice */
	return rc;
}

static int run(struct copy *c, char ***ret_names, struct err *e)
{
	struct err other = { 0 };
	int rc;

	if (fd_pipe(&c->pipe_r, &c->pipe_w, e) < 0 || start_others(c, e) < 0)
		return e->code;
	rc = is_ours(c->en, &c->from) ? save_here(c, e)
	     : is_ours(c->en, &c->to) ? load_here(c, ret_names, e)
				      : 0;
	/* The other side knows better what went wrong. */
	if (rc < 0 && rc != -EPIPE && c->loads.pid)
		return rc;
	if (wait_for(&c->saves, &c->from, "saving", &other) < 0 ||
	    wait_for(&c->loads, &c->to, "loading", &other) < 0) {
		*e = other;
		return e->code;
	}
	return rc;
}

int image_scp(struct engine *en, const char *from, const char *to, const char *format, int quiet,
	      char ***ret_names, struct err *e)
{
	__attribute__((cleanup(scoped_copy))) struct copy c = {
		.en = en,
		.format = format,
		.quiet = quiet,
		.pipe_r = -EBADF,
		.pipe_w = -EBADF,
		.saves = CHILD_NONE,
		.loads = CHILD_NONE,
	};

	if (scp_place_parse(from, &c.from, e) < 0 || (to && scp_place_parse(to, &c.to, e) < 0))
		return e->code;
	if (!c.from.image)
		return err_set(e, -EINVAL, "an image's name is missing behind \"%s\"", from);
	if (c.to.image)
		return err_set(e, -EINVAL, "cannot specify an image rename");
	if (is_ours(en, &c.from) && is_ours(en, &c.to))
		return err_set(e, -EINVAL,
			       "the image is in this store already: give another host as HOST:: or "
			       "USER@localhost::");
	return run(&c, ret_names, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/auth_helper.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/image/reference.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

#define HUB_KEY	       "https://index.docker.io/v1/" /* how docker files the Hub */
#define HELPER_WAIT_MS 60000

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Read FD to its end, but not for longer than the helper may take. */
static int read_answer(int fd, struct strbuf *b)
{
	int64_t until = now_ms() + HELPER_WAIT_MS;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char bytes[4096];
		int64_t left = until - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -ETIMEDOUT;
		n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (strbuf_add(b, bytes, (size_t)n) < 0)
			return b->failed;
	}
}

static int helper_name_is_valid(const char *s)
{
	if (!*s || strlen(s) > 64)
		return 0;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
		      (*s >= '0' && *s <= '9') || strchr("_-.", *s)))
			return 0;
	return 1;
}

int auth_helper_run(const char *name, const char *verb, const char *input, struct strbuf *out,
		    struct err *e)
{
	scoped(mem) char *program = str_printf("docker-credential-%s", name);
	scoped(mem) char *word = strdup(verb);
	char *argv[] = { program, word, NULL };
	int in[2], answer[2], rc;
	scoped(child) struct child c = CHILD_NONE;

	if (!helper_name_is_valid(name))
		return err_set(e, -EBADMSG, "invalid name of a credential helper");
	if (!program || !word)
		return err_errno(e, ENOMEM, "run a credential helper");
	if (pipe2(in, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	scoped(fd) int in_read = in[0];
	scoped(fd) int in_write = in[1];
	if (pipe2(answer, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	scoped(fd) int out_read = answer[0];
	scoped(fd) int out_write = answer[1];
	struct proc_fd fds[] = { { in_read, 0 }, { out_write, 1 } };
	struct proc_options o = {
		.path = program, .argv = argv, .fds = fds, .n_fds = 2, .die_with_us = 1
	};

	if (proc_spawn(&o, &c, e) < 0)
		return e->code;
	fd_close(take_fd(&in_read));
	fd_close(take_fd(&out_write));
	(void)fd_write_all(in_write, input, strlen(input)); /* it may answer without reading */
	fd_close(take_fd(&in_write));
	rc = read_answer(out_read, out);
	if (rc < 0)
		return err_errno(e, rc, "read from %s", program);
	return proc_wait(&c);
}

const char *auth_server_key(const char *registry)
{
	return !strcmp(registry, REFERENCE_HUB) ? HUB_KEY : registry;
}

/* Has the helper said that it has nothing? */
static int says_none(const struct strbuf *out)
{
	return out->s &&
	       (strstr(out->s, "credentials not found") || strstr(out->s, "not found in native"));
}

int auth_helper_get(const char *name, const char *registry, struct credentials *ret, struct err *e)
{
	scoped(strbuf) struct strbuf out = STRBUF_INIT;
	const char *server = auth_server_key(registry);
	int rc;

	strbuf_init(&out, AUTH_ANSWER_MAX);
	rc = auth_helper_run(name, "get", server, &out, e);
	if (rc < 0)
		return err_in(e, "credential helper %s", name);
	if (rc > 0 && says_none(&out))
		return 0;
	if (rc > 0)
		return err_set(e, -EIO, "credential helper %s failed with status %d", name, rc);
	rc = auth_helper_answer(out.s ? out.s : "", out.len, ret, e);
	if (out.s)
		explicit_bzero(out.s, out.len);
	return rc < 0 ? err_in(e, "credential helper %s", name) : rc;
}

int auth_helper_store(const char *name, const char *registry, const struct credentials *c,
		      struct err *e)
{
	scoped(strbuf) struct strbuf out = STRBUF_INIT;
	scoped(json) json_object *o = json_object_new_object();
	char *text;
	int rc;

	json_put_str(o, "ServerURL", auth_server_key(registry));
	json_put_str(o, "Username", c->identity_token ? "<token>" : c->username);
	json_put_str(o, "Secret", c->identity_token ? c->identity_token : c->password);
	text = json_text(o);
	if (!text)
		return err_errno(e, ENOMEM, "store credentials");
	strbuf_init(&out, AUTH_ANSWER_MAX);
	rc = auth_helper_run(name, "store", text, &out, e);
	explicit_bzero(text, strlen(text));
	free(text);
	if (rc > 0)
		return err_set(e, -EIO, "credential helper %s failed with status %d", name, rc);
	return rc < 0 ? err_in(e, "credential helper %s", name) : 0;
}

int auth_helper_erase(const char *name, const char *registry, struct err *e)
{
	scoped(strbuf) struct strbuf out = STRBUF_INIT;
	int rc;

	strbuf_init(&out, AUTH_ANSWER_MAX);
	rc = auth_helper_run(name, "erase", auth_server_key(registry), &out, e);
	if (rc > 0 && says_none(&out))
		return 0;
	if (rc > 0)
		return err_set(e, -EIO, "credential helper %s failed with status %d", name, rc);
	return rc < 0 ? err_in(e, "credential helper %s", name) : 1;
}

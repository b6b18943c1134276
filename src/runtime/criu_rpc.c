/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/criu_rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/scoped.h"

#define REQUEST_MAX  (1U << 20)
#define RESPONSE_MAX 65536
#define ORPHAN	     "orphan-pts-master"

enum request_type {
	REQUEST_DUMP = 1,
	REQUEST_RESTORE = 2,
	REQUEST_PRE_DUMP = 4,
	REQUEST_NOTIFY = 6
};

/* Numbers of criu_opts that stand in no option. */
#define OPTS_LOG_LEVEL	    9
#define OPTS_NOTIFY	    12
#define OPTS_MANAGE_CGROUPS 34
#define OPTS_ORPHAN_MASTER  50

/* ---- writing --------------------------------------------------------------------------------- */

static void put_varint(struct strbuf *b, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		(void)strbuf_putc(b, (char)((v & 0x7f) | 0x80));
	(void)strbuf_putc(b, (char)v);
}

static void put_int(struct strbuf *b, unsigned number, uint64_t v)
{
	put_varint(b, (uint64_t)number << 3 | WIRE_VARINT);
	put_varint(b, v);
}

static void put_bytes(struct strbuf *b, unsigned number, const char *s, size_t n)
{
	put_varint(b, (uint64_t)number << 3 | WIRE_BYTES);
	put_varint(b, n);
	(void)strbuf_add(b, s, n);
}

enum kind { KIND_FLAG, KIND_STR, KIND_INT, KIND_DIR, KIND_INHERIT, KIND_IGNORED, KIND_IGNORED_STR };

static const struct option {
	const char *name;
	unsigned number; /* of criu_opts */
	enum kind kind;
} options[] = {
	{ "--images-dir", 1, KIND_DIR },
	{ "--tree", 2, KIND_INT },
	{ "--leave-running", 3, KIND_FLAG },
	{ "--ext-unix-sk", 4, KIND_FLAG },
	{ "--tcp-established", 5, KIND_FLAG },
	{ "--shell-job", 7, KIND_FLAG },
	{ "--file-locks", 8, KIND_FLAG },
	{ "--log-file", 10, KIND_STR },
	{ "--root", 13, KIND_STR },
	{ "--prev-images-dir", 14, KIND_STR },
	{ "--track-mem", 15, KIND_FLAG },
	{ "--auto-dedup", 16, KIND_FLAG },
	{ "--work-dir", 17, KIND_DIR },
	{ "--link-remap", 18, KIND_FLAG },
	{ "--inherit-fd", 27, KIND_INHERIT },
	{ "--external", 37, KIND_STR },
	{ "--skip-in-flight", 46, KIND_FLAG },
	{ "--tcp-close", 52, KIND_FLAG },
	{ "--lsm-profile", 53, KIND_STR },
	{ "-v4", OPTS_LOG_LEVEL, KIND_INT },
	/* A request is always answered by the pid of what goes on without criu. */
	{ "--restore-detached", 0, KIND_IGNORED },
	{ "--pidfile", 0, KIND_IGNORED_STR },
};

/* criu_cg_mode */
static const char *const cgroup_modes[] = { "ignore", "none", "props", "soft", "full", "strict" };

static const struct option *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (strcmp(name, options[i].name) == 0)
			return &options[i];
	return NULL;
}

static int put_cgroup_mode(struct strbuf *b, const char *mode, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(cgroup_modes); i++)
		if (strcmp(mode, cgroup_modes[i]) == 0) {
			put_int(b, OPTS_MANAGE_CGROUPS, i);
			return 0;
		}
	return err_set(e, -EINVAL, "criu: '%s' is no way to manage cgroups", mode);
}

/* "fd[10]:KEY" */
static int put_inherit(struct strbuf *b, unsigned number, const char *value, struct err *e)
{
	scoped(strbuf) struct strbuf m = STRBUF_INIT;
	char *end = NULL;
	unsigned long fd = str_starts(value, "fd[") ? strtoul(value + 3, &end, 10) : 0;

	if (!end || end[0] != ']' || end[1] != ':')
		return err_set(e, -EINVAL, "criu: '%s' is no descriptor", value);
	put_bytes(&m, 1, end + 2, strlen(end + 2));
	put_int(&m, 2, fd);
	put_bytes(b, number, m.s, m.len);
	return m.failed;
}

static int put_dir(struct criu_rpc *c, struct strbuf *b, unsigned number, const char *path,
		   struct err *e)
{
	int *fd = &c->dirs[c->dirs[0] >= 0];

	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return err_sys(e, "open %s", path);
	put_int(b, number, (uint64_t)*fd);
	return 0;
}

static int put_option(struct criu_rpc *c, struct strbuf *b, const struct option *o,
		      const char *value, struct err *e)
{
	switch (o->kind) {
	case KIND_FLAG:
		put_int(b, o->number, 1);
		return 0;
	case KIND_STR:
		put_bytes(b, o->number, value, strlen(value));
		return 0;
	case KIND_INT:
		put_int(b, o->number, strtoul(value, NULL, 10));
		return 0;
	case KIND_DIR:
		return put_dir(c, b, o->number, value, e);
	case KIND_INHERIT:
		return put_inherit(b, o->number, value, e);
	case KIND_IGNORED:
	case KIND_IGNORED_STR:
		return 0;
	}
	return 0;
}

static int has_value(const struct option *o)
{
	return o->kind != KIND_FLAG && o->kind != KIND_IGNORED && o->name[1] == '-';
}

static int put_options(struct criu_rpc *c, struct strbuf *b, char *const *argv, struct err *e)
{
	static const char cgroups[] = "--manage-cgroups=";

	put_int(b, OPTS_NOTIFY, 1);
	put_int(b, OPTS_ORPHAN_MASTER, 1);
	for (; *argv; argv++) {
		const struct option *o = find(*argv);
		const char *value = o && !has_value(o) ? *argv + 2 : argv[1];
		int r;

		if (str_starts(*argv, cgroups)) {
			r = put_cgroup_mode(b, *argv + sizeof(cgroups) - 1, e);
		} else {
			if (!o || !value)
				return err_set(e, -ENOTSUP,
					       "criu has no %s for processes with a terminal",
					       *argv);
			r = put_option(c, b, o, value, e);
			argv += has_value(o);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int criu_rpc_encode(struct criu_rpc *c, char *const *argv, struct err *e)
{
	scoped(strbuf) struct strbuf opts = STRBUF_INIT;
	enum request_type type = strcmp(argv[1], "restore") == 0    ? REQUEST_RESTORE
				 : strcmp(argv[1], "pre-dump") == 0 ? REQUEST_PRE_DUMP
								    : REQUEST_DUMP;
	int r;

	strbuf_init(&opts, REQUEST_MAX);
	strbuf_init(&c->request, REQUEST_MAX + 64);
	r = put_options(c, &opts, argv + 2, e);
	if (r < 0)
		return r;
	put_int(&c->request, 1, type);
	put_bytes(&c->request, 2, opts.s, opts.len);
	return opts.failed || c->request.failed ? err_errno(e, ENOMEM, "ask criu") : 0;
}

int criu_rpc_prepare(struct criu_rpc *c, char *const *argv, struct err *e)
{
	int r = criu_rpc_encode(c, argv, e);
	return r < 0 ? r : fd_pair(SOCK_SEQPACKET, &c->sock, &c->theirs, e);
}

void criu_rpc_done(struct criu_rpc *c)
{
	strbuf_done(&c->request);
	fd_close(take_fd(&c->sock));
	fd_close(take_fd(&c->theirs));
	for (size_t i = 0; i < ARRAY_LEN(c->dirs); i++)
		fd_close(take_fd(&c->dirs[i]));
}

/* ---- talking --------------------------------------------------------------------------------- */

struct response {
	uint64_t type, ok, pid;
	int is_orphan; /* a notification that brings the master of a terminal */
};

static int is_word(struct criu_bytes b, const char *word)
{
	return b.n == strlen(word) && memcmp(b.p, word, b.n) == 0;
}

/* Member 1 of a message inside. */
static int first_member(struct criu_bytes b, struct criu_member *ret)
{
	while (b.n) {
		int r = criu_take_member(&b, ret);
		if (r < 0 || ret->number == 1)
			return r;
	}
	return -ENOENT;
}

static int read_response(const void *bytes, size_t n, struct response *ret)
{
	struct criu_bytes b = { bytes, n };

	*ret = (struct response){ 0 };
	while (b.n) {
		struct criu_member m, inner;
		int r = criu_take_member(&b, &m);

		if (r < 0)
			return r;
		if (m.number == 1 && m.wire == WIRE_VARINT)
			ret->type = m.value;
		else if (m.number == 2 && m.wire == WIRE_VARINT)
			ret->ok = m.value;
		else if (m.number == 4 && m.wire == WIRE_BYTES &&
			 first_member(m.bytes, &inner) == 0 && inner.wire == WIRE_VARINT)
			ret->pid = inner.value;
		else if (m.number == 5 && m.wire == WIRE_BYTES &&
			 first_member(m.bytes, &inner) == 0 && inner.wire == WIRE_BYTES)
			ret->is_orphan = is_word(inner.bytes, ORPHAN);
	}
	return 0;
}

static int answer_notification(int sock)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	put_int(&b, 1, REQUEST_NOTIFY);
	put_int(&b, 3, 1); /* notify_success */
	return b.failed ? -ENOMEM : fd_send(sock, b.s, b.len, NULL, 0);
}

static int receive(struct criu_rpc *c, char *buf, struct response *ret, struct criu_answer *answer)
{
	int fd = -EBADF;
	size_t n_fds = 1;
	ssize_t n = fd_recv(c->sock, buf, RESPONSE_MAX, &fd, &n_fds);
	scoped(fd) int got = n >= 0 && n_fds ? fd : -EBADF;
	int r;

	if (n <= 0)
		return n < 0 ? (int)n : -EPIPE;
	r = read_response(buf, (size_t)n, ret);
	if (r == 0 && ret->is_orphan && got >= 0 && answer->master < 0)
		answer->master = take_fd(&got);
	return r;
}

int criu_rpc_call(struct criu_rpc *c, struct criu_answer *ret, struct err *e)
{
	scoped(mem) char *buf = malloc(RESPONSE_MAX);
	struct response got = { 0 };
	int r;

	*ret = (struct criu_answer){ .master = -EBADF };
	if (!buf)
		return err_errno(e, ENOMEM, "ask criu");
	fd_close(take_fd(&c->theirs));
	r = fd_send(c->sock, c->request.s, c->request.len, NULL, 0);
	while (r >= 0) {
		r = receive(c, buf, &got, ret);
		if (r < 0 || got.type != REQUEST_NOTIFY)
			break;
		r = answer_notification(c->sock);
	}
	fd_close(take_fd(&c->sock)); /* it is not asked for more */
	if (r < 0) {
		fd_close(take_fd(&ret->master));
		return err_errno(e, r, "talk with criu");
	}
	ret->ok = got.ok != 0;
	ret->pid = got.pid <= INT32_MAX ? (pid_t)got.pid : 0;
	return 0;
}

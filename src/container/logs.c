/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a container's log, and following it: inotify says that the file grew, the lock says that
 * the container has ended. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/container/log.h"
#include "src/container/record.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define LINE_MAX_BYTES (1U << 20)

struct reader {
	int fd;
	const struct logs_options *o;
	int out, err;
	struct strbuf line; /* what was read of a line that is not whole yet */
	int after_partial[2];
};

static int emit(struct reader *r, const char *line, size_t n)
{
	struct log_line l;
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	int fd;

	if (log_parse(line, n, &l) < 0)
		return 0; /* cut by a full disk: no line of ours */
	if ((r->o->since && l.time < r->o->since) || (r->o->until && l.time > r->o->until))
		return 0;
	if (r->o->timestamps && !r->after_partial[l.stream]) {
		(void)strbuf_add(&b, l.stamp, l.stamp_len);
		(void)strbuf_putc(&b, ' ');
	}
	(void)strbuf_add(&b, l.text, l.n);
	if (!l.partial)
		(void)strbuf_putc(&b, '\n');
	r->after_partial[l.stream] = l.partial;
	fd = l.stream == LOG_STDOUT ? r->out : r->err;
	return b.failed ? b.failed : fd_write_all(fd, b.s ? b.s : "", b.len);
}

/* All whole lines that are there now. */
static int read_some(struct reader *r)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(r->fd, buf, sizeof(buf))) > 0) {
		const char *p = buf, *end = buf + n;
		while (p < end) {
			const char *nl = memchr(p, '\n', (size_t)(end - p));
			size_t len = nl ? (size_t)(nl - p) : (size_t)(end - p);
			int bad = 0;
			if (r->line.len + len > LINE_MAX_BYTES)
				strbuf_reset(&r->line);
			(void)strbuf_add(&r->line, p, len);
			if (nl) {
				bad = r->line.failed
					      ? r->line.failed
					      : emit(r, r->line.s ? r->line.s : "", r->line.len);
				strbuf_reset(&r->line);
			}
			if (bad < 0)
				return bad;
			p += len + (nl != NULL);
		}
	}
	return n < 0 ? -errno : 0;
}

/* Place the descriptor before the last N whole lines (pieces of one line count as one). */
static int seek_tail(int fd, long long n)
{
	struct stat st;
	char buf[65536];
	off_t end, at;
	long long seen = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	end = st.st_size;
	if (n == 0)
		return lseek(fd, end, SEEK_SET) < 0 ? -errno : 0;
	for (at = end; at > 0;) {
		size_t len = at > (off_t)sizeof(buf) ? sizeof(buf) : (size_t)at;
		ssize_t got;
		at -= (off_t)len;
		got = pread(fd, buf, len, at);
		if (got < 0)
			return -errno;
		for (ssize_t i = got; i-- > 0;)
			if (buf[i] == '\n' && at + i + 1 < end && ++seen == n)
				return lseek(fd, at + i + 1, SEEK_SET) < 0 ? -errno : 0;
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static int follow(struct engine *en, const char *id, struct reader *r, const char *path)
{
	scoped(fd) int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char events[4096];
	struct stat st;

	if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY) < 0)
		return -errno;
	for (;;) {
		struct pollfd p = { watch, POLLIN, 0 };
		int running = record_is_held(en, id), bad;
		/* The file starts anew when it has reached its limit. */
		if (fstat(r->fd, &st) == 0 && lseek(r->fd, 0, SEEK_CUR) > st.st_size)
			(void)lseek(r->fd, 0, SEEK_SET);
		bad = read_some(r);
		if (bad < 0 || !running)
			return bad;
		(void)poll(&p, 1, 250); /* the container's end makes no event */
		while (read(watch, events, sizeof(events)) > 0)
			;
	}
}

int container_logs(struct engine *en, const char *ref, const struct logs_options *o, int out,
		   int err_fd, struct err *e)
{
	scoped(container) struct container *c = NULL;
	struct reader r = { .fd = -EBADF, .o = o, .out = out, .err = err_fd };
	scoped(fd) int fd = -EBADF;
	const char *path;
	int bad = container_find(en, ref, &c, e);

	if (bad < 0)
		return bad;
	path = json_get_str(c->spec, "LogPath");
	if (!path)
		return err_set(e, -EINVAL,
			       "this container is using the 'none' log driver, cannot read logs: "
			       "this container "
			       "is not logging output");
	engine_store_close(en);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) /* never started */
		return 0;
	if (fd < 0)
		return err_sys(e, "open log %s", path);
	r.fd = fd;
	bad = o->tail >= 0 ? seek_tail(fd, o->tail) : 0;
	if (bad == 0)
		bad = o->follow ? follow(en, c->id, &r, path) : read_some(&r);
	strbuf_done(&r.line);
	return bad < 0 ? err_errno(e, bad, "read the log of container %s", ref) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/tar_split.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/base64.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

#define CHUNK	   ((size_t)64 << 10)
#define ENTRY_FILE 1
#define ENTRY_RAW  2

int tar_split_open(int layer_fd, struct err *e)
{
	char proc[32], path[PATH_MAX], name[PATH_MAX + 64];
	ssize_t n = readlink(fd_proc_path(layer_fd, proc), path, sizeof(path) - 1);
	scoped(fd) int fd = -EBADF;
	const char *id;
	struct stat st;

	if (n < 0)
		return err_sys(e, "find the layer's tar-split file");
	path[n] = '\0';
	id = strrchr(path, '/');
	(void)snprintf(name, sizeof(name), "../../overlay-layers/%s.tar-split.gz",
		       id ? id + 1 : "");
	fd = openat(layer_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open the layer's tar-split file");
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, -EBADMSG, "the layer's tar-split file is no regular file");
	return take_fd(&fd);
}

static int damaged(struct err *e, const char *what)
{
	return err_set(e, -EBADMSG, "the layer's tar-split file is damaged: %s", what);
}

/* ---- lines ----------------------------------------------------------------------------------- */

struct lines {
	int fd; /* borrowed */
	int at_end;
	struct inflate_state z;
	size_t pos, len; /* of out */
	uint8_t in[CHUNK], out[CHUNK];
};

/* More of it in out.  1, or 0 at the end. */
static int refill(struct lines *l, struct err *e)
{
	l->pos = l->len = 0;
	while (l->len == 0 && l->z.block_state != ISAL_BLOCK_FINISH) {
		if (l->z.avail_in == 0 && !l->at_end) {
			ssize_t n = fd_read_full(l->fd, l->in, sizeof(l->in));
			if (n < 0)
				return err_errno(e, (int)n, "read the layer's tar-split file");
			l->at_end = (size_t)n < sizeof(l->in);
			l->z.next_in = l->in;
			l->z.avail_in = (uint32_t)n;
		}
		l->z.next_out = l->out;
		l->z.avail_out = sizeof(l->out);
		if (isal_inflate(&l->z) < 0)
			return damaged(e, "it is no gzip");
		l->len = sizeof(l->out) - l->z.avail_out;
		if (l->len == 0 && l->z.avail_in == 0 && l->at_end &&
		    l->z.block_state != ISAL_BLOCK_FINISH)
			return damaged(e, "it ends too early");
	}
	return l->len > 0;
}

/* The next line without its end in LINE.  1, or 0 at the end. */
static int next_line(struct lines *l, struct strbuf *line, struct err *e)
{
	strbuf_reset(line);
	for (;;) {
		const uint8_t *from = l->out + l->pos, *end;
		size_t n = l->len - l->pos;
		int r;

		if (n == 0) {
			r = refill(l, e);
			if (r > 0)
				continue;
			return r < 0 ? r : line->len > 0;
		}
		end = memchr(from, '\n', n);
		if (strbuf_add(line, from, end ? (size_t)(end - from) : n) < 0)
			return line->failed == -E2BIG
				       ? damaged(e, "an endless line")
				       : err_errno(e, line->failed, "read the tar-split file");
		l->pos += end ? (size_t)(end - from) + 1 : n;
		if (end)
			return 1;
	}
}

/* ---- entries --------------------------------------------------------------------------------- */

static int replay_raw(json_object *o, split_sink *sink, void *arg, struct err *e)
{
	const char *payload = json_get_str(o, "payload");
	scoped(mem) unsigned char *bytes = NULL;
	size_t n = 0;

	if (!payload)
		return damaged(e, "a segment without a payload");
	if (base64_decode(payload, strlen(payload), &bytes, &n, e) < 0)
		return damaged(e, "a payload that is no base64");
	return n ? sink(arg, bytes, n, e) : 0;
}

/* Owned; NULL with *E filled. */
static char *entry_name(json_object *o, struct err *e)
{
	const char *name = json_get_str(o, "name"), *raw = json_get_str(o, "name_raw");
	unsigned char *bytes = NULL;
	size_t n = 0;
	char *copy;

	if (!raw) {
		copy = name && *name ? strdup(name) : NULL;
		if (!copy)
			(void)(name && *name ? err_errno(e, ENOMEM, "read the tar-split file")
					     : damaged(e, "a file without a name"));
		return copy;
	}
	if (base64_decode(raw, strlen(raw), &bytes, &n, e) < 0 || !n || memchr(bytes, 0, n)) {
		free(bytes);
		(void)damaged(e, "a wrong file name");
		return NULL;
	}
	return (char *)bytes; /* there is a NUL behind it */
}

static int replay_file(json_object *o, int layer_fd, uint8_t *buf, split_sink *sink, void *arg,
		       struct err *e)
{
	int64_t left = json_get_int(o, "size", 0), pos = 0;
	scoped(mem) char *name = NULL;
	scoped(fd) int fd = -EBADF;

	if (left < 0)
		return damaged(e, "a wrong size");
	if (left == 0)
		return 0;
	name = entry_name(o, e);
	if (!name)
		return e->code;
	fd = split_open_file(layer_fd, name, e);
	if (fd < 0)
		return fd;
	while (left > 0) {
		ssize_t n = pread(fd, buf, left < (int64_t)CHUNK ? (size_t)left : CHUNK, pos);
		int r;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read '%.300s' of the layer", name);
		if (n == 0)
			return err_set(e, -EBADMSG, "'%.300s' of the layer is shorter than it was",
				       name);
		r = sink(arg, buf, (size_t)n, e);
		if (r < 0)
			return r;
		pos += n;
		left -= n;
	}
	return 0;
}

static int replay_entry(const struct strbuf *line, int layer_fd, uint8_t *buf, split_sink *sink,
			void *arg, struct err *e)
{
	scoped(json) json_object *o = NULL;
	int64_t type;

	if (json_parse(line->s, line->len, &o, e) < 0)
		return damaged(e, "a line that is no JSON");
	type = json_get_int(o, "type", 0);
	if (type == ENTRY_RAW)
		return replay_raw(o, sink, arg, e);
	return type == ENTRY_FILE ? replay_file(o, layer_fd, buf, sink, arg, e)
				  : damaged(e, "an unknown entry");
}

int tar_split_replay(int layer_fd, int fd, split_sink *sink, void *arg, struct err *e)
{
	scoped(mem) struct lines *l = calloc(1, sizeof(*l));
	scoped(mem) uint8_t *buf = malloc(CHUNK);
	scoped(strbuf) struct strbuf line = STRBUF_INIT;
	int r;

	if (!l || !buf)
		return err_errno(e, ENOMEM, "read the tar-split file");
	strbuf_init(&line, TAR_SPLIT_LINE_MAX);
	l->fd = fd;
	isal_inflate_init(&l->z);
	l->z.crc_flag = ISAL_GZIP;
	while ((r = next_line(l, &line, e)) > 0) {
		r = line.len ? replay_entry(&line, layer_fd, buf, sink, arg, e) : 0;
		if (r < 0)
			return r;
	}
	return r;
}

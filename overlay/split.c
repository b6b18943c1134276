/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/split.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "src/util/fd.h"
#include "src/util/path.h"

#define MAGIC	 "cove-split 1\n"
#define PATH_LEN 4096
#define RAW_MAX	 (1U << 20)
#define CHUNK	 ((size_t)256 * 1024)

/* ---- writing --------------------------------------------------------------------------------- */

struct split_writer {
	int fd;
	ZSTD_CCtx *z;
	uint64_t pos;		     /* bytes of the stream passed */
	uint64_t skip_from, skip_to; /* the range that is contents */
	size_t n_raw;		     /* bytes of a raw record not yet written */
	uint8_t raw[64 * 1024];
	uint8_t out[64 * 1024];
};

static int compress(struct split_writer *s, const void *bytes, size_t n, ZSTD_EndDirective end,
		    struct err *e)
{
	ZSTD_inBuffer in = { bytes, n, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { s->out, sizeof(s->out), 0 };
		int r;
		left = ZSTD_compressStream2(s->z, &out, &in, end);
		if (ZSTD_isError(left))
			return err_set(e, -EIO, "compress the split: %s", ZSTD_getErrorName(left));
		r = fd_write_all(s->fd, s->out, out.pos);
		if (r < 0)
			return err_errno(e, r, "write the split");
	} while (end == ZSTD_e_continue ? in.pos < in.size : left != 0);
	return 0;
}

static void put_le(uint8_t *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p, int bytes)
{
	uint64_t v = 0;
	for (int i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static int flush_raw(struct split_writer *s, struct err *e)
{
	uint8_t head[5] = { 'R' };
	int r;

	if (!s->n_raw)
		return 0;
	put_le(head + 1, s->n_raw, 4);
	r = compress(s, head, sizeof(head), ZSTD_e_continue, e);
	if (r == 0)
		r = compress(s, s->raw, s->n_raw, ZSTD_e_continue, e);
	s->n_raw = 0;
	return r;
}

static int add_raw(struct split_writer *s, const uint8_t *p, size_t n, struct err *e)
{
	while (n) {
		size_t room = sizeof(s->raw) - s->n_raw, k = n < room ? n : room;
		memcpy(s->raw + s->n_raw, p, k);
		s->n_raw += k;
		p += k;
		n -= k;
		if (s->n_raw == sizeof(s->raw)) {
			int r = flush_raw(s, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int split_writer_new(int fd, struct split_writer **ret, struct err *e)
{
	scoped(split_writer) struct split_writer *s = calloc(1, sizeof(*s));
	int r;

	if (s)
		s->z = ZSTD_createCCtx();
	if (!s || !s->z)
		return err_errno(e, ENOMEM, "write the split");
	s->fd = fd;
	(void)ZSTD_CCtx_setParameter(s->z, ZSTD_c_compressionLevel, 1); /* 1 is a valid level */
	(void)ZSTD_CCtx_setParameter(s->z, ZSTD_c_checksumFlag, 1);
	r = compress(s, MAGIC, strlen(MAGIC), ZSTD_e_continue, e);
	if (r < 0)
		return r;
	*ret = take_ptr(&s);
	return 0;
}

struct split_writer *split_writer_free(struct split_writer *s)
{
	if (s)
		(void)ZSTD_freeCCtx(s->z);
	free(s);
	return NULL;
}

int split_pass(struct split_writer *s, const void *bytes, size_t n, struct err *e)
{
	const uint8_t *p = bytes;

	while (n) {
		uint64_t k = n;
		int r = 0;
		if (s->pos >= s->skip_from && s->pos < s->skip_to) {
			if (k > s->skip_to - s->pos)
				k = s->skip_to - s->pos;
		} else {
			if (s->pos < s->skip_from && k > s->skip_from - s->pos)
				k = s->skip_from - s->pos;
			r = add_raw(s, p, k, e);
		}
		if (r < 0)
			return r;
		p += k;
		n -= k;
		s->pos += k;
	}
	return 0;
}

int split_file(struct split_writer *s, uint64_t start, uint64_t len, const char *path, uint64_t ino,
	       struct err *e)
{
	uint8_t head[1 + 8 + 8 + 8 + 2] = { 'F' };
	uint64_t skip = 0;
	size_t n = strlen(path);
	int r;

	if (s->pos < s->skip_to)
		return 0; /* inside a range: the positions do not add up, so that raw is right */
	if (start < s->pos)
		skip = s->pos - start;
	if (skip >= len || n >= PATH_LEN || start > UINT64_MAX - len)
		return 0;
	r = flush_raw(s, e);
	if (r < 0)
		return r;
	put_le(head + 1, ino, 8);
	put_le(head + 9, skip, 8);
	put_le(head + 17, len - skip, 8);
	put_le(head + 25, n, 2);
	s->skip_from = start + skip;
	s->skip_to = start + len;
	r = compress(s, head, sizeof(head), ZSTD_e_continue, e);
	return r < 0 ? r : compress(s, path, n, ZSTD_e_continue, e);
}

uint64_t split_position(const struct split_writer *s)
{
	return s->pos;
}

int split_end(struct split_writer *s, struct err *e)
{
	uint8_t tail[9] = { 'E' };
	int r = flush_raw(s, e);

	if (r < 0)
		return r;
	/* An announced file that the stream did not hold in full: the caller failed anyhow. */
	if (s->pos < s->skip_to)
		return err_set(e, -EBADMSG, "the stream ended inside a file");
	put_le(tail + 1, s->pos, 8);
	return compress(s, tail, sizeof(tail), ZSTD_e_end, e);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reader {
	int fd;
	ZSTD_DCtx *z;
	ZSTD_inBuffer in;
	int at_end;
	uint8_t in_buf[64 * 1024];
};

static struct reader *reader_free(struct reader *r)
{
	if (r) {
		fd_close(r->fd);
		(void)ZSTD_freeDCtx(r->z);
	}
	free(r);
	return NULL;
}
DEFINE_SCOPED(reader, struct reader *, reader_free);

static int damaged(struct err *e, const char *what)
{
	return err_set(e, -EBADMSG, "the layer's split file is damaged: %s", what);
}

static int get(struct reader *r, void *buf, size_t n, struct err *e)
{
	ZSTD_outBuffer out = { buf, n, 0 };

	while (out.pos < n) {
		size_t before = out.pos, rc;
		if (r->in.pos == r->in.size && !r->at_end) {
			ssize_t got = fd_read_full(r->fd, r->in_buf, sizeof(r->in_buf));
			if (got < 0)
				return err_errno(e, (int)got, "read the layer's split file");
			r->at_end = (size_t)got < sizeof(r->in_buf);
			r->in = (ZSTD_inBuffer){ r->in_buf, (size_t)got, 0 };
		}
		rc = ZSTD_decompressStream(r->z, &out, &r->in);
		if (ZSTD_isError(rc))
			return damaged(e, ZSTD_getErrorName(rc));
		if (out.pos == before && r->in.pos == r->in.size && r->at_end)
			return damaged(e, "it ends too early");
	}
	return 0;
}

/* FD, or closed and the error. */
static int must_be_regular(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	fd_close(fd);
	return err_set(e, -EBADMSG, "'%.300s' of the layer is no regular file", path);
}

int split_open_file(int layer_fd, const char *path, struct err *e)
{
	scoped(fd) int diff =
		openat(layer_fd, "diff", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fd;

	if (diff < 0)
		return err_sys(e, "open the layer's tree");
	fd = path_open_in(diff, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	return fd < 0 ? err_errno(e, fd, "open '%.300s' of the layer", path)
		      : must_be_regular(fd, path, e);
}

static int open_content(int layer_fd, const char *path, uint64_t ino, struct err *e)
{
	char kept[48];
	int fd;

	(void)snprintf(kept, sizeof(kept), "kept/%llu", (unsigned long long)ino);
	fd = openat(layer_fd, kept, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? split_open_file(layer_fd, path, e) : must_be_regular(fd, path, e);
}

static int replay_file(struct reader *r, int layer_fd, split_sink *sink, void *arg, uint8_t *buf,
		       uint64_t *total, struct err *e)
{
	uint8_t head[26];
	char path[PATH_LEN];
	scoped(fd) int fd = -EBADF;
	uint64_t skip, left, len;
	int bad = get(r, head, sizeof(head), e);

	if (bad < 0)
		return bad;
	skip = get_le(head + 8, 8);
	left = get_le(head + 16, 8);
	len = get_le(head + 24, 2);
	if (!len || len >= sizeof(path) || skip > INT64_MAX || left > INT64_MAX - skip)
		return damaged(e, "a wrong file record");
	bad = get(r, path, len, e);
	if (bad < 0)
		return bad;
	path[len] = '\0';
	if (strlen(path) != len)
		return damaged(e, "a wrong file name");
	fd = open_content(layer_fd, path, get_le(head, 8), e);
	if (fd < 0)
		return fd;
	*total += left;
	while (left) {
		ssize_t n = pread(fd, buf, left < CHUNK ? left : CHUNK, (off_t)skip);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read '%.300s' of the layer", path);
		if (n == 0)
			return err_set(e, -EBADMSG, "'%.300s' of the layer is shorter than it was",
				       path);
		bad = sink(arg, buf, (size_t)n, e);
		if (bad < 0)
			return bad;
		skip += (uint64_t)n;
		left -= (uint64_t)n;
	}
	return 0;
}

static int replay_raw(struct reader *r, split_sink *sink, void *arg, uint8_t *buf, uint64_t *total,
		      struct err *e)
{
	uint8_t head[4];
	uint64_t left;
	int bad = get(r, head, sizeof(head), e);

	if (bad < 0)
		return bad;
	left = get_le(head, 4);
	if (!left || left > RAW_MAX)
		return damaged(e, "a wrong raw record");
	*total += left;
	while (left) {
		size_t n = left < CHUNK ? left : CHUNK;
		bad = get(r, buf, n, e);
		if (bad == 0)
			bad = sink(arg, buf, n, e);
		if (bad < 0)
			return bad;
		left -= n;
	}
	return 0;
}

static int replay_end(struct reader *r, uint64_t total, struct err *e)
{
	uint8_t head[8];
	int bad = get(r, head, sizeof(head), e);

	if (bad < 0)
		return bad;
	return get_le(head, 8) == total ? 0 : damaged(e, "a wrong length");
}

int split_replay(int layer_fd, split_sink *sink, void *arg, struct err *e)
{
	scoped(reader) struct reader *r = calloc(1, sizeof(*r));
	scoped(mem) uint8_t *buf = malloc(CHUNK);
	char magic[sizeof(MAGIC) - 1];
	uint64_t total = 0;
	int bad;

	if (r)
		r->fd = -EBADF;
	if (!r || !buf || !(r->z = ZSTD_createDCtx()))
		return err_errno(e, ENOMEM, "read the layer's split file");
	r->fd = openat(layer_fd, "split", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (r->fd < 0)
		return err_sys(e, "open the layer's split file");
	bad = get(r, magic, sizeof(magic), e);
	if (bad < 0)
		return bad;
	if (memcmp(magic, MAGIC, sizeof(magic)) != 0)
		return damaged(e, "wrong magic");
	for (;;) {
		uint8_t type;
		bad = get(r, &type, 1, e);
		if (bad < 0)
			return bad;
		if (type == 'R')
			bad = replay_raw(r, sink, arg, buf, &total, e);
		else if (type == 'F')
			bad = replay_file(r, layer_fd, sink, arg, buf, &total, e);
		else
			return type == 'E' ? replay_end(r, total, e)
					   : damaged(e, "an unknown record");
		if (bad < 0)
			return bad;
	}
}

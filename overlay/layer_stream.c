/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/layer_stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "src/util/fd.h"

#define SLOTS	  8
#define SLOT_SIZE ((size_t)256 * 1024)
#define IN_SIZE	  ((size_t)256 * 1024)

struct layer_stream {
	int fd;
	pthread_t thread;
	int started;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int go, cancelled, ended; /* guarded by lock, as are head and tail */
	unsigned long head, tail; /* pieces made and pieces let go */
	size_t len[SLOTS];
	uint8_t *slots;
	int holding; /* the reader has the piece at tail */

	/* the thread's own until ended is set */
	uint8_t *in;
	size_t in_pos, in_len;
	int in_eof;
	EVP_MD_CTX *in_hash;
	int64_t in_size;
	int64_t in_left; /* of a part of a file; negative: no limit */
	size_t out_len;	 /* filled of the piece being made */
	const char *compression;
	struct err e;

	EVP_MD_CTX *out_hash; /* the reader's own */
	int64_t out_size;
};

/* ---- the ring -------------------------------------------------------------------------------- */

/* The piece being made; NULL when the reader gave up. */
static uint8_t *slot_begin(struct layer_stream *s)
{
	int stop;

	(void)pthread_mutex_lock(&s->lock);
	while (s->head - s->tail == SLOTS && !s->cancelled)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	stop = s->cancelled;
	(void)pthread_mutex_unlock(&s->lock);
	return stop ? NULL : s->slots + (s->head % SLOTS) * SLOT_SIZE;
}

static void slot_end(struct layer_stream *s)
{
	if (!s->out_len)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->len[s->head % SLOTS] = s->out_len;
	s->head++;
	(void)pthread_cond_signal(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	s->out_len = 0;
}

/* Where decompressed bytes go next, with room for at least one. */
static uint8_t *out_room(struct layer_stream *s, size_t *ret_room)
{
	uint8_t *p;
	if (s->out_len == SLOT_SIZE)
		slot_end(s);
	p = slot_begin(s);
	if (!p)
		return NULL;
	*ret_room = SLOT_SIZE - s->out_len;
	return p + s->out_len;
}

static int cancelled(struct layer_stream *s)
{
	return err_set(&s->e, -ECANCELED, "the reader gave up");
}

/* ---- input ----------------------------------------------------------------------------------- */

static int hash_in(struct layer_stream *s, const void *p, size_t n)
{
	s->in_size += (int64_t)n;
	if (EVP_DigestUpdate(s->in_hash, p, n) != 1)
		return err_set(&s->e, -EIO, "compute the digest");
	return 0;
}

/* One read(2), so that a slow pipe is worked on as it comes. */
static ssize_t read_some(struct layer_stream *s, uint8_t *p, size_t n)
{
	ssize_t got;

	if (s->in_left >= 0 && (int64_t)n > s->in_left)
		n = (size_t)s->in_left;
	do
		got = read(s->fd, p, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(&s->e, "read the layer");
	if (got == 0 && s->in_left > 0)
		return err_set(&s->e, -EBADMSG, "the file that holds the layer is cut short");
	if (got == 0)
		s->in_eof = 1;
	if (s->in_left > 0)
		s->in_left -= got;
	return hash_in(s, p, (size_t)got) < 0 ? s->e.code : got;
}

/* Make sure that there is input; 0 at the end. */
static ssize_t fill(struct layer_stream *s)
{
	ssize_t n;
	if (s->in_pos < s->in_len)
		return (ssize_t)(s->in_len - s->in_pos);
	if (s->in_eof)
		return 0;
	n = read_some(s, s->in, IN_SIZE);
	s->in_pos = 0;
	s->in_len = n > 0 ? (size_t)n : 0;
	return n;
}

/* The first bytes, enough to tell the kind. */
static int fill_first(struct layer_stream *s)
{
	while (s->in_len < 6 && !s->in_eof) {
		ssize_t n = read_some(s, s->in + s->in_len, IN_SIZE - s->in_len);
		if (n < 0)
			return (int)n;
		s->in_len += (size_t)n;
	}
	return 0;
}

/* ---- decompression --------------------------------------------------------------------------- */

static int run_plain(struct layer_stream *s)
{
	size_t room = 0;
	uint8_t *p;

	while (s->in_pos < s->in_len) {
		size_t n = s->in_len - s->in_pos;
		p = out_room(s, &room);
		if (!p)
			return cancelled(s);
		if (n > room)
			n = room;
		memcpy(p, s->in + s->in_pos, n);
		s->in_pos += n;
		s->out_len += n;
	}
	while (!s->in_eof) {
		ssize_t n;
		p = out_room(s, &room);
		if (!p)
			return cancelled(s);
		n = read_some(s, p, room);
		if (n < 0)
			return (int)n;
		s->out_len += (size_t)n;
	}
	return 0;
}

/* One member.  0 at its end. */
static int gzip_member(struct layer_stream *s, struct inflate_state *z)
{
	while (z->block_state != ISAL_BLOCK_FINISH) {
		ssize_t have = fill(s);
		size_t room = 0;
		uint8_t *p = out_room(s, &room);
		uint32_t in_before, out_before;
		int r;

		if (have < 0)
			return (int)have;
		if (!p)
			return cancelled(s);
		z->next_in = s->in + s->in_pos;
		z->avail_in = in_before = (uint32_t)have;
		z->next_out = p;
		z->avail_out = out_before = (uint32_t)room;
		r = isal_inflate(z);
		if (r < 0)
			return err_set(&s->e, -EBADMSG, "the gzip stream is damaged");
		s->in_pos += in_before - z->avail_in;
		s->out_len += out_before - z->avail_out;
		if (have == 0 && z->avail_out == out_before && z->block_state != ISAL_BLOCK_FINISH)
			return err_set(&s->e, -EBADMSG, "the gzip stream is cut short");
	}
	return 0;
}

/* Members follow one another (RFC 1952, 2.2); zero bytes at the end are padding. */
static int run_gzip(struct layer_stream *s)
{
	scoped(mem) struct inflate_state *z = malloc(sizeof(*z));
	ssize_t n;
	int r;

	if (!z)
		return err_errno(&s->e, ENOMEM, "inflate");
	isal_inflate_init(z);
	for (;;) {
		z->crc_flag = ISAL_GZIP;
		r = gzip_member(s, z);
		if (r < 0)
			return r;
		n = fill(s);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return 0;
		if (s->in[s->in_pos] != 0x1f)
			break;
		isal_inflate_reset(z);
	}
	while ((n = fill(s)) > 0)
		if (s->in[s->in_pos++] != 0)
			return err_set(&s->e, -EBADMSG, "rubbish follows the gzip stream");
	return (int)n;
}

static void zstd_done(ZSTD_DCtx *z)
{
	(void)ZSTD_freeDCtx(z);
}
DEFINE_SCOPED(zstd, ZSTD_DCtx *, zstd_done);

/* Frames follow one another, skippable ones among them (RFC 8878, 3.1); the library goes on by
 * itself. */
static int run_zstd(struct layer_stream *s)
{
	scoped(zstd) ZSTD_DCtx *z = ZSTD_createDCtx();
	size_t left = 0, room = 0;

	if (!z)
		return err_errno(&s->e, ENOMEM, "decompress");
	(void)ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 27); /* 27 is valid everywhere */
	for (;;) {
		ssize_t have = fill(s);
		ZSTD_inBuffer in = { s->in + s->in_pos, have > 0 ? (size_t)have : 0, 0 };
		ZSTD_outBuffer out = { NULL, 0, 0 };

		if (have < 0)
			return (int)have;
		if (have == 0 && left == 0)
			return 0;
		out.dst = out_room(s, &room);
		out.size = room;
		if (!out.dst)
			return cancelled(s);
		left = ZSTD_decompressStream(z, &out, &in);
		if (ZSTD_isError(left))
			return err_set(&s->e, -EBADMSG, "the zstd stream is damaged: %s",
				       ZSTD_getErrorName(left));
		s->in_pos += in.pos;
		s->out_len += out.pos;
		if (have == 0 && out.pos == 0 && left)
			return err_set(&s->e, -EBADMSG, "the zstd stream is cut short");
	}
}

static la_ssize_t filter_read(struct archive *a, void *arg, const void **ret)
{
	struct layer_stream *s = arg;
	ssize_t n = fill(s);
	if (n < 0) {
		archive_set_error(a, s->e.code, "%s", s->e.text);
		return ARCHIVE_FATAL;
	}
	*ret = s->in + s->in_pos;
	s->in_pos += (size_t)n;
	return n;
}

static void filter_done(struct archive *a)
{
	if (a)
		(void)archive_read_free(a); /* nothing to save */
}
DEFINE_SCOPED(filter, struct archive *, filter_done);

/* xz and bzip2 are rare: libarchive's filters are good enough. */
static int run_filter(struct layer_stream *s)
{
	scoped(filter) struct archive *a = archive_read_new();
	struct archive_entry *ae;
	la_ssize_t n = 1;

	if (!a)
		return err_errno(&s->e, ENOMEM, "decompress");
	if (archive_read_support_filter_xz(a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(a) != ARCHIVE_OK ||
	    archive_read_support_format_raw(a) != ARCHIVE_OK ||
	    archive_read_open(a, s, NULL, filter_read, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(a, &ae) != ARCHIVE_OK)
		n = -1;
	while (n > 0) {
		size_t room = 0;
		uint8_t *p = out_room(s, &room);
		if (!p)
			return cancelled(s);
		n = archive_read_data(a, p, room);
		if (n > 0)
			s->out_len += (size_t)n;
	}
	if (n < 0 && s->e.code == 0)
		return err_set(&s->e, -EBADMSG, "the %s stream is damaged: %s", s->compression,
			       archive_error_string(a) ? archive_error_string(a)
						       : "no reason given");
	/* The filter stops at the end of its data; the digest is of all bytes. */
	while (fill(s) > 0)
		s->in_pos = s->in_len;
	return s->e.code;
}

static int run(struct layer_stream *s)
{
	static const struct {
		const char *name;
		uint8_t magic[6];
		size_t n;
		int (*run)(struct layer_stream *s);
	} kinds[] = {
		{ "gzip", { 0x1f, 0x8b }, 2, run_gzip },
		{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, run_zstd },
		{ "xz", { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, run_filter },
		{ "bzip2", { 'B', 'Z', 'h' }, 3, run_filter },
	};
	int r = fill_first(s);

	s->compression = "none";
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (s->in_len >= kinds[i].n && memcmp(s->in, kinds[i].magic, kinds[i].n) == 0) {
			s->compression = kinds[i].name;
			return kinds[i].run(s);
		}
	/* A skippable frame may come first: 0x184D2A5? (RFC 8878, 3.1.2). */
	if (s->in_len >= 4 && (s->in[0] & 0xf0) == 0x50 && s->in[1] == 0x2a && s->in[2] == 0x4d &&
	    s->in[3] == 0x18) {
		s->compression = "zstd";
		return run_zstd(s);
	}
	return run_plain(s);
}

static void *thread_main(void *arg)
{
	struct layer_stream *s = arg;
	int stop;

	(void)pthread_mutex_lock(&s->lock);
	while (!s->go && !s->cancelled)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	stop = s->cancelled;
	(void)pthread_mutex_unlock(&s->lock);
	if (!stop && run(s) == 0)
		slot_end(s);
	(void)pthread_mutex_lock(&s->lock);
	s->ended = 1;
	(void)pthread_cond_signal(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- public ---------------------------------------------------------------------------------- */

int layer_stream_new(int fd, int64_t length, struct layer_stream **ret, struct err *e)
{
	scoped(layer_stream) struct layer_stream *s = calloc(1, sizeof(*s));
	pthread_attr_t attr;
	int r;

	if (!s)
		return err_errno(e, ENOMEM, "read a layer");
	(void)pthread_mutex_init(&s->lock,
				 NULL); /* cannot fail with glibc and default attributes */
	(void)pthread_cond_init(&s->changed, NULL);
	s->fd = fd;
	s->in_left = length;
	s->compression = "none";
	s->slots = malloc(SLOTS * SLOT_SIZE);
	s->in = malloc(IN_SIZE);
	s->in_hash = EVP_MD_CTX_new();
	s->out_hash = EVP_MD_CTX_new();
	if (!s->slots || !s->in || !s->in_hash || !s->out_hash)
		return err_errno(e, ENOMEM, "read a layer");
	if (EVP_DigestInit_ex(s->in_hash, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestInit_ex(s->out_hash, EVP_sha256(), NULL) != 1)
		return err_set(e, -EIO, "SHA-256 is not available");
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, (size_t)512 * 1024);
	r = pthread_create(&s->thread, &attr, thread_main, s);
	(void)pthread_attr_destroy(&attr);
	if (r)
		return err_errno(e, r, "start a thread");
	s->started = 1;
	*ret = take_ptr(&s);
	return 0;
}

void layer_stream_go(struct layer_stream *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->go = 1;
	(void)pthread_cond_signal(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

ssize_t layer_stream_next(void *arg, const void **ret, struct err *e)
{
	struct layer_stream *s = arg;
	const uint8_t *p;
	size_t n = 0;

	(void)pthread_mutex_lock(&s->lock);
	if (s->holding) {
		s->tail++;
		s->holding = 0;
		(void)pthread_cond_signal(&s->changed);
	}
	while (s->head == s->tail && !s->ended)
		(void)pthread_cond_wait(&s->changed, &s->lock);
	p = s->slots + (s->tail % SLOTS) * SLOT_SIZE;
	if (s->head != s->tail) {
		n = s->len[s->tail % SLOTS];
		s->holding = 1;
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (!n) {
		if (s->e.code < 0)
			*e = s->e;
		return s->e.code;
	}
	s->out_size += (int64_t)n;
	/* Plain streams have one digest; the thread computes it. */
	if (strcmp(s->compression, "none") != 0 && EVP_DigestUpdate(s->out_hash, p, n) != 1)
		return err_set(e, -EIO, "compute the digest");
	*ret = p;
	return (ssize_t)n;
}

static int digest_text(EVP_MD_CTX *ctx, char text[72])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_DigestFinal_ex(ctx, md, &n) != 1 || n != 32)
		return -EIO;
	memcpy(text, "sha256:", 8);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(text + 7 + (size_t)2 * i, 3, "%02x", md[i]);
	return 0;
}

int layer_stream_result(struct layer_stream *s, struct layer_result *ret, struct err *e)
{
	int r = digest_text(s->in_hash, ret->digest);

	ret->size = s->in_size;
	ret->diff_size = s->out_size;
	(void)snprintf(ret->compression, sizeof(ret->compression), "%s", s->compression);
	if (r == 0 && strcmp(s->compression, "none") == 0)
		memcpy(ret->diff_id, ret->digest, sizeof(ret->diff_id));
	else if (r == 0)
		r = digest_text(s->out_hash, ret->diff_id);
	return r < 0 ? err_set(e, r, "compute the digest") : 0;
}

struct layer_stream *layer_stream_free(struct layer_stream *s)
{
	if (!s)
		return NULL;
	if (s->started) {
		(void)pthread_mutex_lock(&s->lock);
		s->cancelled = 1;
		(void)pthread_cond_signal(&s->changed);
		(void)pthread_mutex_unlock(&s->lock);
		(void)pthread_join(s->thread, NULL);
	}
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->changed);
	EVP_MD_CTX_free(s->in_hash);
	EVP_MD_CTX_free(s->out_hash);
	free(s->slots);
	free(s->in);
	free(s);
	return NULL;
}

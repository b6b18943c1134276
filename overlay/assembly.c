/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/assembly.h"

#include <stdlib.h>
#include <string.h>

#define OUT_SIZE    ((size_t)256 << 10)
#define WINDOW_BITS 27 /* 128 MiB, as for a whole layer */

int assembly_no_memory(struct err *e)
{
	return err_errno(e, ENOMEM, "assemble a layer");
}

int assembly_init(struct assembly *a, struct err *e)
{
	a->z = ZSTD_createDCtx();
	a->hash = EVP_MD_CTX_new();
	a->in = malloc(ASSEMBLY_IN);
	a->out = malloc(OUT_SIZE);
	a->piece = malloc(OUT_SIZE);
	if (!a->z || !a->hash || !a->in || !a->out || !a->piece ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(a->z, ZSTD_d_windowLogMax, WINDOW_BITS)))
		return assembly_no_memory(e);
	return 0;
}

void assembly_done(struct assembly *a)
{
	toc_done(&a->toc);
	local_files_done(&a->local);
	free(a->split);
	free(a->table);
	strbuf_done(&a->index);
	free(a->ranges);
	(void)ZSTD_freeDCtx(a->z);
	EVP_MD_CTX_free(a->hash);
	free(a->in);
	free(a->out);
	free(a->piece);
}

/* ---- output ---------------------------------------------------------------------------------- */

int assembly_flush(struct assembly *a, struct err *e)
{
	size_t n = a->out_len;

	a->out_len = 0;
	return n ? a->io->write(a->io->arg, a->out, n, e) : 0;
}

int assembly_emit(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct assembly *a = arg;

	if (n > OUT_SIZE - a->out_len && assembly_flush(a, e) < 0)
		return e->code;
	if (n > OUT_SIZE)
		return a->io->write(a->io->arg, bytes, n, e);
	memcpy(a->out + a->out_len, bytes, n);
	a->out_len += n;
	return 0;
}

/* ---- input ----------------------------------------------------------------------------------- */

int assembly_read(struct assembly *a, char *bytes, size_t n, struct err *e)
{
	while (n) {
		ssize_t got = a->io->read(a->io->arg, bytes, n, e);

		if (got < 0)
			return (int)got;
		if (got == 0)
			return err_set(e, -EPIPE, "the layer's blob is cut short");
		bytes += got;
		n -= (size_t)got;
		a->pos += got;
	}
	return 0;
}

/* Begin to read the range at a->at. */
static int enter(struct assembly *a, struct err *e)
{
	size_t n = a->n - a->asked < ASSEMBLE_RANGES ? a->n - a->asked : ASSEMBLE_RANGES;

	a->pos = a->ranges[a->at].from;
	if (a->at < a->asked)
		return 0;
	a->asked += n;
	return a->io->ask(a->io->arg, a->ranges + a->at, n, e);
}

/* Be at blob offset FROM, which lies in a range: what is before it in the range is not needed. */
static int seek(struct assembly *a, int64_t from, struct err *e)
{
	while (a->at < a->n && a->ranges[a->at].to <= from)
		a->at++;
	if (a->at == a->n || a->ranges[a->at].from > from)
		return err_set(e, -EBADMSG, "a part of the layer was not planned for");
	if (a->pos <= a->ranges[a->at].from && enter(a, e) < 0)
		return e->code;
	while (a->pos < from) {
		int64_t n = from - a->pos;

		if (assembly_read(a, a->in, n < (int64_t)ASSEMBLY_IN ? (size_t)n : ASSEMBLY_IN, e) <
		    0)
			return e->code;
	}
	return 0;
}

/* ---- decompression --------------------------------------------------------------------------- */

/* What a decoder made of N bytes: is it in the middle of a frame? */
typedef int decode_fn(struct assembly *a, char *bytes, size_t n, toc_sink *sink, int *ret_open,
		      struct err *e);

static int decode_zstd(struct assembly *a, char *bytes, size_t n, toc_sink *sink, int *ret_open,
		       struct err *e)
{
	ZSTD_inBuffer in = { bytes, n, 0 };

	/* Go on while there is input, or output that did not fit. */
	for (int full = 0; in.pos < in.size || full;) {
		ZSTD_outBuffer out = { a->piece, OUT_SIZE, 0 };
		size_t left = ZSTD_decompressStream(a->z, &out, &in);

		if (ZSTD_isError(left))
			return err_set(e, -EBADMSG, "the zstd stream is damaged");
		*ret_open = left != 0;
		full = out.pos == out.size && left;
		if (out.pos && sink(a, a->piece, out.pos, e) < 0)
			return e->code;
	}
	return 0;
}

static int decode_gzip(struct assembly *a, char *bytes, size_t n, toc_sink *sink, int *ret_open,
		       struct err *e)
{
	struct inflate_state *z = &a->gz;

	z->next_in = (uint8_t *)bytes;
	z->avail_in = (uint32_t)n;
	for (int full = 0; z->avail_in || full;) {
		size_t got;

		if (z->block_state == ISAL_BLOCK_FINISH) {
			isal_inflate_reset(z);
			z->crc_flag = ISAL_GZIP;
		}
		z->next_out = (uint8_t *)a->piece;
		z->avail_out = (uint32_t)OUT_SIZE;
		if (isal_inflate(z) < 0)
			return err_set(e, -EBADMSG, "the gzip stream is damaged");
		got = OUT_SIZE - z->avail_out;
		*ret_open = z->block_state != ISAL_BLOCK_FINISH;
		full = !z->avail_out && *ret_open;
		if (got && sink(a, a->piece, got, e) < 0)
			return e->code;
	}
	return 0;
}

static decode_fn *decoder(struct assembly *a)
{
	if (a->o->kind == TOC_ESTARGZ) {
		isal_inflate_init(&a->gz);
		a->gz.crc_flag = ISAL_GZIP;
		return decode_gzip;
	}
	(void)ZSTD_DCtx_reset(a->z, ZSTD_reset_session_only); /* cannot fail for a session */
	return decode_zstd;
}

int assembly_inflate(struct assembly *a, const struct toc_range *r, toc_sink *sink, struct err *e)
{
	decode_fn *decode = decoder(a);
	int open = 1;

	if (seek(a, r->from, e) < 0)
		return e->code;
	while (a->pos < r->to) {
		int64_t left = r->to - a->pos;
		size_t n = left < (int64_t)ASSEMBLY_IN ? (size_t)left : ASSEMBLY_IN;

		if (assembly_read(a, a->in, n, e) < 0 || decode(a, a->in, n, sink, &open, e) < 0)
			return e->code;
	}
	return open ? err_set(e, -EBADMSG, "the compressed stream is cut short") : 0;
}

int assembly_inflate_bytes(struct assembly *a, char *bytes, size_t n, toc_sink *sink, struct err *e)
{
	decode_fn *decode = decoder(a);
	int open = 1;

	if (decode(a, bytes, n, sink, &open, e) < 0)
		return e->code;
	return open ? err_set(e, -EBADMSG, "the compressed stream is cut short") : 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

int assembly_file_begin(struct assembly *a, const struct toc_file *f, struct err *e)
{
	a->file_left = f->size;
	if (EVP_DigestInit_ex(a->hash, EVP_sha256(), NULL) != 1)
		return err_set(e, -EIO, "cannot compute SHA-256");
	return 0;
}

int assembly_file_piece(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct assembly *a = arg;

	a->file_left -= (int64_t)n;
	if (a->file_left < 0)
		return err_set(e, -EBADMSG, "a file of the layer is larger than its table says");
	if (EVP_DigestUpdate(a->hash, bytes, n) != 1)
		return err_set(e, -EIO, "cannot compute SHA-256");
	return assembly_emit(a, bytes, n, e);
}

int assembly_file_end(struct assembly *a, const struct toc_file *f, struct err *e)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (a->file_left || EVP_DigestFinal_ex(a->hash, md, &len) != 1 ||
	    len != sizeof(f->digest) || memcmp(md, f->digest, len) != 0)
		return err_set(e, -EBADMSG, "'%.300s' is not what the layer's table says",
			       a->toc.names.s + f->path);
	return 0;
}

int assembly_local_file(struct assembly *a, const struct toc_file *f, struct err *e)
{
	scoped(fd) int fd = local_files_open(&a->local, &a->toc, f, e);

	return fd < 0 ? fd : local_file_read(fd, f, assembly_emit, a, e);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

int assembly_need(struct assembly *a, const struct toc_range *r, struct err *e)
{
	struct toc_range *last = a->n ? &a->ranges[a->n - 1] : NULL;

	if (last && r->from - last->to < ASSEMBLE_HOLE) {
		last->to = r->to;
		return 0;
	}
	if (!a->ranges || a->n == a->cap) {
		size_t cap = a->cap ? 2 * a->cap : 64;
		struct toc_range *more = reallocarray(a->ranges, cap, sizeof(*more));

		if (!more)
			return assembly_no_memory(e);
		a->ranges = more;
		a->cap = cap;
	}
	a->ranges[a->n++] = *r;
	return 0;
}

int assembly_is_worth_it(const struct assembly *a, int64_t spent, struct err *e)
{
	int64_t saved = a->o->size - spent;

	for (size_t i = 0; i < a->n; i++)
		saved -= a->ranges[i].to - a->ranges[i].from;
	if (!a->o->always && (saved < ASSEMBLE_SAVED || saved < a->o->size / ASSEMBLE_SHARE))
		return err_set(e, -ECANCELED, "%lld of %lld bytes could be saved", (long long)saved,
			       (long long)a->o->size);
	return 0;
}

int assembly_part(struct assembly *a, const struct toc_range *r, char **ret, size_t *ret_n,
		  struct err *e)
{
	size_t n = (size_t)(r->to - r->from);
	scoped(mem) char *bytes = malloc(n);

	if (!bytes)
		return assembly_no_memory(e);
	if (assembly_read(a, bytes, n, e) < 0)
		return e->code;
	*ret = take_ptr(&bytes);
	*ret_n = n;
	return 0;
}

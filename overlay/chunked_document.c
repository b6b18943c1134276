/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/chunked_document.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/toc.h"

#define LEVEL	    6 /* whatever the layer's is: they are read whole, and much is digests */
#define PIECE	    ((size_t)64 << 10)
#define SKIPPABLE   0x184d2a50U
#define HEADER_SIZE 8

int document_init(struct document *d)
{
	strbuf_init(&d->packed, TOC_MAX);
	d->z = ZSTD_createCCtx();
	d->piece = malloc(PIECE);
	if (!d->z || !d->piece ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(d->z, ZSTD_c_compressionLevel, LEVEL)))
		return -ENOMEM;
	return 0;
}

void document_done(struct document *d)
{
	(void)ZSTD_freeCCtx(d->z);
	strbuf_done(&d->packed);
	free(d->piece);
	*d = (struct document){ 0 };
}

static int pack(struct document *d, const char *bytes, size_t n, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = { bytes, n, 0 };
	size_t left;

	d->size += (int64_t)n;
	do {
		ZSTD_outBuffer out = { d->piece, PIECE, 0 };

		left = ZSTD_compressStream2(d->z, &out, &in, how);
		if (ZSTD_isError(left))
			return -ENOMEM;
		if (out.pos && strbuf_add(&d->packed, d->piece, out.pos) < 0)
			return d->packed.failed;
	} while (in.pos < in.size || (how == ZSTD_e_end && left));
	return d->size > TOC_PLAIN_MAX ? -E2BIG : 0;
}

int document_add(struct document *d, const char *bytes, size_t n)
{
	return pack(d, bytes, n, ZSTD_e_continue);
}

int document_take(struct document *d, struct strbuf *take_text)
{
	int r = take_text->failed;

	if (r == 0 && take_text->len)
		r = document_add(d, take_text->s, take_text->len);
	strbuf_done(take_text);
	return r;
}

void document_digest(const unsigned char *md, char ret[72])
{
	(void)stpcpy(ret, "sha256:"); /* has room for one digest */
	for (size_t i = 0; i < 32; i++)
		(void)snprintf(ret + 7 + 2 * i, 3, "%02x", md[i]);
}

int document_end(struct document *d, struct chunked_frame *ret)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	int r = pack(d, NULL, 0, ZSTD_e_end);

	if (r < 0)
		return r;
	if (!EVP_Digest(d->packed.s, d->packed.len, md, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	document_digest(md, ret->digest);
	return 0;
}

static void put_le(unsigned char *p, uint64_t v, size_t width)
{
	for (size_t i = 0; i < width; i++, v >>= 8)
		p[i] = (unsigned char)v;
}

/* A skippable frame: RFC 8878, 3.1.2. */
static void put_frame(struct strbuf *out, const void *bytes, size_t n)
{
	unsigned char header[HEADER_SIZE];

	put_le(header, SKIPPABLE, 4);
	put_le(header + 4, n, 4);
	(void)strbuf_add(out, header, sizeof(header));
	(void)strbuf_add(out, bytes, n);
}

void document_put(const struct document *d, int64_t at, struct strbuf *out,
		  struct chunked_frame *ret)
{
	ret->at = at + (int64_t)out->len + HEADER_SIZE;
	ret->size = (int64_t)d->packed.len;
	ret->plain_size = d->size;
	put_frame(out, d->packed.s, d->packed.len);
}

void document_put_footer(const struct chunked_frames *f, struct strbuf *out)
{
	const int64_t numbers[] = { f->toc.at,	 f->toc.size,	f->toc.plain_size,  1,
				    f->split.at, f->split.size, f->split.plain_size };
	static const unsigned char magic[] = { 'G', 'N', 'U', 'l', 'I', 'n', 'U', 'x' };
	unsigned char footer[8 * ARRAY_LEN(numbers) + sizeof(magic)];

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		put_le(footer + 8 * i, (uint64_t)numbers[i], 8);
	memcpy(footer + sizeof(footer) - sizeof(magic), magic, sizeof(magic));
	put_frame(out, footer, sizeof(footer));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A layer in parts: the input is a table of contents (JSON), a tar-split (JSON) and the blob that
 * they tell of, the first two with their lengths in front.  It ends, with an error that says
 * something or with a stream. */
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "overlay/assemble.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"

#define WRITTEN_MAX (16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const char *blob;
	size_t len;
	struct toc_range ranges[ASSEMBLE_RANGES];
	size_t n, next;
	size_t written;
};

static int ask(void *arg, const struct toc_range *r, size_t n, struct err *e)
{
	struct input *in = arg;

	(void)e;
	if (in->next != in->n || !n || n > ASSEMBLE_RANGES)
		abort();
	for (size_t i = 0; i < n; i++)
		if (r[i].from < 0 || r[i].from >= r[i].to || r[i].to > (int64_t)in->len)
			abort();
	memcpy(in->ranges, r, n * sizeof(*r));
	in->n = n;
	in->next = 0;
	return 0;
}

static ssize_t give(void *arg, void *bytes, size_t n, struct err *e)
{
	struct input *in = arg;
	struct toc_range *r = &in->ranges[in->next];

	(void)e;
	if (in->next == in->n)
		abort(); /* it reads what it did not ask for */
	if ((int64_t)n > r->to - r->from)
		n = (size_t)(r->to - r->from);
	memcpy(bytes, in->blob + r->from, n);
	r->from += (int64_t)n;
	in->next += r->from == r->to;
	return (ssize_t)n;
}

static int take(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct input *in = arg;

	(void)bytes;
	in->written += n;
	return in->written > WRITTEN_MAX ? err_set(e, -EFBIG, "a bomb") : 0;
}

/* TEXT as a zstd frame behind what is in B.  Returns where it begins. */
static size_t add_frame(struct strbuf *b, const char *text, size_t n)
{
	size_t room = ZSTD_compressBound(n), at;
	scoped(mem) char *frame = malloc(room);

	if (!frame || strbuf_add(b, "\x50\x2a\x4d\x18\0\0\0\0", 8) < 0)
		abort();
	at = b->len;
	if (strbuf_add(b, frame, ZSTD_compress(frame, room, text, n, 1)) < 0)
		abort();
	return at;
}

/* The table as eStargz has it, behind what is in B: an entry of the archive in a gzip member, and
 * the footer. */
static void add_index(struct strbuf *b, const char *text, size_t n)
{
	size_t at = b->len, room = n + n / 8 + 4096;
	char block[512] = "stargz.index.json", foot[51] = "\x1f\x8b\x08\x04";
	scoped(strbuf) struct strbuf plain = STRBUF_INIT;
	scoped(mem) uint8_t *out = malloc(room);
	scoped(mem) struct isal_zstream *z = calloc(1, sizeof(*z));

	(void)snprintf(block + 124, 12, "%011zo", n);
	if (!out || !z || strbuf_add(&plain, block, sizeof(block)) < 0 ||
	    strbuf_add(&plain, text, n) < 0)
		abort();
	isal_deflate_stateless_init(z);
	z->gzip_flag = IGZIP_GZIP;
	z->end_of_stream = 1;
	z->next_in = (uint8_t *)plain.s;
	z->avail_in = (uint32_t)plain.len;
	z->next_out = out;
	z->avail_out = (uint32_t)room;
	if (isal_deflate_stateless(z) != COMP_OK)
		abort();
	(void)snprintf(foot + 16, 23, "%016zxSTARGZ", at);
	memcpy(foot + 12, "SG\x16", 4);
	if (strbuf_add(b, out, z->total_out) < 0 || strbuf_add(b, foot, sizeof(foot)) < 0)
		abort();
}

struct layer {
	struct strbuf blob;
	struct assemble_options o;
	char digest[SHA256_TEXT_LEN], place[64], split[64];
};

static void make_zstd(struct layer *l, struct strbuf *toc, const char *split, size_t n)
{
	struct strbuf *b = &l->blob;
	size_t at;

	if (n) {
		at = add_frame(b, split, n);
		(void)snprintf(l->split, sizeof(l->split), "%zu:%zu:1", at, b->len - at);
		l->o.split = l->split;
		sha256_text(b->s + at, b->len - at, l->digest);
		if (toc->len && toc->s[toc->len - 1] == '}') {
			toc->len--;
			(void)strbuf_printf(toc, ",\"tarSplitDigest\":\"%s\"}", l->digest);
		}
	}
	at = add_frame(b, toc->s ? toc->s : "", toc->len);
	(void)snprintf(l->place, sizeof(l->place), "%zu:%zu:1:1", at, b->len - at);
	sha256_text(b->s + at, b->len - at, l->digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct layer l = { .o = { .kind = TOC_ZSTD_CHUNKED, .always = 1 } };
	scoped(strbuf) struct strbuf toc = STRBUF_INIT;
	scoped(fd) int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct input in = { 0 };
	const struct assemble_io io = { &in, ask, give, take };
	size_t toc_len, split_len;
	struct err e = { 0 };

	if (size < 4)
		return 0;
	toc_len = data[0] | (size_t)data[1] << 8;
	split_len = data[2] | (size_t)(data[3] & 0x7f) << 8;
	if (data[3] & 0x80)
		l.o.kind = TOC_ESTARGZ;
	if (toc_len + split_len > size - 4)
		return 0;
	l.o.digest = l.digest;
	l.o.place = l.place;
	data += 4;
	size -= 4 + toc_len + split_len;
	(void)strbuf_add(&l.blob, data + toc_len + split_len, size);
	(void)strbuf_add(&toc, data, toc_len);
	if (l.o.kind == TOC_ESTARGZ) {
		sha256_text(toc.s ? toc.s : "", toc.len, l.digest);
		add_index(&l.blob, toc.s ? toc.s : "", toc.len);
	} else {
		make_zstd(&l, &toc, (const char *)data + toc_len, split_len);
	}
	in.blob = l.blob.s;
	in.len = l.blob.len;
	l.o.size = (int64_t)l.blob.len;
	if (assemble(&l.o, &io, dir, &e) < 0 && (!e.text[0] || e.code >= 0))
		abort();
	strbuf_done(&l.blob);
	return 0;
}

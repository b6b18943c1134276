/* SPDX-License-Identifier: Apache-2.0 */
/* A tar stream is written as zstd:chunked, in blocks whose size its first byte says.  The frames
 * give the stream again; and where there is a table, so do the parts that it tells of. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "overlay/assemble.h"
#include "overlay/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct blob {
	struct strbuf bytes;
	struct toc_range ranges[ASSEMBLE_RANGES];
	size_t n, at;
	const uint8_t *want; /* of the stream, what is to come */
	size_t left;
};

static void must(int claim)
{
	if (!claim)
		abort();
}

static int take(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct blob *b = arg;

	(void)e;
	must(n <= b->left && !memcmp(bytes, b->want, n));
	b->want += n;
	b->left -= n;
	return 0;
}

static int ask(void *arg, const struct toc_range *r, size_t n, struct err *e)
{
	struct blob *b = arg;

	(void)e;
	memcpy(b->ranges, r, n * sizeof(*r));
	b->n = n;
	b->at = 0;
	return 0;
}

static ssize_t give(void *arg, void *bytes, size_t n, struct err *e)
{
	struct blob *b = arg;
	struct toc_range *r = &b->ranges[b->at];

	(void)e;
	must(b->at < b->n);
	if ((int64_t)n > r->to - r->from)
		n = (size_t)(r->to - r->from);
	memcpy(bytes, b->bytes.s + r->from, n);
	r->from += (int64_t)n;
	b->at += r->from == r->to;
	return (ssize_t)n;
}

static void put(struct chunked *c, struct blob *b, const char *bytes, size_t n)
{
	size_t ends[CHUNKED_PIECES(65536)], pieces = 0, from = 0;
	struct err e = { 0 };

	must(chunked_cut(c, bytes, n, ends, &pieces, &e) == 0 && pieces &&
	     pieces <= CHUNKED_PIECES(n) && ends[pieces - 1] == n);
	for (size_t i = 0; i < pieces; from = ends[i++]) {
		size_t len = ends[i] - from, max = ZSTD_compressBound(len);
		char *frame = malloc(max);

		must(frame && len);
		must(strbuf_add(&b->bytes, frame,
				ZSTD_compress(frame, max, bytes + from, len, 1)) == 0);
		free(frame);
		must(chunked_wrote(c, (int64_t)b->bytes.len, &e) == 0);
	}
}

static void check_parts(struct blob *b, const struct chunked_frames *f, int with_split)
{
	char place[96], split[96];
	const struct assemble_options o = { .kind = TOC_ZSTD_CHUNKED,
					    .size = (int64_t)b->bytes.len,
					    .always = 1,
					    .digest = f->toc.digest,
					    .place = place,
					    .split = with_split ? split : NULL };
	const struct assemble_io io = { b, ask, give, take };
	scoped(fd) int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = { 0 };

	(void)snprintf(place, sizeof(place), "%lld:%lld", (long long)f->toc.at,
		       (long long)f->toc.size);
	(void)snprintf(split, sizeof(split), "%lld:%lld", (long long)f->split.at,
		       (long long)f->split.size);
	must(assemble(&o, &io, dir, &e) == 0 && !b->left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	scoped(chunked) struct chunked *c = NULL;
	scoped(strbuf) struct strbuf out = STRBUF_INIT;
	struct chunked_frames f;
	struct blob b = { .bytes = STRBUF_INIT };
	struct err e = { 0 };
	size_t step;

	if (size < 2)
		return 0;
	step = data[0] < 128 ? (size_t)data[0] + 1 : (size_t)(data[0] - 127) * 509;
	data++;
	size--;
	must(chunked_new(&c, &e) == 0);
	for (size_t at = 0; at < size; at += step)
		put(c, &b, (const char *)data + at, size - at < step ? size - at : step);
	must(chunked_end(c, &out, &f, &e) == 0);
	if (out.len)
		must(strbuf_add(&b.bytes, out.s, out.len) == 0);
	b.want = data;
	b.left = size;
	must(toc_inflate(b.bytes.s, b.bytes.len, take, &b, &e) == 0 && !b.left);
	for (int i = 0; i < 2 && *f.toc.digest; i++) {
		b.want = data;
		b.left = size;
		check_parts(&b, &f, i);
	}
	strbuf_done(&b.bytes);
	return 0;
}

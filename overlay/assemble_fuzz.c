/* SPDX-License-Identifier: Apache-2.0 */
/* A layer in parts: the input is a table of contents (JSON), a tar-split (JSON) and the blob that
 * they tell of, the first two with their lengths in front.  It ends, with an error that says
 * something or with a stream. */
#include <fcntl.h>
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	scoped(strbuf) struct strbuf blob = STRBUF_INIT;
	scoped(strbuf) struct strbuf toc = STRBUF_INIT;
	scoped(fd) int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char digest[SHA256_TEXT_LEN], place[64], split_place[64];
	struct input in = { 0 };
	const struct assemble_io io = { &in, ask, give, take };
	struct assemble_options o = {
		.kind = TOC_ZSTD_CHUNKED, .always = 1, .digest = digest, .place = place
	};
	size_t toc_len, split_len, at;
	struct err e = { 0 };

	if (size < 4)
		return 0;
	toc_len = data[0] | (size_t)data[1] << 8;
	split_len = data[2] | (size_t)data[3] << 8;
	if (toc_len + split_len > size - 4)
		return 0;
	data += 4;
	size -= 4 + toc_len + split_len;
	(void)strbuf_add(&blob, data + toc_len + split_len, size);
	(void)strbuf_add(&toc, data, toc_len);
	if (split_len) {
		at = add_frame(&blob, (const char *)data + toc_len, split_len);
		(void)snprintf(split_place, sizeof(split_place), "%zu:%zu:1", at, blob.len - at);
		o.split = split_place;
		sha256_text(blob.s + at, blob.len - at, digest);
		if (toc.len && toc.s[toc.len - 1] == '}') {
			toc.len--;
			(void)strbuf_printf(&toc, ",\"tarSplitDigest\":\"%s\"}", digest);
		}
	}
	at = add_frame(&blob, toc.s ? toc.s : "", toc.len);
	(void)snprintf(place, sizeof(place), "%zu:%zu:1:1", at, blob.len - at);
	sha256_text(blob.s + at, blob.len - at, digest);
	in.blob = blob.s;
	in.len = blob.len;
	o.size = (int64_t)blob.len;
	if (assemble(&o, &io, dir, &e) < 0 && (!e.text[0] || e.code >= 0))
		abort();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of a zstd:chunked blob (chunked.h): compressed while they are written, kept in memory,
 * and put into skippable frames. */
#ifndef COVE_OVERLAY_CHUNKED_DOCUMENT_H
#define COVE_OVERLAY_CHUNKED_DOCUMENT_H

#include <zstd.h>

#include "overlay/chunked.h"

struct document {
	ZSTD_CCtx *z;
	struct strbuf packed;
	int64_t size; /* plain */
	char *piece;
};

/* All of them 0, -ENOMEM, or -E2BIG for what no reader would take (toc.h). */
int document_init(struct document *d);
void document_done(struct document *d);
int document_add(struct document *d, const char *bytes, size_t n);
/* The same for text that was built first, and is freed here. */
int document_take(struct document *d, struct strbuf *take_text);
/* There is no more; *RET gets its digest. */
int document_end(struct document *d, struct chunked_frame *ret);
/* In a frame behind what is in OUT, which will be at offset AT of the blob; *RET: where. */
void document_put(const struct document *d, int64_t at, struct strbuf *out,
		  struct chunked_frame *ret);
/* And the footer. */
void document_put_footer(const struct chunked_frames *f, struct strbuf *out);
/* "sha256:HEX" of the 32 bytes MD. */
void document_digest(const unsigned char *md, char ret[72]);

#endif

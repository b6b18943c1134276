/* SPDX-License-Identifier: Apache-2.0 */
/* Writing zstd:chunked blobs (toc.h says what those are): which parts of a tar stream are to be
 * frames of their own, and the skippable frames that follow them.
 *
 *	chunked_cut() for each block of the stream; the pieces are compressed, by whom and how many
 *	at once is the caller's business; chunked_wrote() for each, in order; chunked_end().
 *
 * The frames behind the stream (containers/storage, pkg/chunked): the table in zstd, the tar stream
 * without contents in zstd (tar-split's format), and a footer of seven integers and a magic number
 * that says where the two are.  What readers do not understand they skip.
 *
 * A stream that a table cannot tell of (an entry that other readers see otherwise, a name twice, a
 * table that is too large to be read) gets none: the blob is plain zstd then. */
#ifndef COVE_OVERLAY_CHUNKED_H
#define COVE_OVERLAY_CHUNKED_H

#include <stddef.h>
#include <stdint.h>

#include "src/util/err.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* Pieces that N bytes have at most: contents, and what is between them, take two blocks of tar. */
#define CHUNKED_PIECES(n) (2 * ((n) / 1024) + 4)

/* Where the frames are, as annotations say it; digest "": there are none. */
struct chunked_frame {
	char digest[72]; /* of the compressed bytes */
	int64_t at, size, plain_size;
};
struct chunked_frames {
	struct chunked_frame toc, split;
};

struct chunked;

int chunked_new(struct chunked **ret, struct err *e);
struct chunked *chunked_free(struct chunked *c);
DEFINE_SCOPED(chunked, struct chunked *, chunked_free);

/* Cut the next N BYTES (more than 0) of the stream: ENDS, with room for CHUNKED_PIECES(N), gets
 * where in them each piece ends, *RET_N how many there are.  -ENOMEM. */
int chunked_cut(struct chunked *c, const char *bytes, size_t n, size_t *ends, size_t *ret_n,
		struct err *e);
/* The next piece was written: the blob has END bytes now. */
int chunked_wrote(struct chunked *c, int64_t end, struct err *e);
/* All were: what is to be written behind them is added to OUT. */
int chunked_end(struct chunked *c, struct strbuf *out, struct chunked_frames *ret, struct err *e);

#endif

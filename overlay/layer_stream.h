/* SPDX-License-Identifier: Apache-2.0 */
/* A layer blob as a stream of plain tar bytes, decompressed in a thread of its own.
 *
 * The thread reads the descriptor, hashes what it reads, tells gzip, zstd, xz, bzip2 and plain by
 * their first bytes and inflates into a ring of 8 pieces of 256 KiB; the caller takes piece after
 * piece and hashes the plain bytes.  Both sides then work at the speed of the slower one.
 * The thread waits until layer_stream_go(), so that a seccomp filter with TSYNC
 * can be put on before a byte is read. */
#ifndef COVE_OVERLAY_LAYER_STREAM_H
#define COVE_OVERLAY_LAYER_STREAM_H

#include <sys/types.h>

#include "overlay/layer.h"

struct layer_stream;

/* Read FD (borrowed): LENGTH bytes of it, all when negative. */
int layer_stream_new(int fd, int64_t length, struct layer_stream **ret, struct err *e);
void layer_stream_go(struct layer_stream *s);
/* layer_next() of layer_apply.h, ARG being the stream. -EBADMSG for damaged or cut compressed data.
 */
ssize_t layer_stream_next(void *arg, const void **ret, struct err *e);
/* After the end was seen: digests, sizes and compression into *RET. */
int layer_stream_result(struct layer_stream *s, struct layer_result *ret, struct err *e);
/* Stop the thread (it must not be blocked in a read) and free all. */
struct layer_stream *layer_stream_free(struct layer_stream *s);
DEFINE_SCOPED(layer_stream, struct layer_stream *, layer_stream_free);

#endif

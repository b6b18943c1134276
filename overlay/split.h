/* SPDX-License-Identifier: Apache-2.0 */
/* The file `split` of a layer: its tar stream without the file contents that lie in diff/.
 *
 * zstd of "cove-split 1\n" and records (integers little-endian):
 *	'R' u32 n, n bytes                              n bytes of the stream
 *	'F' u64 ino, u64 skip, u64 n, u16 len, path     n bytes of that file from offset skip on
 *	'E' u64 total                                   the end; length of the whole stream
 * A file is kept/INO when that is there (it was replaced by a later entry of the same layer), else
 * diff/PATH.  The writer is given every byte of the stream in order and is told which ranges are
 * contents; whatever it was not told lands in 'R' records, so that the result is exact whatever the
 * tar reader made of the stream. */
#ifndef COVE_OVERLAY_SPLIT_H
#define COVE_OVERLAY_SPLIT_H

#include <stddef.h>
#include <stdint.h>

#include "src/util/err.h"
#include "src/util/scoped.h"

struct split_writer;

/* Write to FD (borrowed). */
int split_writer_new(int fd, struct split_writer **ret, struct err *e);
struct split_writer *split_writer_free(struct split_writer *s);
DEFINE_SCOPED(split_writer, struct split_writer *, split_writer_free);

/* The next N bytes of the stream come by at BYTES: all that is not in an announced range is
 * recorded. */
int split_pass(struct split_writer *s, const void *bytes, size_t n, struct err *e);
/* From stream offset START (at or after what was passed; else the part passed already is raw and
 * the rest counts) on, LEN bytes are the contents of PATH, inode INO. */
int split_file(struct split_writer *s, uint64_t start, uint64_t len, const char *path, uint64_t ino,
	       struct err *e);
/* Bytes passed so far. */
uint64_t split_position(const struct split_writer *s);
int split_end(struct split_writer *s, struct err *e);

/* Produce the stream of the layer directory LAYER_FD: SINK gets it piece by piece; its negative
 * result ends the work (with *E filled by the sink).  -EBADMSG for a damaged split or a changed
 * file. */
typedef int split_sink(void *arg, const void *bytes, size_t n, struct err *e);
int split_replay(int layer_fd, split_sink *sink, void *arg, struct err *e);
/* Open the regular file PATH of the layer directory LAYER_FD's tree, in which links lead nowhere
 * else: a descriptor, or the error. */
int split_open_file(int layer_fd, const char *path, struct err *e);

#endif

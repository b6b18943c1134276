/* SPDX-License-Identifier: Apache-2.0 */
/* A stored layer as a blob in a file: the role `layer` writes its tar, the role `compress` (program
 * cove-compress) makes a blob of it.  The same tar, compression and level give the same bytes on
 * any machine: blocks of a fixed size are compressed one by one, as members of a gzip file (RFC
 * 1952) or frames of zstd (RFC 8878). */
#ifndef COVE_IMAGE_COMPRESS_H
#define COVE_IMAGE_COMPRESS_H

#include <limits.h>
#include <stdint.h>

#include "overlay/chunked.h"
#include "overlay/layer.h"
#include "src/image/image_layers.h"

enum compression { COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_ZSTD, COMPRESS_ZSTD_CHUNKED };
/* The word for it ("none", "gzip", "zstd", "zstd:chunked"), and back: -EINVAL. */
const char *compression_word(enum compression c);
int compression_parse(const char *word, enum compression *ret);
/* Is what comes of it a stream of zstd? */
int compression_is_zstd(enum compression c);
/* Is LEVEL one that it has?  -1 is the default of each.  -EINVAL. */
int compression_check_level(enum compression c, int level, struct err *e);

struct compress_result {
	char digest[DIGEST_LEN + 1]; /* of the blob */
	int64_t size;
	struct chunked_frames frames; /* of COMPRESS_ZSTD_CHUNKED, where the layer has them */
};
/* What the role says in one write; e.code 0 means that result holds. */
struct compress_report {
	struct err e;
	struct compress_result result;
};
_Static_assert(sizeof(struct compress_report) <= PIPE_BUF, "must fit PIPE_BUF");

struct compress_job {
	struct layer_writer tar;
	struct child child;
	int control_fd; /* readable when it has ended */
};
#define COMPRESS_JOB_NONE                                                           \
	{                                                                           \
		.tar = LAYER_WRITER_NONE, .child = CHILD_NONE, .control_fd = -EBADF \
	}

/* Begin to write layer L of EN to the empty file OUT_FD (borrowed). */
int compress_start(struct compress_job *j, struct engine *en, const struct image_layer *l,
		   enum compression c, int level, int out_fd, struct err *e);
/* Wait for it.  -EBADMSG when the layer is damaged in the store. */
int compress_finish(struct compress_job *j, const struct image_layer *l,
		    struct compress_result *ret, struct err *e);
/* Begin to write what IN_FD gives, to its end, to OUT_FD (both borrowed); compress_stream_finish()
 * waits for it. */
int compress_stream_start(struct compress_job *j, enum compression c, int level, int in_fd,
			  int out_fd, struct err *e);
int compress_stream_finish(struct compress_job *j, struct compress_result *ret, struct err *e);
/* Kill and reap; fine when empty. */
void compress_end(struct compress_job *j);
static inline __attribute__((unused)) void scoped_compress_job(struct compress_job *j)
{
	compress_end(j);
}

int role_compress_main(int argc, char **argv);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of contents of layers that can be fetched in pieces: which files lie where in the
 * compressed blob, and their digests.
 *
 * zstd:chunked (containers/storage): each file's contents are zstd frames of their own, so are the
 * bytes of the tar stream between them; the table is JSON in zstd in a skippable frame, which
 * annotations of the layer's descriptor point to and vouch for.  A second skippable frame may hold
 * the tar stream without the contents ("tar-split").
 * eStargz (stargz-snapshotter): each file's contents begin a gzip member, which also has the bytes
 * of the tar stream that come behind them; the table is the last entry of the tar stream, in a gzip
 * member that the end of the blob points to and an annotation vouches for.
 *
 * What is said here is only where to look: the layer is made of the tar stream, whose digest is
 * compared with the image's config as for any other. */
#ifndef COVE_OVERLAY_TOC_H
#define COVE_OVERLAY_TOC_H

#include <stddef.h>
#include <stdint.h>

#include "src/util/err.h"
#include "src/util/strbuf.h"

#define TOC_MAX	      (32 << 20)  /* compressed bytes of a table, or of a tar-split */
#define TOC_PLAIN_MAX (512 << 20) /* and of what it holds */
#define TOC_FILES_MAX 1000000
#define TOC_NAMES_MAX (64 << 20)
#define TOC_TAILS_MAX (96 << 20)

/* Annotations; what wrote the first layers of this kind (containers/storage up to 1.43) says
 * TOC_ZSTD_OLD in the place of TOC_ZSTD. */
#define TOC_ZSTD	  "io.github.containers.zstd-chunked."
#define TOC_ZSTD_OLD	  "io.containers.zstd-chunked."
#define TOC_DIGEST	  "manifest-checksum"
#define TOC_PLACE	  "manifest-position"
#define TOC_SPLIT	  "tarsplit-position"
#define TOC_SPLIT_DIGEST  "tarsplit-checksum" /* readers take the one in the table */
#define TOC_STARGZ_DIGEST "containerd.io/snapshot/stargz/toc.digest"

enum toc_kind { TOC_ZSTD_CHUNKED, TOC_ESTARGZ };

/* A part of the blob. */
struct toc_range {
	int64_t from, to;
};

struct toc_file {
	struct toc_range at; /* its compressed contents */
	int64_t size;	     /* more than 0 */
	size_t path;	     /* into names; clean, without a slash in front */
	unsigned char digest[32];
	int local; /* the user's: which copy is used, 0: none */

	/* Of eStargz only. */
	struct toc_range last; /* the member that has the last LAST_LEN bytes of it, and then what
				* follows it in the tar stream: */
	int64_t last_len;
	struct toc_tail {
		size_t at, len; /* in tails, in place of the true bytes */
		int is_unknown; /* they cannot be told from the table */
	} tail;
};

struct toc {
	struct toc_file *files; /* in the order of the blob, without overlaps */
	size_t n, cap;
	struct strbuf names;
	struct strbuf tails;
	struct toc_tail head;  /* what comes before the first file */
	char split_digest[72]; /* of the tar-split's bytes as they come; "": none */
};

/* "OFFSET:LENGTH[:...]" of an annotation, in a blob of SIZE bytes.  -EBADMSG. */
int toc_place(const char *text, int64_t size, struct toc_range *ret, struct err *e);
/* Are the N BYTES those of DIGEST ("sha256:HEX")?  -EBADMSG. */
int toc_check(const void *bytes, size_t n, const char *digest, struct err *e);
/* Read the table of a zstd:chunked blob, of which the first END bytes are the tar stream.  *RET is
 * the caller's, also after a failure; -EBADMSG, -E2BIG, -ENOMEM. */
int toc_read_zstd(const void *bytes, size_t n, int64_t end, struct toc *ret, struct err *e);
/* Read the table of an eStargz blob: the N bytes of stargz.index.json.  The last file's member ends
 * at END.  Otherwise as toc_read_zstd(). */
int toc_read_stargz(const char *json, size_t n, int64_t end, struct toc *ret, struct err *e);
/* Make the archive's headers among the N BYTES of a tail those of a GNU tar. */
void toc_tail_gnu(char *bytes, size_t n);
void toc_done(struct toc *t);
static inline __attribute__((unused)) void scoped_toc(struct toc *t)
{
	toc_done(t);
}

/* For the readers of both kinds.  Where a file called NAME will be in the tree goes to names; of
 * one that cannot be there, "". */
struct toc_file *toc_new_file(struct toc *t, struct err *e);
int toc_add_name(struct toc *t, const char *name, size_t *ret, struct err *e);
int toc_read_digest(const char *text, unsigned char ret[32]);
/* Are the files in order, and within the first END bytes? */
int toc_check_places(const struct toc *t, int64_t end, struct err *e);

/* Decompress the N BYTES of one or more zstd frames, piece by piece. */
typedef int toc_sink(void *arg, const void *bytes, size_t n, struct err *e);
int toc_inflate(const void *bytes, size_t n, toc_sink *sink, void *arg, struct err *e);

#endif

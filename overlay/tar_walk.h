/* SPDX-License-Identifier: Apache-2.0 */
/* A tar stream as it comes by, told apart into the contents of its files and all the rest, with
 * what its headers say: ustar and pax (POSIX.1-2001, "pax Interchange Format") and GNU tar's long
 * names and base-256 numbers.
 *
 * Nothing is unpacked here, and what other readers may see otherwise is not guessed at: the walk is
 * lost then, and from there on all is "rest". */
#ifndef COVE_OVERLAY_TAR_WALK_H
#define COVE_OVERLAY_TAR_WALK_H

#include <json-c/json_object.h>
#include <stddef.h>
#include <stdint.h>

#include "src/util/strbuf.h"
#include "src/util/tar.h"

#define TAR_WALK_META_MAX (1 << 20) /* bytes of one extended header */

struct tar_time {
	int64_t sec;
	int nsec;
	int is_set;
};

/* What the headers say of one entry. */
struct tar_member {
	char type;	   /* '0' to '6', a directory in the oldest format is '5' */
	char *name, *link; /* link "" where there is none */
	int64_t size;	   /* of its contents; 0 for all but files */
	int64_t mode, uid, gid, major, minor;
	struct tar_time mtime, atime, ctime;
	json_object *xattrs; /* name and value in base64; NULL: none */
};

enum tar_walk_part {
	TAR_WALK_REST,
	TAR_WALK_MEMBER, /* rest, and with it the headers of an entry are complete: see member */
	TAR_WALK_DATA,
	TAR_WALK_LAST, /* data, and with it the contents are complete */
};

struct tar_walk {
	struct tar_member member; /* the last one whose headers came by */
	const char *lost;	  /* why the walk is lost; NULL: it is not */
	/* its own */
	int state;
	char block[TAR_BLOCK];
	size_t have;	       /* of it */
	int64_t left, padding; /* of what is going on, and behind it */
	char meta;	       /* type of the extended header */
	int zero_blocks;
	struct strbuf body; /* of the extended header */
	char *long_name, *long_link, *pax;
	size_t pax_len;
};

void tar_walk_init(struct tar_walk *w);
void tar_walk_done(struct tar_walk *w);
static inline __attribute__((unused)) void scoped_tar_walk(struct tar_walk *w)
{
	tar_walk_done(w);
}
/* How many of the N BYTES (at least one) that come next belong together (at least one), and *RET,
 * to what.  -ENOMEM. */
ssize_t tar_walk_next(struct tar_walk *w, const char *bytes, size_t n, enum tar_walk_part *ret);
/* May the stream end here?  Behind its last block, or where it has none behind an entry. */
int tar_walk_may_end(const struct tar_walk *w);
/* Are all entries behind us? */
int tar_walk_is_at_end(const struct tar_walk *w);

#endif

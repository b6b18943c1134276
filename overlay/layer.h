/* SPDX-License-Identifier: Apache-2.0 */
/* Layer directories and the role that fills them.
 *
 * graphroot/layers/ID/ (0700, ours) holds
 *	diff/   the tree as overlayfs wants it in a lowerdir: whiteouts are 0:0 character devices
 *(or overlay.whiteout xattr files where mknod is refused), opaque directories carry the xattr
 *	        user.overlay.opaque=y (trusted.overlay.opaque=y as real root)
 *	split   the tar stream's own bytes apart from file contents (zstd), so that the very same
 *tar, and with it the diff ID, can be produced again from the tree ID is layer_new_id(): short and
 *random, because lowerdir= strings are limited to a page. */
#ifndef COVE_OVERLAY_LAYER_H
#define COVE_OVERLAY_LAYER_H

#include <stdint.h>

#include "src/util/err.h"
#include "src/util/proc.h"
#include "userns/join.h"

#define LAYER_ID_LEN 16

/* What was found while a stream was unpacked.  All digests are "sha256:HEX". */
struct layer_result {
	char digest[72];      /* of the bytes as they came */
	int64_t size;	      /* their number */
	char diff_id[72];     /* of the plain tar */
	int64_t diff_size;    /* its length */
	int64_t tree_size;    /* sum of regular file sizes written */
	char compression[16]; /* "gzip", "zstd", "xz", "none" */
};

/* A running role `layer` (program cove-layer): feed bytes into stream_fd, close it, then
 * layer_finish(). */
struct layer_writer {
	struct child child;
	int stream_fd;	/* the caller writes the blob here, as it comes (compressed or not) */
	int control_fd; /* result or error comes back here */
};
#define LAYER_WRITER_NONE                                                      \
	{                                                                      \
		.child = CHILD_NONE, .stream_fd = -EBADF, .control_fd = -EBADF \
	}

/* Start the role for an existing empty directory DIR_FD (the future layers/ID: diff/ and split are
 * made in it). The calling process must already be in the user namespace of the ids (userns_enter)
 * or use RUN_FD >= 0 to have the role enter it.  SOURCE_FD >= 0: the role reads this descriptor (a
 * file) instead of a pipe and stream_fd is left -EBADF. */
int layer_writer_start(struct layer_writer *w, int run_fd, int dir_fd, int source_fd,
		       struct err *e);
/* As layer_writer_start() for a part of the regular file SOURCE_FD: LENGTH bytes from OFFSET on.
 * The role reads through a file description of its own, so that several can read one file at once.
 */
int layer_writer_start_range(struct layer_writer *w, int run_fd, int dir_fd, int source_fd,
			     int64_t offset, int64_t length, struct err *e);
/* As layer_writer_start() from SOURCE_FD, whose ids are those of a container with keep-id: UID and
 * GID are the caller's there, see tree.h. */
int layer_writer_start_kept(struct layer_writer *w, int run_fd, int dir_fd, int source_fd,
			    uint32_t uid, uint32_t gid, struct err *e);
/* Close the stream, wait for the result, sync.  The error text names the entry that was refused. */
int layer_writer_finish(struct layer_writer *w, struct layer_result *ret, struct err *e);
/* Kill and reap; fine when empty. */
void layer_writer_end(struct layer_writer *w);

/* A tar stream into a tree that is in use, as `cp` does it. */
struct layer_copy {
	const char *base; /* the directory below the root that entries are relative to; "": root */
	int is_mount_ns;  /* the root is that of a mount namespace */
	int is_host;	  /* files of the user's own: no owners, no devices */
	int is_powerless; /* no capabilities: what the user may, and no more */
	int overwrite;	  /* a directory may take the place of something else, and be replaced */
	int chown;	  /* all belongs to UID and GID */
	uint32_t uid, gid;
	uint32_t self_uid, self_gid; /* keep-id: what 0 here is called there, see tree.h; else 0 */
};
/* Start it where ENTER leads (userns_spawn_with()), to a directory or a mount namespace; the role
 * reads SOURCE_FD to its end.  Then layer_writer_finish(): -EBADMSG for what is no tar. */
int layer_copy_start(struct layer_writer *w, userns_enter_fn *enter, void *arg, int source_fd,
		     const struct layer_copy *copy, struct err *e);

void layer_new_id(char id[LAYER_ID_LEN + 1]);

/* Start what layer_write_tar() does; layer_writer_finish() waits for it (stream_fd stays empty). */
int layer_tar_start(struct layer_writer *w, int run_fd, int layer_dir_fd, int out_fd,
		    struct err *e);
/* Write the very tar stream of layers/ID (split + tree) to OUT_FD, in the user namespace.  *RET
 * gets diff_id and diff_size of what was written (compared by the caller with the record). */
int layer_write_tar(int run_fd, int layer_dir_fd, int out_fd, struct layer_result *ret,
		    struct err *e);

#endif

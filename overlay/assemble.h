/* SPDX-License-Identifier: Apache-2.0 */
/* The tar stream of a layer from its table of contents (toc.h), files that are in the store already
 * and the rest of its blob, which is asked for in ranges.
 *
 * The stream goes to a role `layer`, which unpacks it and tells its digest as it does for a whole
 * blob; that digest is the layer's diff ID, or the work was in vain.  A file of the store is used
 * when the digest of its contents is the table's.  Nothing here has to be believed by anybody. */
#ifndef COVE_OVERLAY_ASSEMBLE_H
#define COVE_OVERLAY_ASSEMBLE_H

#include <sys/types.h>

#include "overlay/toc.h"
#include "src/util/proc.h"

#define ASSEMBLE_RANGES 64
/* Ranges with less than this between them are fetched as one: a request costs about as much. */
#define ASSEMBLE_HOLE (32 << 10)
/* What has to be saved at least: bytes, and of a layer's bytes one part in SHARE. */
#define ASSEMBLE_SAVED (64 << 10)
#define ASSEMBLE_SHARE 8

/* The layer; strings are borrowed, those of its annotations as they came. */
struct assemble_options {
	enum toc_kind kind;
	int64_t size;			    /* of the blob */
	int always;			    /* also where little is saved: for tests */
	const char *digest, *place, *split; /* the last may be NULL */
};

/* Ask for N ranges, whose bytes READ then gives one after the other; WRITE takes the stream. */
struct assemble_io {
	void *arg;
	int (*ask)(void *arg, const struct toc_range *r, size_t n, struct err *e);
	ssize_t (*read)(void *arg, void *bytes, size_t n, struct err *e); /* 0: no more */
	int (*write)(void *arg, const void *bytes, size_t n, struct err *e);
};

/* LAYERS_FD is the directory of the store's layers.  -ECANCELED: there is nothing to be saved;
 * -EBADMSG and others: it cannot be done this way. */
int assemble(const struct assemble_options *o, const struct assemble_io *io, int layers_fd,
	     struct err *e);

/* ---- the role `assemble` (program cove-assemble), seen from its caller ---- */

/* What it says.  N 0: its last word, E says how it went. */
struct assemble_message {
	struct err e;
	size_t n;
	struct toc_range ranges[ASSEMBLE_RANGES];
};

struct assembler {
	struct child child;
	int stream_fd;	/* the bytes of the ranges asked for, in their order */
	int control_fd; /* its messages */
};
#define ASSEMBLER_NONE                                                         \
	{                                                                      \
		.child = CHILD_NONE, .stream_fd = -EBADF, .control_fd = -EBADF \
	}

/* Start it; OUT_FD gets the tar stream.  The process must be in the user namespace of the layers.
 */
int assembler_start(struct assembler *a, const struct assemble_options *o, int layers_fd,
		    int out_fd, struct err *e);
/* Its next message, when control_fd is readable.  The ranges are within the blob of SIZE bytes. */
int assembler_receive(struct assembler *a, int64_t size, struct assemble_message *ret,
		      struct err *e);
/* Kill and reap; fine when empty. */
void assembler_end(struct assembler *a);

#endif

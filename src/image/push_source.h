/* SPDX-License-Identifier: Apache-2.0 */
/* The registry that an image was pulled from, asked for the very blobs once more when a push goes
 * to where they are not: so the manifest stays what it is. */
#ifndef COVE_IMAGE_PUSH_SOURCE_H
#define COVE_IMAGE_PUSH_SOURCE_H

#include "src/image/archive.h"
#include "src/image/pull_call.h"
#include "src/image/push.h"

struct push_source {
	struct push *p;
	struct pull_call call;
	int dir_fd;		     /* borrowed: where files are made */
	int started;		     /* -1: of no use */
	char *place;		     /* where it was loaded from, or NULL */
	struct image_archive *local; /* that, opened */
	int looked;		     /* for the two */
	int is_busy;		     /* asked and not answered */
	size_t layer;
};
#define PUSH_SOURCE_NONE                                 \
	{                                                \
		.call = PULL_CALL_NONE, .dir_fd = -EBADF \
	}
void push_source_done(struct push_source *s);

/* May layer I be had so?  Not when another compression was asked for, or when nobody knows where
 * the image came from. */
int push_source_has(struct push_source *s, size_t i);
/* Ask for the original blob of layer I as the new file NAME.  A failure is no error of the push:
 * the source is of no use then.  0 or a negative errno. */
int push_source_ask(struct push_source *s, size_t i, const char *name);
/* The answer (call.socket_fd is readable then): 1 the file is there, verified; 0 it is not. */
int push_source_answer(struct push_source *s);

#endif

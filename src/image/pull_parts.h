/* SPDX-License-Identifier: Apache-2.0 */
/* A layer that is fetched in parts, where its manifest names a table of contents and the store has
 * files of it already (overlay/assemble.h).
 *
 * Decided: such a layer is one only when the tar stream that comes out of it has the diff ID of the
 * image's config, as with any other.  There is no second kind of layer, known by its table alone,
 * whose contents nobody could compare with the config; where the stream cannot be made again
 * exactly the whole blob is fetched. */
#ifndef COVE_IMAGE_PULL_PARTS_H
#define COVE_IMAGE_PULL_PARTS_H

#include "overlay/assemble.h"
#include "src/image/manifest.h"
#include "src/image/registry.h"

struct pull_parts {
	struct assembler role;
	struct assemble_message asked; /* what the role wants */
	size_t next;		       /* range of it */
	int is_on;
};
#define PULL_PARTS_NONE                \
	{                              \
		.role = ASSEMBLER_NONE \
	}

/* Is the layer one that may be worth it? */
int pull_parts_may(const struct descriptor *d, int layers_fd);
/* Start the role, which writes the tar stream to *TAKE_OUT_FD (closed here). */
int pull_parts_start(struct pull_parts *p, const struct descriptor *d, int layers_fd,
		     int *take_out_fd, struct err *e);
/* The role has something to say: 1, ranges are to be fetched; 0, all is written; or the error. */
int pull_parts_message(struct pull_parts *p, const struct descriptor *d, struct err *e);
/* The next range into F: 1, or 0 when there is none left and the role is to be listened to. */
int pull_parts_next(struct pull_parts *p, struct fetch *f);
void pull_parts_end(struct pull_parts *p);

#endif

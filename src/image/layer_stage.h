/* SPDX-License-Identifier: Apache-2.0 */
/* Layers on their way into the store: one leased directory in graphroot/tmp with a directory for
 * each. */
#ifndef COVE_IMAGE_LAYER_STAGE_H
#define COVE_IMAGE_LAYER_STAGE_H

#include "overlay/layer.h"
#include "src/image/image.h"

struct layer_stage {
	struct engine *en;
	char *tmp; /* name below graphroot/tmp */
	int tmp_fd, lease;
	struct image_new_layer *layers; /* for image_publish() */
	char **paths;			/* what their tmp_path point to */
	size_t n, cap;
};

int layer_stage_open(struct engine *en, size_t max_layers, struct layer_stage *ret, struct err *e);
/* Remove what was not published.  Fine for a zeroed one. */
void layer_stage_done(struct layer_stage *s);
static inline __attribute__((unused)) void scoped_layer_stage(struct layer_stage *s)
{
	layer_stage_done(s);
}

/* Writes a layer's bytes to OUT_FD; -EPIPE means that the reader has an error to tell. */
typedef int layer_feed(void *arg, int out_fd, struct err *e);
/* Unpack a blob as the next layer: FEED writes it, or the role reads SOURCE_FD itself (FEED NULL).
 * *RET: what it was. */
int layer_stage_unpack(struct layer_stage *s, layer_feed *feed, void *arg, int source_fd,
		       struct layer_result *ret, struct err *e);
/* The next layer is DIFF_ID, which is in the store, or among the earlier ones of this stage. */
int layer_stage_known(struct layer_stage *s, const char *diff_id, struct err *e);
/* Is DIFF_ID in the store or in the stage? */
int layer_stage_has(struct layer_stage *s, const char *diff_id);

#endif

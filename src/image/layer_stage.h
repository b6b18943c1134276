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
	struct layer_writer *writers;	/* those at work */
	size_t n, cap;
};

int layer_stage_open(struct engine *en, size_t max_layers, struct layer_stage *ret, struct err *e);
/* Remove what was not published.  Fine for a zeroed one. */
void layer_stage_done(struct layer_stage *s);
static inline __attribute__((unused)) void scoped_layer_stage(struct layer_stage *s)
{
	layer_stage_done(s);
}

/* Unpack a blob as the next layer: the role reads SOURCE_FD to its end.  *RET: what it was. */
int layer_stage_unpack(struct layer_stage *s, int source_fd, struct layer_result *ret,
		       struct err *e);
/* Begin to unpack a part of the file SOURCE_FD as the next layer, which shall be DIFF_ID ("":
 * whatever it is); several may be at work.  Its place in s->layers is the s->n of before. */
int layer_stage_begin(struct layer_stage *s, const char *diff_id, int source_fd, int64_t offset,
		      int64_t length, struct err *e);
/* The same of all that the pipe SOURCE_FD gives. */
int layer_stage_begin_stream(struct layer_stage *s, const char *diff_id, int source_fd,
			     struct err *e);
/* Wait for the one begun at place K: *RET.  -EBADMSG when its diff ID is another one. */
int layer_stage_finish(struct layer_stage *s, size_t k, struct layer_result *ret, struct err *e);
/* The next layer is DIFF_ID, which is in the store, or among the earlier ones of this stage. */
int layer_stage_known(struct layer_stage *s, const char *diff_id, struct err *e);
/* Is DIFF_ID in the store or in the stage? */
int layer_stage_has(struct layer_stage *s, const char *diff_id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The documents of an image that is made from a container. */
#ifndef COVE_CONTAINER_COMMIT_CONFIG_H
#define COVE_CONTAINER_COMMIT_CONFIG_H

#include "src/container/commit.h"
#include "src/container/container.h"
#include "src/container/spec.h"
#include "src/image/image.h"

/* All owned but O. */
struct commit {
	const struct commit_options *o;
	int is_docker;
	struct container *container;
	struct container_spec *spec;
	struct image *base;  /* NULL: it runs on a directory */
	json_object *config; /* the member "config" as it will be */
};
/* Find container REF and work out the configuration: -EINVAL for a bad format, change or file. */
int commit_open(struct engine *en, const char *ref, struct commit *c, struct err *e);
void commit_done(struct commit *c);
static inline __attribute__((unused)) void scoped_commit(struct commit *c)
{
	commit_done(c);
}

/* Will the image have one layer of all that the container sees? */
int commit_is_whole(const struct commit *c);
/* The diff IDs of the image below; borrowed, NULL where there is none. */
json_object *commit_base_layers(const struct commit *c);
/* The documents for the image of N LAYERS, the last of which is the container's.  Owned; NULL when
 * out of memory. */
char *commit_config_text(const struct commit *c, const struct image_new_layer *layers, size_t n);
char *commit_manifest_text(const struct commit *c, const char *config,
			   const struct image_new_layer *layers, size_t n);

#endif

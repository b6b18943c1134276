/* SPDX-License-Identifier: Apache-2.0 */
/* The stored layers of an image, for what writes them elsewhere. */
#ifndef COVE_IMAGE_IMAGE_LAYERS_H
#define COVE_IMAGE_IMAGE_LAYERS_H

#include "src/image/image.h"
#include "src/image/reference.h"

struct image_layer {
	char *name; /* graphroot/layers/NAME */
	char diff_id[DIGEST_LEN + 1];
	int64_t size; /* of the plain tar */
};

/* Lowest first.  *RET owned (image_layers_free()).  -EBADMSG for a damaged record. */
int image_layers(struct engine *en, const struct image *i, struct image_layer **ret, size_t *ret_n,
		 struct err *e);
void image_layers_free(struct image_layer *l, size_t n);
/* Open the directory of L: a descriptor, or the error. */
int image_layer_open(struct engine *en, const struct image_layer *l, struct err *e);

/* The name that REF means of image I (owned), or NULL when it was asked for by ID or digest. */
int image_name_meant(const char *ref, const struct image *i, char **ret, struct err *e);

#endif

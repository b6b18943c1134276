/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt to pull one name (pull.c), for what decides which names are tried (pull_name.c). */
#ifndef COVE_IMAGE_PULL_ATTEMPT_H
#define COVE_IMAGE_PULL_ATTEMPT_H

#include "src/image/image.h"
#include "src/image/registries.h"

/* Pull REF, which has a registry, from where R says.  *RET_ID owned.  -EAGAIN: a layer that was
 * here was removed by others meanwhile. */
int pull_attempt(struct engine *en, const struct image_pull_options *o, const struct registries *r,
		 const struct reference *ref, char **ret_id, struct err *e);
/* Is the stored image I of the platform that O asks for? */
int pull_fits_platform(const struct image_pull_options *o, const struct image *i);

#endif

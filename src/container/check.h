/* SPDX-License-Identifier: Apache-2.0 */
/* Are containers' records and files what they should be?  See src/image/image_check.h. */
#ifndef COVE_CONTAINER_CHECK_H
#define COVE_CONTAINER_CHECK_H

#include "src/image/image_check.h"

/* After image_check() with the same C, whose damaged layers count. */
int container_check(struct engine *en, struct check *c, struct err *e);
/* Mend all that C found: image_check_repair() and what dead commands left of containers.  FORCE:
 * damaged containers and secrets, and containers of damaged images, are removed.  *RET_IMAGES and
 * *RET_CONTAINERS: IDs of what was removed; owned by the caller. */
int container_check_repair(struct engine *en, const struct check *c, int force, char ***ret_images,
			   char ***ret_containers, struct err *e);

#endif

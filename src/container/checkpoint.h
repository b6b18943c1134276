/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container's checkpoint is, for its monitor. */
#ifndef COVE_CONTAINER_CHECKPOINT_H
#define COVE_CONTAINER_CHECKPOINT_H

#include "src/store/engine.h"

/* The directory of the images; owned, NULL when out of memory. */
char *checkpoint_dir(const struct engine *en, const char *id);
/* Remove it, and that of a pre-checkpoint. */
int checkpoint_forget(struct engine *en, const char *id, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What containers take of the disk: the bytes of their files. */
#ifndef COVE_CONTAINER_SIZE_H
#define COVE_CONTAINER_SIZE_H

#include "src/container/container.h"

/* Sum of the sizes of the files that container ID changed. 0 when it has none of its own. */
int container_size(struct engine *en, const char *id, int64_t *ret, struct err *e);
/* Fill C->size: that, and with the image's files what its root file system holds. */
int container_measure(struct engine *en, struct container *c, struct err *e);

#endif

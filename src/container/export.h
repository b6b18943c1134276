/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_CONTAINER_EXPORT_H
#define COVE_CONTAINER_EXPORT_H

#include "src/store/engine.h"
#include "src/util/err.h"

/* Write the container's root file system to FD as a tar archive: what its own processes see there
 * without any mounts.  -EPIPE when nobody reads any more. */
int container_export(struct engine *en, const char *ref, int fd, struct err *e);

#endif

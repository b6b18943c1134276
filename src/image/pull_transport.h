/* SPDX-License-Identifier: Apache-2.0 */
/* Pulls from elsewhere than a registry: containers-storage:, dir:, oci:, oci-archive:,
 * docker-archive:, docker-daemon:. */
#ifndef COVE_IMAGE_PULL_TRANSPORT_H
#define COVE_IMAGE_PULL_TRANSPORT_H

#include "src/image/image.h"
#include "src/image/load.h"

/* Have what O->reference names: 1 with RET filled; 0 when it begins with no transport; or the
 * error. */
int pull_transport(struct engine *en, const struct image_pull_options *o, struct load_result *ret,
		   struct err *e);

#endif

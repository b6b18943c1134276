/* SPDX-License-Identifier: Apache-2.0 */
/* What containers take, and those that do not run taken away. */
#ifndef COVE_CONTAINER_PRUNE_H
#define COVE_CONTAINER_PRUNE_H

#include "src/container/container.h"

/* Names of the volumes of all containers, once for each that has them; *RET owned. */
int container_volumes(struct engine *en, char ***ret, struct err *e);

struct prune_result {
	char **deleted; /* IDs or names; owned by the caller */
	int64_t freed;	/* bytes */
};
/* Remove the containers that do not run and for which PASSES (1, 0 or an error).  What is in use by
 * another command stays. */
typedef int container_passes_fn(void *arg, const struct container *c, struct err *e);
int container_prune(struct engine *en, container_passes_fn *passes, void *arg,
		    struct prune_result *ret, struct err *e);
/* Remove the volume NAME unless a container has it: 1, or 0 when one has. */
int container_prune_volume(struct engine *en, const char *name, struct prune_result *ret,
			   struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A container's limits while it lives: its cgroup, and what is kept otherwise where no cgroup can
 * (src/runtime/cgroup.h).
 *
 * The cgroup's state lies in runroot/c/ID/cgroup, written before the container is cloned: whoever
 * ends a container, its monitor or the command that finds one dead, removes the cgroup by it. */
#ifndef COVE_CONTAINER_LIMITS_H
#define COVE_CONTAINER_LIMITS_H

#include "src/container/container.h"
#include "src/container/spec.h"
#include "src/runtime/cgroup.h"

/* Make the cgroup of container ID as S wants it, and note it down.  *RET may be of kind none. */
int limits_make(struct engine *en, const struct container_spec *s, const char *id,
		struct cgroup *ret, struct err *e);
/* The cgroup of a container that was started; kind none when it has none. */
int limits_open(struct engine *en, const char *id, struct cgroup *ret, struct err *e);
/* Remove it; a failure is only told to the debug log, because nothing can be done about it. */
void limits_end(struct cgroup *cg);

#endif

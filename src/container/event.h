/* SPDX-License-Identifier: Apache-2.0 */
/* Events of containers, for the log (src/store/events.h). */
#ifndef COVE_CONTAINER_EVENT_H
#define COVE_CONTAINER_EVENT_H

#include "src/container/container.h"
#include "src/container/spec.h"

/* STATUS ("start", "kill", ...) of the container that has this record. */
void container_event(struct engine *en, const struct container *c, const char *status);
/* The same where the spec is at hand, of container ID that is called NAME. */
void container_event_spec(struct engine *en, const struct container_spec *s, const char *id,
			  const char *name, const char *status);
/* It died, or a process in it did ("died", "exec_died"). */
void container_event_exit(struct engine *en, const struct container_spec *s, const char *id,
			  const char *name, const char *status, int code, int oom);
/* It was connected to NETWORK or cut off from it ("connect", "disconnect"); ERROR: why, or NULL. */
void container_event_network(struct engine *en, const char *id, const char *name,
			     const char *status, const char *network, const char *error);

#endif

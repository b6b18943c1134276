/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a container: its exit record, and the cleaning up behind it. */
#ifndef COVE_CONTAINER_EXITED_H
#define COVE_CONTAINER_EXITED_H

#include "src/container/container.h"
#include "src/container/spec.h"
#include "src/runtime/cgroup.h"

/* Write the record (durably, unless the container goes with its end).  Called by whoever holds the
 * lock. */
void exited_record(struct engine *en, const struct container_spec *s, const char *id,
		   const char *name, int code, int oom);
/* Remove what has to go: with --rm everything, otherwise what is in the runtime directory. */
void exited_clean(struct engine *en, const struct container_spec *s, const char *id,
		  const char *name);
/* "cove __exited ID CODE LOCK OOM": both, for a monitor that had become slim.  The
 * numbers are descriptors. ARGS without the first word.  The exit status. */
int exited_main(struct engine *en, char *const *args, struct err *e);

#endif

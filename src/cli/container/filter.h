/* SPDX-License-Identifier: Apache-2.0 */
/* --filter KEY=VALUE of commands that work on several containers. */
#ifndef COVE_CLI_CONTAINER_FILTER_H
#define COVE_CLI_CONTAINER_FILTER_H

#include "src/container/container.h"

#define CONTAINER_FILTER_KEYS                                                       \
	"Keys: ancestor, before, exited, id, label, label!, name, network, since, " \
	"status, until, volume."

/* Does C pass all FILTERS (NULL: none)?  1, 0, or -EINVAL for one that is none. */
int container_passes(struct engine *en, char *const *filters, const struct container *c,
		     struct err *e);

/* The containers that a command is to work on: NAMES, those named in the files CIDFILES, and with
 * FILTERS all that pass them.  *RET owned; NULL when there are none. */
int container_select(struct engine *en, char *const *names, char *const *cidfiles,
		     char *const *filters, char ***ret, struct err *e);

#endif

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

/* The containers that a command is to work on. */
struct container_selection {
	char **cidfiles; /* files with the ID of one each */
	char **filters;	 /* all that pass, whatever else is said */
	int all, latest;
	int ignore; /* a missing file names none */
};
/* container_each() on NAMES and those of S. */
int container_each_of(struct engine *en, char *const *names, const struct container_selection *s,
		      int rule,
		      int (*fn)(struct engine *en, const char *ref, void *arg, struct err *e),
		      void *arg, struct err *e);

#endif

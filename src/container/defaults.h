/* SPDX-License-Identifier: Apache-2.0 */
/* The options of run and create, completed from containers.conf. */
#ifndef COVE_CONTAINER_DEFAULTS_H
#define COVE_CONTAINER_DEFAULTS_H

#include "src/container/container.h"

#define DEFAULTS_LISTS_MAX 32

struct defaults {
	struct container_create_options options; /* borrows from the user's, CONFIG and LISTS */
	json_object *config;
	char **lists[DEFAULTS_LISTS_MAX];
	size_t n_lists;
};

/* Complete O.  -EBADMSG when a file is broken; -EBADMSG "containers.conf: KEY is not as it should
 * be". */
int defaults_apply(struct engine *en, const struct container_create_options *o,
		   struct defaults *ret, struct err *e);
void defaults_done(struct defaults *d);

static inline __attribute__((unused)) void scoped_defaults(struct defaults *d)
{
	defaults_done(d);
}

#endif

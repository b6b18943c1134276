/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_CONTAINER_COMMIT_H
#define COVE_CONTAINER_COMMIT_H

#include "src/store/engine.h"
#include "src/util/err.h"

struct commit_options {
	const char *author, *message;
	char **changes;	    /* Containerfile instructions */
	const char *config; /* a file whose members are put over the image's configuration */
	const char *format; /* "oci" (NULL) or "docker" */
	int include_volumes;
	int pause, pause_given; /* freeze it meanwhile; not asked for: where that can be done */
	int squash;		/* one layer of all that is there */
	int quiet;		/* no progress, which a terminal on stderr gets */
};
/* Make an image of a container and, unless NAME is NULL, name it.  *RET_ID (owned): 64 hex digits.
 * Nothing of it is visible before all of it is on disk. */
int container_commit(struct engine *en, const char *ref, const char *name,
		     const struct commit_options *o, char **ret_id, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Images that nothing uses. */
#ifndef COVE_CLI_IMAGE_PRUNE_H
#define COVE_CLI_IMAGE_PRUNE_H

#include "src/cli/opt.h"
#include "src/store/engine.h"
#include "src/util/err.h"

struct image_prune {
	int all;	/* those with names, too */
	char **filters; /* as of image_filter() */
	/* Results; DELETED is owned by the caller. */
	char **deleted; /* IDs */
	int64_t freed;	/* bytes */
};
/* Remove images that have no name, or with ALL no container. */
int image_prune(struct engine *en, struct image_prune *p, struct err *e);

#endif

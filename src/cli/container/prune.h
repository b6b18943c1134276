/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_CLI_CONTAINER_PRUNE_H
#define COVE_CLI_CONTAINER_PRUNE_H

#include "src/container/prune.h"

#define PRUNE_FILTER_KEYS "Keys: label, label!, until."

/* Are all FILTERS (NULL: none) among those keys, and well formed?  0 or -EINVAL. */
int prune_check_filters(char *const *filters, struct err *e);
/* container_prune() of those that pass all FILTERS. */
int prune_containers(struct engine *en, char *const *filters, struct prune_result *ret,
		     struct err *e);

#endif

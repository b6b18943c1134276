/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_CLI_VOLUME_PRUNE_H
#define COVE_CLI_VOLUME_PRUNE_H

#include "src/container/prune.h"

/* Remove the volumes that no container has and that pass FILTERS (as volume_filter()). */
int volume_prune(struct engine *en, char *const *filters, struct prune_result *ret, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_CLI_NETWORK_PRUNE_H
#define COVE_CLI_NETWORK_PRUNE_H

#include "src/util/err.h"

struct engine;

/* Remove the networks that no container is on and that pass FILTERS (label, label!, until); their
 * names are added to *DELETED.  What cannot be removed is told: the exit status, or an error. */
int network_prune(struct engine *en, char *const *filters, char ***deleted, struct err *e);

#endif

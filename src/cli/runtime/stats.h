/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_CLI_RUNTIME_STATS_H
#define COVE_CLI_RUNTIME_STATS_H

#include "src/cli/runtime/verb.h"

/* Print one line {"type":"stats","id":ID,"data":{...}} for S. */
int stats_print(const struct state *s, struct err *e);

#endif

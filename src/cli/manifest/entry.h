/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of lists share: options that say something of an entry. */
#ifndef COVE_CLI_MANIFEST_ENTRY_H
#define COVE_CLI_MANIFEST_ENTRY_H

#include "src/cli/opt.h"
#include "src/image/manifest_list.h"

/* Stands FIRST in the options struct of a command that uses the group. */
extern const struct opt manifest_entry_options[];
/* Print the list's ID (freed by the caller). */
int manifest_print_id(const char *id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What diff, container diff and image diff share. */
#ifndef COVE_CLI_DIFF_H
#define COVE_CLI_DIFF_H

#include "src/cli/opt.h"
#include "src/container/diff.h"

struct diff_cli {
	const char *format;
	int latest;
};
extern const struct opt diff_rows[];
extern const struct opt diff_latest_rows[];

/* Print the changes of ARGS[0] (or the newest container) against ARGS[1]. */
int diff_print(struct engine *en, const struct diff_cli *o, char **args, enum diff_of of,
	       struct err *e);

#endif

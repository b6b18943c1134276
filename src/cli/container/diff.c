/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/diff.h"

#include "src/cli/cmd.h"

static int diff(struct engine *en, void *opts, char **args, struct err *e)
{
	return diff_print(en, opts, args, DIFF_CONTAINER, e);
}

const struct cmd cmd_container_diff = {
	.noun = "container",
	.verb = "diff",
	.args = "CONTAINER [CONTAINER]",
	.help = "Show what a container changed",
	.man = "Prints a line for each path that was added (A), changed (C) or deleted (D) since "
	       "the container was made, or against the second container.",
	.examples = "cove container diff web",
	.complete = "container",
	.max_args = 2,
	.size = sizeof(struct diff_cli),
	.groups = (const struct opt *const[]){ diff_rows, diff_latest_rows, NULL },
	.run = diff,
};

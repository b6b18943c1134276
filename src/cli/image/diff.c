/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/diff.h"

#include "src/cli/cmd.h"

static int diff(struct engine *en, void *opts, char **args, struct err *e)
{
	return diff_print(en, opts, args, DIFF_IMAGE, e);
}

const struct cmd cmd_image_diff = {
	.noun = "image",
	.verb = "diff",
	.args = "IMAGE [IMAGE]",
	.help = "Show what an image's topmost layer changed",
	.man = "Prints a line for each path that was added (A), changed (C) or deleted (D) by the "
	       "topmost layer, or against the second image.",
	.examples = "cove image diff mine:latest\ncove image diff mine:2 mine:1",
	.complete = "image",
	.min_args = 1,
	.max_args = 2,
	.size = sizeof(struct diff_cli),
	.groups = (const struct opt *const[]){ diff_rows, NULL },
	.run = diff,
};

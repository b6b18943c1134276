/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"
#include "src/image/image.h"

static int tag(struct engine *en, void *opts, char **args, struct err *e)
{
	(void)opts;
	for (char **target = args + 1; *target; target++) {
		int r = image_tag(en, args[0], *target, e);
		if (r < 0)
			return r;
	}
	return 0;
}

const struct cmd cmd_image_tag = {
	.noun = "image",
	.verb = "tag",
	.alias = "tag",
	.args = "IMAGE TARGET_NAME [TARGET_NAME...]",
	.help = "Give an image another name",
	.man = "A name without a registry gets localhost/ in front, one without a tag :latest "
	       "behind it. Another "
	       "image that had the name loses it.",
	.examples = "cove tag debian:12 base\n"
		    "cove tag base registry.example.org/lab/base:2024",
	.complete = "image",
	.min_args = 2,
	.max_args = -1,
	.run = tag,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/image/manifest_list.h"

static int exists(struct engine *en, void *opts, char **args, struct err *e)
{
	scoped(image) struct image *i = NULL;
	int r = image_find(en, args[0], &i, e);

	(void)opts;
	if (r == -ENOENT && manifest_list_is(en, args[0]))
		return 0;
	return r == -ENOENT ? exit_status(EXIT_OBJECT, r) : r;
}

const struct cmd cmd_image_exists = {
	.noun = "image",
	.verb = "exists",
	.args = "IMAGE",
	.help = "Tell by the exit status whether an image exists",
	.man = "Exits with 0 when it does and 1 when it does not; prints nothing.",
	.examples = "cove image exists base || echo 'no base yet'",
	.complete = "image",
	.min_args = 1,
	.max_args = 1,
	.run = exists,
};

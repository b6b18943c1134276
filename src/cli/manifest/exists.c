/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/image/manifest_list.h"

static int exists(struct engine *en, void *opts, char **args, struct err *e)
{
	scoped(manifest_list) struct manifest_list *l = NULL;
	int r = manifest_list_find(en, args[0], &l, e);

	(void)opts;
	return r == -ENOENT || r == -EINVAL ? exit_status(EXIT_OBJECT, -ENOENT) : r;
}

const struct cmd cmd_manifest_exists = {
	.noun = "manifest",
	.verb = "exists",
	.args = "MANIFEST",
	.help = "Tell by the exit status whether a list exists",
	.man = "Exits with 0 when it does and 1 when it does not; prints nothing.",
	.examples = "cove manifest exists app || cove manifest create app",
	.complete = "image",
	.min_args = 1,
	.max_args = 1,
	.run = exists,
};

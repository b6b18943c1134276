/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"
#include "src/container/container.h"

static int rename_cmd(struct engine *en, void *opts, char **args, struct err *e)
{
	(void)opts;
	return container_rename(en, args[0], args[1], e);
}

const struct cmd cmd_container_rename = {
	.noun = "container",
	.verb = "rename",
	.alias = "rename",
	.args = "CONTAINER NAME",
	.help = "Give a container another name",
	.examples = "cove rename web old-web",
	.complete = "container",
	.min_args = 2,
	.max_args = 2,
	.run = rename_cmd,
};

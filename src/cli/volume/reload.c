/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"

/* Drivers that are programs could have gained and lost volumes; there are none. */
static int reload(struct engine *en, void *opts, char **args, struct err *e)
{
	(void)en;
	(void)opts;
	(void)args;
	(void)e;
	return 0;
}

const struct cmd cmd_volume_reload = {
	.noun = "volume",
	.verb = "reload",
	.args = "",
	.help = "Take over the volumes of drivers that are programs",
	.man = "There are none: the driver local always knows its volumes.",
	.examples = "cove volume reload",
	.max_args = 0,
	.run = reload,
};

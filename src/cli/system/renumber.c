/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"

static int renumber(struct engine *en, void *opts, char **args, struct err *e)
{
	(void)en;
	(void)opts;
	(void)args;
	(void)e;
	return 0;
}

const struct cmd cmd_system_renumber = {
	.noun = "system",
	.verb = "renumber",
	.help = "Number locks anew",
	.man = "Other engines number the locks of containers and volumes, and can run out of them. "
	       "Here each object has a lock of its own, which the kernel takes back from whoever "
	       "dies: there is nothing to number, and this command, which is there for scripts, "
	       "does nothing.",
	.max_args = 0,
	.run = renumber,
};

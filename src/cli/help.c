/* SPDX-License-Identifier: Apache-2.0 */
/* cove help [COMMAND]: the same as --help. */
#include <errno.h>

#include "src/cli/cmd.h"

static int help(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct noun *noun;
	const struct cmd *c;
	size_t used;

	(void)en;
	(void)opts;
	if (!args[0])
		return help_top();
	c = cmd_find(args, &used, &noun);
	if (c)
		return help_command(c);
	if (noun && !args[1])
		return help_noun(noun);
	return err_set(e, -EINVAL, "there is no command `cove %s%s%s`", args[0], noun ? " " : "",
		       noun ? args[1] : "");
}

const struct cmd cmd_help = {
	.verb = "help",
	.args = "[COMMAND]",
	.help = "Show the help of a command",
	.max_args = 2,
	.flags = CMD_NO_ENGINE,
	.run = help,
};

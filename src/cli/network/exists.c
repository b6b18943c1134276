/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/network/network.h"

static int exists(struct engine *en, void *opts, char **args, struct err *e)
{
	scoped(json) json_object *network = NULL;
	int r = network_find(en, args[0], &network, e);

	(void)opts;
	return r == -ENOENT ? exit_status(EXIT_OBJECT, r) : r;
}

const struct cmd cmd_network_exists = {
	.noun = "network",
	.verb = "exists",
	.args = "NETWORK",
	.help = "Tell by the exit status whether a network exists",
	.man = "Exits with 0 when it does and 1 when it does not; prints nothing.",
	.examples = "cove network exists front || cove network create front",
	.complete = "network",
	.min_args = 1,
	.max_args = 1,
	.run = exists,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"
#include "src/container/networks.h"

struct disconnect_options {
	int force;
};

#define AT(f) offsetof(struct disconnect_options, f)
static const struct opt options[] = {
	FLAG('f', "force", AT(force), "Accepted; there is nothing to force"),
	END,
};

static int disconnect(struct engine *en, void *opts, char **args, struct err *e)
{
	(void)opts;
	return container_network_disconnect(en, args[0], args[1], e);
}

const struct cmd cmd_network_disconnect = {
	.noun = "network",
	.verb = "disconnect",
	.args = "NETWORK CONTAINER",
	.help = "Disconnect a container from a network",
	.man = "A running container loses the interface at once.",
	.examples = "cove network disconnect back postgres",
	.complete = "network",
	.min_args = 2,
	.max_args = 2,
	.size = sizeof(struct disconnect_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = disconnect,
};

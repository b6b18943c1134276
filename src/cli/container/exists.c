/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/container/container.h"

static int exists(struct engine *en, void *opts, char **args, struct err *e)
{
	scoped(container) struct container *c = NULL;
	int r = container_find(en, args[0], &c, e);

	(void)opts;
	if (r == -ENOENT) {
		err_clear(e);
		return 1;
	}
	return r;
}

const struct cmd cmd_container_exists = {
	.noun = "container",
	.verb = "exists",
	.args = "CONTAINER",
	.help = "Tell by the exit status whether a container exists",
	.examples = "cove container exists web",
	.complete = "container",
	.min_args = 1,
	.max_args = 1,
	.run = exists,
};

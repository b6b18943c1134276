/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/volume/volume.h"

static int exists(struct engine *en, void *opts, char **args, struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	int r = volume_load(en, args[0], &v, e);

	(void)opts;
	return r == -ENOENT ? exit_status(EXIT_OBJECT, r) : r;
}

const struct cmd cmd_volume_exists = {
	.noun = "volume",
	.verb = "exists",
	.args = "VOLUME",
	.help = "Tell by the exit status whether a volume exists",
	.man = "Exits with 0 when it does and 1 when it does not; prints nothing.",
	.examples = "cove volume exists data || cove volume create data",
	.complete = "volume",
	.min_args = 1,
	.max_args = 1,
	.run = exists,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/container/volumes.h"

static int unmount(struct engine *en, void *opts, char **args, struct err *e)
{
	int r = container_volume_unmount(en, args[0], e);

	(void)opts;
	if (r == 0)
		(void)puts(args[0]);
	return r;
}

const struct cmd cmd_volume_unmount = {
	.noun = "volume",
	.verb = "unmount",
	.verbs = "umount",
	.args = "NAME",
	.help = "Undo `volume mount`",
	.examples = "cove volume unmount data",
	.complete = "volume",
	.min_args = 1,
	.max_args = 1,
	.run = unmount,
};

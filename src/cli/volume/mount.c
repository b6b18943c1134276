/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/container/volumes.h"
#include "src/util/scoped.h"

static int mount(struct engine *en, void *opts, char **args, struct err *e)
{
	scoped(mem) char *path = NULL;
	int r = container_volume_mount(en, args[0], &path, e);

	(void)opts;
	if (r == 0)
		(void)puts(path);
	return r;
}

const struct cmd cmd_volume_mount = {
	.noun = "volume",
	.verb = "mount",
	.args = "NAME",
	.help = "Mount a volume, and print where",
	.man = "For root, and inside of `cove unshare`, whose command and its children are who "
	       "sees the mount. A volume without options of its driver needs no mount.",
	.examples = "cove unshare sh -c 'ls -l $(cove volume mount data)'",
	.complete = "volume",
	.min_args = 1,
	.max_args = 1,
	.run = mount,
};

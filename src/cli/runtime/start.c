/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/runtime/verb.h"

static int start(struct oci *oci, void *opts, char **args, struct err *e)
{
	(void)opts;
	return oci_start(oci, args[0], e);
}

const struct verb verb_start = {
	.name = "start",
	.args = "CONTAINER",
	.help = "Start the program of a container that was made",
	.min_args = 1,
	.max_args = 1,
	.run = start,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/runtime/verb.h"

static int pause_verb(struct oci *oci, void *opts, char **args, struct err *e)
{
	(void)opts;
	return oci_pause(oci, args[0], 1, e);
}

const struct verb verb_pause = {
	.name = "pause",
	.args = "CONTAINER",
	.help = "Freeze all processes of a container",
	.min_args = 1,
	.max_args = 1,
	.run = pause_verb,
};

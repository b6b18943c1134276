/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/runtime/verb.h"

static int resume(struct oci *oci, void *opts, char **args, struct err *e)
{
	(void)opts;
	return oci_pause(oci, args[0], 0, e);
}

const struct verb verb_resume = {
	.name = "resume",
	.args = "CONTAINER",
	.help = "Let all processes of a paused container go on",
	.min_args = 1,
	.max_args = 1,
	.run = resume,
};

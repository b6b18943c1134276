/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/secret/secret.h"

static int exists(struct engine *en, void *opts, char **args, struct err *e)
{
	scoped(secret) struct secret s = { 0 };
	int r = secret_find(en, args[0], &s, e);

	(void)opts;
	return r == -ENOENT ? exit_status(EXIT_OBJECT, r) : r;
}

const struct cmd cmd_secret_exists = {
	.noun = "secret",
	.verb = "exists",
	.args = "SECRET",
	.help = "Tell by the exit status whether a secret exists",
	.man = "Exits with 0 when it does and 1 when it does not; prints nothing.",
	.examples = "cove secret exists token || cove secret create token token.txt",
	.complete = "secret",
	.min_args = 1,
	.max_args = 1,
	.run = exists,
};

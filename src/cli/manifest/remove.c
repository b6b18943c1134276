/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"
#include "src/cli/manifest/entry.h"
#include "src/util/scoped.h"

static int remove_entry(struct engine *en, void *opts, char **args, struct err *e)
{
	scoped(mem) char *id = NULL;

	(void)opts;
	if (manifest_list_remove_entry(en, args[0], args[1], &id, e) < 0)
		return e->code;
	return manifest_print_id(id);
}

const struct cmd cmd_manifest_remove = {
	.noun = "manifest",
	.verb = "remove",
	.args = "LIST DIGEST",
	.help = "Take an entry out of a list",
	.examples = "cove manifest remove app sha256:f00d...",
	.complete = "image",
	.min_args = 2,
	.max_args = 2,
	.run = remove_entry,
};

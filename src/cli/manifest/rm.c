/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/image/manifest_list.h"

struct rm_options {
	int ignore;
};

#define AT(f) offsetof(struct rm_options, f)
static const struct opt options[] = {
	FLAG('i', "ignore", AT(ignore), "Do not fail for lists that do not exist"),
	END,
};

static int rm(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct rm_options *o = opts;
	int status = 0;

	for (; *args; args++) {
		struct image_remove_result res = { 0 };
		int r = manifest_list_remove(en, *args, &res, e);

		for (char **s = res.untagged; s && *s; s++)
			(void)printf("Untagged: %s\n", *s);
		for (char **s = res.deleted; s && *s; s++)
			(void)printf("Deleted: %s\n", *s);
		image_remove_result_done(&res);
		if (r == -ENOENT && o->ignore)
			err_clear(e);
		else if (r < 0)
			status = exit_failed(EXIT_OBJECT, status, e);
	}
	return status;
}

const struct cmd cmd_manifest_rm = {
	.noun = "manifest",
	.verb = "rm",
	.args = "LIST [LIST...]",
	.help = "Remove lists",
	.man = "The images that they name stay.",
	.examples = "cove manifest rm app",
	.complete = "image",
	.min_args = 1,
	.max_args = -1,
	.exit = EXIT_OBJECT,
	.size = sizeof(struct rm_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = rm,
};

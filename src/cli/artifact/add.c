/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/image/artifact.h"
#include "src/util/scoped.h"

struct add_options {
	int append, replace;
	char **annotations;
	const char *file_type, *type;
};

#define AT(f) offsetof(struct add_options, f)
static const struct opt options[] = {
	LIST(0, "annotation", "KEY=VALUE", AT(annotations), "Give the files this annotation"),
	FLAG('a', "append", AT(append), "Add to an artifact that exists already"),
	STR(0, "file-type", "TYPE", AT(file_type), "The media type of the files",
	    .man = "Without it, what the first bytes of the file say."),
	FLAG(0, "replace", AT(replace), "Replace an artifact that exists already"),
	STR(0, "type", "TYPE", AT(type), "The artifact's type",
	    .man = "Without it: " ARTIFACT_TYPE_UNKNOWN "."),
	END,
};

static int add(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct add_options *o = opts;
	const struct artifact_options a = { .type = o->type,
					    .file_type = o->file_type,
					    .annotations = o->annotations,
					    .append = o->append,
					    .replace = o->replace };
	scoped(mem) char *digest = NULL;

	if (artifact_add(en, args[0], args + 1, &a, &digest, e) < 0)
		return e->code;
	(void)printf("%s\n", digest);
	return 0;
}

const struct cmd cmd_artifact_add = {
	.noun = "artifact",
	.verb = "add",
	.args = "ARTIFACT PATH [PATH...]",
	.help = "Make an artifact of files",
	.man = "An artifact is a set of files under a name that registries keep as they keep "
	       "images. Each file is noted with its name, the last component of PATH. Prints the "
	       "artifact's digest.",
	.examples = "cove artifact add registry.example.org/me/model:1 model.bin README",
	.complete = "file",
	.min_args = 2,
	.max_args = -1,
	.size = sizeof(struct add_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = add,
};

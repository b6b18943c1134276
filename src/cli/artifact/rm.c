/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/image/artifact.h"
#include "src/util/scoped.h"

struct rm_options {
	int all, ignore;
};

#define AT(f) offsetof(struct rm_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Remove all artifacts"),
	FLAG('i', "ignore", AT(ignore), "Do not fail for artifacts that do not exist"),
	END,
};

static int rm_one(struct engine *en, const char *ref, int ignore, int status, struct err *e)
{
	scoped(mem) char *digest = NULL;
	int r = artifact_remove(en, ref, &digest, e);

	if (r == -ENOENT && ignore)
		err_clear(e);
	else if (r < 0)
		return exit_failed(EXIT_OBJECT, status, e);
	else
		(void)printf("%s\n", digest);
	return status;
}

static int rm(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct rm_options *o = opts;
	struct artifact **list = NULL;
	size_t n = 0;
	int status = 0;

	if (o->all && args[0])
		return err_set(e, -EINVAL,
			       "when using the --all switch, you may not pass any artifact names "
			       "or digests");
	if (!o->all && !args[0])
		return err_set(e, -EINVAL, "a single artifact name or digest must be specified");
	if (o->all && artifact_list(en, &list, &n, e) < 0)
		return e->code;
	for (size_t i = 0; i < n; i++)
		status = list[i]->is_elsewhere ? status : rm_one(en, list[i]->name, 1, status, e);
	artifact_list_free(list, n);
	for (; *args; args++)
		status = rm_one(en, *args, o->ignore, status, e);
	return status;
}

const struct cmd cmd_artifact_rm = {
	.noun = "artifact",
	.verb = "rm",
	.verbs = "remove",
	.args = "ARTIFACT [ARTIFACT...]",
	.help = "Remove artifacts",
	.examples = "cove artifact rm registry.example.org/me/model:1\ncove artifact rm --all",
	.complete = "artifact",
	.max_args = -1,
	.exit = EXIT_OBJECT,
	.size = sizeof(struct rm_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = rm,
};

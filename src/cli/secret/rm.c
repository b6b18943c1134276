/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/secret/secret.h"

struct rm_options {
	int all, ignore;
};

#define AT(f) offsetof(struct rm_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Remove all secrets"),
	FLAG('i', "ignore", AT(ignore), "Do not fail for secrets that do not exist"),
	END,
};

static int rm_one(struct engine *en, const char *ref, int ignore, int status, struct err *e)
{
	scoped(mem) char *id = NULL;
	int r = secret_remove(en, ref, &id, e);

	if (r == 0)
		(void)printf("%s\n", id);
	else if (r == -ENOENT && ignore)
		err_clear(e);
	else
		return exit_failed(EXIT_ENGINE, status, e);
	return status;
}

static int rm(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct rm_options *o = opts;
	scoped(secret_list) struct secret_list l = { 0 };
	int status = 0;

	if ((o->all != 0) == (args[0] != NULL))
		return err_set(e, -EINVAL,
			       "`cove secret rm` requires one argument, or the --all flag");
	if (o->all && secret_list(en, &l, e) < 0)
		return e->code;
	for (size_t i = 0; i < l.n; i++)
		status = rm_one(en, l.secret[i].id, 1, status, e);
	for (; *args; args++)
		status = rm_one(en, *args, o->ignore, status, e);
	return status;
}

const struct cmd cmd_secret_rm = {
	.noun = "secret",
	.verb = "rm",
	.args = "SECRET [SECRET...]",
	.help = "Remove secrets",
	.man = "The data goes, too. A container that was given it as a file keeps that file; one "
	       "that was to have it as a variable cannot be started any more.",
	.examples = "cove secret rm token\ncove secret rm --all",
	.complete = "secret",
	.max_args = -1,
	.size = sizeof(struct rm_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = rm,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/container/filter.h"
#include "src/container/record.h"
#include "src/util/scoped.h"

struct rm_cli {
	struct rm_options o;
	struct container_selection s;
	int depend;
};

#define AT(f) offsetof(struct rm_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(s.all), "Remove all containers"),
	LIST(0, "cidfile", "FILE", AT(s.cidfiles), "Take a container's ID from a file",
	     .complete = "file"),
	FLAG(0, "depend", AT(depend), "Remove those that share its namespaces, too"),
	LIST(0, "filter", "KEY=VALUE", AT(s.filters), "Remove the containers that pass",
	     .man = CONTAINER_FILTER_KEYS),
	FLAG('f', "force", AT(o.force),
	     "Stop running containers first; do not fail for those that do not exist"),
	FLAG('i', "ignore", AT(s.ignore), "Do not fail for containers that do not exist"),
	FLAG('l', "latest", AT(s.latest), "Remove the newest container"),
	INT('t', "time", "SECONDS", AT(o.timeout), -1, INT_MAX,
	    "With --force: time from the stop signal to SIGKILL", .init = -1,
	    .spellings = "timeout"),
	FLAG('v', "volumes", AT(o.volumes), "Remove the containers' anonymous volumes"),
	END,
};

/* What shares namespaces of REF goes first, and what shares theirs before. */
static int rm_dependents(struct engine *en, const char *ref, const struct rm_options *o,
			 struct err *e)
{
	scoped(strv) char **list = NULL;
	int r = container_dependents(en, ref, &list, e);

	for (char **id = list; r == 0 && id && *id; id++) {
		r = rm_dependents(en, *id, o, e);
		if (r == 0)
			r = container_rm(en, *id, o, e);
		if (r == 0)
			(void)printf("%s\n", *id);
	}
	return r;
}

static int rm_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	struct rm_cli *o = arg;
	int r = o->depend ? rm_dependents(en, ref, &o->o, e) : 0;

	if (r == 0)
		r = container_rm(en, ref, &o->o, e);
	if (r == -ENOENT && o->s.ignore) {
		err_clear(e);
		return 1; /* nothing was done, nothing is printed */
	}
	return r;
}

static int rm(struct engine *en, void *opts, char **args, struct err *e)
{
	struct rm_cli *o = opts;
	int r;

	o->s.ignore |= o->o.force;
	r = container_each_of(en, args, &o->s, EXIT_OBJECT, rm_one, o, e);
	record_collect(en);
	return r;
}

const struct cmd cmd_container_rm = {
	.noun = "container",
	.verb = "rm",
	.verbs = "remove",
	.alias = "rm",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Remove containers",
	.examples = "cove rm web\ncove rm --force --all",
	.complete = "container",
	.max_args = -1,
	.exit = EXIT_OBJECT,
	.size = sizeof(struct rm_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = rm,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>

#include "src/cli/cmd.h"
#include "src/cli/container/filter.h"
#include "src/container/record.h"

struct rm_cli {
	struct rm_options o;
	struct container_selection s;
};

#define AT(f) offsetof(struct rm_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(s.all), "Remove all containers"),
	LIST(0, "cidfile", "FILE", AT(s.cidfiles), "Take a container's ID from a file",
	     .complete = "file"),
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

static int rm_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	struct rm_cli *o = arg;
	int r = container_rm(en, ref, &o->o, e);
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

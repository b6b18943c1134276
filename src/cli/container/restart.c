/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "src/cli/cmd.h"
#include "src/cli/container/filter.h"

struct restart_cli {
	struct stop_options o;
	struct container_selection s;
	int running;
};

#define AT(f) offsetof(struct restart_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(s.all), "Restart all containers"),
	LIST(0, "cidfile", "FILE", AT(s.cidfiles), "Take a container's ID from a file",
	     .complete = "file"),
	LIST('f', "filter", "KEY=VALUE", AT(s.filters), "Restart the containers that pass",
	     .man = CONTAINER_FILTER_KEYS),
	FLAG('l', "latest", AT(s.latest), "Restart the newest container"),
	FLAG(0, "running", AT(running), "Restart all that run"),
	INT('t', "time", "SECONDS", AT(o.timeout), -1, INT_MAX,
	    "Time from the stop signal to SIGKILL", .init = -1, .spellings = "timeout"),
	END,
};

static int restart_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	struct restart_cli *o = arg;
	return container_restart(en, ref, &o->o, e);
}

static int restart(struct engine *en, void *opts, char **args, struct err *e)
{
	char status[] = "status=running";
	char *running[] = { status, NULL };
	struct restart_cli *o = opts;
	struct container_selection s = o->s;

	if (o->running)
		s.filters = running;
	return container_each_of(en, args, &s, EXIT_ENGINE, restart_one, o, e);
}

const struct cmd cmd_container_restart = {
	.noun = "container",
	.verb = "restart",
	.alias = "restart",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Stop containers and start them again",
	.examples = "cove restart web",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct restart_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = restart,
};

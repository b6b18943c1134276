/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"

struct restart_cli {
	struct stop_options o;
	int all, latest;
};

#define AT(f) offsetof(struct restart_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Restart all containers"),
	FLAG('l', "latest", AT(latest), "Restart the newest container"),
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
	struct restart_cli *o = opts;
	return container_each(en, args, o->all, o->latest, 1, EXIT_ENGINE, restart_one, o, e);
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

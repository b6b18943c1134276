/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>

#include "src/cli/cmd.h"
#include "src/cli/container/filter.h"

struct stop_cli {
	struct stop_options o;
	struct container_selection s;
};

#define AT(f) offsetof(struct stop_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(s.all), "Stop all running containers"),
	LIST(0, "cidfile", "FILE", AT(s.cidfiles), "Take a container's ID from a file",
	     .complete = "file"),
	LIST('f', "filter", "KEY=VALUE", AT(s.filters), "Stop the containers that pass",
	     .man = CONTAINER_FILTER_KEYS),
	FLAG('i', "ignore", AT(s.ignore), "Do not fail for containers that do not exist"),
	FLAG('l', "latest", AT(s.latest), "Stop the newest container"),
	INT('t', "time", "SECONDS", AT(o.timeout), -1, INT_MAX,
	    "Time from the stop signal to SIGKILL (the container's own, 10 as a rule, when not "
	    "given)",
	    .init = -1, .spellings = "timeout"),
	END,
};

static int stop_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	struct stop_cli *o = arg;
	int r = container_stop(en, ref, &o->o, e);
	if (r == -ENOENT && o->s.ignore) {
		err_clear(e);
		return 1; /* nothing was done, nothing is printed */
	}
	return r;
}

static int stop(struct engine *en, void *opts, char **args, struct err *e)
{
	struct stop_cli *o = opts;
	return container_each_of(en, args, &o->s, EXIT_ENGINE, stop_one, o, e);
}

const struct cmd cmd_container_stop = {
	.noun = "container",
	.verb = "stop",
	.alias = "stop",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Stop running containers",
	.man = "The stop signal is sent, and SIGKILL when the container still runs after the time "
	       "given.",
	.examples = "cove stop web\ncove stop --time 2 --all",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct stop_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = stop,
};

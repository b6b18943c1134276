/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"
#include "src/cli/container/filter.h"

struct kill_options {
	struct container_selection s;
	const char *signal;
};

#define AT(f) offsetof(struct kill_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(s.all), "Signal all containers"),
	LIST(0, "cidfile", "FILE", AT(s.cidfiles), "Take a container's ID from a file",
	     .complete = "file"),
	FLAG('l', "latest", AT(s.latest), "Signal the newest container"),
	STR('s', "signal", "SIGNAL", AT(signal), "Signal to send", .def = "KILL"),
	END,
};

static int kill_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	const struct kill_options *o = arg;
	return container_kill(en, ref, o->signal, e);
}

static int kill_cmd(struct engine *en, void *opts, char **args, struct err *e)
{
	struct kill_options *o = opts;
	return container_each_of(en, args, &o->s, EXIT_ENGINE, kill_one, o, e);
}

const struct cmd cmd_container_kill = {
	.noun = "container",
	.verb = "kill",
	.alias = "kill",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Send a signal to running containers",
	.examples = "cove kill web\ncove kill --signal HUP web",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct kill_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = kill_cmd,
};

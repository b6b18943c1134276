/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/cli/container/filter.h"
#include "src/cli/container/options.h"
#include "src/cli/exit.h"
#include "src/util/scoped.h"

struct pause_cli {
	struct container_selection s;
};

#define AT(f) offsetof(struct pause_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(s.all), "Pause all containers that are running"),
	LIST(0, "cidfile", "FILE", AT(s.cidfiles), "Take a container's ID from a file",
	     .complete = "file"),
	LIST('f', "filter", "KEY=VALUE", AT(s.filters), "Take containers for which this holds",
	     .man = CONTAINER_FILTER_KEYS),
	FLAG('l', "latest", AT(s.latest), "Pause the newest container"),
	END,
};

static int pause_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	const struct pause_cli *o = arg;
	int r = container_pause(en, ref, e);
	if (r == -EINVAL && (o->s.all || o->s.filters)) { /* not running */
		err_clear(e);
		return 1;
	}
	return r;
}

static int pause_containers(struct engine *en, void *opts, char **args, struct err *e)
{
	struct pause_cli *o = opts;
	return container_each_of(en, args, &o->s, EXIT_ENGINE, pause_one, o, e);
}

const struct cmd cmd_container_pause = {
	.noun = "container",
	.verb = "pause",
	.alias = "pause",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Freeze all processes of running containers",
	.man = "It takes a cgroup with a freezer. A container that was started without one gets a "
	       "scope of its own from systemd's user manager, where there is one.",
	.examples = "cove pause web\ncove pause --all",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct pause_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = pause_containers,
};

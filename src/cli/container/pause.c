/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/cli/exit.h"

struct pause_cli {
	int all, latest;
};

#define AT(f) offsetof(struct pause_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Pause all containers that are running"),
	FLAG('l', "latest", AT(latest), "Pause the newest container"),
	END,
};

static int pause_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	const struct pause_cli *o = arg;
	int r = container_pause(en, ref, e);
	if (r == -EINVAL && o->all) { /* not running */
		err_clear(e);
		return 1;
	}
	return r;
}

static int pause_containers(struct engine *en, void *opts, char **args, struct err *e)
{
	struct pause_cli *o = opts;
	return container_each(en, args, o->all, o->latest, 1, EXIT_ENGINE, pause_one, o, e);
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

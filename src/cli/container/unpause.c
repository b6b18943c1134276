/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/cli/container/filter.h"
#include "src/cli/container/options.h"
#include "src/cli/exit.h"
#include "src/util/scoped.h"

struct unpause_cli {
	struct container_selection s;
};

#define AT(f) offsetof(struct unpause_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(s.all), "Unpause all containers that are paused"),
	LIST(0, "cidfile", "FILE", AT(s.cidfiles), "Take a container's ID from a file",
	     .complete = "file"),
	LIST('f', "filter", "KEY=VALUE", AT(s.filters), "Take containers for which this holds",
	     .man = CONTAINER_FILTER_KEYS),
	FLAG('l', "latest", AT(s.latest), "Unpause the newest container"),
	END,
};

static int unpause_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	const struct unpause_cli *o = arg;
	int r = container_unpause(en, ref, e);
	if (r == -EINVAL && (o->s.all || o->s.filters)) { /* not paused */
		err_clear(e);
		return 1;
	}
	return r;
}

static int unpause_containers(struct engine *en, void *opts, char **args, struct err *e)
{
	struct unpause_cli *o = opts;
	return container_each_of(en, args, &o->s, EXIT_ENGINE, unpause_one, o, e);
}

const struct cmd cmd_container_unpause = {
	.noun = "container",
	.verb = "unpause",
	.alias = "unpause",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Let the processes of paused containers go on",
	.man = "See cove-pause(1).",
	.examples = "cove unpause web\ncove unpause --all",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct unpause_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = unpause_containers,
};

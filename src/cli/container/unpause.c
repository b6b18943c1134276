/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/cli/container/filter.h"
#include "src/cli/container/options.h"
#include "src/cli/exit.h"
#include "src/util/scoped.h"

struct unpause_cli {
	int all, latest;
	char **cidfiles, **filters;
};

#define AT(f) offsetof(struct unpause_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Unpause all containers that are paused"),
	LIST(0, "cidfile", "FILE", AT(cidfiles), "Take a container's ID from a file",
	     .complete = "file"),
	LIST('f', "filter", "KEY=VALUE", AT(filters), "Take containers for which this holds",
	     .man = CONTAINER_FILTER_KEYS),
	FLAG('l', "latest", AT(latest), "Unpause the newest container"),
	END,
};

static int unpause_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	const struct unpause_cli *o = arg;
	int r = container_unpause(en, ref, e);
	if (r == -EINVAL && (o->all || o->filters)) { /* not paused */
		err_clear(e);
		return 1;
	}
	return r;
}

static int unpause_containers(struct engine *en, void *opts, char **args, struct err *e)
{
	struct unpause_cli *o = opts;
	scoped(strv) char **list = NULL;
	int r = container_select(en, args, o->cidfiles, o->filters, &list, e);

	if (r < 0 || (o->filters && !list))
		return r;
	return container_each(en, list, o->all, o->latest, 1, EXIT_ENGINE, unpause_one, o, e);
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

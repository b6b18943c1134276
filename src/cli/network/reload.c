/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/container/container.h"
#include "src/container/networks.h"

struct reload_options {
	int all, latest;
};

#define AT(f) offsetof(struct reload_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Reload all running containers that are on networks"),
	FLAG('l', "latest", AT(latest), "Reload the newest container"),
	END,
};

static int reload_one(struct engine *en, const char *ref, struct err *e)
{
	int r = container_network_reload(en, ref, e);

	if (r == 0)
		(void)printf("%s\n", ref);
	return r;
}

static int reload_all(struct engine *en, struct err *e)
{
	struct container **list = NULL;
	size_t n = 0;
	int status = 0, r = container_list(en, 0, &list, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		int bad = reload_one(en, list[i]->id, e);
		if (bad == -EINVAL) /* it is on none */
			err_clear(e);
		else if (bad < 0)
			status = exit_failed(EXIT_ENGINE, status, e);
	}
	container_list_free(list, n);
	return r < 0 ? r : status;
}

static int reload(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct reload_options *o = opts;
	scoped(container) struct container *newest = NULL;
	int status = 0;

	if (o->all + o->latest + (args[0] != NULL) != 1)
		return err_set(e, -EINVAL, "name containers, or use --all or --latest");
	if (o->all)
		return reload_all(en, e);
	if (o->latest) {
		int r = container_latest(en, &newest, e);
		return r < 0 ? r : reload_one(en, newest->id, e);
	}
	for (; *args; args++)
		if (reload_one(en, *args, e) < 0)
			status = exit_failed(EXIT_ENGINE, status, e);
	return status;
}

const struct cmd cmd_network_reload = {
	.noun = "network",
	.verb = "reload",
	.args = "[CONTAINER...]",
	.help = "Connect running containers to their networks anew",
	.man = "Containers whose network's process was killed mend themselves; this is for what "
	       "should not happen.",
	.examples = "cove network reload --all",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct reload_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = reload,
};

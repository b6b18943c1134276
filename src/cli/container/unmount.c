/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/container/mount.h"

struct unmount_options {
	int all, force, latest;
};

#define AT(f) offsetof(struct unmount_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Unmount all containers"),
	FLAG('f', "force", AT(force), "Unmount although somebody uses it"),
	FLAG('l', "latest", AT(latest), "Unmount the newest container"),
	EXCLUDES("all", "latest"),
	END,
};

static int unmount_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	const struct unmount_options *o = arg;
	scoped(container) struct container *c = NULL;
	int r = container_find(en, ref, &c, e);

	if (r != 0 || !c)
		return r;
	r = container_unmount(en, c->id, o->force, e);
	/* Of all only those that were mounted are told. */
	return r == 0 && o->all ? 1 : r < 0 ? r : 0;
}

static int unmount(struct engine *en, void *opts, char **args, struct err *e)
{
	struct unmount_options *o = opts;
	return container_each(en, args, o->all, o->latest, 1, EXIT_ENGINE, unmount_one, o, e);
}

const struct cmd cmd_container_unmount = {
	.noun = "container",
	.verb = "unmount",
	.verbs = "umount",
	.alias = "unmount|umount",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Undo `mount`",
	.examples = "cove unmount --all",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct unmount_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = unmount,
};

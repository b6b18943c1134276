/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/util/scoped.h"

struct update_cli {
	struct resource_options limits; /* first: the rows are those of run */
	int latest;
};

#define AT(f) offsetof(struct update_cli, f)
static const struct opt options[] = {
	FLAG('l', "latest", AT(latest), "Update the newest container"),
	END,
};

static int update(struct engine *en, void *opts, char **args, struct err *e)
{
	struct update_cli *o = opts;
	scoped(container) struct container *c = NULL;
	scoped(mem) char *id = NULL;
	const char *ref = args[0];
	int r = 0;

	if (o->latest && ref)
		return err_set(e, -EINVAL, "--latest and containers cannot be used together");
	if (o->latest) {
		r = container_latest(en, &c, e);
		ref = r < 0 ? NULL : c->id;
	}
	if (r < 0)
		return r;
	if (!ref)
		return err_set(e, -EINVAL, "container must be provided");
	r = container_update(en, ref, &o->limits, &id, e);
	if (r == 0)
		(void)printf("%s\n", id);
	return r;
}

const struct cmd cmd_container_update = {
	.noun = "container",
	.verb = "update",
	.alias = "update",
	.args = "CONTAINER",
	.help = "Change the limits of a container",
	.man = "What is not given stays. The limits of a running container change at once; those "
	       "of "
	       "one that does not run hold from its next start. A limit that is not kept by a "
	       "cgroup cannot be changed while the container runs.",
	.examples = "cove update --memory 512m --cpus 1.5 web",
	.complete = "container",
	.max_args = 1,
	.size = sizeof(struct update_cli),
	.groups = (const struct opt *const[]){ options, container_resource_rows, NULL },
	.run = update,
};

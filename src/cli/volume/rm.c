/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/container/volumes.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/volume/volume.h"

struct rm_cli {
	struct volume_rm_options o;
	int all;
};

#define AT(f) offsetof(struct rm_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Remove all volumes"),
	FLAG('f', "force", AT(o.force),
	     "Remove the containers that have it, too; do not fail for those that do not exist"),
	INT('t', "time", "SECONDS", AT(o.timeout), -1, INT_MAX,
	    "With --force: time from the stop signal to SIGKILL", .init = 10,
	    .spellings = "timeout"),
	END,
};

static int rm(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct rm_cli *o = opts;
	scoped(strv) char **all = NULL;
	int status = 0, r = 0;

	if (o->all == (args[0] != NULL))
		return err_set(e, -EINVAL, "choose either one or more volumes or all");
	if (o->all)
		r = volume_list(en, &all, e);
	if (r < 0)
		return r;
	for (char **name = o->all ? all : args; name && *name; name++) {
		r = container_volume_rm(en, *name, &o->o, e);
		if (r == -ENOENT && (o->o.force || o->all))
			err_clear(e);
		else if (r < 0)
			status = exit_failed(EXIT_OBJECT, status, e);
		else
			(void)puts(*name);
	}
	return status;
}

const struct cmd cmd_volume_rm = {
	.noun = "volume",
	.verb = "rm",
	.verbs = "remove",
	.args = "VOLUME [VOLUME...]",
	.help = "Remove volumes with all that is in them",
	.examples = "cove volume rm data\ncove volume rm --force --time 0 scratch",
	.complete = "volume",
	.max_args = -1,
	.exit = EXIT_OBJECT,
	.size = sizeof(struct rm_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = rm,
};

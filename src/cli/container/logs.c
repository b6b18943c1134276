/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/util/scoped.h"
#include "src/util/units.h"

struct logs_cli {
	int follow, timestamps, tail, latest;
	const char *since, *until;
};

#define AT(f) offsetof(struct logs_cli, f)
static const struct opt options[] = {
	FLAG('f', "follow", AT(follow), "Go on until the container ends"),
	FLAG('l', "latest", AT(latest), "Show the log of the newest container"),
	STR(0, "since", "TIME", AT(since), "Show lines from then on"),
	INT('n', "tail", "N", AT(tail), -1, INT_MAX, "Show the last N lines only", .init = -1),
	FLAG('t', "timestamps", AT(timestamps), "Show when each line was written"),
	STR(0, "until", "TIME", AT(until), "Show lines up to then"),
	END,
};

static int logs_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	return container_logs(en, ref, arg, STDOUT_FILENO, STDERR_FILENO, e);
}

static int logs(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct logs_cli *o = opts;
	struct logs_options l = { .follow = o->follow,
				  .timestamps = o->timestamps,
				  .tail = o->tail };
	int r = cmd_time(o->since, &l.since, e);

	if (r == 0)
		r = cmd_time(o->until, &l.until, e);
	return r < 0 ? r : container_each(en, args, 0, o->latest, 0, EXIT_ENGINE, logs_one, &l, e);
}

const struct cmd cmd_container_logs = {
	.noun = "container",
	.verb = "logs",
	.alias = "logs",
	.args = "CONTAINER",
	.help = "Show what a container has written",
	.examples = "cove logs web\ncove logs --follow --tail 10 web",
	.complete = "container",
	.max_args = 1,
	.size = sizeof(struct logs_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = logs,
};

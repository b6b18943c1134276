/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"

struct wait_options {
	int latest, ignore;
};

#define AT(f) offsetof(struct wait_options, f)
static const struct opt options[] = {
	FLAG(0, "ignore", AT(ignore), "Do not fail for containers that do not exist"),
	FLAG('l', "latest", AT(latest), "Wait for the newest container"),
	END,
};

static int wait_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	const struct wait_options *o = arg;
	int code = 0, r = container_wait(en, ref, &code, e);

	if (r == -ENOENT && o->ignore) {
		err_clear(e);
		code = -1;
		r = 0;
	}
	if (r == 0)
		(void)printf("%d\n", code);
	return r;
}

static int wait_cmd(struct engine *en, void *opts, char **args, struct err *e)
{
	struct wait_options *o = opts;
	return container_each(en, args, 0, o->latest, 0, EXIT_ENGINE, wait_one, o, e);
}

const struct cmd cmd_container_wait = {
	.noun = "container",
	.verb = "wait",
	.alias = "wait",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Wait until containers have ended and print their exit codes",
	.examples = "cove wait web",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct wait_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = wait_cmd,
};

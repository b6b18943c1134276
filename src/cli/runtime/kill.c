/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>

#include "src/cli/runtime/verb.h"
#include "src/util/signals.h"

struct kill_options {
	int all;
};

#define AT(f) offsetof(struct kill_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Send it to every process of the container"),
	END,
};

static int kill_verb(struct oci *oci, void *opts, char **args, struct err *e)
{
	const struct kill_options *o = opts;
	int sig = args[1] ? signal_from_name(args[1]) : SIGTERM;

	if (sig < 0)
		return err_set(e, -EINVAL, "unknown signal '%.32s'", args[1]);
	return oci_kill(oci, args[0], sig, o->all, e);
}

const struct verb verb_kill = {
	.name = "kill",
	.args = "CONTAINER [SIGNAL]",
	.help = "Send a signal to a container",
	.man = "SIGNAL is a name with or without SIG, or a number; TERM when none is given.",
	.min_args = 1,
	.max_args = 2,
	.size = sizeof(struct kill_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = kill_verb,
};

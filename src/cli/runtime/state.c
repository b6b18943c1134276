/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/report.h"
#include "src/cli/runtime/verb.h"
#include "src/util/scoped.h"

static int state(struct oci *oci, void *opts, char **args, struct err *e)
{
	scoped(state) struct state s = STATE_NONE;
	scoped(json) json_object *o = NULL;
	int r = state_open(oci->root_fd, args[0], 0, &s, e);

	(void)opts;
	if (r < 0)
		return r;
	o = oci_state_json(&s);
	return o ? report_json(o, e) : err_errno(e, ENOMEM, "container %s", args[0]);
}

const struct verb verb_state = {
	.name = "state",
	.args = "CONTAINER",
	.help = "Print the state of a container as JSON",
	.man = "The members are those of the runtime-spec, and rootfs, created and owner.",
	.min_args = 1,
	.max_args = 1,
	.run = state,
};

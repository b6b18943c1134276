/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/runtime/stats.h"

#include <errno.h>
#include <stdio.h>

#include "src/util/json.h"
#include "src/util/scoped.h"

int stats_print(const struct state *s, struct err *e)
{
	scoped(json) json_object *line = json_object_new_object();
	json_object *data = NULL;
	scoped(mem) char *text = NULL;
	int r = cgroup_stats(&s->cg, &data, e);

	if (r < 0)
		return err_in(e, "container %s", s->id);
	json_put_str(line, "type", "stats");
	json_put_str(line, "id", s->id);
	json_put(line, "data", data);
	text = json_text(line);
	if (!text)
		return err_errno(e, ENOMEM, "container %s", s->id);
	return puts(text) < 0 || fflush(stdout) != 0 ? err_sys(e, "write to standard output") : 0;
}

static int stats(struct oci *oci, void *opts, char **args, struct err *e)
{
	scoped(state) struct state s = STATE_NONE;
	int r = oci_open_running(oci, args[0], 1, &s, e);

	(void)opts;
	return r < 0 ? r : stats_print(&s, e);
}

const struct verb verb_stats = {
	.name = "stats",
	.args = "CONTAINER",
	.help = "Print what a container uses, as JSON",
	.min_args = 1,
	.max_args = 1,
	.run = stats,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/cli/exit.h"
#include "src/cli/report.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/units.h"

struct restore_cli {
	struct restore_options o;
	int all, latest, print_stats;
};

#define AT(f) offsetof(struct restore_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Restore all containers that have a checkpoint"),
	FLAG(0, "file-locks", AT(o.file_locks), "Take file locks again"),
	REFUSED(0, "ignore-rootfs", "it goes with --import, which is not supported"),
	REFUSED(0, "ignore-static-ip", "it goes with --import, which is not supported"),
	REFUSED(0, "ignore-static-mac", "it goes with --import, which is not supported"),
	REFUSED(0, "ignore-volumes", "it goes with --import, which is not supported"),
	REFUSED('i', "import", "a checkpoint of elsewhere cannot be imported"),
	REFUSED(0, "import-previous", "a checkpoint of elsewhere cannot be imported"),
	FLAG('k', "keep", AT(o.keep), "Keep the files of the checkpoint"),
	FLAG('l', "latest", AT(latest), "Use the newest container"),
	REFUSED('n', "name", "it goes with --import, which is not supported"),
	REFUSED(0, "pod", "there are no pods"),
	FLAG(0, "print-stats", AT(print_stats), "Print what criu measured, as JSON"),
	REFUSED('p', "publish", "it goes with --import, which is not supported"),
	FLAG(0, "tcp-close", AT(o.tcp_close), "Close the TCP connections that were open"),
	FLAG(0, "tcp-established", AT(o.tcp_established), "Go on with open TCP connections"),
	END,
};

static int restore_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	const struct restore_cli *o = arg;
	int r = container_restore(en, ref, &o->o, e);
	if (r == -EINVAL && o->all) { /* running, or without a checkpoint */
		err_clear(e);
		return 1;
	}
	return r;
}

static int restore(struct engine *en, void *opts, char **args, struct err *e)
{
	struct restore_cli *o = opts;
	scoped(json) json_object *stats = o->print_stats ? json_object_new_object() : NULL;
	int64_t started = time_now_ns();
	int status;

	if (!stats)
		return container_each(en, args, o->all, o->latest, 1, EXIT_ENGINE, restore_one, o,
				      e);
	o->o.stats = json_object_new_array();
	status = container_each(en, args, o->all, o->latest, 0, EXIT_ENGINE, restore_one, o, e);
	json_put_int(stats, "podman_restore_duration", (time_now_ns() - started) / 1000);
	json_put(stats, "container_statistics", o->o.stats);
	return status != 0 ? status : report_json(stats, e);
}

const struct cmd cmd_container_restore = {
	.noun = "container",
	.verb = "restore",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Bring the processes of checkpointed containers back",
	.man = "It takes real root and the program criu(8).",
	.examples = "cove container restore web",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct restore_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = restore,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

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
	int ignored; /* what has no meaning here */
};

#define AT(f) offsetof(struct restore_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Restore all containers that have a checkpoint"),
	FLAG(0, "file-locks", AT(o.file_locks), "Take file locks again"),
	FLAG(0, "ignore-rootfs", AT(o.ignore_rootfs),
	     "Leave changes of the root file system out of --import"),
	FLAG(0, "ignore-static-ip", AT(ignored),
	     "Take no address from the archive: cove never does"),
	FLAG(0, "ignore-static-mac", AT(ignored),
	     "Take no MAC address from the archive: cove never does"),
	FLAG(0, "ignore-volumes", AT(o.ignore_volumes),
	     "Leave the contents of volumes out of --import, and use volumes that there are"),
	STR('i', "import", "FILE", AT(o.import), "Make the container of this archive",
	    .complete = "file"),
	STR(0, "import-previous", "FILE", AT(o.import_previous),
	    "Archive of the pre-checkpoint that --import goes with", .complete = "file"),
	FLAG('k', "keep", AT(o.keep), "Keep the files of the checkpoint"),
	FLAG('l', "latest", AT(latest), "Use the newest container"),
	STR('n', "name", "NAME", AT(o.name), "Name of the container that --import makes"),
	REFUSED(0, "pod", "there are no pods"),
	FLAG(0, "print-stats", AT(print_stats), "Print what criu measured, as JSON"),
	CSV('p', "publish", "[[IP:]HOSTPORT:]PORT[/PROTO]", AT(o.publish),
	    "With --import: publish these ports in place of the archive's"),
	FLAG(0, "tcp-close", AT(o.tcp_close), "Close the TCP connections that were open"),
	FLAG(0, "tcp-established", AT(o.tcp_established), "Go on with open TCP connections"),
	LIST('v', "volume", "SOURCE:PATH[:OPTIONS]", AT(o.volume),
	     "With --import: what is mounted at PATH, where the container had something of its "
	     "host's"),
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

static int check(const struct restore_cli *o, char **args, struct err *e)
{
	const struct {
		int given;
		const char *name;
	} rows[] = { { o->o.name != NULL, "name" },
		     { o->o.import_previous != NULL, "import-previous" },
		     { o->o.ignore_rootfs, "ignore-rootfs" },
		     { o->o.ignore_volumes, "ignore-volumes" },
		     { o->o.publish != NULL, "publish" },
		     { o->o.volume != NULL, "volume" },
		     { o->ignored, "ignore-static-ip and --ignore-static-mac" } };

	for (size_t i = 0; i < ARRAY_LEN(rows) && !o->o.import; i++)
		if (rows[i].given)
			return err_set(e, -EINVAL, "--%s can only be used with --import",
				       rows[i].name);
	if (o->o.import && (args[0] || o->all || o->latest))
		return err_set(e, -EINVAL,
			       "--import makes a container: none can be named beside it");
	return 0;
}

static int import(struct engine *en, const struct restore_cli *o, int print, struct err *e)
{
	scoped(mem) char *id = NULL;
	int r = container_import(en, &o->o, &id, e);

	if (r < 0)
		return r;
	if (print)
		(void)puts(id);
	return 0;
}

static int restore(struct engine *en, void *opts, char **args, struct err *e)
{
	struct restore_cli *o = opts;
	scoped(json) json_object *stats = o->print_stats ? json_object_new_object() : NULL;
	int64_t started = time_now_ns();
	int status;

	if (check(o, args, e) < 0)
		return e->code;
	if (!stats && o->o.import)
		return import(en, o, 1, e);
	if (!stats)
		return container_each(en, args, o->all, o->latest, 1, EXIT_ENGINE, restore_one, o,
				      e);
	o->o.stats = json_object_new_array();
	status = o->o.import ? import(en, o, 0, e)
			     : container_each(en, args, o->all, o->latest, 0, EXIT_ENGINE,
					      restore_one, o, e);
	json_put_int(stats, "podman_restore_duration", (time_now_ns() - started) / 1000);
	json_put(stats, "container_statistics", o->o.stats);
	return status != 0 ? status : report_json(stats, e);
}

const struct cmd cmd_container_restore = {
	.noun = "container",
	.verb = "restore",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Bring the processes of checkpointed containers back",
	.man = "It takes real root and the program criu(8). --import makes a container of an "
	       "archive that checkpoint --export wrote, of the same image, with the name and ID "
	       "that it had unless --name is given. What processes such an archive has, and with "
	       "which rights, its maker decided: import only archives of those whom you trust with "
	       "root. Directories of the host are never taken over from it: name those that the "
	       "container had with --volume.",
	.examples = "cove container restore web\n"
		    "cove container restore --import web.tar.zst --name web2",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct restore_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = restore,
};

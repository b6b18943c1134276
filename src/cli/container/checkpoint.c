/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/cli/exit.h"
#include "src/cli/report.h"
#include "src/image/compress.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

struct checkpoint_cli {
	struct checkpoint_options o;
	int all, latest, print_stats;
};

#define AT(f) offsetof(struct checkpoint_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Checkpoint all running containers"),
	STR('c', "compress", "KIND", AT(o.compress),
	    "How --export compresses: zstd, which is the default, gzip or none"),
	REFUSED(0, "create-image", "a checkpoint cannot be made an image"),
	STR('e', "export", "FILE", AT(o.export_file), "Write the checkpoint to this archive",
	    .complete = "file"),
	FLAG(0, "file-locks", AT(o.file_locks), "Write down file locks as well"),
	FLAG(0, "ignore-rootfs", AT(o.ignore_rootfs),
	     "Leave changes of the root file system out of --export"),
	FLAG(0, "ignore-volumes", AT(o.ignore_volumes), "Leave named volumes out of --export"),
	FLAG('k', "keep", AT(o.keep), "Keep criu's log and statistics beside the checkpoint"),
	FLAG('l', "latest", AT(latest), "Use the newest container"),
	FLAG('R', "leave-running", AT(o.leave_running), "Let it run on"),
	FLAG('P', "pre-checkpoint", AT(o.pre_checkpoint),
	     "Write only its memory, and let it run on; for --with-previous"),
	FLAG(0, "print-stats", AT(print_stats), "Print what criu measured, as JSON"),
	FLAG(0, "tcp-established", AT(o.tcp_established),
	     "Write down open TCP connections as well"),
	FLAG(0, "with-previous", AT(o.with_previous), "Only what changed since --pre-checkpoint"),
	END,
};

static int checkpoint_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	const struct checkpoint_cli *o = arg;
	int r = container_checkpoint(en, ref, &o->o, e);
	if (r == -EINVAL && o->all) { /* not running */
		err_clear(e);
		return 1;
	}
	return r;
}

static int check(const struct checkpoint_cli *o, char **args, struct err *e)
{
	const struct {
		int given;
		const char *name;
	} rows[] = { { o->o.compress != NULL, "compress" },
		     { o->o.ignore_rootfs, "ignore-rootfs" },
		     { o->o.ignore_volumes, "ignore-volumes" } };
	enum compression kind;

	if (o->o.pre_checkpoint && o->o.with_previous)
		return err_set(e, -EINVAL,
			       "--with-previous cannot be used together with --pre-checkpoint");
	for (size_t i = 0; i < ARRAY_LEN(rows) && !o->o.export_file; i++)
		if (rows[i].given)
			return err_set(e, -EINVAL, "--%s can only be used with --export",
				       rows[i].name);
	if (o->o.export_file && (o->all || strv_len(args) > 1))
		return err_set(e, -EINVAL, "--export writes the archive of one container");
	if (o->o.compress &&
	    (compression_parse(o->o.compress, &kind) < 0 || kind == COMPRESS_ZSTD_CHUNKED))
		return err_set(e, -EINVAL,
			       "selected compression algorithm (\"%s\") not supported. Please "
			       "select one from: gzip, none, zstd",
			       o->o.compress);
	return 0;
}

static int checkpoint(struct engine *en, void *opts, char **args, struct err *e)
{
	struct checkpoint_cli *o = opts;
	scoped(json) json_object *stats = o->print_stats ? json_object_new_object() : NULL;
	int64_t started = time_now_ns();
	int status;

	if (check(o, args, e) < 0)
		return e->code;
	if (!stats)
		return container_each(en, args, o->all, o->latest, 1, EXIT_ENGINE, checkpoint_one,
				      o, e);
	o->o.stats = json_object_new_array();
	status = container_each(en, args, o->all, o->latest, 0, EXIT_ENGINE, checkpoint_one, o, e);
	json_put_int(stats, "podman_checkpoint_duration", (time_now_ns() - started) / 1000);
	json_put(stats, "container_statistics", o->o.stats);
	return status != 0 ? status : report_json(stats, e);
}

const struct cmd cmd_container_checkpoint = {
	.noun = "container",
	.verb = "checkpoint",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Write the processes of running containers to disk and end them",
	.man = "It takes real root and the program criu(8). "
	       "The checkpoint stays with the container; --export writes an archive "
	       "of it, too, which holds the memory of the processes, what was changed in the root "
	       "file system, the named volumes, and how the container was made. "
	       "Connections "
	       "between processes of the container outlive it with --tcp-established; one to a "
	       "peer "
	       "outside of a private network ends, and fails after the restore.",
	.examples = "cove container checkpoint web\ncove container checkpoint --leave-running web\n"
		    "cove container checkpoint --export web.tar.zst web",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct checkpoint_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = checkpoint,
};

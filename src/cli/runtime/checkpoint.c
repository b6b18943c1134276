/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/runtime/criu_rows.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define AT(f) offsetof(struct criu_cli, f)
const struct opt criu_rows[] = {
	FLAG(0, "auto-dedup", AT(auto_dedup), "Drop from a pre-dump what later images have"),
	STR(0, "empty-ns", "TYPE", AT(empty_ns), "Taken for network: it is never in the images",
	    .values = "network"),
	FLAG(0, "ext-unix-sk", AT(ext_unix_sk), "Allow Unix sockets with a peer outside"),
	FLAG(0, "file-locks", AT(file_locks), "Handle file locks"),
	STR(0, "image-path", "DIR", AT(image_path), "Directory of the images", .def = "checkpoint",
	    .complete = "dir"),
	REFUSED(0, "lazy-pages", "pages cannot be fetched later"),
	STR(0, "manage-cgroups-mode", "MODE", AT(manage_cgroups),
	    "What criu does to cgroups; nothing, unless given",
	    .values = "soft|full|strict|ignore"),
	FLAG(0, "shell-job", AT(shell_job), "Allow a session whose leader is outside"),
	FLAG(0, "tcp-established", AT(tcp_established), "Allow open TCP connections"),
	STR(0, "work-path", "DIR", AT(work_path), "Directory of criu's log and statistics",
	    .complete = "dir", .man = "Without it that of the images."),
	END,
};
static const struct opt options[] = {
	FLAG(0, "leave-running", AT(leave_running), "Let the container run on"),
	FLAG(0, "link-remap", AT(link_remap), "Allow open files whose name was removed"),
	REFUSED(0, "page-server", "pages are written to files only"),
	STR(0, "parent-path", "DIR", AT(parent_path), "Images of a --pre-dump before this",
	    .complete = "dir", .man = "It is read from the directory of the images."),
	FLAG(0, "pre-dump", AT(pre_dump), "Write the memory only, and let it run on"),
	REFUSED(0, "status-fd", "pages cannot be fetched later"),
	FLAG(0, "tcp-skip-in-flight", AT(tcp_skip_in_flight),
	     "Taken for the sake of runc's callers: restore always does", .hidden = 1),
	END,
};

static char *absolute(const char *path)
{
	scoped(mem) char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);

	return path[0] == '/' ? strdup(path) : cwd ? str_printf("%s/%s", cwd, path) : NULL;
}

int criu_cli_options(const struct oci *oci, const struct criu_cli *o, struct criu_paths *paths,
		     struct criu_options *ret, struct err *e)
{
	paths->image = absolute(o->image_path);
	paths->work = absolute(o->work_path ? o->work_path : o->image_path);
	if (!paths->image || !paths->work)
		return err_errno(e, ENOMEM, "criu");
	*ret = (struct criu_options){ .program = oci->criu,
				      .dir = paths->image,
				      .work = paths->work,
				      .previous = o->parent_path,
				      .leave_running = o->leave_running,
				      .pre_dump = o->pre_dump,
				      .tcp_established = o->tcp_established,
				      .file_locks = o->file_locks,
				      .ext_unix_sk = o->ext_unix_sk,
				      .shell_job = o->shell_job,
				      .link_remap = o->link_remap,
				      .auto_dedup = o->auto_dedup,
				      .manage_cgroups = o->manage_cgroups,
				      .lsm_profile = o->lsm_profile,
				      .lsm_context = o->lsm_context };
	return 0;
}

static int checkpoint(struct oci *oci, void *opts, char **args, struct err *e)
{
	__attribute__((cleanup(scoped_criu_paths))) struct criu_paths paths = { 0 };
	struct criu_options o;
	int r = criu_cli_options(oci, opts, &paths, &o, e);

	return r < 0 ? r : oci_checkpoint(oci, args[0], &o, e);
}

const struct verb verb_checkpoint = {
	.name = "checkpoint",
	.args = "CONTAINER",
	.help = "Write the processes of a container to disk and delete it",
	.man = "It takes real root and the program criu(8). "
	       "The network namespace is not written down: restore puts the "
	       "processes into the one that config.json names, or an empty one.",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct criu_cli),
	.groups = (const struct opt *const[]){ options, criu_rows, NULL },
	.run = checkpoint,
};

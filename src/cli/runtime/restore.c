/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/prctl.h>

#include "src/cli/runtime/criu_rows.h"
#include "src/util/scoped.h"

#define AT(f) offsetof(struct criu_cli, f)
static const struct opt options[] = {
	STR('b', "bundle", "DIR", AT(create.bundle), "Directory of the bundle", .def = ".",
	    .complete = "dir"),
	STR('f', "config", "FILE", AT(create.config), "Name of the configuration in it",
	    .def = "config.json", .complete = "file"),
	STR(0, "console-socket", "SOCKET", AT(create.console_socket),
	    "Send the terminal over this Unix socket", .complete = "file"),
	FLAG('d', "detach", AT(create.detach), "Leave it running and return"),
	FLAG(0, "keep", AT(create.keep), "Do not delete it when it has ended"),
	STR(0, "lsm-mount-context", "CONTEXT", AT(lsm_context),
	    "SELinux context of mounts, in place of that written down"),
	STR(0, "lsm-profile", "TYPE:NAME", AT(lsm_profile),
	    "AppArmor profile or SELinux label, in place of that written down"),
	FLAG(0, "no-pivot", AT(create.no_pivot),
	     "Taken for the sake of runc's callers: criu makes the root", .hidden = 1),
	FLAG(0, "no-subreaper", AT(create.no_subreaper), "Do not become the parent of processes"),
	STR(0, "pid-file", "FILE", AT(create.pid_file),
	    "Write the pid of the first process to FILE", .complete = "file"),
	END,
};

static int stay(struct oci *oci, const struct criu_cli *o, const struct oci_create_options *co,
		const struct criu_options *criu, struct oci_container *c, struct err *e)
{
	struct relay relay = { .signals = -EBADF };
	int r = relay_open(&relay, e);

	/* Nobody can wait for another's child: it has to become ours. */
	if (r == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		r = err_sys(e, "become the parent of orphans");
	if (r == 0)
		r = oci_restore(oci, co, criu, c, e);
	if (r == 0 && co->console_socket)
		fd_close(take_fd(&c->process.console)); /* it is the socket's owner who reads it */
	if (r == 0)
		r = run_look_on(oci, o->create.keep, c, &relay, 0, e);
	relay_done(&relay);
	return r;
}

static int restore(struct oci *oci, void *opts, char **args, struct err *e)
{
	const struct criu_cli *o = opts;
	__attribute__((cleanup(scoped_criu_paths))) struct criu_paths paths = { 0 };
	scoped(oci_container) struct oci_container c = OCI_CONTAINER_NONE;
	const struct oci_create_options co = { .id = args[0],
					       .bundle = o->create.bundle,
					       .config = o->create.config,
					       .pid_file = o->create.pid_file,
					       .console_socket = o->create.console_socket,
					       .keeps_terminal = !o->create.detach &&
								 !o->create.console_socket };
	struct criu_options criu;
	int r = criu_cli_options(oci, o, &paths, &criu, e);

	if (r < 0)
		return r;
	if (!o->create.detach && o->create.no_subreaper)
		return err_set(e, -EINVAL,
			       "--no-subreaper needs --detach: the container could not "
			       "be waited for");
	if (!o->create.detach)
		return stay(oci, o, &co, &criu, &c, e);
	r = oci_restore(oci, &co, &criu, &c, e);
	c.process.pid = 0; /* whoever is the reaper gets it */
	return r;
}

const struct verb verb_restore = {
	.name = "restore",
	.args = "CONTAINER",
	.help = "Make a container with the processes of a checkpoint",
	.man = "It takes real root and the program criu(8). Of the hooks only those of poststop "
	       "are run.",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct criu_cli),
	.groups = (const struct opt *const[]){ options, criu_rows, NULL },
	.run = restore,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/runtime/create.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/util/scoped.h"

#define FDS_KEPT_MAX 4096

#define AT(f) offsetof(struct create_options, f)
const struct opt create_rows[] = {
	STR('b', "bundle", "DIR", AT(bundle), "Directory of the bundle", .def = ".",
	    .complete = "dir"),
	STR('f', "config", "FILE", AT(config), "Name of the configuration in it",
	    .def = "config.json", .complete = "file"),
	STR(0, "console-socket", "SOCKET", AT(console_socket),
	    "Send the terminal to this Unix socket", .complete = "file"),
	FLAG(0, "no-new-keyring", AT(no_new_keyring), "Keep the caller's session keyring"),
	FLAG(0, "no-pivot", AT(no_pivot), "Do without pivot_root(2)",
	     .man = "For a root that is an initramfs. The old root stays mounted below the new "
		    "one, "
		    "where only a container without CAP_SYS_CHROOT cannot reach it."),
	FLAG(0, "no-subreaper", AT(no_subreaper),
	     "Taken for the sake of runc's callers: none is made", .hidden = 1),
	STR(0, "pid-file", "FILE", AT(pid_file), "Write the pid of the first process to FILE",
	    .complete = "file"),
	INT(0, "preserve-fds", "N", AT(preserve_fds), 0, FDS_KEPT_MAX,
	    "Hand descriptors 3 to 2+N to the container"),
	END,
};

/* systemd's protocol (sd_listen_fds(3)): descriptors that were passed to us are meant for the
 * container. */
static int listen_fds(void)
{
	const char *n = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	unsigned long long count, who;

	if (pid && (str_to_u64(pid, INT_MAX, &who) < 0 || (pid_t)who != getpid()))
		return 0;
	return n && str_to_u64(n, FDS_KEPT_MAX, &count) == 0 ? (int)count : 0;
}

int create_prepare(const struct oci *oci, const struct create_options *o, const char *id,
		   struct oci_create_options *ret, struct err *e)
{
	int passed = listen_fds();

	*ret = (struct oci_create_options){ .id = id,
					    .bundle = o->bundle,
					    .config = o->config,
					    .console_socket = o->console_socket,
					    .pid_file = o->pid_file,
					    .listen_fds = passed,
					    .preserve_fds = o->preserve_fds + passed,
					    .no_pivot = o->no_pivot,
					    .no_new_keyring = o->no_new_keyring };
	return oci_keep_fds(oci, ret->preserve_fds, e);
}

static int create(struct oci *oci, void *opts, char **args, struct err *e)
{
	scoped(oci_container) struct oci_container c = OCI_CONTAINER_NONE;
	struct oci_create_options o;
	int r = create_prepare(oci, opts, args[0], &o, e);

	o.wait = 1;
	return r < 0 ? r : oci_create(oci, &o, &c, e);
}

const struct verb verb_create = {
	.name = "create",
	.args = "CONTAINER",
	.help = "Make a container, up to its program",
	.man = "Everything is set up and the first process waits for start.",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct create_options),
	.groups = (const struct opt *const[]){ create_rows, NULL },
	.run = create,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoint and restore of a container's processes by the program criu (criu(8), 3.17 and later).
 * It wants real root.
 *
 * What is not part of the processes is named on both sides: bind mounts by their place in the
 * container, the network namespace (which is made anew and set up before the processes come back),
 * and the pipes of the standard streams (by what /proc/PID/fd said of them, kept beside the images
 * in descriptors.json). */
#ifndef COVE_RUNTIME_CRIU_H
#define COVE_RUNTIME_CRIU_H

#include <json-c/json_object.h>
#include <sys/types.h>

#include "src/runtime/cgroup.h"
#include "src/runtime/runtime.h"
#include "src/util/err.h"

struct criu_options {
	const char *program;  /* NULL: "criu", searched in PATH */
	const char *dir;      /* existing directory: images, dump.log or restore.log, statistics */
	const char *previous; /* of a --pre-dump, relative to dir; NULL: none */
	int leave_running, pre_dump;
	int tcp_established, tcp_close, file_locks;
	json_object *config; /* of the container, borrowed */
};

/* Can it work here?  -EPERM: not real root, -ENOENT: there is no criu; with a hint. */
int criu_check(const struct criu_options *o, struct err *e);
/* Write the images of the process tree PID, the first of a container.  Unless leave_running or
 * pre_dump they are killed afterwards.  The error has criu's last one. */
int criu_dump(const struct criu_options *o, pid_t pid, struct err *e);
/* Bring them back, with STDIO as their standard streams (-EBADF: /dev/null was there), inside CG
 * (may be NULL) and the network namespace NETNS (-EBADF: none of their own).  ROOT is a mount
 * point.  The caller is the subreaper that becomes their parent.  Fills RET's pid and pidfd. */
int criu_restore(const struct criu_options *o, const char *root, const int stdio[3], int netns,
		 struct cgroup *cg, struct runtime_process *ret, struct err *e);

#endif

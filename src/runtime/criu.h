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
	const char *dir;      /* existing directory of the images */
	const char *work;     /* the same for dump.log, restore.log, statistics; NULL: dir */
	const char *previous; /* of a --pre-dump, relative to dir; NULL: none */
	int leave_running, pre_dump;
	int leave_stopped; /* dump: all processes are stopped (SIGSTOP) afterwards, not killed */
	int tcp_established, tcp_close, file_locks;
	int ext_unix_sk, shell_job, link_remap, auto_dedup;
	const char *manage_cgroups;	       /* mode of criu's; NULL: they are ours */
	const char *lsm_profile, *lsm_context; /* in place of those written down; NULL: none */
	int own_mounts;	     /* restore: in a mount namespace of its own, with root made a mount
			      * point and the places of mounts made */
	json_object *config; /* of the container, borrowed */
};

/* Can it work here?  -EPERM: not real root, -ENOENT: there is no criu; with a hint. */
int criu_check(const struct criu_options *o, struct err *e);
/* Write the images of the process tree PID, the first of a container.  Unless leave_running or
 * pre_dump they are killed afterwards.  The error has criu's last one. */
int criu_dump(const struct criu_options *o, pid_t pid, struct err *e);
/* Bring them back, with STDIO as their standard streams (-EBADF: /dev/null was there), inside CG
 * (may be NULL) and the network namespace NETNS (-EBADF: none of their own).  ROOT is a mount
 * point.  The caller is the subreaper that becomes their parent.  Fills RET's pid and pidfd, and
 * console where the container has a terminal. */
int criu_restore(const struct criu_options *o, const char *root, const int stdio[3], int netns,
		 struct cgroup *cg, struct runtime_process *ret, struct err *e);

/* What criu tells of its last dump (or RESTORE) in DIR, its work directory: an object of numbers,
 * named as callers of other engines know them ("freezing_time", "pages_written", ...); owned. */
int criu_statistics(const char *dir, int restore, json_object **ret, struct err *e);
/* The same from the bytes of its file stats-dump or stats-restore (criu's images/stats.proto):
 * put into O.  -EBADMSG. */
int criu_stats_parse(const char *bytes, size_t n, json_object *o);

#endif

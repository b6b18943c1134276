/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that a monitor keeps by looking: what the processes of a container's pid namespace hold in
 * memory, and how many they are.  No library beyond libc: the slim monitor uses it. */
#ifndef COVE_CONTAINER_WATCH_H
#define COVE_CONTAINER_WATCH_H

#include <stdint.h>
#include <sys/types.h>

struct watch_limits {
	int64_t memory; /* bytes, 0: none */
	int64_t pids;	/* 0: none */
};
struct watch {
	struct watch_limits limits;
	pid_t init; /* the container's first process */
	int killed; /* something was killed for want of memory */
};
#define WATCH_MS 200 /* between two looks */

/* The processes of the pid namespace of INIT and of those nested in it.  *RET owned.  0 or a
 * negative errno. */
int watch_members(pid_t init, pid_t **ret, size_t *ret_n);
/* CPU time of PID in nanoseconds, its memory (a fair share of what is shared) and swap in bytes,
 * its threads. */
void watch_usage(pid_t pid, int64_t *ret_cpu_ns, int64_t *ret_memory, int64_t *ret_threads);
/* Look once.  Over the limit of memory, the largest process is killed; over that of processes the
 * whole container: RLIMIT_NPROC has let it come so far only because it is up to something. */
void watch_look(struct watch *w);

#endif

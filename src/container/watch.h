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

/* Look once.  Over the limit of memory, the largest process is killed; over that of processes the
 * whole container: RLIMIT_NPROC has let it come so far only because it is up to something. */
void watch_look(struct watch *w);

#endif

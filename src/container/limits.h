/* SPDX-License-Identifier: Apache-2.0 */
/* A container's limits while it lives: its cgroup, and what is kept in other ways where no cgroup
 * can (src/runtime/cgroup.h).
 *
 *	memory        the monitor looks at the sum of what its processes hold and kills the largest
 *	pids          RLIMIT_NPROC in the container's own user namespace (Linux 5.14), and the
 *		      monitor, for programs that use many ids
 *	cpus, cpuset  CPU affinity
 *	cpu-shares    the nice value
 *	blkio-weight  the I/O priority
 *
 * The cgroup's state lies in runroot/c/ID/cgroup, written before the container is cloned: whoever
 * ends a container, its monitor or the command that finds one dead, removes the cgroup by it. */
#ifndef COVE_CONTAINER_LIMITS_H
#define COVE_CONTAINER_LIMITS_H

#include <sched.h>

#include "src/container/container.h"
#include "src/container/spec.h"
#include "src/container/watch.h"
#include "src/runtime/cgroup.h"

struct limits {
	struct cgroup cgroup;
	/* Where the cgroup does not do it; 0 and negative: nothing to be done. */
	int has_affinity;
	cpu_set_t affinity;
	int nice;
	int io_level; /* best-effort I/O priority 1...7, 0 none */
	int64_t nproc;
	struct watch_limits watch;
};
#define LIMITS_NONE                   \
	{                             \
		.cgroup = CGROUP_NONE \
	}
void limits_done(struct limits *l); /* the cgroup stays */
static inline __attribute__((unused)) void scoped_limits(struct limits *l)
{
	limits_done(l);
}

/* Make the cgroup of container ID as S wants it, and note it down.  The cgroup may be of kind none.
 * WARN (may be NULL) gets one line when something is kept otherwise.  -ENOTSUP: a limit that nobody
 * could keep here. */
int limits_make(struct engine *en, const struct container_spec *s, const char *id,
		struct limits *ret, void (*warn)(const char *text), struct err *e);
/* Those of a container that was started. */
int limits_open(struct engine *en, const struct container_spec *s, const char *id,
		struct limits *ret, struct err *e);
/* Only the cgroup of it; kind none when it has none. */
int limits_open_cgroup(struct engine *en, const char *id, struct cgroup *ret, struct err *e);
/* The cgroup of a running container whose first process is PID; one is made (by systemd) when it
 * has none.  -ENOTSUP: none can be had. */
int limits_adopt(struct engine *en, const struct container_spec *s, const char *id, pid_t pid,
		 struct cgroup *ret, struct err *e);
/* The same for a container whose cgroup CG cannot get a controller: it moves on into a scope. */
int limits_move(struct engine *en, const struct container_spec *s, const char *id, pid_t pid,
		struct cgroup *cg, struct err *e);
/* The option of RESOURCES whose controller is among UNMET, or NULL: all can be set in the cgroup.
 */
const char *limits_unmet(json_object *resources, const char *unmet);
/* Affinity and priorities for process PID (0: this one and what it starts). */
int limits_apply(const struct limits *l, pid_t pid, struct err *e);
/* The rlimits that belong to it into PROCESS (config.json). */
void limits_add_rlimits(const struct limits *l, json_object *process);
/* Remove the cgroup; a failure is only told to the debug log, because nothing can be done about it.
 */
void limits_end(struct cgroup *cg);

/* What has to be done otherwise for RESOURCES, when controllers UNMET ("memory|pids") are out of
 * reach; fills all of RET but the cgroup.  AVAILABLE: CPUs that may be used; SALT spreads
 * containers over them.  LINE (owned; NULL or "" when nothing is) tells it.  -ENOTSUP as
 * limits_make(), -EINVAL. */
int limits_plan(json_object *resources, const char *unmet, const cpu_set_t *available,
		unsigned salt, struct limits *ret, char **ret_line, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups of a container: made before it, entered by it, limited, frozen, measured, removed.
 *
 * One interface over cgroup v2 (cgroups(7)), written directly in a subtree that is delegated to us
 * or asked of systemd as a transient scope, over v1 and hybrid hierarchies, and over none at all.
 *
 *	cgroup_create()   before the clone; cg.fd goes to CLONE_INTO_CGROUP when it is >= 0
 *	clone
 *	cgroup_enter()    after it, always; does what is left (nothing when the child was born
 *inside) unshare(CLONE_NEWCGROUP) in the child, so that its cgroup is the root of what it sees
 *	...
 *	cgroup_destroy()  kills what is left in it and removes it
 *
 * Between processes it travels as JSON: cgroup_to_json(), cgroup_from_json(). */
#ifndef COVE_RUNTIME_CGROUP_H
#define COVE_RUNTIME_CGROUP_H

#include <json-c/json_object.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/util/err.h"

enum cgroup_manager {
	CGROUP_AUTO, /* an own delegated cgroup, else systemd's user manager, else v1, else none */
	CGROUP_CGROUPFS, /* directories made by us */
	CGROUP_SYSTEMD,	 /* a transient scope */
	CGROUP_DISABLED, /* the caller's cgroup is the container's */
	CGROUP_MANAGER_COUNT
};
extern const char *const cgroup_manager_names[CGROUP_MANAGER_COUNT]; /* "auto", "cgroupfs", ... */

enum cgroup_kind {
	CGROUP_KIND_NONE, /* there is no cgroup of the container's own */
	CGROUP_KIND_V2,
	CGROUP_KIND_V1 /* v1 controllers, maybe with the unified hierarchy beside them */
};

/* v1 hierarchies are at most one for each controller, and systemd's named one. */
enum cgroup_v1 {
	CGROUP_V1_MEMORY,
	CGROUP_V1_CPU,
	CGROUP_V1_CPUACCT,
	CGROUP_V1_CPUSET,
	CGROUP_V1_BLKIO,
	CGROUP_V1_PIDS,
	CGROUP_V1_DEVICES,
	CGROUP_V1_FREEZER,
	CGROUP_V1_HUGETLB,
	CGROUP_V1_NET_CLS,
	CGROUP_V1_NET_PRIO,
	CGROUP_V1_RDMA,
	CGROUP_V1_PERF_EVENT,
	CGROUP_V1_SYSTEMD,
	CGROUP_V1_COUNT
};
extern const char *const cgroup_v1_names[CGROUP_V1_COUNT];

struct cgroup_options {
	const char *path;   /* linux.cgroupsPath: "/a/b" from the root of the hierarchy, "a/b" from
			       the caller's cgroup, "slice:prefix:name" for systemd; NULL: "cove-ID"
			       in the place that fits best */
	const char *parent; /* --cgroup-parent: a slice or a path for path NULL; or NULL */
	enum cgroup_manager manager;
	json_object *resources; /* linux.resources, borrowed, may be NULL: no limits */
	int own_scope; /* auto: let systemd move this process into a scope, and make the container's
			  cgroup in there, although that would not be needed */
	int lenient;   /* limits that no controller within reach can keep are left out and named in
			  cgroup.unmet, instead of -ENOTSUP */
	const char *id;
	json_object *annotations; /* borrowed, may be NULL: org.systemd.property.NAME,
				     run.oci.systemd.subgroup, run.oci.delegate-cgroup */
};

struct cgroup {
	enum cgroup_kind kind;
	int fd; /* v2: directory the container's processes are in, for CLONE_INTO_CGROUP; -EBADF:
		   none, not yet, or v1 trees have to be entered as well */
	char *path;		   /* v2: of that directory, absolute by the caller's mounts */
	char *limited;		   /* v2: the one at or above it that holds the limits */
	char unmet[96];		   /* lenient: controllers that were wanted and are out of reach,
				       as "cpuset|io" for str_in_words() */
	char *v1[CGROUP_V1_COUNT]; /* directories, NULL where there is none */
	char *unit;		   /* systemd's name of it, NULL: not systemd's */
	int user_bus;		   /* the unit is the user manager's */
	char *scope; /* scope that the one who made the cgroup was moved into for that, or NULL */
	/* For cgroup_enter() only, owned. */
	json_object *pending;
};
#define CGROUP_NONE                                     \
	{                                               \
		.kind = CGROUP_KIND_NONE, .fd = -EBADF, \
	}

/* Let go of memory and descriptors; the cgroup itself stays.  Fine when empty. */
void cgroup_done(struct cgroup *cg);
static inline __attribute__((unused)) void scoped_cgroup(struct cgroup *cg)
{
	cgroup_done(cg);
}

/* Make the container's cgroup and set its limits.  *RET (filled only on success) may be of kind
 * none: nothing is delegated and no limit but device rules was asked for (without root those are
 * left out: such a container has no devices but those it is given).  -EINVAL: the resources make
 * no sense, or the kernel takes none of that value; -ENOTSUP: a limit was asked for that no cgroup
 * within reach can keep; -EACCES, -EROFS, -ENOENT: the place given by path cannot be had. */
int cgroup_create(const struct cgroup_options *o, struct cgroup *ret, struct err *e);
/* Put process PID (not one of many threads, not yet running the user's program) inside, where it
 * was not cloned into it; for systemd this is the one D-Bus round trip that makes the scope. */
int cgroup_enter(struct cgroup *cg, pid_t pid, struct err *e);
/* Put PID into the cgroup of a container that runs (exec).  CLONE_INTO_CGROUP with cg->fd is
 * cheaper. */
int cgroup_join(const struct cgroup *cg, pid_t pid, struct err *e);
/* Before joining (exec): a process of another session may not move itself there, so that systemd is
 * asked to move this one into the scope that the cgroup lies in.  Nothing happens where that is
 * not needed. */
int cgroup_approach(const struct cgroup *cg, struct err *e);
/* A cgroup for processes that run already and have none of their own: a scope of systemd's, with
 * all processes that LIST gives (owned list of N; called again until no new ones come).
 * -ENOTSUP: there is no systemd manager within reach. */
int cgroup_adopt(const struct cgroup_options *o, int (*list)(void *arg, pid_t **ret, size_t *ret_n),
		 void *arg, struct cgroup *ret, struct err *e);
/* Set RESOURCES (a linux.resources object; only the members given change).  Codes as
 * cgroup_create(). */
int cgroup_update(struct cgroup *cg, json_object *resources, struct err *e);

/* Freeze (ON) or thaw, and wait until it is so.  -ENOTSUP: no freezer. */
int cgroup_freeze(struct cgroup *cg, int on, struct err *e);
/* 1, 0, or -ENOTSUP where there is no freezer. */
int cgroup_is_frozen(const struct cgroup *cg);
/* Send SIG to every process in it, subgroups too.  SIGKILL also thaws on v1. */
int cgroup_signal_all(struct cgroup *cg, int sig, struct err *e);
/* Every process in it, subgroups too; *RET owned, in the caller's pid namespace. */
int cgroup_pids(const struct cgroup *cg, pid_t **ret, size_t *ret_n, struct err *e);
/* What it uses, in the shape of `runc events --stats`: the object of its "data" member: {"cpu":
 * {"usage": {"total": ...}, "throttling": {...}}, "memory": {...}, "pids": {...}, "blkio": {...},
 * "hugetlb": {...}}.  Owned. */
int cgroup_stats(const struct cgroup *cg, json_object **ret, struct err *e);
/* Processes that the kernel has killed in it for want of memory; 0 where it does not say. */
int64_t cgroup_oom_kills(const struct cgroup *cg);
/* A descriptor that becomes readable (*RET_EVENTS for poll(2))
 * when something was killed for want of memory; -ENOTSUP without a memory controller. */
int cgroup_oom_fd(const struct cgroup *cg, short *ret_events);

/* Kill what is left inside and remove it; CG is empty afterwards (also on failure). */
int cgroup_destroy(struct cgroup *cg, struct err *e);

/* State: an object that cgroup_from_json() understands in another process with the same mounts.
 * Owned; NULL when out of memory. */
json_object *cgroup_to_json(const struct cgroup *cg);
/* Descriptors are opened again; a cgroup that has gone gives fd -EBADF.  -EBADMSG for no such
 * object. */
int cgroup_from_json(json_object *o, struct cgroup *ret, struct err *e);

/* ---- the host -------------------------------------------------------------------------------- */

/* Mount point of the unified hierarchy ("/sys/fs/cgroup", or "/sys/fs/cgroup/unified" on a hybrid
 * host), NULL: there is none. */
const char *cgroup_v2_mount(void);
/* Is the unified hierarchy the only one? */
int cgroup_is_unified(void);
/* The directory in which cove makes its containers' cgroups when nothing else is asked for; "" when
 * nothing is delegated.  In BUF. */
const char *cgroup_delegated(char *buf, size_t n);
/* Can the containers' cgroups have controller WORD, without systemd's help and without moving
 * processes but out of a cgroup that was delegated for that? */
int cgroup_gives(const char *word);
/* Controllers that a container's cgroup could have here, as words: "cpu memory pids".  In BUF. */
const char *cgroup_controllers(char *buf, size_t n);

/* Do the RESOURCES hold anything but device rules? */
int cgroup_resources_limit(json_object *resources);
/* Members of UPDATE replace those of RESOURCES, one level below "memory", "cpu", ... too. */
int cgroup_resources_merge(json_object *resources, json_object *update, struct err *e);

#endif

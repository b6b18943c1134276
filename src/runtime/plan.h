/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's first process has to do, worked out by the parent so that the child between
 * clone and execve only executes it (src/runtime/init.c).  Made from config.json by
 * plan_from_config(). */
#ifndef COVE_RUNTIME_PLAN_H
#define COVE_RUNTIME_PLAN_H

#include <json-c/json_object.h>
#include <linux/filter.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "src/util/err.h"
#include "src/util/scoped.h"
#include "userns/caps.h"
#include "userns/idmap.h"

#define PLAN_FILL_CONTENT 2
struct plan_mount {
	char *source;		    /* by the host's rules; NULL for file systems without one */
	char *target;		    /* in the container */
	char *fstype;		    /* "bind", "proc", "tmpfs", ... */
	unsigned long flags;	    /* MS_* to set */
	unsigned long clear;	    /* MS_* that were refused by name ("rw", "dev", ...) */
	unsigned long rset, rclear; /* the same for every mount below ("rro", "rrw", ...) */
	unsigned long propagation;
	char *data;
	int recursive; /* rbind */
	int copy_up;   /* tmpcopyup: what the image has there is copied into the new file system */
	int fill;      /* an empty source directory first gets what the image has at the target,
			* and its owner and mode unless PLAN_FILL_CONTENT */
	int idmap;     /* PLAN_IDMAP_*: the mount shows its files with other ids */
	int source_nofollow;	 /* what the source names is bound, not what it links to */
	int target_nofollow;	 /* a link at the target is refused */
	int copy_symlink;	 /* a source that is a symbolic link is made again at the target */
	struct idmap uids, gids; /* of the mount; empty: those of the container */
};
enum { PLAN_IDMAP_NONE, PLAN_IDMAP_TOP, PLAN_IDMAP_ALL };

struct plan_device {
	char *path;
	mode_t type; /* S_IFCHR, S_IFBLK or S_IFIFO */
	dev_t rdev;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/* sched_setattr(2) */
struct plan_scheduler {
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* Offsets of a new time namespace: clock_gettime(2)'s id, seconds and nanoseconds. */
struct plan_time_offset {
	int clock;
	int64_t secs;
	uint32_t nanosecs;
};

struct plan_rlimit {
	int resource;
	struct rlimit limit;
};

struct plan_sysctl {
	char *path; /* below /proc/sys */
	char *value;
};

enum plan_ns { NS_USER, NS_MOUNT, NS_PID, NS_IPC, NS_UTS, NS_NET, NS_CGROUP, NS_TIME, NS_COUNT };

struct plan {
	/* namespaces */
	unsigned long clone_flags; /* CLONE_NEW*, without CLONE_NEWTIME: see new_time */
	int new_time;		   /* a time namespace, made by the child that it is for */
	struct plan_time_offset time_offset[2];
	size_t n_time_offsets;
	char *ns_path[NS_COUNT]; /* joined instead of made; NULL otherwise */
	struct idmap uids, gids; /* of a new user namespace */

	/* root file system */
	char *rootfs; /* a directory by the host's rules, when no overlay is given by the caller */
	int rootfs_readonly;
	unsigned long rootfs_propagation; /* MS_*, of the container's root; 0: not asked for */
	struct plan_mount *mount;
	size_t n_mounts;
	char **masked;
	char **readonly;
	struct plan_sysctl *sysctl;
	size_t n_sysctl;
	char *hostname, *domainname;
	struct plan_device *device;
	size_t n_devices;
	char *mount_label;   /* SELinux, with mount_context as the option's name */
	char *mount_context; /* "context", "fscontext", "defcontext" or "rootcontext" */
	unsigned long personality;
	int has_personality;

	/* process */
	int terminal;
	unsigned short rows, columns;
	char **args, **env;
	char *cwd;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
	mode_t umask;
	struct caps caps;
	int has_caps;
	struct plan_rlimit *rlimit;
	size_t n_rlimits;
	int no_new_privs;
	int oom_score_adj, has_oom_score_adj;
	char *apparmor, *selinux;
	struct plan_scheduler scheduler;
	int has_scheduler;
	int io_priority; /* ioprio_set(2) */
	int has_io_priority;
	char *affinity_initial, *affinity_final; /* "0-3,7", of an exec */
	int keep_groups;			 /* annotation run.oci.keep_original_groups */
	char *cgroup_v1_at; /* run.oci.systemd.force_cgroup_v1: the mount that is v1 */
	char **warnings;    /* what could not be taken and is no failure */

	char *seccomp;		    /* linux.seccomp as text, for plan_make_filter(); NULL: none */
	struct sock_filter *filter; /* seccomp program, owned; NULL: none */
	size_t n_filter;
	struct plan_seccomp {
		unsigned flags; /* SECCOMP_FILTER_FLAG_* */
		int notify;	/* a listener is wanted: some rule notifies */
	} seccomp_flags;
};

/* Does the container have a mount namespace of its own?  Without one its mounts are the caller's.
 */
static inline int plan_has_mounts(const struct plan *p)
{
	return (p->clone_flags & 0x00020000 /* CLONE_NEWNS */) || p->ns_path[NS_MOUNT];
}

struct plan *plan_free(struct plan *p);
DEFINE_SCOPED(plan, struct plan *, plan_free);

/* Work out CONFIG (runtime-spec config.json).  Things that cannot be honoured are errors, not left
 * out silently: -EINVAL, -ENOTSUP with the member named. */
int plan_from_config(json_object *config, struct plan **ret, struct err *e);
/* Only the process part: for exec. */
int plan_from_process(json_object *process, struct plan **ret, struct err *e);
/* Compile linux.seccomp into P's filter (nothing when the config has none), by the cache in
 * CACHE_FD (seccomp.h; -EBADF: none). */
int plan_make_filter(struct plan *p, int cache_fd, struct err *e);
/* One mount of the config's mounts array; for tests and for plan_from_config(). */
int plan_parse_mount(json_object *m, struct plan_mount *ret, struct err *e);
/* The I-th mount option that is known by name (with "r" in front some are recursive), NULL behind
 * the last: for `features`. */
const char *plan_mount_option(size_t i);
/* Is there a form of it for all mounts below ("rro")? */
int plan_mount_option_recurses(size_t i);
/* The I-th flag that linux.seccomp may have, NULL behind the last; does this kernel have it? */
const char *plan_seccomp_flag(size_t i);
int plan_seccomp_flag_works(size_t i);
void plan_mount_done(struct plan_mount *m);

#endif

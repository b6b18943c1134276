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

struct plan_mount {
	char *source;	     /* by the host's rules; NULL for file systems without one */
	char *target;	     /* in the container */
	char *fstype;	     /* "bind", "proc", "tmpfs", ... */
	unsigned long flags; /* MS_* */
	unsigned long propagation;
	char *data;
	int recursive;	   /* rbind */
	int recursive_set; /* rro and the like: attributes for every mount below */
	int copy_up; /* tmpcopyup: what the image has there is copied into the new file system */
	int fill;    /* an empty source directory first gets what the image has at the target */
};

struct plan_rlimit {
	int resource;
	struct rlimit limit;
};

struct plan_sysctl {
	char *path; /* below /proc/sys */
	char *value;
};

enum plan_ns { NS_USER, NS_MOUNT, NS_PID, NS_IPC, NS_UTS, NS_NET, NS_CGROUP, NS_COUNT };

struct plan {
	/* namespaces */
	unsigned long clone_flags; /* CLONE_NEW* */
	char *ns_path[NS_COUNT];   /* joined instead of made; NULL otherwise */
	struct idmap uids, gids;   /* of a new user namespace */

	/* root file system */
	char *rootfs; /* a directory by the host's rules, when no overlay is given by the caller */
	int rootfs_readonly;
	unsigned long
		rootfs_propagation; /* MS_SLAVE or MS_PRIVATE for what the child sees of the host */
	struct plan_mount *mount;
	size_t n_mounts;
	char **masked;
	char **readonly;
	struct plan_sysctl *sysctl;
	size_t n_sysctl;
	char *hostname, *domainname;

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
	char *apparmor;

	struct sock_filter *filter; /* seccomp program, owned; NULL: none */
	size_t n_filter;
};

struct plan *plan_free(struct plan *p);
DEFINE_SCOPED(plan, struct plan *, plan_free);

/* Work out CONFIG (runtime-spec config.json).  Things that cannot be honoured are errors, not left
 * out silently: -EINVAL, -ENOTSUP with the member named. */
int plan_from_config(json_object *config, struct plan **ret, struct err *e);
/* Only the process part: for exec. */
int plan_from_process(json_object *process, struct plan **ret, struct err *e);
/* One mount of the config's mounts array; for tests and for plan_from_config(). */
int plan_parse_mount(json_object *m, struct plan_mount *ret, struct err *e);
void plan_mount_done(struct plan_mount *m);

#endif

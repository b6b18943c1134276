/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the cgroup code; others include cgroup.h only. */
#ifndef COVE_RUNTIME_CGROUP_BACKEND_H
#define COVE_RUNTIME_CGROUP_BACKEND_H

#include "src/runtime/cgroup.h"
#include "src/util/scoped.h"

/* ---- cgroup_resources.c: what is written where ----------------------------------------------- */

struct cgroup_setting {
	char *file; /* "memory.max"; its first word is the controller */
	char *value;
	unsigned flags;
};
#define CGROUP_SETTING_OPTIONAL 1 /* no harm when the kernel has no such file */
#define CGROUP_SETTING_APPEND	2 /* one of several lines for the same file */
struct cgroup_settings {
	struct cgroup_setting *s;
	size_t n;
};
void cgroup_settings_done(struct cgroup_settings *l);
static inline __attribute__((unused)) void scoped_cgroup_settings(struct cgroup_settings *l)
{
	cgroup_settings_done(l);
}
int cgroup_settings_add(struct cgroup_settings *l, const char *file, const char *value,
			unsigned flags, struct err *e);
/* RESOURCES as writes into the files of v2 or v1, in order; device rules are not among them.
 * -EINVAL, -ENOTSUP. */
int cgroup_settings_v2(json_object *resources, struct cgroup_settings *l, struct err *e);
int cgroup_settings_v1(json_object *resources, struct cgroup_settings *l, struct err *e);
/* The word before the first '.', "" when FILE has none. In BUF. */
const char *cgroup_setting_controller(const char *file, char *buf, size_t n);
/* v1's 2...262144 as v2's 1...10000; 0 stays 0. */
uint64_t cgroup_weight_of_shares(uint64_t shares);
/* v1's 10...1000 as v2's 1...10000; 0 stays 0. */
uint64_t cgroup_weight_of_blkio(uint64_t weight);
/* v2's memory.swap.max of v1's memory+swap: -1 for "max"; -EINVAL in E. SWAP 0: not said. */
int cgroup_swap_of(int64_t limit, int64_t swap, int64_t *ret, struct err *e);

/* ---- cgroup_path.c: where -------------------------------------------------------------------- */

/* The caller's own cgroup in the unified hierarchy, "/..." from the mount point.  Owned. */
char *cgroup_own_path(void);
/* As the kernel tells of PID (0: oneself) for CONTROLLER of v1 ("name=systemd" too), or "" for v2.
 */
char *cgroup_path_of(pid_t pid, const char *controller);
/* May we make cgroups in DIR and move our processes there? */
int cgroup_is_ours(const char *dir);
/* Mount point of the v1 hierarchy of a controller, NULL: not mounted.  Owned. */
char *cgroup_v1_mount(enum cgroup_v1 v);

/* ---- files ----------------------------------------------------------------------------------- */

/* Write TEXT to NAME in DIR_FD by one write(2).  0 or a negative errno. */
int cgroup_write(int dir_fd, const char *name, const char *text);
/* Member of NAME ("oom_kill 3") or the only number in it (KEY NULL); MISSING when there is none;
 * "max" is -1. */
int64_t cgroup_read_num(int dir_fd, const char *name, const char *key, int64_t missing);
int cgroup_open_dir(const char *path); /* descriptor or negative errno */
/* Kill, wait and rmdir PATH with what is below.  0 or a negative errno. */
int cgroup_remove_tree(const char *path);
/* Kill what is in PATH and remove what is below, but not PATH itself: a scope's directory is
 * systemd's.  Were it gone before systemd has seen it empty, systemd could make it again, and then
 * never see it empty. */
int cgroup_empty_tree(const char *path);
/* Collect the pids of a tree. */
struct cgroup_pid_list {
	pid_t *pid;
	size_t n, cap;
};
int cgroup_collect_pids(const char *path, struct cgroup_pid_list *l);

/* ---- backends -------------------------------------------------------------------------------- */

#define CGROUP_LEAF "cove-leaf" /* where processes go that are in the way */
int cgroup_v2_create(const struct cgroup_options *o, struct cgroup *cg, struct err *e);
/* Set L in the directory LIMITED; what OPTIONS say of leniency fills cg->unmet. */
int cgroup_v2_apply(struct cgroup *cg, json_object *resources, int lenient, struct err *e);
/* Make controller WORD usable by the children of DIR, from the uppermost directory that lacks it.
 * 0, -ENOTSUP: the kernel or who delegates does not give it, -EBUSY: DIR has processes of its
 * own (cgroups(7), "no internal processes"), -EACCES. */
int cgroup_v2_enable(const char *dir, const char *word);
int cgroup_v2_freeze(const struct cgroup *cg, int on, struct err *e);
json_object *cgroup_v2_stats(const struct cgroup *cg);

int cgroup_v1_create(const struct cgroup_options *o, struct cgroup *cg, struct err *e);
int cgroup_v1_apply(struct cgroup *cg, json_object *resources, int lenient, struct err *e);
int cgroup_v1_enter(const struct cgroup *cg, pid_t pid, struct err *e);
int cgroup_v1_freeze(const struct cgroup *cg, int on, struct err *e);
/* A directory of it that lists its processes; NULL: none.  Borrowed. */
const char *cgroup_v1_any(const struct cgroup *cg);
json_object *cgroup_v1_stats(const struct cgroup *cg);

/* Attach the device program of RULES (linux.resources.devices) to DIR_FD (v2); needs CAP_BPF or
 * CAP_SYS_ADMIN: without root nothing is done.  */
int cgroup_devices_v2(int dir_fd, json_object *rules, struct err *e);

/* Prepare: unit name, slice and properties into cg->pending; cgroup_systemd_enter() asks for the
 * scope. */
int cgroup_systemd_create(const struct cgroup_options *o, struct cgroup *cg, struct err *e);
int cgroup_systemd_enter(struct cgroup *cg, pid_t pid, struct err *e);
int cgroup_systemd_update(const struct cgroup *cg, json_object *resources, struct err *e);
/* Let this process be moved into a scope of its own; sets cg->scope. */
int cgroup_systemd_own_scope(const struct cgroup_options *o, struct cgroup *cg, struct err *e);
/* Let the manager move PIDS into its scope UNIT, below it into SUBGROUP ("" or "/name"). */
int cgroup_systemd_attach(const char *unit, const char *subgroup, const pid_t *pids, size_t n,
			  struct err *e);
/* A scope for PIDS; its name in *RET_UNIT (owned). */
int cgroup_systemd_scope(const struct cgroup_options *o, const pid_t *pids, size_t n,
			 char **ret_unit, struct err *e);
/* Is there a manager to ask: 1 the user's, 2 the system's, 0 none? */
int cgroup_systemd_reach(void);
/* Parts of the above without any system: limits as unit properties {"name", "type", "value"}
 * appended to LIST; one annotation's VALUE in the text form of GVariant; names by cgroupsPath. */
int cgroup_systemd_properties(json_object *resources, int v2, json_object *list, struct err *e);
int cgroup_systemd_annotation(const char *name, const char *value, json_object *list,
			      struct err *e);
int cgroup_systemd_names(const struct cgroup_options *o, int is_user, char **ret_unit,
			 char **ret_slice, struct err *e);
/* PID is alone in SCOPE, which is ours: the subgroups that PENDING names are made, PID moved there,
 * the limits set.  Fills CG. */
int cgroup_v2_subgroup(struct cgroup *cg, const char *scope, json_object *pending, pid_t pid,
		       struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The container's mounts.  Every target is opened below the root's descriptor (path_open_in) and
 * mounted on as a descriptor: whatever links the image has, nothing is made or mounted outside. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/magic.h>

#include "src/runtime/init.h"
#include "src/runtime/user.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "userns/mount.h"

#ifndef SELINUX_MAGIC
#define SELINUX_MAGIC 0xf97cff8c
#endif

static int is_bind(const struct plan_mount *m)
{
	return strcmp(m->fstype, "bind") == 0 && !(m->flags & MS_REMOUNT);
}

/* Relative paths of the config are the bundle's. */
int init_open_host(const struct init *in, const char *path, int flags)
{
	scoped(fd) int bundle = -EBADF;
	int fd;

	if (path[0] != '/' && in->o->subject) {
		bundle = open(in->o->subject->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (bundle < 0)
			return -errno;
	}
	fd = openat(bundle >= 0 ? bundle : AT_FDCWD, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int init_open_sources(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;

	in->source_fd = malloc((p->n_mounts + 1) * sizeof(int));
	if (!in->source_fd)
		return err_sys(e, "open the mounts' sources");
	for (size_t i = 0; i < p->n_mounts; i++) {
		const struct plan_mount *m = &p->mount[i];
		in->source_fd[i] = -EBADF;
		if (!is_bind(m) || (in->tree_fd && in->tree_fd[i] >= 0))
			continue;
		in->source_fd[i] = init_open_host(in, m->source,
						  O_PATH | (m->source_nofollow ? O_NOFOLLOW : 0));
		if (in->source_fd[i] < 0)
			return err_errno(e, in->source_fd[i], "open %s", m->source);
	}
	return 0;
}

/* To whom the container's process will be; somebody unknown is told of later, by name. */
static void give_to_user(const struct init *in, int dir)
{
	struct user u = { .uid = in->plan->uid, .gid = in->plan->gid };
	struct err ignored = { 0 };
	char proc[32];

	if (!in->o->user || user_resolve(in->root_fd, in->o->user, NULL, &u, &ignored) == 0)
		(void)!chown(fd_proc_path(dir, proc), u.uid, u.gid);
}

static int open_target(struct init *in, const struct plan_mount *m, int source, struct err *e)
{
	struct stat st;
	int is_dir = 1, is_new = 0, fd = -ENOENT;

	if (source >= 0) {
		if (fstat(source, &st) < 0)
			return err_sys(e, "stat %s", m->source);
		is_dir = S_ISDIR(st.st_mode);
	}
	if (m->target_nofollow)
		fd = path_open_in(in->root_fd, m->target, O_PATH | O_NOFOLLOW, 0);
	if (m->fill && is_dir) {
		fd = path_open_in(in->root_fd, m->target, O_PATH | O_DIRECTORY, 0);
		is_new = fd == -ENOENT;
	}
	if (fd == -ENOENT)
		fd = is_dir ? path_mkdirs_in(in->root_fd, m->target, 0755)
			    : path_mkfile_in(in->root_fd, m->target, 0644);
	if (fd < 0)
		return err_errno(e, fd, "make the mount point %s", m->target);
	/* A volume where the image has nothing is for who runs: init_fill_volume() looks here. */
	if (is_new)
		give_to_user(in, fd);
	return fd;
}

/* Files in /proc that callers put others over (lxcfs): they steer nothing. */
static int may_be_covered(const char *target)
{
	static const char *const files[] = { "cpuinfo",
					     "diskstats",
					     "meminfo",
					     "stat",
					     "swaps",
					     "uptime",
					     "loadavg",
					     "slabinfo",
					     "net/dev",
					     "sys/kernel/ns_last_pid",
					     "sys/crypto/fips_enabled" };
	scoped(mem) char *clean = path_clean(target);

	for (size_t i = 0; clean && str_starts(clean, "/proc/") && i < ARRAY_LEN(files); i++)
		if (strcmp(clean + 6, files[i]) == 0)
			return 1;
	return 0;
}

static int is_procfs(int fd)
{
	struct statfs fs;
	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static int is_regular(int fd)
{
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Nothing is mounted over procfs but what hides it: the object itself is looked at, whatever
 * its name.  Nor in its place: an image's VOLUME /proc would have us write labels into files of its
 * own (CVE-2019-16884). */
static int refuse_procfs(int target, int source, const struct plan_mount *m, struct err *e)
{
	scoped(mem) char *clean = NULL;

	if (strcmp(m->fstype, "proc") == 0 || (m->flags & MS_REMOUNT))
		return 0;
	if (is_procfs(target)) {
		if (is_regular(target) && is_regular(source) && may_be_covered(m->target))
			return 0;
		return err_set(e, -EPERM, "%s is inside /proc: nothing may be mounted there",
			       m->target);
	}
	clean = path_clean(m->target);
	if (!clean)
		return err_errno(e, ENOMEM, "mount %s", m->target);
	if (strcmp(clean, "/proc") == 0 && !is_procfs(source))
		return err_set(e, -EPERM, "only procfs may be mounted on /proc");
	return 0;
}

static int is_empty_dir(int fd)
{
	char buf[1024];
	scoped(fd) int d = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Two entries of 24 bytes each: "." and "..". */
	return d >= 0 && syscall(SYS_getdents64, d, buf, sizeof(buf)) <= 48;
}

int init_fill_volume(int source, int target, int keep_owner, struct err *e)
{
	struct stat st;
	char proc[32];

	if (!is_empty_dir(source) || fstat(target, &st) < 0)
		return 0;
	if (!keep_owner && (chown(fd_proc_path(source, proc), st.st_uid, st.st_gid) < 0 ||
			    chmod(proc, st.st_mode & 07777) < 0))
		return err_sys(e, "give the volume its owner");
	return copy_tree(target, source, e);
}

int init_mount_or_bind(const char *fstype, int target, const struct plan_mount *m, const char *host,
		       unsigned long flags, struct err *e)
{
	scoped(fd) int source = -EBADF;
	int r = mount_fs(target, fstype, m->source, m->flags, m->data, NULL, e);

	if (r != -EPERM && r != -EBUSY && r != -EINVAL && r != -ENODEV)
		return r;
	source = open(host, O_PATH | O_CLOEXEC);
	if (source < 0)
		return 0; /* the host has none either */
	err_clear(e);
	return mount_bind(source, target, 1,
			  (m->flags & MOUNT_ATTR_FLAGS) | flags | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			  1, MS_SLAVE, NULL, e);
}

/* A group that the user namespace does not have (gid=5, the tty group, of nearly every config) is
 * EINVAL: then the terminals are the group's of whoever opens them. */
static int mount_devpts(const struct plan_mount *m, int target, const char *data, struct err *e)
{
	scoped(strbuf) struct strbuf rest = STRBUF_INIT;
	scoped(strv) char **opts = strv_split(data, ',');
	int r = mount_fs(target, "devpts", m->source, m->flags, data, NULL, e);

	if (r != -EINVAL || !strstr(data, "gid="))
		return r;
	for (size_t i = 0; opts && opts[i]; i++)
		if (!str_starts(opts[i], "gid="))
			(void)strbuf_printf(&rest, "%s%s", rest.len ? "," : "", opts[i]);
	err_clear(e);
	return mount_fs(target, "devpts", m->source, m->flags, rest.s ? rest.s : "", NULL, e);
}

/* With SELinux a file system of its own gets the label of the container's files; where the kernel
 * has none there is nothing to label. */
static char *mount_data(const struct init *in, const struct plan_mount *m)
{
	const struct plan *p = in->plan;
	struct statfs fs;
	int has_label = p->mount_label && *p->mount_label && strcmp(m->fstype, "proc") != 0 &&
			strcmp(m->fstype, "sysfs") != 0 && strcmp(m->fstype, "mqueue") != 0 &&
			statfs("/sys/fs/selinux", &fs) == 0 &&
			(unsigned long)fs.f_type == SELINUX_MAGIC;

	if (!has_label)
		return strdup(m->data ? m->data : "");
	return str_printf("%s%s%s=\"%s\"", m->data ? m->data : "", m->data ? "," : "",
			  p->mount_context ? p->mount_context : "context", p->mount_label);
}

static int mount_tmpfs(struct init *in, const struct plan_mount *m, int target, const char *data,
		       struct err *e)
{
	scoped(fd) int top = -EBADF;
	struct stat st;
	char proc[32];
	/* A read-only file system is filled first and closed afterwards. */
	unsigned long late = m->copy_up || init_is_dev(m) ? m->flags & MS_RDONLY : 0;
	int r = mount_fs(target, m->fstype, m->source, m->flags & ~late, data, &top, e);

	if (r == 0 && m->copy_up) {
		if (fstat(target, &st) == 0 && !strstr(data, "mode="))
			(void)!chmod(fd_proc_path(top, proc),
				     st.st_mode & 07777); /* as the image has it */
		r = copy_tree(target, top, e);
	}
	if (r == 0 && late && !init_is_dev(m))
		r = mount_add_flags(top, MS_RDONLY, 0, e);
	if (r == 0 && m->propagation)
		r = mount_propagation_fd(top, m->propagation, e);
	if (r == 0 && init_is_dev(m))
		in->dev_fd = take_fd(&top);
	return r;
}

static int mount_new(struct init *in, const struct plan_mount *m, int target, struct err *e)
{
	scoped(mem) char *data = mount_data(in, m);
	struct plan_mount plain = *m;

	if (!data)
		return err_errno(e, ENOMEM, "mount %s", m->target);
	plain.data = data;
	if (strcmp(m->fstype, "cgroup") == 0 || strcmp(m->fstype, "cgroup2") == 0)
		return init_mount_cgroup(in, m, target, e);
	if (strcmp(m->fstype, "sysfs") == 0)
		return init_mount_or_bind("sysfs", target, &plain, "/sys", MS_RDONLY, e);
	/* With the host's pid or ipc namespace they belong to the host's users. */
	if (strcmp(m->fstype, "proc") == 0 && !in->plan->ns_path[NS_PID] &&
	    !(in->plan->clone_flags & CLONE_NEWPID))
		return init_mount_or_bind("proc", target, &plain, "/proc", 0, e);
	if (strcmp(m->fstype, "mqueue") == 0 && !in->plan->ns_path[NS_IPC] &&
	    !(in->plan->clone_flags & CLONE_NEWIPC))
		return init_mount_or_bind("mqueue", target, &plain, "/dev/mqueue", 0, e);
	if (strcmp(m->fstype, "devpts") == 0)
		return mount_devpts(m, target, data, e);
	return mount_tmpfs(in, m, target, data, e);
}

/* What a bind has beyond mount_bind(): attributes refused by name, and those of all mounts below.
 */
static int finish_bind(int top, const struct plan_mount *m, struct err *e)
{
	int r;

	/* "rw" and the like of a mount whose attributes are locked change nothing
	 * (mount_namespaces(7)): it stays as the host has it. */
	if (mount_change(top, 0, m->clear, 0, e) < 0)
		err_clear(e);
	r = mount_change(top, m->rset, m->rclear, 1, e);
	if (r == 0 && m->propagation && !(m->propagation & MS_REC) && m->recursive)
		r = mount_propagation_fd(top, m->propagation, e);
	return r;
}

static int bind_source(const struct plan_mount *m, int source, int target, struct err *e)
{
	scoped(fd) int top = -EBADF;
	unsigned long propagation = m->propagation & ~(unsigned long)MS_REC;
	int r;

	/* "slave" without an r is for the top alone: the others stay what they are. */
	if (m->recursive && propagation && !(m->propagation & MS_REC))
		propagation = MOUNT_KEEP;
	if (m->fill) {
		r = init_fill_volume(source, target, m->fill == PLAN_FILL_CONTENT, e);
		if (r < 0)
			return r;
	}
	r = mount_bind(source, target, m->recursive, m->flags & MOUNT_ATTR_FLAGS, 0, propagation,
		       &top, e);
	return r < 0 ? r : finish_bind(top, m, e);
}

/* A mount that the parent has made, because only it may (init_prepare_mounts). */
static int bind_tree(const struct plan_mount *m, int tree, int target, struct err *e)
{
	unsigned long propagation = m->propagation ? m->propagation : MS_PRIVATE | MS_REC;
	int r = mount_move(tree, target, e);

	if (r == 0) /* before Linux 5.12 only of what is attached */
		r = mount_propagation_fd(tree, propagation, e);
	if (r == 0)
		r = mount_add_flags(tree, m->flags & MOUNT_ATTR_FLAGS, 0, e);
	return r < 0 ? r : finish_bind(tree, m, e);
}

/* crun's "copy-symlink": the link itself is made again. */
static int copy_link(struct init *in, const struct plan_mount *m, const char *text, struct err *e)
{
	scoped(mem) char *dir = path_clean(m->target);
	char *name = dir ? strrchr(dir, '/') : NULL, now[PATH_MAX];
	scoped(fd) int fd = -EBADF;
	ssize_t n;

	if (!name || !name[1])
		return err_errno(e, dir ? EINVAL : ENOMEM, "make a link");
	*name++ = '\0';
	fd = path_mkdirs_in(in->root_fd, *dir ? dir : "/", 0755);
	if (fd < 0)
		return err_errno(e, fd, "make %s", dir);
	if (symlinkat(text, fd, name) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "make a link");
	n = readlinkat(fd, name, now, sizeof(now) - 1);
	now[n < 0 ? 0 : n] = '\0';
	return strcmp(now, text) == 0 ? 0 : err_set(e, -EEXIST, "something else is there");
}

static int remount(const struct plan_mount *m, int target, struct err *e)
{
	char proc[32];
	unsigned long flags = m->flags & ~(unsigned long)MOUNT_ATTR_FLAGS;

	if (!(m->flags & MS_BIND) && (m->data || (flags & ~(unsigned long)MS_REMOUNT))) {
		if (mount(m->source ? m->source : "none", fd_proc_path(target, proc), NULL,
			  m->flags, m->data) < 0)
			return err_sys(e, "remount");
		return 0;
	}
	return mount_change(target, m->flags, m->clear, 0, e);
}

static int mount_one(struct init *in, size_t i, struct err *e)
{
	const struct plan_mount *m = &in->plan->mount[i];
	int tree = in->tree_fd ? in->tree_fd[i] : -EBADF, r;
	int source = tree >= 0 ? tree : in->source_fd[i];
	scoped(fd) int target = -EBADF;
	char link[PATH_MAX];

	if (m->copy_symlink && source >= 0) {
		ssize_t n = readlinkat(source, "", link, sizeof(link) - 1);
		if (n > 0) {
			link[n] = '\0';
			return copy_link(in, m, link, e);
		}
	}
	target = m->flags & MS_REMOUNT ? path_open_in(in->root_fd, m->target, O_PATH, 0)
				       : open_target(in, m, source, e);
	if (target < 0)
		return e->code < 0 ? e->code : err_errno(e, target, "open %s", m->target);
	r = refuse_procfs(target, source, m, e);
	if (r < 0)
		return r;
	if (m->flags & MS_REMOUNT)
		return remount(m, target, e);
	if (tree >= 0)
		return bind_tree(m, tree, target, e);
	return source >= 0 ? bind_source(m, source, target, e) : mount_new(in, m, target, e);
}

int init_mount_all(struct init *in, struct err *e)
{
	for (size_t i = 0; i < in->plan->n_mounts; i++) {
		int r = mount_one(in, i, e);
		if (r < 0)
			return err_in(e, "mount %s", in->plan->mount[i].target);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The container's mounts.  Every target is opened below the root's descriptor (path_open_in) and
 * mounted on as a descriptor: whatever links the image has, nothing is made or mounted outside. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/magic.h>

#include "src/runtime/init.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "userns/mount.h"

int init_open_sources(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;

	in->null_fd = open("/dev/null", O_PATH | O_CLOEXEC);
	if (in->null_fd < 0)
		return err_sys(e, "open /dev/null");
	in->source_fd = malloc((p->n_mounts + 1) * sizeof(int));
	if (!in->source_fd)
		return err_sys(e, "open the mounts' sources");
	for (size_t i = 0; i < p->n_mounts; i++) {
		in->source_fd[i] = -EBADF;
		if (!(p->mount[i].flags & MS_BIND) && strcmp(p->mount[i].fstype, "bind") != 0)
			continue;
		in->source_fd[i] = open(p->mount[i].source, O_PATH | O_CLOEXEC);
		if (in->source_fd[i] < 0)
			return err_sys(e, "open %s", p->mount[i].source);
	}
	return 0;
}

/* ---- the root -------------------------------------------------------------------------------- */

/* userxattr keeps overlayfs' own attributes in user.*: mandatory in a user namespace (Linux 5.11).
 */
static char *overlay_options(const struct runtime_overlay *o, int userxattr)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	size_t n = strv_len(o->lower);

	(void)strbuf_puts(&b, "lowerdir=");
	for (size_t i = n; i-- > 0;) /* the topmost comes first */
		(void)strbuf_printf(&b, "%s%s", o->lower[i], i ? ":" : "");
	(void)strbuf_printf(&b, ",upperdir=%s,workdir=%s%s", o->upper, o->work,
			    userxattr ? ",userxattr" : "");
	return strbuf_take(&b);
}

static int set_string(int fs, const char *key, const char *value)
{
	return syscall(SYS_fsconfig, fs, 1 /* FSCONFIG_SET_STRING */, key, value, 0) < 0 ? -errno
											 : 0;
}

/* More layers than fit the page of mount(2): one by one, "lowerdir+" of Linux 6.7. */
static int mount_many_layers(const struct runtime_overlay *o, int userxattr, int target,
			     struct err *e)
{
	scoped(fd) int fs = (int)syscall(SYS_fsopen, "overlay", 1 /* FSOPEN_CLOEXEC */);
	scoped(fd) int mnt = -EBADF;
	int r = fs < 0 ? -errno : 0;

	for (size_t i = strv_len(o->lower); i-- > 0 && r == 0;)
		r = set_string(fs, "lowerdir+", o->lower[i]);
	if (r == 0)
		r = set_string(fs, "upperdir", o->upper);
	if (r == 0)
		r = set_string(fs, "workdir", o->work);
	if (r == 0 && userxattr &&
	    syscall(SYS_fsconfig, fs, 0 /* FSCONFIG_SET_FLAG */, "userxattr", NULL, 0) < 0)
		r = -errno;
	if (r == 0 && syscall(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) < 0)
		r = -errno;
	if (r < 0)
		return err_errno(e, r, "mount an overlay of %zu layers", strv_len(o->lower));
	mnt = (int)syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 0);
	if (mnt < 0 ||
	    syscall(SYS_move_mount, mnt, "", target, "", 0x44 /* both paths empty */) < 0)
		return err_sys(e, "mount an overlay of %zu layers", strv_len(o->lower));
	return 0;
}

static int mount_overlay(struct init *in, struct err *e)
{
	const struct runtime_overlay *o = in->o->overlay;
	int userxattr = (in->plan->clone_flags & CLONE_NEWUSER) != 0;
	scoped(mem) char *options = overlay_options(o, userxattr);
	int r = 0;

	if (!options)
		return err_errno(e, ENOMEM, "mount the overlay");
	if (chdir(o->base) < 0)
		return err_sys(e, "enter %s", o->base);
	if (strlen(options) < (size_t)sysconf(_SC_PAGESIZE)) {
		if (mount("overlay", o->target, "overlay", 0, options) < 0)
			r = err_sys(e, "mount the overlay on %s", o->target);
	} else {
		scoped(fd) int target =
			open(o->target, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		r = target < 0 ? err_sys(e, "open %s", o->target)
			       : mount_many_layers(o, userxattr, target, e);
	}
	if (r == -EPERM || r == -ENODEV || r == -EINVAL)
		(void)err_hint(e, "this kernel or file system does not take overlay mounts of "
				  "users (Linux 5.11); 'cove "
				  "doctor' tells more");
	if (r < 0)
		return r;
	in->root_fd = open(o->target, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return in->root_fd < 0 ? err_sys(e, "open the container's root") : 0;
}

int init_mount_root(struct init *in, struct err *e)
{
	scoped(fd) int dir = -EBADF;

	if (in->o->overlay)
		return mount_overlay(in, e);
	dir = open(in->plan->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open root file system %s", in->plan->rootfs);
	/* pivot_root wants a mount: the directory is bound on itself. */
	return mount_bind(dir, dir, 1, 0, 0, MS_PRIVATE, &in->root_fd, e) < 0
		       ? err_in(e, "root file system %s", in->plan->rootfs)
		       : 0;
}

/* ---- everything in it ------------------------------------------------------------------------ */

static int open_target(struct init *in, const struct plan_mount *m, int source, struct err *e)
{
	struct stat st;
	int is_dir = 1, fd;

	if (source >= 0) {
		if (fstat(source, &st) < 0)
			return err_sys(e, "stat %s", m->source);
		is_dir = S_ISDIR(st.st_mode);
	}
	fd = is_dir ? path_mkdirs_in(in->root_fd, m->target, 0755)
		    : path_mkfile_in(in->root_fd, m->target, 0644);
	if (fd < 0)
		return err_errno(e, fd, "make the mount point %s", m->target);
	return fd;
}

static int is_procfs(int fd)
{
	struct statfs fs;
	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Nothing is mounted over procfs but what hides it: the object itself is looked at, whatever
 * its name.  Nor in its place: an image's VOLUME /proc would have us write labels into files of its
 * own (CVE-2019-16884). */
static int refuse_procfs(int target, int source, const struct plan_mount *m, struct err *e)
{
	if (strcmp(m->fstype, "proc") == 0)
		return 0;
	if (is_procfs(target))
		return err_set(e, -EPERM, "%s is inside /proc: nothing may be mounted there",
			       m->target);
	if (strcmp(m->target, "/proc") == 0 && !is_procfs(source))
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

/* A fresh named volume gets what the image has there, with the owner and mode of the directory. */
static int fill_volume(int source, int target, struct err *e)
{
	struct stat st;
	char proc[32];

	if (!is_empty_dir(source) || fstat(target, &st) < 0)
		return 0;
	if (chown(fd_proc_path(source, proc), st.st_uid, st.st_gid) < 0 ||
	    chmod(proc, st.st_mode & 07777) < 0)
		return err_sys(e, "give the volume its owner");
	return copy_tree(target, source, e);
}

/* What cannot be mounted with the host's network or on an odd host is shown read-only instead. */
static int mount_or_bind(const char *fstype, int target, const struct plan_mount *m,
			 const char *host, int *top, struct err *e)
{
	scoped(fd) int source = -EBADF;
	int r = mount_fs(target, fstype, m->source, m->flags, m->data, top, e);

	if (r != -EPERM && r != -EBUSY && r != -EINVAL && r != -ENODEV)
		return r;
	source = open(host, O_PATH | O_CLOEXEC);
	if (source < 0)
		return 0; /* the host has none either */
	err_clear(e);
	return mount_bind(source, target, 1,
			  m->flags | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, 1, MS_SLAVE, top,
			  e);
}

static int mount_new(struct init *in, const struct plan_mount *m, int target, struct err *e)
{
	scoped(fd) int top = -EBADF;
	int r;

	if (strcmp(m->fstype, "cgroup") == 0 || strcmp(m->fstype, "cgroup2") == 0) {
		struct plan_mount plain = *m;
		plain.data = NULL;
		return mount_or_bind("cgroup2", target, &plain, "/sys/fs/cgroup", NULL, e);
	}
	if (strcmp(m->fstype, "sysfs") == 0)
		return mount_or_bind("sysfs", target, m, "/sys", NULL, e);
	/* A read-only tmpfs is filled first and closed afterwards. */
	r = mount_fs(target, m->fstype, m->source, m->copy_up ? m->flags & ~MS_RDONLY : m->flags,
		     m->data, &top, e);
	if (r == 0 && m->copy_up) {
		struct stat st;
		char proc[32];
		if (fstat(target, &st) == 0 && !strstr(m->data ? m->data : "", "mode="))
			(void)!chmod(fd_proc_path(top, proc),
				     st.st_mode & 07777); /* as the image has it */
		r = copy_tree(target, top, e);
	}
	if (r == 0 && m->copy_up && (m->flags & MS_RDONLY))
		r = mount_add_flags(top, MS_RDONLY, 0, e);
	if (r == 0 && strcmp(m->target, "/dev") == 0)
		in->dev_fd = take_fd(&top);
	return r;
}

static int mount_one(struct init *in, const struct plan_mount *m, int source, struct err *e)
{
	scoped(fd) int target = open_target(in, m, source, e);
	int r = target < 0 ? target : refuse_procfs(target, source, m, e);

	if (r < 0)
		return r;
	if (source >= 0) {
		if (m->fill) {
			r = fill_volume(source, target, e);
			if (r < 0)
				return r;
		}
		return mount_bind(source, target, m->recursive, m->flags & MOUNT_ATTR_FLAGS,
				  m->recursive_set, m->propagation & ~(unsigned long)MS_REC, NULL,
				  e);
	}
	return mount_new(in, m, target, e);
}

int init_mount_all(struct init *in, struct err *e)
{
	for (size_t i = 0; i < in->plan->n_mounts; i++) {
		int r = mount_one(in, &in->plan->mount[i], in->source_fd[i], e);
		if (r < 0)
			return err_in(e, "mount %s", in->plan->mount[i].target);
	}
	return 0;
}

/* ---- what is hidden -------------------------------------------------------------------------- */

static int mask(struct init *in, const char *path, struct err *e)
{
	scoped(fd) int fd = path_open_in(in->root_fd, path, O_PATH, 0);
	struct stat st;

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, fd < 0 ? fd : errno, "open %s", path);
	if (!S_ISDIR(st.st_mode))
		return mount_bind(in->null_fd, fd, 0, 0, 0, 0, NULL, e);
	if (in->empty_fd >= 0)
		return mount_bind(in->empty_fd, fd, 0, MS_RDONLY, 0, 0, NULL, e);
	return mount_fs(fd, "tmpfs", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			"size=0,mode=555", &in->empty_fd, e);
}

static int make_readonly(struct init *in, const char *path, struct err *e)
{
	scoped(fd) int fd = path_open_in(in->root_fd, path, O_PATH, 0);

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES)
		return 0;
	if (fd < 0)
		return err_errno(e, fd, "open %s", path);
	return mount_bind(fd, fd, 1, MS_RDONLY, 0, 0, NULL, e);
}

int init_hide_paths(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;
	int r = 0;

	for (size_t i = 0; p->readonly && p->readonly[i] && r == 0; i++)
		if (make_readonly(in, p->readonly[i], e) < 0)
			r = err_in(e, "make %s read-only", p->readonly[i]);
	for (size_t i = 0; p->masked && p->masked[i] && r == 0; i++)
		if (mask(in, p->masked[i], e) < 0)
			r = err_in(e, "mask %s", p->masked[i]);
	if (r == 0 && p->rootfs_readonly) {
		r = mount_add_flags(in->root_fd, MS_RDONLY, 0, e);
		if (r < 0)
			(void)err_in(e, "make the root read-only");
	}
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "userns/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* glibc 2.36 declares the new API, older ones do not; the numbers are the same on every
 * architecture. */
#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC		1
#define FSMOUNT_CLOEXEC		1
#define MOVE_MOUNT_F_EMPTY_PATH 4
#define MOVE_MOUNT_T_EMPTY_PATH 0x40
#define OPEN_TREE_CLONE		1
#define OPEN_TREE_CLOEXEC	O_CLOEXEC
#define MOUNT_ATTR_RDONLY	1
#define MOUNT_ATTR_NOSUID	2
#define MOUNT_ATTR_NODEV	4
#define MOUNT_ATTR_NOEXEC	8
#define MOUNT_ATTR__ATIME	0x70
#define MOUNT_ATTR_NOATIME	0x10
#define MOUNT_ATTR_STRICTATIME	0x20
#define MOUNT_ATTR_NODIRATIME	0x80
enum { FSCONFIG_SET_FLAG = 0, FSCONFIG_SET_STRING = 1, FSCONFIG_CMD_CREATE = 6 };
struct mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_fsopen
#define SYS_open_tree  428
#define SYS_move_mount 429
#define SYS_fsopen     430
#define SYS_fsconfig   431
#define SYS_fsmount    432
#endif

#define FSCONFIG_STRING_MAX 255 /* fsconfig(2) copies at most 256 bytes of a string */

static uint64_t attr_of(unsigned long ms)
{
	static const struct {
		unsigned long ms;
		uint64_t attr;
	} map[] = {
		{ MS_RDONLY, MOUNT_ATTR_RDONLY },
		{ MS_NOSUID, MOUNT_ATTR_NOSUID },
		{ MS_NODEV, MOUNT_ATTR_NODEV },
		{ MS_NOEXEC, MOUNT_ATTR_NOEXEC },
		{ MS_NOATIME, MOUNT_ATTR_NOATIME },
		{ MS_STRICTATIME, MOUNT_ATTR_STRICTATIME },
		{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME },
		{ 256 /* MS_NOSYMFOLLOW */, 0x200000 /* MOUNT_ATTR_NOSYMFOLLOW, Linux 5.14 */ },
	};
	uint64_t a = 0;
	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (ms & map[i].ms)
			a |= map[i].attr;
	return a;
}

static int is_missing(int err)
{
	/* ENOSYS before the call existed; EPERM when a container's seccomp filter around us hides
	 * it. */
	return err == ENOSYS || err == EPERM;
}

static int move_to(int mount_fd, int target_fd)
{
	return syscall(SYS_move_mount, mount_fd, "", target_fd, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		       ? -errno
		       : 0;
}

/* MS_* that are options of the whole file system (fsconfig(2) takes them by name). */
static int set_fs_flags(int fs, const char *source, unsigned long flags)
{
	static const struct {
		unsigned long ms;
		const char *name;
	} map[] = { { MS_SYNCHRONOUS, "sync" },
		    { MS_DIRSYNC, "dirsync" },
		    { MS_LAZYTIME, "lazytime" },
		    { MS_MANDLOCK, "mand" } };

	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if ((flags & map[i].ms) &&
		    syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, map[i].name, NULL, 0) < 0)
			return -errno;
	/* A device that cannot be written has to be told so before it is opened. */
	if ((flags & MS_RDONLY) && source && source[0] == '/' &&
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
		return -errno;
	return 0;
}

/* At commas, but for those between quotes (a security context has some); the quotes go. */
static char **split_options(const char *data)
{
	scoped(strv) char **v = calloc(1, sizeof(*v));
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	int quoted = 0, r = v ? 0 : -ENOMEM;

	for (const char *c = data; r == 0; c++) {
		if (*c == '"') {
			quoted = !quoted;
		} else if (*c == '\0' || (*c == ',' && !quoted)) {
			if (b.len)
				r = strv_add(&v, b.s);
			strbuf_reset(&b);
			if (!*c)
				break;
		} else {
			r = strbuf_putc(&b, *c);
		}
	}
	return r == 0 ? take_ptr(&v) : NULL;
}

/* "a=b,c" into fsconfig calls. */
static int configure(int fs, const char *source, const char *data)
{
	scoped(strv) char **opts = data ? split_options(data) : NULL;

	if (data && !opts)
		return -ENOMEM;
	if (source && syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", source, 0) < 0)
		return -errno;
	for (size_t i = 0; opts && opts[i]; i++) {
		char *eq = strchr(opts[i], '=');
		long r;
		if (eq) {
			*eq = '\0';
			r = syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, opts[i], eq + 1, 0);
		} else {
			r = syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, opts[i], NULL, 0);
		}
		if (r < 0)
			return -errno;
	}
	return syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

static int has_long_option(const char *data)
{
	for (const char *p = data; p && *p;) {
		size_t n = strcspn(p, ",");
		if (n > FSCONFIG_STRING_MAX)
			return 1;
		p += n + (p[n] == ',');
	}
	return 0;
}

/* The new API; -ENOSYS when it is not there or cannot carry the options. */
static int fs_by_fd(int target_fd, const char *fstype, const char *source, unsigned long flags,
		    const char *data, int *ret_top)
{
	scoped(fd) int fs = -EBADF;
	scoped(fd) int mnt = -EBADF;
	int r;

	if (has_long_option(data))
		return -ENOSYS;
	fs = (int)syscall(SYS_fsopen, fstype, FSOPEN_CLOEXEC);
	if (fs < 0)
		return is_missing(errno) ? -ENOSYS : -errno;
	r = set_fs_flags(fs, source, flags);
	if (r == 0)
		r = configure(fs, source, data);
	if (r < 0)
		return r;
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned)attr_of(flags));
	if (mnt < 0)
		return -errno;
	r = move_to(mnt, target_fd);
	if (r < 0)
		return r;
	*ret_top = take_fd(&mnt);
	return 0;
}

/* A descriptor of what is mounted over FD now: ".." of a directory's child would do, but a file has
 * none; the name in /proc is looked up again, which crosses the new mount. */
static int reopen_top(int fd)
{
	char proc[32], path[4096];
	ssize_t n = readlink(fd_proc_path(fd, proc), path, sizeof(path) - 1);
	int top;
	if (n < 0)
		return -errno;
	path[n] = '\0';
	top = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	return top < 0 ? -errno : top;
}

int mount_fs(int target_fd, const char *fstype, const char *source, unsigned long flags,
	     const char *data, int *ret_top, struct err *e)
{
	scoped(fd) int top = -EBADF;
	char target[32];
	int r = fs_by_fd(target_fd, fstype, source, flags, data, &top);

	if (r == -ENOSYS) {
		if (mount(source ? source : "none", fd_proc_path(target_fd, target), fstype, flags,
			  data) < 0)
			return err_sys(e, "mount %s", fstype);
		top = ret_top ? reopen_top(target_fd) : -EBADF;
		r = ret_top && top < 0 ? top : 0;
	}
	if (r < 0)
		return err_errno(e, r, "mount %s", fstype);
	if (ret_top)
		*ret_top = take_fd(&top);
	return 0;
}

static int change_attr(int fd, uint64_t set, uint64_t clear, unsigned long propagation,
		       int recursive)
{
	struct mount_attr a;
	memset(&a, 0, sizeof(a));
	a.attr_set = set;
	a.attr_clr = clear;
	/* Setting one of the atime modes wants the field cleared first (mount_setattr(2)). */
	if (set & MOUNT_ATTR__ATIME)
		a.attr_clr |= MOUNT_ATTR__ATIME;
	a.propagation = propagation;
	return syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
		       &a, sizeof(a)) < 0
		       ? -errno
		       : 0;
}

static int set_attr(int fd, uint64_t set, unsigned long propagation, int recursive)
{
	return change_attr(fd, set, 0, propagation, recursive);
}

/* The atime mode of a mount of another user namespace is locked (mount_namespaces(7)): then it
 * stays as it is, and the rest is set. */
static int set_unlocked(int fd, uint64_t set, int recursive)
{
	const uint64_t atime = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
	int r = set_attr(fd, set, 0, recursive);

	if (r == -EPERM && (set & atime))
		r = set & ~atime ? set_attr(fd, set & ~atime, 0, recursive) : 0;
	return r;
}

/* Before Linux 5.12: remount with the flags it has and ours.  Those that were set in the namespace
 * it came from are locked in ours, and a remount without them is EPERM (mount_namespaces(7)). */
static int remount(int top_fd, unsigned long set, unsigned long propagation)
{
	static const struct {
		unsigned long st, ms;
	} keep[] = { { ST_RDONLY, MS_RDONLY },	  { ST_NOSUID, MS_NOSUID },
		     { ST_NODEV, MS_NODEV },	  { ST_NOEXEC, MS_NOEXEC },
		     { ST_NOATIME, MS_NOATIME },  { ST_NODIRATIME, MS_NODIRATIME },
		     { ST_RELATIME, MS_RELATIME } };
	char path[32];
	struct statvfs st;

	(void)fd_proc_path(top_fd, path);
	if (propagation && mount("none", path, NULL, propagation, NULL) < 0)
		return -errno;
	if (!set)
		return 0;
	if (fstatvfs(top_fd, &st) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_LEN(keep); i++)
		if (st.f_flag & keep[i].st)
			set |= keep[i].ms;
	return mount("none", path, NULL, MS_REMOUNT | MS_BIND | set, NULL) < 0 ? -errno : 0;
}

int mount_add_flags(int top_fd, unsigned long set, int recursive, struct err *e)
{
	int r = set_unlocked(top_fd, attr_of(set), recursive);
	if (r == -ENOSYS || r == -EPERM)
		r = remount(top_fd, set & MOUNT_ATTR_FLAGS, 0);
	return r < 0 ? err_errno(e, r, "change mount attributes") : 0;
}

int mount_bind(int source_fd, int target_fd, int recursive, unsigned long set, int recursive_set,
	       unsigned long propagation, int *ret_top, struct err *e)
{
	scoped(fd) int top = -EBADF;
	char from[32], to[32];
	int r;

	if (!propagation)
		propagation = MS_PRIVATE;
	top = (int)syscall(SYS_open_tree, source_fd, "",
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
				   (recursive ? AT_RECURSIVE : 0));
	if (top < 0 && !is_missing(errno))
		return err_sys(e, "bind mount");
	if (propagation == MOUNT_KEEP)
		propagation = 0;
	if (top >= 0) {
		int late;
		r = propagation ? set_attr(top, 0, propagation & ~(unsigned long)MS_REC, recursive)
				: 0;
		if (r == 0 && attr_of(set))
			r = set_unlocked(top, attr_of(set), recursive && recursive_set);
		if (r < 0 && r != -ENOSYS)
			return err_errno(e, r, "set the attributes of a bind mount");
		late = r == -ENOSYS;
		r = move_to(top, target_fd);
		if (r < 0)
			return err_errno(e, r, "attach a bind mount");
		r = late ? remount(top, set & MOUNT_ATTR_FLAGS, propagation) : 0;
	} else {
		r = mount(fd_proc_path(source_fd, from), fd_proc_path(target_fd, to), NULL,
			  MS_BIND | (recursive ? MS_REC : 0), NULL) < 0
			    ? -errno
			    : 0;
		if (r == 0)
			r = top = reopen_top(target_fd);
		if (r >= 0)
			r = remount(top, set & MOUNT_ATTR_FLAGS,
				    propagation ? propagation | (recursive ? MS_REC : 0) : 0);
	}
	if (r < 0)
		return err_errno(e, r, "bind mount");
	if (ret_top)
		*ret_top = take_fd(&top);
	return 0;
}

int mount_change(int top_fd, unsigned long set, unsigned long clear, int recursive, struct err *e)
{
	const unsigned long atime = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;
	uint64_t clr = attr_of(clear);
	int r;

	if (!((set | clear) & MOUNT_ATTR_FLAGS))
		return 0;
	/* The atime modes are one field, which is set whole. */
	clr &= ~(uint64_t)MOUNT_ATTR__ATIME;
	if ((set | clear) & atime)
		clr |= MOUNT_ATTR__ATIME;
	r = change_attr(top_fd, attr_of(set), clr, 0, recursive);
	if (r == -ENOSYS)
		return err_set(e, -ENOTSUP,
			       "change mount attributes: needs mount_setattr of Linux 5.12");
	return r < 0 ? err_errno(e, r, "change mount attributes") : 0;
}

int mount_propagation_fd(int top_fd, unsigned long propagation, struct err *e)
{
	char path[32];
	int r = set_attr(top_fd, 0, propagation & ~(unsigned long)MS_REC,
			 (propagation & MS_REC) != 0);

	if (r == -ENOSYS || r == -EPERM)
		r = mount("none", fd_proc_path(top_fd, path), NULL, propagation, NULL) < 0 ? -errno
											   : 0;
	return r < 0 ? err_errno(e, r, "set the propagation of a mount") : 0;
}

int mount_clone(int source_fd, int recursive, int *ret_fd, struct err *e)
{
	int fd = (int)syscall(SYS_open_tree, source_fd, "",
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
				      (recursive ? AT_RECURSIVE : 0));
	if (fd < 0)
		return err_sys(e, "copy a mount");
	*ret_fd = fd;
	return 0;
}

int mount_idmap(int tree_fd, int userns_fd, int recursive, struct err *e)
{
	struct mount_attr a;

	memset(&a, 0, sizeof(a));
	a.attr_set = 0x100000; /* MOUNT_ATTR_IDMAP */
	a.userns_fd = (uint64_t)userns_fd;
	if (syscall(SYS_mount_setattr, tree_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
		    &a, sizeof(a)) == 0)
		return 0;
	(void)err_sys(e, "map the ids of a mount");
	return err_hint(e, "idmapped mounts need Linux 5.12, a file system that knows them and "
			   "power over that file system: root's, for those of the host");
}

int mount_move(int tree_fd, int target_fd, struct err *e)
{
	int r = move_to(tree_fd, target_fd);
	return r < 0 ? err_errno(e, r, "attach a mount") : 0;
}

int mount_propagation(const char *path, unsigned long propagation, struct err *e)
{
	return mount("none", path, NULL, MS_REC | propagation, NULL) < 0
		       ? err_sys(e, "set the propagation of %s", path)
		       : 0;
}

int mount_pivot(int new_root_fd, struct err *e)
{
	/* pivot_root(2): with "." for both the old root ends up on top of the new one, from where
	 * it is unmounted; no directory for it is needed. */
	if (fchdir(new_root_fd) < 0)
		return err_sys(e, "enter the new root");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(e, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(e, "let go of the old root");
	return chdir("/") < 0 ? err_sys(e, "enter the new root") : 0;
}

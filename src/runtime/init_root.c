/* SPDX-License-Identifier: Apache-2.0 */
/* The container's root: an overlay of layers, or a directory. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/runtime/init.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "userns/mount.h"

/* userxattr keeps overlayfs' own attributes in user.*: mandatory in a user namespace (Linux 5.11).
 */
static char *overlay_options(const struct runtime_overlay *o, int userxattr)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	size_t n = strv_len(o->lower);

	(void)strbuf_puts(&b, "lowerdir=");
	for (size_t i = n; i-- > 0;) /* the topmost comes first */
		(void)strbuf_printf(&b, "%s%s", o->lower[i], i ? ":" : "");
	if (o->upper)
		(void)strbuf_printf(&b, ",upperdir=%s,workdir=%s", o->upper, o->work);
	if (userxattr)
		(void)strbuf_puts(&b, ",userxattr");
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
	if (r == 0 && o->upper)
		r = set_string(fs, "upperdir", o->upper);
	if (r == 0 && o->upper)
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

/* Long names, of layers in other stores: as descriptors they are short.  NULL where that does not
 * help. */
static char *short_options(const struct runtime_overlay *o, int userxattr, int *fds)
{
	struct runtime_overlay by_fd = *o;
	scoped(strv) char **names = NULL;
	char proc[32];

	for (size_t i = 0; o->lower[i]; i++) {
		fds[i] = open(o->lower[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fds[i] < 0 || strv_add(&names, fd_proc_path(fds[i], proc)) < 0)
			return NULL;
	}
	by_fd.lower = names;
	return names ? overlay_options(&by_fd, userxattr) : NULL;
}

static int mount_long(const struct runtime_overlay *o, int userxattr, struct err *e)
{
	size_t n = strv_len(o->lower);
	scoped(mem) int *fds = calloc(n + 1, sizeof(*fds));
	scoped(mem) char *options = NULL;
	scoped(fd) int target = open(o->target, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = -1;

	if (!fds)
		return err_errno(e, ENOMEM, "mount the overlay");
	if (target < 0)
		return err_sys(e, "open %s", o->target);
	for (size_t i = 0; i < n; i++)
		fds[i] = -EBADF;
	options = short_options(o, userxattr, fds);
	if (options && strlen(options) < (size_t)sysconf(_SC_PAGESIZE))
		r = mount("overlay", o->target, "overlay", 0, options);
	for (size_t i = 0; i < n; i++)
		fd_close(fds[i]);
	return r == 0 ? 0 : mount_many_layers(o, userxattr, target, e);
}

/* A layer that an image has twice is hidden by its upper one, whiteouts and all; overlayfs takes no
 * directory twice (ELOOP).  What lies in LOWER, without the lower ones.  NULL: out of memory. */
static char **distinct(char *const *lower)
{
	char **list = calloc(strv_len(lower) + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; list && lower[i]; i++) {
		int comes_again = 0;

		for (size_t k = i + 1; lower[k] && !comes_again; k++)
			comes_again = !strcmp(lower[i], lower[k]);
		if (!comes_again)
			list[n++] = lower[i];
	}
	return list;
}

static int mount_overlay(const struct runtime_overlay *o, int userxattr, struct err *e)
{
	scoped(mem) char *options = overlay_options(o, userxattr);
	struct statvfs fs;
	int r = 0;

	if (!options)
		return err_errno(e, ENOMEM, "mount the overlay");
	if (chdir(o->base) < 0)
		return err_sys(e, "enter %s", o->base);
	if (strlen(options) < (size_t)sysconf(_SC_PAGESIZE)) {
		if (mount("overlay", o->target, "overlay", 0, options) < 0)
			r = err_sys(e, "mount the overlay on %s", o->target);
	} else {
		r = mount_long(o, userxattr, e);
	}
	if (r == -EINVAL && o->upper && statvfs(o->upper, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		return err_set(e, -EROFS, "mount the overlay on %s: Read-only file system",
			       o->target);
	if (r == -EPERM || r == -ENODEV || r == -EINVAL)
		(void)err_hint(e, "this kernel or file system does not take overlay mounts of "
				  "users (Linux 5.11); 'cove "
				  "doctor' tells more");
	return r;
}

int runtime_mount_overlay(const struct runtime_overlay *o, int userxattr, int *ret_root,
			  struct err *e)
{
	scoped(mem) char **lower = distinct(o->lower);
	struct runtime_overlay once = *o;
	int r;

	once.lower = lower;
	r = lower ? mount_overlay(&once, userxattr, e) : err_errno(e, ENOMEM, "mount the overlay");
	if (r < 0)
		return r;
	*ret_root = open(o->target, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_root < 0 ? err_sys(e, "open the container's root") : 0;
}

/* Copies of what is to stay in one peer group with the host's mounts, made while ours still are:
 * the root, and binds that are asked for as shared. */
static int copy_shared(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;
	int r = in->root_tree < 0 && p->rootfs ? init_open_host(in, p->rootfs, O_PATH | O_DIRECTORY)
					       : -ENOENT;
	scoped(fd) int dir = r;

	r = dir >= 0 ? mount_clone(dir, 1, &in->root_tree, e) : 0;
	for (size_t i = 0; i < p->n_mounts && in->tree_fd && r == 0; i++) {
		const struct plan_mount *m = &p->mount[i];
		scoped(fd) int source = -EBADF;
		if (strcmp(m->fstype, "bind") != 0 || !(m->propagation & MS_SHARED) ||
		    in->tree_fd[i] >= 0 || m->fill)
			continue;
		source = init_open_host(in, m->source,
					O_PATH | (m->source_nofollow ? O_NOFOLLOW : 0));
		r = source < 0 ? err_errno(e, source, "open %s", m->source)
			       : mount_clone(source, m->recursive, &in->tree_fd[i], e);
	}
	return r;
}

/* What mounts of the container do for the host's and those for it (config-linux.md, "Rootfs Mount
 * Propagation"): unless asked otherwise mounts of the host come in, and none go out.  Nothing that
 * is done from here on, least of all letting go of the old root, may reach the host's mounts. */
int init_set_propagation(struct init *in, struct err *e)
{
	unsigned long want = in->plan->rootfs_propagation & ~(unsigned long)MS_REC;
	int r;

	if (!plan_has_mounts(in->plan))
		return 0; /* all is the caller's */
	r = want == MS_SHARED ? copy_shared(in, e) : 0;
	return r < 0 ? r
		     : mount_propagation("/",
					 want == MS_PRIVATE || want == MS_UNBINDABLE ? MS_PRIVATE
										     : MS_SLAVE,
					 e);
}

/* pivot_root(2) wants neither the new root's parent mount nor the new root shared. */
static int hold_root(struct init *in, int dir, struct err *e)
{
	scoped(fd) int parent = -EBADF;
	scoped(fd) int tree = take_fd(&in->root_tree);
	unsigned long want = in->plan->rootfs_propagation;
	int r = 0;

	if (!want || !plan_has_mounts(in->plan))
		return mount_bind(dir, dir, 1, 0, 0, MS_PRIVATE, &in->root_fd, e);
	/* The directory twice: the outer bind is the private parent of the inner one, which has the
	 * propagation of the host's mounts. */
	if (tree < 0)
		r = mount_clone(dir, 1, &tree, e);
	if (r == 0)
		r = mount_bind(dir, dir, 0, 0, 0, MS_PRIVATE, &parent, e);
	if (r == 0)
		r = mount_move(tree, parent, e);
	/* The old root goes on top of the new one for a moment. */
	if (r == 0)
		r = mount_propagation_fd(tree, want & MS_SLAVE ? MS_SLAVE : MS_PRIVATE, e);
	if (r == 0)
		in->root_fd = take_fd(&tree);
	return r;
}

/* Directories above the root are closed to the container's root: it comes from the parent, and is
 * attached where nothing is in the way, over the "/" that is left soon. */
static int hold_tree(struct init *in, struct err *e)
{
	scoped(fd) int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = top < 0 ? err_sys(e, "open /") : mount_propagation_fd(top, MS_PRIVATE, e);

	if (r == 0)
		r = mount_propagation_fd(in->root_tree, MS_PRIVATE | MS_REC, e);
	if (r == 0)
		r = mount_move(in->root_tree, top, e);
	if (r == 0)
		in->root_fd = take_fd(&in->root_tree);
	return r;
}

int init_mount_root(struct init *in, struct err *e)
{
	scoped(fd) int dir = -EBADF;

	if (in->o->overlay)
		return runtime_mount_overlay(in->o->overlay,
					     (in->plan->clone_flags & CLONE_NEWUSER) != 0,
					     &in->root_fd, e);
	if (!in->plan->rootfs)
		return err_set(e, -EINVAL, "config.json: root.path is missing");
	dir = init_open_host(in, in->plan->rootfs, O_PATH | O_DIRECTORY);
	if (dir == -EACCES && in->root_tree >= 0)
		return hold_tree(in, e) < 0 ? err_in(e, "root file system %s", in->plan->rootfs)
					    : 0;
	if (dir < 0)
		return err_errno(e, dir, "open root file system %s", in->plan->rootfs);
	/* pivot_root wants a mount: the directory is bound on itself. */
	return hold_root(in, dir, e) < 0 ? err_in(e, "root file system %s", in->plan->rootfs) : 0;
}

/* The end without a mount namespace (config-linux.md: what is not named is inherited): what is
 * mounted below the root goes with oci_destroy(), or with init_leave_root(). */
int init_enter_root(struct init *in, struct err *e)
{
	if (fchdir(in->root_fd) < 0 || chroot(".") < 0)
		return err_sys(e, "change the root");
	return 0;
}

void init_leave_root(struct init *in)
{
	char proc[32];

	if (plan_has_mounts(in->plan) || in->root_fd < 0)
		return;
	if (umount2(fd_proc_path(in->root_fd, proc), MNT_DETACH) < 0)
		dbg("the container's mounts stay");
}

/* After pivot_root: what was asked for the root itself. */
int init_finish_root(struct init *in, struct err *e)
{
	scoped(fd) int root = -EBADF;

	if (!in->plan->rootfs_propagation || !plan_has_mounts(in->plan))
		return 0;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open the container's root");
	return mount_propagation_fd(root, in->plan->rootfs_propagation, e) < 0
		       ? err_in(e, "rootfsPropagation")
		       : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A container that does not run is mounted as a start would do it.  One that runs is mounted
 * already, in its own mount namespace: a second mount of its upper directory would be one too many
 * (Linux, Documentation/filesystems/overlayfs.rst, "Sharing and copying layers"), so a child goes
 * there and hands out a copy of the mount. */
#include "src/container/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/container/event.h"
#include "src/container/record.h"
#include "src/container/root.h"
#include "src/container/view.h"
#include "src/util/fd.h"
#include "src/util/strbuf.h"
#include "userns/join.h"
#include "userns/mount.h"

int mount_allowed(const char *command, struct err *e)
{
	if (userns_is_root())
		return 0;
	return err_set(
		e, -EPERM,
		"cannot run command \"cove %s\" in rootless mode, must execute `cove unshare` "
		"first",
		command);
}

/* Is something mounted on PATH below the store? */
static int is_mounted(struct engine *en, const char *path)
{
	struct statx sx;
	struct stat at, above;
	scoped(mem) char *parent = str_printf("%s/..", path);

#ifdef STATX_ATTR_MOUNT_ROOT /* Linux 5.8 */
	if (statx(en->graph_fd, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &sx) == 0 &&
	    (sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
#else
	(void)sx;
#endif
	return parent && fstatat(en->graph_fd, path, &at, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(en->graph_fd, parent, &above, AT_SYMLINK_NOFOLLOW) == 0 &&
	       at.st_dev != above.st_dev;
}

/* The same as a full path, owned, or NULL. */
static char *mounted(struct engine *en, const char *path)
{
	return path && is_mounted(en, path) ? str_printf("%s/%s", en->graphroot, path) : NULL;
}

static int unmount(struct engine *en, const char *path, int force, struct err *e)
{
	scoped(mem) char *full = mounted(en, path);

	if (!full)
		return 0;
	if (umount2(full, UMOUNT_NOFOLLOW | (force ? MNT_DETACH : 0)) < 0)
		return err_sys(e, "unmount %s", full);
	return 1;
}

/* ---- containers ------------------------------------------------------------------------------ */

char *container_mounted(struct engine *en, const char *id)
{
	scoped(mem) char *path = str_printf("containers/%s/merged", id);
	return mounted(en, path);
}

int container_unmount(struct engine *en, const char *id, int force, struct err *e)
{
	scoped(mem) char *path = str_printf("containers/%s/merged", id);
	scoped(container) struct container *c = NULL;
	struct err ignored;
	int r = path ? unmount(en, path, force, e) : err_errno(e, ENOMEM, "unmount");

	if (r > 0 && container_find(en, id, &c, &ignored) == 0)
		container_event(en, c, "unmount");
	return r;
}

/* In a child: a copy of the mount that the container has as its root. */
static int hand_out(void *arg, int *fds, size_t *n, struct err *e)
{
	scoped(fd) int ns = view_enter(arg, e);
	scoped(fd) int root = -EBADF;
	int r;

	if (ns < 0)
		return ns;
	if (setns(ns, CLONE_NEWNS) < 0)
		return err_sys(e, "enter the container's mounts");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open the container's root");
	r = mount_clone(root, 0, &fds[0], e);
	*n = r < 0 ? 0 : 1;
	return r;
}

static int fetch_root(struct view *v, int *ret, struct err *e)
{
	*ret = -EBADF;
	return proc_call(hand_out, v, ret, 1, "look into the container: no mount came", e);
}

static int mount_running(struct engine *en, struct view *v, const char *path, struct err *e)
{
	scoped(fd) int root = -EBADF;
	scoped(fd) int target =
		openat(en->graph_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = target < 0 ? err_sys(e, "open %s/%s", en->graphroot, path)
			   : fetch_root(v, &root, e);

	return r < 0 ? r : mount_move(root, target, e);
}

static int mount_still(struct engine *en, const struct container *c,
		       const struct container_spec *spec, struct err *e)
{
	scoped(root_overlay) struct root_overlay paths = { 0 };
	scoped(fd) int lock = -EBADF;
	scoped(fd) int root = -EBADF;
	int r = record_lock(en, c->id, 30000, &lock, e);

	if (r == -EAGAIN)
		return err_set(e, -EBUSY, "container %s is in use by another command", c->name);
	if (r == 0)
		r = root_overlay(en, c->id, spec, &paths, e);
	if (r == 0)
		r = runtime_mount_overlay(&paths.overlay, !userns_is_host_root(), &root, e);
	return r;
}

static int mount_on(struct engine *en, const struct container *c, const struct container_spec *spec,
		    const char *path, struct err *e)
{
	scoped(view) struct view v = VIEW_NONE;
	int r = c->state == CONTAINER_RUNNING ? view_open(en, c->id, &v, e) : 0;

	if (r < 0)
		return r;
	if (v.c && !v.helper.pid)
		return mount_running(en, &v, path, e);
	view_done(&v); /* it has ended just now: its lock is wanted */
	return mount_still(en, c, spec, e);
}

int container_mount(struct engine *en, const char *ref, char **ret_path, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(container_spec) struct container_spec *spec = NULL;
	scoped(mem) char *path = NULL;
	scoped(mem) char *full = NULL;
	int r = container_find(en, ref, &c, e);

	if (r == 0)
		r = container_spec_decode(c->spec, &spec, e);
	if (r != 0 || !spec)
		return r;
	path = str_printf("containers/%s/merged", c->id);
	full = spec->rootfs && !spec->rootfs_overlay
		       ? strdup(spec->rootfs)
		       : str_printf("%s/containers/%s/merged", en->graphroot, c->id);
	if (!path || !full)
		return err_errno(e, ENOMEM, "mount a container");
	/* A directory of the user's own is where it is. */
	if ((!spec->rootfs || spec->rootfs_overlay) && !is_mounted(en, path))
		r = mount_on(en, c, spec, path, e);
	if (r < 0)
		return err_in(e, "mount container %s", ref);
	container_event(en, c, "mount");
	*ret_path = take_ptr(&full);
	return 0;
}

/* ---- images ---------------------------------------------------------------------------------- */

char *image_mounted(struct engine *en, const char *id)
{
	scoped(mem) char *path = str_printf("mounts/%s", id);
	return mounted(en, path);
}

int image_unmount(struct engine *en, const char *id, int force, struct err *e)
{
	scoped(mem) char *path = str_printf("mounts/%s", id);
	int r = path ? unmount(en, path, force, e) : err_errno(e, ENOMEM, "unmount");

	if (r == 1)
		(void)unlinkat(en->graph_fd, path, AT_REMOVEDIR); /* mounted elsewhere: it stays */
	return r;
}

static int make_dir(struct engine *en, const char *path, struct err *e)
{
	if (mkdirat(en->graph_fd, path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make directory %s/%s", en->graphroot, path);
	return 0;
}

int image_mount(struct engine *en, const struct image *i, char **ret_path, struct err *e)
{
	/* An overlay that is only read wants two layers; the image may have one, or none. */
	static const char *const nothing[] = { "mounts", "mounts/nothing", "mounts/nothing2" };
	scoped(mem) char *path = str_printf("mounts/%s", i->id);
	scoped(mem) char *full = str_printf("%s/mounts/%s", en->graphroot, i->id);
	scoped(mem) char *base = str_printf("%s/layers", en->graphroot);
	scoped(strv) char **lower = NULL;
	scoped(fd) int root = -EBADF;
	struct runtime_overlay overlay = { .base = base, .target = full };
	int r = path && full && base ? 0 : err_errno(e, ENOMEM, "mount an image");

	for (size_t k = 0; k < ARRAY_LEN(nothing) && r == 0; k++) {
		r = make_dir(en, nothing[k], e);
		if (r == 0 && k)
			r = strv_add(&lower, k == 1 ? "../mounts/nothing" : "../mounts/nothing2");
	}
	for (char **l = i->layers; l && *l && r == 0; l++) {
		scoped(mem) char *tree = root_lower(en, NULL, *l, e);
		r = tree ? strv_add(&lower, tree) : e->code;
	}
	if (r == 0)
		r = make_dir(en, path, e);
	if (r < 0)
		return e->code ? r : err_errno(e, r, "mount an image");
	overlay.lower = lower;
	if (!is_mounted(en, path))
		r = runtime_mount_overlay(&overlay, !userns_is_host_root(), &root, e);
	if (r < 0)
		return err_in(e, "mount image %.12s", i->id);
	*ret_path = take_ptr(&full);
	return 0;
}

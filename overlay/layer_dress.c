/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry of a layer is given besides its contents: overlayfs' marks, owner, attributes, mode
 * and time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "overlay/layer_tree_state.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* ---- whiteouts ------------------------------------------------------------------------------- */

const char *dress_attr_name(const struct layer_tree *t, const char *what, char buf[64])
{
	(void)snprintf(buf, 64, "%s.overlay.%s", t->o.real_root ? "trusted" : "user", what);
	return buf;
}

int dress_overlay_attr(struct layer_tree *t, int at, const char *name, const char *what,
		       const char *value, struct err *e)
{
	char attr[64];
	scoped(fd) int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys(e, "open it");
	if (fsetxattr(fd, dress_attr_name(t, what, attr), value, 1, 0) == 0)
		return 0;
	(void)err_sys(e, "mark it with %s", attr);
	if (e->code == -EOPNOTSUPP)
		return err_hint(e, "the store's file system has no extended attributes; choose "
				   "another with --root");
	return e->code;
}

/* Where mknod is refused: an empty file with overlay.whiteout, in a directory that says that it has
 * such files with overlay.opaque=x (Linux 6.7, Documentation/filesystems/overlayfs.rst). */
static int whiteout_by_xattr(struct layer_tree *t, const char *name, struct err *e)
{
	char attr[64], value = 0;
	scoped(fd) int dir = openat(t->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped(fd) int fd =
		openat(t->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0 || dir < 0)
		return err_sys(e, "make a whiteout");
	r = dress_overlay_attr(t, t->dir_fd, name, "whiteout", "y", e);
	if (r < 0)
		return r;
	if (fgetxattr(dir, dress_attr_name(t, "opaque", attr), &value, 1) == 1 && value == 'y')
		return 0;
	return dress_overlay_attr(t, t->dir_fd, ".", "opaque", "x", e);
}

int dress_whiteout(struct layer_tree *t, const char *name, struct err *e)
{
	struct stat st;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, -EINVAL, "a whiteout without a name");
	if (mknodat(t->dir_fd, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno == EPERM)
		return whiteout_by_xattr(t, name, e);
	if (errno != EEXIST)
		return err_sys(e, "make a whiteout");
	if (fstatat(t->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '%s'", name);
	/* The name exists in this layer, so that lower ones are hidden already; of a directory the
	 * lower contents would show through. */
	return S_ISDIR(st.st_mode) ? dress_overlay_attr(t, t->dir_fd, name, "opaque", "y", e) : 0;
}

/* ---- owner, attributes, mode, time ----------------------------------------------------------- */

int dress_bad_owner(struct layer_tree *t, const struct layer_entry *en, struct err *e)
{
	int64_t n = t->o.n_uids < t->o.n_gids ? t->o.n_uids : t->o.n_gids;
	(void)err_set(e, -EINVAL, "owner %lld:%lld is beyond the %lld ids that this user has",
		      (long long)en->uid, (long long)en->gid, (long long)n);
	return err_hint(e,
			"ask your administrator for a larger range in /etc/subuid and /etc/subgid");
}

int dress_owner(struct layer_tree *t, int at, const char *name, const struct layer_entry *en,
		struct err *e)
{
	if (t->o.copy ? t->o.copy->is_host : en->uid == t->uid && en->gid == t->gid)
		return 0;
	if (fchownat(at, name, (uid_t)en->uid, (gid_t)en->gid,
		     AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) == 0)
		return 0;
	/* chown(2): EINVAL for ids that have no mapping. */
	if (errno == EINVAL)
		return dress_bad_owner(t, en, e);
	return err_sys(e, "set its owner %lld:%lld", (long long)en->uid, (long long)en->gid);
}

/* Attributes that steer overlayfs or fuse-overlayfs would change what others see:
 * only the workload's own user.* and file capabilities are taken. */
static int xattr_is_wanted(const char *name)
{
	static const char *const control[] = { "user.overlay.", "user.fuseoverlayfs.",
					       "user.containers.", "user.rootlesscontainers" };
	if (strcmp(name, "security.capability") == 0)
		return 1;
	if (!str_starts(name, "user."))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(control); i++)
		if (str_starts(name, control[i]))
			return 0;
	return 1;
}

int dress_xattrs(struct layer_tree *t, int fd, const struct layer_entry *en, struct err *e)
{
	for (size_t i = 0; i < en->n_xattrs; i++) {
		const struct layer_xattr *x = &en->xattrs[i];
		if (!x->name || !xattr_is_wanted(x->name)) {
			t->skipped++;
			continue;
		}
		if (fsetxattr(fd, x->name, x->value, x->len, 0) == 0)
			continue;
		/* What this file system or user namespace cannot hold is not worth the image. */
		if (errno != EOPNOTSUPP && errno != EPERM && errno != EINVAL)
			return err_sys(e, "set attribute %.64s", x->name);
		t->skipped++;
	}
	return 0;
}

int dress_time(int at, const char *name, const struct layer_entry *en, struct err *e)
{
	struct timespec ts[2] = { en->mtime, en->mtime };
	if (utimensat(at, name, ts, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set its time");
	return 0;
}

static int late_add(struct layer_tree *t, const char *path, uint64_t ino,
		    const struct layer_entry *en, struct err *e)
{
	if (t->n_late == t->cap_late) {
		size_t cap = t->cap_late ? 2 * t->cap_late : 64;
		struct late_dir *n = reallocarray(t->late, cap, sizeof(*n));
		if (!n)
			return err_errno(e, ENOMEM, "remember its mode");
		t->late = n;
		t->cap_late = cap;
	}
	t->late[t->n_late] = (struct late_dir){ .path = strdup(path),
						.order = t->n_late,
						.ino = ino,
						.mode = en->mode & 07777,
						.mtime = en->mtime };
	if (!t->late[t->n_late].path)
		return err_errno(e, ENOMEM, "remember its mode");
	t->n_late++;
	return 0;
}

int dress_dir(struct layer_tree *t, int fd, const char *path, const struct layer_entry *en,
	      struct err *e)
{
	struct stat st;
	int r = dress_owner(t, fd, "", en, e);

	if (r == 0)
		r = dress_xattrs(t, fd, en, e);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat it");
	return late_add(t, path, st.st_ino, en, e);
}

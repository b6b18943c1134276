/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/layer_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "overlay/layer.h"
#include "src/util/fd.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

#define LINKS_MAX  40
#define WHITEOUT   ".wh."
#define AUFS_OWN   ".wh..wh."
#define OPAQUE	   ".wh..wh..opq"
#define ROOT_ENTRY "."

/* A directory whose mode and time wait for the end. */
struct late_dir {
	char *path;
	size_t order;
	uint64_t ino;
	mode_t mode;
	struct timespec mtime;
};

struct layer_tree {
	struct layer_tree_options o;
	int layer_fd; /* borrowed */
	int root_fd;  /* diff/ */
	int kept_fd;  /* kept/, made when first needed */
	uid_t uid;    /* ours: what is made belongs to us already */
	gid_t gid;

	char dir[LAYER_PATH_MAX]; /* the directory cache: the last parent */
	int dir_fd;
	int dir_plain; /* no link was followed on the way to it */

	int file_fd; /* the open regular file, and what it shall become at its end */
	uint64_t file_ino;
	int64_t file_size, file_end;
	char file_path[LAYER_PATH_MAX];
	int file_plain;
	struct layer_entry file;
	char name[LAYER_PATH_MAX]; /* last component of the entry at work */

	struct late_dir *late;
	size_t n_late, cap_late;
	int64_t size;
	uint64_t skipped;
};

/* ---- names ----------------------------------------------------------------------------------- */

/* "entry 'PATH'" in front of the error, with control characters escaped. */
static int err_entry(struct err *e, const char *path)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	if (name_escape(&b, path) < 0 || !b.s)
		return e->code;
	return err_in(e, "entry '%.300s'", b.s);
}

/* Split PATH into a clean DIR ("" is the root) and the last NAME ("." for the root itself): no
 * empty and no "." components; ".." as the last name means the directory above, which may only be a
 * directory. */
static int split_path(const char *path, char dir[LAYER_PATH_MAX], char name[LAYER_PATH_MAX],
		      int *ret_dots, struct err *e)
{
	size_t n = 0, last = 0;

	*ret_dots = 0;
	if (strlen(path) >= LAYER_PATH_MAX - 2)
		return err_set(e, -ENAMETOOLONG, "path is longer than %d bytes", LAYER_PATH_MAX);
	for (const char *p = path; *p;) {
		size_t len;
		while (*p == '/')
			p++;
		len = strcspn(p, "/");
		if (len > NAME_MAX)
			return err_set(e, -ENAMETOOLONG, "a name is longer than %d bytes",
				       NAME_MAX);
		if (len == 2 && p[0] == '.' && p[1] == '.')
			*ret_dots = 1;
		if (len && !(len == 1 && p[0] == '.')) {
			if (n)
				dir[n++] = '/';
			last = n;
			memcpy(dir + n, p, len);
			n += len;
		}
		p += len;
	}
	dir[n] = '\0';
	if (!n || strcmp(dir + last, "..") == 0) {
		/* "a/.." names a directory by another way: it is entered, not made. */
		memcpy(name, ROOT_ENTRY, sizeof(ROOT_ENTRY));
		return 0;
	}
	memcpy(name, dir + last, n - last + 1);
	dir[last ? last - 1 : 0] = '\0';
	return 0;
}

/* The two halves came from one path, so that they fit. */
static void join(char path[LAYER_PATH_MAX], const char *dir, const char *name)
{
	char *p = stpcpy(path, dir);
	if (p != path)
		*p++ = '/';
	(void)stpcpy(p, name);
}

/* Where an entry called PATH is copied to: nothing it says leads out of the base. */
static int below_base(const struct layer_tree *t, const char *path, char **ret, struct err *e)
{
	scoped(mem) char *clean = path_clean(path);

	*ret = clean ? str_printf("%s%s", t->o.copy->base, clean) : NULL;
	return *ret ? 0 : err_errno(e, ENOMEM, "copy it");
}

/* Ids of a container with keep-id are others here: the reverse of what tree_pack() does. */
static int64_t id_here(int64_t id, uint32_t self)
{
	if (!self || id < 0 || id > self)
		return id;
	return id == self ? 0 : id + 1;
}

static void set_copied_owner(const struct layer_tree *t, struct layer_entry *en)
{
	const struct layer_copy *c = t->o.copy;

	en->uid = id_here(c->chown ? c->uid : en->uid, c->self_uid);
	en->gid = id_here(c->chown ? c->gid : en->gid, c->self_gid);
}

static int is_aufs_own(const char *path)
{
	for (const char *p = path; p; p = strchr(p, '/')) {
		while (*p == '/')
			p++;
		if (str_starts(p, AUFS_OWN))
			return 1;
	}
	return 0;
}

/* ---- the parent ------------------------------------------------------------------------------ */

static void forget_dir(struct layer_tree *t)
{
	fd_close(t->dir_fd);
	t->dir_fd = -EBADF;
}

/* Open DIR and report whether any link was followed: RESOLVE_NO_SYMLINKS says ELOOP then. */
static int open_dir(struct layer_tree *t, const char *dir, int *ret_plain)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS };
	const char *path = *dir ? dir : "/";
	long fd = syscall(SYS_openat2, t->root_fd, path, &how, sizeof(how));

	*ret_plain = 1;
	if (fd >= 0)
		return (int)fd;
	if (errno == ENOENT)
		return -ENOENT;
	*ret_plain = 0;
	return path_open_in(t->root_fd, path, O_PATH | O_DIRECTORY, 0);
}

/* DIR goes through a link to a place that is not there.  Put the link's text into the path, so that
 * the missing directory is made where the link points (below the root). */
static int replace_link(struct layer_tree *t, char dir[LAYER_PATH_MAX], size_t upto, int links)
{
	char link[LAYER_PATH_MAX], rest[LAYER_PATH_MAX], prefix[LAYER_PATH_MAX];
	scoped(fd) int fd = -EBADF;
	ssize_t n;
	size_t slash = 0;
	int len;

	memcpy(prefix, dir, upto);
	prefix[upto] = '\0';
	fd = path_open_in(t->root_fd, prefix, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", link, sizeof(link) - 1);
	if (n < 0)
		return errno == EINVAL ? -ENOTDIR : -errno;
	if (links > LINKS_MAX)
		return -ELOOP;
	link[n] = '\0';
	memcpy(rest, dir + upto, strlen(dir + upto) + 1);
	for (size_t i = 0; i < upto; i++)
		if (prefix[i] == '/')
			slash = i;
	prefix[link[0] == '/' ? 0 : slash] = '\0';
	len = snprintf(dir, LAYER_PATH_MAX, "%s/%s%s", prefix, link, rest);
	return len < 0 || len >= LAYER_PATH_MAX ? -ENAMETOOLONG : 1;
}

/* mkdir for the components of DIR that are missing.  0, or 1 when DIR was rewritten. */
static int make_missing(struct layer_tree *t, char dir[LAYER_PATH_MAX], int links)
{
	size_t len = strlen(dir);

	for (size_t i = 1; i <= len; i++) {
		char part[LAYER_PATH_MAX];
		scoped(fd) int fd = -EBADF;
		scoped(fd) int parent = -EBADF;
		char *slash;

		if (i < len && dir[i] != '/')
			continue;
		memcpy(part, dir, i);
		part[i] = '\0';
		if (part[i - 1] == '/')
			continue;
		fd = path_open_in(t->root_fd, part, O_PATH | O_DIRECTORY, 0);
		if (fd >= 0)
			continue;
		if (fd != -ENOENT)
			return fd;
		slash = strrchr(part, '/');
		if (slash)
			*slash = '\0';
		parent = path_open_in(t->root_fd, slash && *part ? part : "/", O_PATH | O_DIRECTORY,
				      0);
		if (parent < 0)
			return parent;
		if (mkdirat(parent, slash ? slash + 1 : part, 0755) == 0)
			continue;
		return errno == EEXIST ? replace_link(t, dir, i, links) : -errno;
	}
	return 0;
}

/* The entry's parent as t->dir_fd: one openat2 when it is another than the last time, none
 * otherwise. */
static int enter_dir(struct layer_tree *t, const char *dir, struct err *e)
{
	char real[LAYER_PATH_MAX];
	int fd, plain;

	if (t->dir_fd >= 0 && strcmp(t->dir, dir) == 0)
		return 0;
	forget_dir(t);
	fd = open_dir(t, dir, &plain);
	memcpy(real, dir, strlen(dir) + 1);
	for (int links = 0; fd == -ENOENT; links++) {
		int r = make_missing(t, real, links);
		if (r < 0)
			return err_errno(e, r, "make its parent directory");
		if (r == 0) {
			int again;
			fd = open_dir(t, real, &again);
			plain = plain && again;
			if (fd == -ENOENT)
				break;
		} else {
			plain = 0;
		}
	}
	if (fd < 0)
		return err_errno(e, fd, "open its parent directory");
	t->dir_fd = fd;
	t->dir_plain = plain;
	memcpy(t->dir, dir, strlen(dir) + 1);
	return 0;
}

/* ---- what stands in the way ------------------------------------------------------------------ */

static int open_kept(struct layer_tree *t)
{
	if (t->kept_fd >= 0)
		return 0;
	if (mkdirat(t->layer_fd, "kept", 0700) < 0 && errno != EEXIST)
		return -errno;
	t->kept_fd = openat(t->layer_fd, "kept", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return t->kept_fd < 0 ? -errno : 0;
}

static int remove_one(struct layer_tree *t, int at, const char *name, int depth);

static int remove_dir(struct layer_tree *t, int at, const char *name, int depth)
{
	scoped(dir) DIR *d = NULL;
	int fd, r = 0;

	if (unlinkat(at, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	if (depth > LAYER_PATH_MAX / 2)
		return -ELOOP;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	for (struct dirent *de; r == 0 && (de = readdir(d));)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			r = remove_one(t, fd, de->d_name, depth + 1);
	if (r == 0 && unlinkat(at, name, AT_REMOVEDIR) < 0)
		r = -errno;
	return r;
}

/* Remove NAME and all below it; regular files with contents go to kept/. */
static int remove_one(struct layer_tree *t, int at, const char *name, int depth)
{
	char kept[32];
	struct stat st;
	int r;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		return remove_dir(t, at, name, depth);
	if (S_ISREG(st.st_mode) && st.st_size > 0) {
		r = open_kept(t);
		if (r < 0)
			return r;
		(void)snprintf(kept, sizeof(kept), "%llu", (unsigned long long)st.st_ino);
		if (renameat(at, name, t->kept_fd, kept) < 0)
			return -errno;
		/* rename(2) of one link onto another of the same file does nothing. */
		if (st.st_nlink == 1)
			return 0;
	}
	return unlinkat(at, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static const char *overlay_xattr(const struct layer_tree *t, const char *what, char buf[64])
{
	(void)snprintf(buf, 64, "%s.overlay.%s", t->o.real_root ? "trusted" : "user", what);
	return buf;
}

static int is_whiteout(struct layer_tree *t, int at, const char *name)
{
	char attr[64], value;
	scoped(fd) int fd = -EBADF;
	struct stat st;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISCHR(st.st_mode))
		return st.st_rdev == 0;
	if (!S_ISREG(st.st_mode) || st.st_size)
		return 0;
	fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return fd >= 0 && fgetxattr(fd, overlay_xattr(t, "whiteout", attr), &value, 1) >= 0;
}

/* What is replaced by a copy is gone for good; a directory and what is none replace each other only
 * where that is asked for. */
static int make_way_for_copy(struct layer_tree *t, int is_dir, struct err *e)
{
	struct stat st;
	int r;

	if (fstatat(t->dir_fd, t->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "stat it");
	if (!t->o.copy->overwrite && !S_ISDIR(st.st_mode) != !is_dir)
		return err_set(e, -EEXIST,
			       is_dir ? "it is there and no directory: file exists"
				      : "it is there and a directory: file exists");
	if (!S_ISDIR(st.st_mode))
		r = unlinkat(t->dir_fd, t->name, 0) < 0 && errno != ENOENT ? -errno : 0;
	else
		r = path_rmtree(t->dir_fd, t->name);
	return r < 0 ? err_errno(e, r, "remove what was there before") : 0;
}

static int make_way(struct layer_tree *t, int is_dir, int *ret_was_whiteout, struct err *e)
{
	int r;

	*ret_was_whiteout = 0;
	if (t->o.copy)
		return make_way_for_copy(t, is_dir, e);
	*ret_was_whiteout = is_whiteout(t, t->dir_fd, t->name);
	r = remove_one(t, t->dir_fd, t->name, 0);
	return r < 0 ? err_errno(e, r, "remove what was there before") : 0;
}

/* ---- whiteouts ------------------------------------------------------------------------------- */

/* DIR/NAME ("." is DIR itself) as a descriptor that fsetxattr(2) takes. */
static int set_overlay_xattr(struct layer_tree *t, int at, const char *name, const char *what,
			     const char *value, struct err *e)
{
	char attr[64];
	scoped(fd) int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys(e, "open it");
	if (fsetxattr(fd, overlay_xattr(t, what, attr), value, 1, 0) == 0)
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
	r = set_overlay_xattr(t, t->dir_fd, name, "whiteout", "y", e);
	if (r < 0)
		return r;
	if (fgetxattr(dir, overlay_xattr(t, "opaque", attr), &value, 1) == 1 && value == 'y')
		return 0;
	return set_overlay_xattr(t, t->dir_fd, ".", "opaque", "x", e);
}

static int add_whiteout(struct layer_tree *t, const char *name, struct err *e)
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
	return S_ISDIR(st.st_mode) ? set_overlay_xattr(t, t->dir_fd, name, "opaque", "y", e) : 0;
}

/* ---- owner, attributes, mode, time ----------------------------------------------------------- */

static int bad_owner(struct layer_tree *t, const struct layer_entry *en, struct err *e)
{
	int64_t n = t->o.n_uids < t->o.n_gids ? t->o.n_uids : t->o.n_gids;
	(void)err_set(e, -EINVAL, "owner %lld:%lld is beyond the %lld ids that this user has",
		      (long long)en->uid, (long long)en->gid, (long long)n);
	return err_hint(e,
			"ask your administrator for a larger range in /etc/subuid and /etc/subgid");
}

static int set_owner(struct layer_tree *t, int at, const char *name, const struct layer_entry *en,
		     struct err *e)
{
	if (t->o.copy ? t->o.copy->is_host : en->uid == t->uid && en->gid == t->gid)
		return 0;
	if (fchownat(at, name, (uid_t)en->uid, (gid_t)en->gid,
		     AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) == 0)
		return 0;
	/* chown(2): EINVAL for ids that have no mapping. */
	if (errno == EINVAL)
		return bad_owner(t, en, e);
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

static int set_xattrs(struct layer_tree *t, int fd, const struct layer_entry *en, struct err *e)
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

static int set_time(int at, const char *name, const struct layer_entry *en, struct err *e)
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

/* ---- one kind of entry each ------------------------------------------------------------------ */

/* An open directory gets its owner and attributes now, its mode and time at the end. */
static int dress_dir(struct layer_tree *t, int fd, const char *path, const struct layer_entry *en,
		     struct err *e)
{
	struct stat st;
	int r = set_owner(t, fd, "", en, e);

	if (r == 0)
		r = set_xattrs(t, fd, en, e);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat it");
	return late_add(t, path, st.st_ino, en, e);
}

static int add_dir(struct layer_tree *t, const char *path, const struct layer_entry *en,
		   struct err *e)
{
	scoped(fd) int fd = -EBADF;
	int whiteout = 0, r = 0;

	if (mkdirat(t->dir_fd, t->name, 0700) < 0) {
		struct stat st;
		if (errno != EEXIST)
			return err_sys(e, "make it");
		if (fstatat(t->dir_fd, t->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(e, "stat it");
		if (!S_ISDIR(st.st_mode)) {
			r = make_way(t, 1, &whiteout, e);
			if (r < 0)
				return r;
			if (mkdirat(t->dir_fd, t->name, 0700) < 0)
				return err_sys(e, "make it");
		}
	}
	/* A whiteout came first: the lower directory's contents must stay hidden. */
	if (whiteout)
		r = set_overlay_xattr(t, t->dir_fd, t->name, "opaque", "y", e);
	if (r < 0)
		return r;
	fd = openat(t->dir_fd, t->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open it");
	return dress_dir(t, fd, path, en, e);
}

/* The root itself, or a directory named by "a/..". */
static int add_root(struct layer_tree *t, const char *dir, const struct layer_entry *en,
		    struct err *e)
{
	scoped(fd) int fd = -EBADF;
	int r;

	if (en->type != ENTRY_DIR)
		return err_set(e, -EINVAL, "the root of a layer can only be a directory");
	r = enter_dir(t, dir, e);
	if (r < 0)
		return r;
	fd = openat(t->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open it");
	return dress_dir(t, fd, dir, en, e);
}

/* A file that something is mounted on, as /etc/hosts of a container, cannot be replaced, only
 * written anew. */
static int rewrite_mounted(struct layer_tree *t, struct err *e)
{
	scoped(fd) int fd = openat(t->dir_fd, t->name,
				   O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open it");
	if (!S_ISREG(st.st_mode))
		return e->code; /* still: busy */
	err_clear(e);
	if (ftruncate(fd, 0) < 0)
		return err_sys(e, "empty it");
	return take_fd(&fd);
}

static int add_file(struct layer_tree *t, const struct layer_entry *en, struct err *e)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, whiteout, r;
	mode_t mode = en->mode & 0777;
	struct stat st;
	int fd = openat(t->dir_fd, t->name, flags, mode);

	if (fd < 0 && errno == EEXIST) {
		r = make_way(t, 0, &whiteout, e);
		if (r == -EBUSY && t->o.copy) {
			fd = rewrite_mounted(t, e);
			r = fd < 0 ? fd : 0;
		} else if (r == 0) {
			fd = openat(t->dir_fd, t->name, flags, mode);
		}
		if (r < 0)
			return r;
	}
	if (fd < 0)
		return err_sys(e, "make it");
	t->file_fd = fd;
	t->file = *en;
	t->file_end = 0;
	t->file_ino = 0;
	t->file_plain = t->dir_plain;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat it");
	t->file_ino = st.st_ino;
	return 1;
}

static int add_symlink(struct layer_tree *t, const struct layer_entry *en, struct err *e)
{
	int whiteout, r;

	if (!en->link || !*en->link)
		return err_set(e, -EINVAL, "a symbolic link to nothing");
	if (symlinkat(en->link, t->dir_fd, t->name) < 0) {
		if (errno != EEXIST)
			return err_sys(e, "make it");
		r = make_way(t, 0, &whiteout, e);
		if (r < 0)
			return r;
		if (symlinkat(en->link, t->dir_fd, t->name) < 0)
			return err_sys(e, "make it");
	}
	r = set_owner(t, t->dir_fd, t->name, en, e);
	return r < 0 ? r : set_time(t->dir_fd, t->name, en, e);
}

/* The target's parent is found as any other; its last name is not followed by linkat(2). */
static int add_hardlink(struct layer_tree *t, const struct layer_entry *en, struct err *e)
{
	char dir[LAYER_PATH_MAX], name[LAYER_PATH_MAX];
	scoped(fd) int from = -EBADF;
	struct stat target, old;
	int whiteout, plain, dots, r;

	scoped(mem) char *below = NULL;

	if (!en->link)
		return err_set(e, -EINVAL, "a hard link to nothing");
	if (t->o.copy && below_base(t, en->link, &below, e) < 0)
		return e->code;
	r = split_path(below ? below : en->link, dir, name, &dots, e);
	if (r < 0)
		return r;
	from = open_dir(t, dir, &plain);
	if (from < 0 || fstatat(from, name, &target, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, from < 0 ? from : -errno, "find the target of the hard link");
	if (S_ISDIR(target.st_mode))
		return err_set(e, -EINVAL, "a hard link to a directory");
	if (linkat(from, name, t->dir_fd, t->name, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "make the hard link");
	if (fstatat(t->dir_fd, t->name, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
	    old.st_ino == target.st_ino)
		return 0;
	r = make_way(t, 0, &whiteout, e);
	if (r < 0)
		return r;
	if (linkat(from, name, t->dir_fd, t->name, 0) < 0)
		return err_sys(e, "make the hard link");
	return 0;
}

static int add_node(struct layer_tree *t, const struct layer_entry *en, struct err *e)
{
	mode_t type = en->type == ENTRY_FIFO ? S_IFIFO : en->type == ENTRY_CHAR ? S_IFCHR : S_IFBLK;
	dev_t dev = en->type == ENTRY_FIFO ? 0 : makedev(en->dev_major, en->dev_minor);
	int whiteout, r;

	/* A 0:0 character device would be taken for a whiteout. */
	if (en->type != ENTRY_FIFO &&
	    (!t->o.real_root || dev == 0 || (t->o.copy && t->o.copy->is_host))) {
		t->skipped++;
		return 0;
	}
	if (mknodat(t->dir_fd, t->name, type | (en->mode & 0777), dev) < 0) {
		if (errno != EEXIST)
			return err_sys(e, "make it");
		r = make_way(t, 0, &whiteout, e);
		if (r < 0)
			return r;
		if (mknodat(t->dir_fd, t->name, type | (en->mode & 0777), dev) < 0)
			return err_sys(e, "make it");
	}
	r = set_owner(t, t->dir_fd, t->name, en, e);
	if (r == 0 && (en->mode & 07000) && fchmodat(t->dir_fd, t->name, en->mode & 07777, 0) < 0)
		return err_sys(e, "set its mode");
	return r < 0 ? r : set_time(t->dir_fd, t->name, en, e);
}

static int check_numbers(struct layer_tree *t, const struct layer_entry *en, struct err *e)
{
	/* 2^32 - 1 is "no id" for the kernel. */
	if (en->uid < 0 || en->gid < 0 || en->uid >= UINT32_MAX || en->gid >= UINT32_MAX)
		return bad_owner(t, en, e);
	if (en->type == ENTRY_FILE && en->size < 0)
		return err_set(e, -EINVAL, "its size is negative");
	if (en->mtime.tv_nsec < 0 || en->mtime.tv_nsec > 999999999)
		return err_set(e, -EINVAL, "its time is no time");
	return 0;
}

static int add_named(struct layer_tree *t, const char *dir, const struct layer_entry *en,
		     struct err *e)
{
	switch (en->type) {
	case ENTRY_FILE:
		return add_file(t, en, e);
	case ENTRY_DIR: {
		char path[LAYER_PATH_MAX];
		join(path, dir, t->name);
		return add_dir(t, path, en, e);
	}
	case ENTRY_SYMLINK:
		return add_symlink(t, en, e);
	case ENTRY_HARDLINK:
		return add_hardlink(t, en, e);
	case ENTRY_FIFO:
	case ENTRY_CHAR:
	case ENTRY_BLOCK:
		return add_node(t, en, e);
	default:
		t->skipped++;
		return 0;
	}
}

static int copy(struct layer_tree *t, const struct layer_entry *from, struct err *e)
{
	char dir[LAYER_PATH_MAX];
	scoped(mem) char *path = NULL;
	struct layer_entry en = *from;
	int dots, r;

	set_copied_owner(t, &en);
	r = check_numbers(t, &en, e);
	if (r == 0)
		r = below_base(t, en.path, &path, e);
	if (r != 0)
		return r;
	if (str_ends(path, "/")) /* what it is copied into stays as it is */
		return 0;
	r = split_path(path, dir, t->name, &dots, e);
	if (r == 0)
		r = enter_dir(t, dir, e);
	if (r < 0)
		return r;
	r = add_named(t, dir, &en, e);
	if (r == 1)
		join(t->file_path, dir, t->name);
	if (dots || !t->dir_plain)
		forget_dir(t);
	return r;
}

static int add(struct layer_tree *t, const struct layer_entry *en, struct err *e)
{
	char dir[LAYER_PATH_MAX];
	int dots, r = check_numbers(t, en, e);

	if (r < 0)
		return r;
	r = split_path(en->path, dir, t->name, &dots, e);
	if (r < 0)
		return r;
	if (strcmp(t->name, ROOT_ENTRY) == 0)
		return add_root(t, dir, en, e);
	if ((is_aufs_own(dir) || is_aufs_own(t->name)) && strcmp(t->name, OPAQUE) != 0) {
		t->skipped++;
		return 0;
	}
	r = enter_dir(t, dir, e);
	if (r < 0)
		return r;
	if (strcmp(t->name, OPAQUE) == 0)
		return set_overlay_xattr(t, t->dir_fd, ".", "opaque", "y", e);
	if (str_starts(t->name, WHITEOUT))
		return add_whiteout(t, t->name + strlen(WHITEOUT), e);
	r = add_named(t, dir, en, e);
	if (r == 1) {
		t->file_plain = t->file_plain && !dots;
		join(t->file_path, dir, t->name);
	}
	/* What was made or removed may lie on the way to the cached directory. */
	if (dots || !t->dir_plain)
		forget_dir(t);
	return r;
}

/* ---- public ---------------------------------------------------------------------------------- */

int layer_tree_new(int layer_fd, const struct layer_tree_options *o, struct layer_tree **ret,
		   struct err *e)
{
	scoped(layer_tree) struct layer_tree *t = calloc(1, sizeof(*t));

	if (!t)
		return err_errno(e, ENOMEM, "write a layer");
	t->o = *o;
	t->layer_fd = layer_fd;
	t->root_fd = t->kept_fd = t->dir_fd = t->file_fd = -EBADF;
	t->uid = geteuid();
	t->gid = getegid();
	if (!o->copy && mkdirat(layer_fd, "diff", 0755) < 0)
		return err_sys(e, "make directory diff");
	t->root_fd = openat(layer_fd, o->copy ? "." : "diff",
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (t->root_fd < 0)
		return err_sys(e, "open directory diff");
	*ret = take_ptr(&t);
	return 0;
}

struct layer_tree *layer_tree_free(struct layer_tree *t)
{
	if (!t)
		return NULL;
	forget_dir(t);
	fd_close(t->file_fd);
	fd_close(t->kept_fd);
	fd_close(t->root_fd);
	for (size_t i = 0; i < t->n_late; i++)
		free(t->late[i].path);
	free(t->late);
	free(t);
	return NULL;
}

int layer_tree_add(struct layer_tree *t, const struct layer_entry *en, struct err *e)
{
	int r = t->o.copy ? copy(t, en, e) : add(t, en, e);
	return r < 0 ? err_entry(e, en->path) : r;
}

int layer_tree_data(struct layer_tree *t, const void *bytes, size_t n, int64_t offset,
		    struct err *e)
{
	const char *p = bytes;

	if (offset < 0 || offset > t->file.size || (int64_t)n > t->file.size - offset) {
		(void)err_set(e, -EINVAL, "its data is longer than its size");
		return err_entry(e, t->file_path);
	}
	while (n) {
		ssize_t w = pwrite(t->file_fd, p, n, offset);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			(void)err_sys(e, "write it");
			return err_entry(e, t->file_path);
		}
		p += w;
		n -= (size_t)w;
		offset += w;
	}
	if (offset > t->file_end)
		t->file_end = offset;
	return 0;
}

static int file_end(struct layer_tree *t, struct err *e)
{
	const struct layer_entry *en = &t->file;
	struct timespec ts[2] = { en->mtime, en->mtime };
	int r;

	if (t->file_end < en->size && ftruncate(t->file_fd, en->size) < 0)
		return err_sys(e, "make it %lld bytes long", (long long)en->size);
	r = set_owner(t, t->file_fd, "", en, e);
	if (r == 0)
		r = set_xattrs(t, t->file_fd, en, e);
	if (r < 0)
		return r;
	/* chown(2) takes the set-uid bits away, so that they come last. */
	if ((en->mode & 07000) && fchmod(t->file_fd, en->mode & 07777) < 0)
		return err_sys(e, "set its mode");
	if (futimens(t->file_fd, ts) < 0)
		return err_sys(e, "set its time");
	t->size += en->size;
	return 0;
}

int layer_tree_file_end(struct layer_tree *t, struct err *e)
{
	int r = file_end(t, e);

	if (r < 0)
		(void)err_entry(e, t->file_path);
	if (close(take_fd(&t->file_fd)) < 0 && r == 0) { /* NFS and quotas report late */
		(void)err_sys(e, "write it");
		r = err_entry(e, t->file_path);
	}
	memset(&t->file, 0, sizeof(t->file));
	return r;
}

const char *layer_tree_file_path(const struct layer_tree *t, uint64_t *ret_ino)
{
	*ret_ino = t->file_ino;
	return t->file_plain ? t->file_path : NULL;
}

/* Children before their parents; of one directory's entries the last one last. */
static int late_compare(const void *a, const void *b)
{
	const struct late_dir *x = a, *y = b;
	int c = strcmp(y->path, x->path);
	if (c)
		return c;
	return x->order < y->order ? -1 : x->order > y->order;
}

int layer_tree_finish(struct layer_tree *t, struct err *e)
{
	forget_dir(t);
	if (t->n_late)
		qsort(t->late, t->n_late, sizeof(*t->late), late_compare);
	for (size_t i = 0; i < t->n_late; i++) {
		const struct late_dir *d = &t->late[i];
		struct timespec ts[2] = { d->mtime, d->mtime };
		scoped(fd) int fd = path_open_in(t->root_fd, *d->path ? d->path : "/",
						 O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		struct stat st;
		/* Something else took its place meanwhile. */
		if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != d->ino)
			continue;
		if (fchmod(fd, d->mode) < 0 || futimens(fd, ts) < 0) {
			(void)err_sys(e, "set its mode and time");
			return err_entry(e, d->path);
		}
	}
	return 0;
}

int64_t layer_tree_size(const struct layer_tree *t)
{
	return t->size;
}

uint64_t layer_tree_skipped(const struct layer_tree *t)
{
	return t->skipped;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Where an entry of a layer goes: its parent, in which no link leads out, and the end of what stood
 * there before. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "overlay/layer_tree_state.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define LINKS_MAX 40

/* ---- names ----------------------------------------------------------------------------------- */

int place_split(const char *path, char dir[LAYER_PATH_MAX], char name[LAYER_PATH_MAX],
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

void place_join(char path[LAYER_PATH_MAX], const char *dir, const char *name)
{
	char *p = stpcpy(path, dir);
	if (p != path)
		*p++ = '/';
	(void)stpcpy(p, name);
}

/* ---- the parent ------------------------------------------------------------------------------ */

void place_forget(struct layer_tree *t)
{
	fd_close(t->dir_fd);
	t->dir_fd = -EBADF;
}

/* RESOLVE_NO_SYMLINKS says ELOOP where a link is followed. */
int place_open(struct layer_tree *t, const char *dir, int *ret_plain)
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

int place_enter(struct layer_tree *t, const char *dir, struct err *e)
{
	char real[LAYER_PATH_MAX];
	int fd, plain;

	if (t->dir_fd >= 0 && strcmp(t->dir, dir) == 0)
		return 0;
	place_forget(t);
	fd = place_open(t, dir, &plain);
	memcpy(real, dir, strlen(dir) + 1);
	for (int links = 0; fd == -ENOENT; links++) {
		int r = make_missing(t, real, links);
		if (r < 0)
			return err_errno(e, r, "make its parent directory");
		if (r == 0) {
			int again;
			fd = place_open(t, real, &again);
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
	return fd >= 0 && fgetxattr(fd, dress_attr_name(t, "whiteout", attr), &value, 1) >= 0;
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

int place_make_way(struct layer_tree *t, int is_dir, int *ret_was_whiteout, struct err *e)
{
	int r;

	*ret_was_whiteout = 0;
	if (t->o.copy)
		return make_way_for_copy(t, is_dir, e);
	*ret_was_whiteout = is_whiteout(t, t->dir_fd, t->name);
	r = remove_one(t, t->dir_fd, t->name, 0);
	return r < 0 ? err_errno(e, r, "remove what was there before") : 0;
}

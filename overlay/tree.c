/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/util/scoped.h"
#include "src/util/strbuf.h"

char *tree_join(const char *dir, const char *name)
{
	return *dir ? str_printf("%s/%s", dir, name) : strdup(name);
}

int tree_is_missing(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP;
}

/* Before Linux 5.6: one component after the other, none of which may be a link. */
static int open_walk(int at, const char *path, int flags)
{
	scoped(strv) char **parts = strv_split(path, '/');
	scoped(fd) int dir = -EBADF;

	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; parts[i]; i++) {
		int f = parts[i + 1] ? O_PATH | O_DIRECTORY : flags;
		int fd = openat(dir >= 0 ? dir : at, parts[i], f | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		fd_close(dir);
		dir = fd;
	}
	return take_fd(&dir);
}

int tree_open(const struct tree *t, size_t layer, const char *path, int flags)
{
	int own = t->layer_fds ? t->layer_fds[layer] : -EBADF;
	int at = own >= 0 ? own : t->root_fd;
	const char *base = own >= 0 ? "." : t->layers[layer];
	scoped(mem) char *full = *path ? tree_join(base, path) : strdup(base);
	/* O_NOFOLLOW beside RESOLVE_NO_SYMLINKS: with O_PATH the last name may be a link. */
	struct open_how how = { .flags = (unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	long fd;

	if (!full)
		return -ENOMEM;
	fd = syscall(SYS_openat2, at, full, &how, sizeof(how));
	if (fd >= 0)
		return (int)fd;
	return errno == ENOSYS ? open_walk(at, full, flags) : -errno;
}

void tree_dir_done(struct tree_dir *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->entries[i].name);
	free(d->entries);
	free(d->stack);
	*d = (struct tree_dir){ 0 };
}

static ssize_t overlay_attr(const struct tree *t, int fd, const char *what, char *value)
{
	char attr[64];

	(void)snprintf(attr, sizeof(attr), "%s.overlay.%s", t->real_root ? "trusted" : "user",
		       what);
	return fgetxattr(fd, attr, value, value ? 1 : 0);
}

/* ---- the stack of a directory ---------------------------------------------------------------- */

/* 1: LAYER has the directory; 2: and hides what is below; 0: not; -ENOTDIR: something else that
 * hides it. */
static int look(const struct tree *t, size_t layer, const char *path, struct err *e)
{
	scoped(fd) int fd = tree_open(t, layer, path, O_RDONLY | O_DIRECTORY);
	char value = 0;

	if (fd == -ENOENT)
		return 0;
	if (tree_is_missing(fd))
		return -ENOTDIR;
	if (fd < 0)
		return err_errno(e, fd, "open /%s", path);
	if (t->real_root && !t->plain && overlay_attr(t, fd, "redirect", NULL) >= 0)
		return err_set(e, -ENOTSUP,
			       "/%s is a directory that overlayfs redirects (redirect_dir=on)",
			       path);
	return !t->plain && overlay_attr(t, fd, "opaque", &value) == 1 && value == 'y' ? 2 : 1;
}

int tree_stack(const struct tree *t, const char *path, const struct tree_dir *under, size_t top,
	       struct tree_dir *ret, struct err *e)
{
	size_t n = under ? under->n_stack : strv_len(t->layers);

	ret->stack = calloc(n ? n : 1, sizeof(*ret->stack));
	if (!ret->stack)
		return err_errno(e, ENOMEM, "read /%s", path);
	for (size_t i = 0; i < n; i++) {
		size_t layer = under ? under->stack[i] : n - 1 - i;
		int r = layer > top ? 0 : look(t, layer, path, e);
		if (r == -ENOTDIR)
			break;
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		ret->stack[ret->n_stack++] = layer;
		if (r == 2) {
			ret->is_opaque = ret->n_stack == 1;
			break;
		}
	}
	return 0;
}

/* ---- its entries ----------------------------------------------------------------------------- */

static enum tree_kind kind_of(const struct tree *t, int dir, const struct dirent *de, int marked)
{
	struct stat st;

	if (de->d_type == DT_DIR)
		return TREE_DIR;
	if (de->d_type != DT_UNKNOWN && de->d_type != DT_CHR && (de->d_type != DT_REG || !marked))
		return TREE_OTHER;
	if (fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return TREE_OTHER; /* gone again, as whoever opens it will find */
	if (S_ISDIR(st.st_mode))
		return TREE_DIR;
	if (S_ISCHR(st.st_mode))
		return st.st_rdev || t->plain ? TREE_OTHER : TREE_GONE;
	if (marked && S_ISREG(st.st_mode) && st.st_size == 0) {
		scoped(fd) int fd =
			openat(dir, de->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && overlay_attr(t, fd, "whiteout", NULL) >= 0)
			return TREE_GONE;
	}
	return TREE_OTHER;
}

static int add_entry(struct tree_dir *d, size_t *cap, const char *name, size_t layer,
		     enum tree_kind kind)
{
	if (d->n == *cap) {
		size_t more = *cap ? 2 * *cap : 32;
		struct tree_entry *p = reallocarray(d->entries, more, sizeof(*p));
		if (!p)
			return -ENOMEM;
		d->entries = p;
		*cap = more;
	}
	d->entries[d->n] =
		(struct tree_entry){ .name = strdup(name), .layer = layer, .kind = kind };
	return d->entries[d->n].name ? (d->n++, 0) : -ENOMEM;
}

static int list_layer(const struct tree *t, const char *path, size_t layer, struct tree_dir *d,
		      size_t *cap, struct err *e)
{
	int fd = tree_open(t, layer, path, O_RDONLY | O_DIRECTORY), marked, r = 0;
	scoped(dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char value = 0;

	if (tree_is_missing(fd))
		return 0;
	if (!dir) {
		r = fd < 0 ? fd : -errno;
		fd_close(fd);
		return err_errno(e, r, "read /%s", path);
	}
	marked = !t->plain && overlay_attr(t, fd, "opaque", &value) == 1;
	errno = 0;
	for (struct dirent *de; r == 0 && (de = readdir(dir)); errno = 0)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			r = add_entry(d, cap, de->d_name, layer, kind_of(t, fd, de, marked));
	if (r == 0 && errno)
		r = -errno;
	return r < 0 ? err_errno(e, r, "read /%s", path) : 0;
}

/* By name; of one name the topmost layer's first. */
static int compare_entries(const void *a, const void *b)
{
	const struct tree_entry *x = a, *y = b;
	int c = strcmp(x->name, y->name);
	return c ? c : x->layer < y->layer ? 1 : -(x->layer > y->layer);
}

int tree_list(const struct tree *t, const char *path, struct tree_dir *d, struct err *e)
{
	size_t cap = 0, n = 0;

	for (size_t i = 0; i < d->n_stack; i++) {
		int r = list_layer(t, path, d->stack[i], d, &cap, e);
		if (r < 0)
			return r;
	}
	if (d->n)
		qsort(d->entries, d->n, sizeof(*d->entries), compare_entries);
	for (size_t i = 0; i < d->n; i++) {
		if (n && strcmp(d->entries[n - 1].name, d->entries[i].name) == 0)
			free(d->entries[i].name);
		else
			d->entries[n++] = d->entries[i];
	}
	d->n = n;
	return 0;
}

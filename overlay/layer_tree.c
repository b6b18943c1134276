/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/layer_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "overlay/layer_tree_state.h"
#include "src/util/fd.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

#define WHITEOUT ".wh."
#define AUFS_OWN ".wh..wh."
#define OPAQUE	 ".wh..wh..opq"

/* ---- names ----------------------------------------------------------------------------------- */

/* "entry 'PATH'" in front of the error, with control characters escaped. */
static int err_entry(struct err *e, const char *path)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	if (name_escape(&b, path) < 0 || !b.s)
		return e->code;
	return err_in(e, "entry '%.300s'", b.s);
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

/* ---- one kind of entry each ------------------------------------------------------------------ */

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
			r = place_make_way(t, 1, &whiteout, e);
			if (r < 0)
				return r;
			if (mkdirat(t->dir_fd, t->name, 0700) < 0)
				return err_sys(e, "make it");
		}
	}
	/* A whiteout came first: the lower directory's contents must stay hidden. */
	if (whiteout)
		r = dress_overlay_attr(t, t->dir_fd, t->name, "opaque", "y", e);
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
	r = place_enter(t, dir, e);
	if (r < 0)
		return r;
	fd = openat(t->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open it");
	t->top_told |= !*dir;
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
		r = place_make_way(t, 0, &whiteout, e);
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
		r = place_make_way(t, 0, &whiteout, e);
		if (r < 0)
			return r;
		if (symlinkat(en->link, t->dir_fd, t->name) < 0)
			return err_sys(e, "make it");
	}
	r = dress_owner(t, t->dir_fd, t->name, en, e);
	return r < 0 ? r : dress_time(t->dir_fd, t->name, en, e);
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
	r = place_split(below ? below : en->link, dir, name, &dots, e);
	if (r < 0)
		return r;
	from = place_open(t, dir, &plain);
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
	r = place_make_way(t, 0, &whiteout, e);
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
		r = place_make_way(t, 0, &whiteout, e);
		if (r < 0)
			return r;
		if (mknodat(t->dir_fd, t->name, type | (en->mode & 0777), dev) < 0)
			return err_sys(e, "make it");
	}
	r = dress_owner(t, t->dir_fd, t->name, en, e);
	if (r == 0 && (en->mode & 07000) && fchmodat(t->dir_fd, t->name, en->mode & 07777, 0) < 0)
		return err_sys(e, "set its mode");
	return r < 0 ? r : dress_time(t->dir_fd, t->name, en, e);
}

static int check_numbers(struct layer_tree *t, const struct layer_entry *en, struct err *e)
{
	/* 2^32 - 1 is "no id" for the kernel. */
	if (en->uid < 0 || en->gid < 0 || en->uid >= UINT32_MAX || en->gid >= UINT32_MAX)
		return dress_bad_owner(t, en, e);
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
		place_join(path, dir, t->name);
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
	r = place_split(path, dir, t->name, &dots, e);
	if (r == 0)
		r = place_enter(t, dir, e);
	if (r < 0)
		return r;
	r = add_named(t, dir, &en, e);
	if (r == 1)
		place_join(t->file_path, dir, t->name);
	if (dots || !t->dir_plain)
		place_forget(t);
	return r;
}

static int add(struct layer_tree *t, const struct layer_entry *from, struct err *e)
{
	struct layer_entry shifted = *from;
	const struct layer_entry *en = &shifted;
	char dir[LAYER_PATH_MAX];
	int dots, r = check_numbers(t, from, e);

	shifted.uid = id_here(from->uid, t->o.self_uid);
	shifted.gid = id_here(from->gid, t->o.self_gid);

	if (r < 0)
		return r;
	r = place_split(en->path, dir, t->name, &dots, e);
	if (r < 0)
		return r;
	if (strcmp(t->name, ROOT_ENTRY) == 0)
		return add_root(t, dir, en, e);
	if ((is_aufs_own(dir) || is_aufs_own(t->name)) && strcmp(t->name, OPAQUE) != 0) {
		t->skipped++;
		return 0;
	}
	r = place_enter(t, dir, e);
	if (r < 0)
		return r;
	if (strcmp(t->name, OPAQUE) == 0)
		return dress_overlay_attr(t, t->dir_fd, ".", "opaque", "y", e);
	if (str_starts(t->name, WHITEOUT))
		return dress_whiteout(t, t->name + strlen(WHITEOUT), e);
	r = add_named(t, dir, en, e);
	if (r == 1) {
		t->file_plain = t->file_plain && !dots;
		place_join(t->file_path, dir, t->name);
	}
	/* What was made or removed may lie on the way to the cached directory. */
	if (dots || !t->dir_plain)
		place_forget(t);
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
	place_forget(t);
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
	r = dress_owner(t, t->file_fd, "", en, e);
	if (r == 0)
		r = dress_xattrs(t, t->file_fd, en, e);
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
	place_forget(t);
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
	if (!t->o.copy && !t->top_told && fchmod(t->root_fd, LAYER_TOP_MODE) < 0)
		return err_sys(e, "set the mode of the layer's root");
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

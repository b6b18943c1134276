/* SPDX-License-Identifier: Apache-2.0 */
/* A view as a pax archive: names sorted, hard links told, holes left out. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "overlay/tree.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define BUFFER	   (256 << 10)
#define SPARSE_MIN (1 << 20) /* smaller files are written whole: other readers like them better */
#define LINK_MAX   4096
#define XATTRS_MAX 65536 /* XATTR_LIST_MAX, XATTR_SIZE_MAX of the kernel */

struct seen {
	size_t layer;
	dev_t dev; /* of a plain tree: what is mounted below it */
	ino_t ino;
	char *path;
};

struct pack {
	const struct tree *tree;
	struct tree_pack_options o;
	struct archive *a;
	int fd;
	char *buf;
	struct seen *seen; /* files with several links, an open hash; a power of two */
	size_t n_seen, cap_seen;
	struct err *e;
};

static void archive_done(struct archive *a)
{
	if (a)
		(void)archive_write_free(a); /* closed before where it matters */
}
DEFINE_SCOPED(archive, struct archive *, archive_done);

static void entry_done(struct archive_entry *ae)
{
	archive_entry_free(ae);
}
DEFINE_SCOPED(entry, struct archive_entry *, entry_done);

static la_ssize_t on_write(struct archive *a, void *arg, const void *bytes, size_t n)
{
	struct pack *p = arg;
	int r = fd_write_all(p->fd, bytes, n);

	if (r == 0)
		return (la_ssize_t)n;
	(void)err_errno(p->e, r, "write the archive");
	archive_set_error(a, -r, "%s", p->e->text);
	return -1;
}

static int err_archive(struct pack *p, const char *path)
{
	const char *text = archive_error_string(p->a);

	if (p->e->code < 0)
		return p->e->code;
	return err_set(p->e, archive_errno(p->a) == ENOMEM ? -ENOMEM : -EIO, "archive /%s: %s",
		       path, text ? text : "it is refused");
}

/* What PATH is called in the archive, with END behind it; NULL when out of memory. */
static char *name_there(const struct pack *p, const char *path, const char *end)
{
	const char *name = p->o.name ? p->o.name : "";
	return str_printf("%s%s%s%s", name, *name && *path ? "/" : "", path, end);
}

/* ---- hard links ------------------------------------------------------------------------------ */

static struct seen *seen_slot(struct seen *v, size_t cap, size_t layer, dev_t dev, ino_t ino)
{
	size_t i = ((size_t)ino * 0x9e3779b97f4a7c15U + layer + dev) & (cap - 1);

	while (v[i].path && (v[i].layer != layer || v[i].dev != dev || v[i].ino != ino))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static int seen_grow(struct pack *p)
{
	size_t cap = p->cap_seen ? 2 * p->cap_seen : 256;
	struct seen *v = calloc(cap, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < p->cap_seen; i++)
		if (p->seen[i].path)
			*seen_slot(v, cap, p->seen[i].layer, p->seen[i].dev, p->seen[i].ino) =
				p->seen[i];
	free(p->seen);
	p->seen = v;
	p->cap_seen = cap;
	return 0;
}

/* Where this file was written before, or NULL: then it is noted. */
static int seen_before(struct pack *p, size_t layer, const struct stat *st, const char *path,
		       const char **ret)
{
	struct seen *s;

	*ret = NULL;
	if (st->st_nlink < 2)
		return 0;
	if (2 * p->n_seen >= p->cap_seen && seen_grow(p) < 0)
		return err_errno(p->e, ENOMEM, "remember hard links");
	s = seen_slot(p->seen, p->cap_seen, layer, st->st_dev, st->st_ino);
	if (s->path) {
		*ret = s->path;
		return 0;
	}
	*s = (struct seen){ .layer = layer,
			    .dev = st->st_dev,
			    .ino = st->st_ino,
			    .path = name_there(p, path, "") };
	p->n_seen++;
	return s->path ? 0 : err_errno(p->e, ENOMEM, "remember hard links");
}

static void seen_done(struct pack *p)
{
	for (size_t i = 0; i < p->cap_seen; i++)
		free(p->seen[i].path);
	free(p->seen);
}

/* ---- one entry ------------------------------------------------------------------------------- */

/* keep-id: see tree_pack_options. */
static int64_t id_there(uint32_t id, uint32_t self)
{
	if (!self)
		return id;
	return id == 0 ? self : id <= self ? id - 1 : id;
}

/* The workload's own: what overlayfs and its like keep there means nothing elsewhere. */
static int xattr_is_wanted(const char *name)
{
	return strcmp(name, "security.capability") == 0 ||
	       (str_starts(name, "user.") && !str_starts(name, "user.overlay.") &&
		!str_starts(name, "user.fuseoverlayfs.") && !str_starts(name, "user.containers."));
}

static int add_xattrs(struct pack *p, struct archive_entry *ae, int fd, const char *path)
{
	char list[XATTRS_MAX];
	ssize_t n = flistxattr(fd, list, sizeof(list)), len;

	/* File systems without attributes have none. */
	if (n < 0)
		return errno == ENOTSUP ? 0 : err_sys(p->e, "attributes of /%s", path);
	for (const char *name = list; name < list + n; name += strlen(name) + 1) {
		if (!xattr_is_wanted(name))
			continue;
		len = fgetxattr(fd, name, p->buf, XATTRS_MAX);
		if (len >= 0)
			archive_entry_xattr_add_entry(ae, name, p->buf, (size_t)len);
		else if (errno != ENODATA) /* taken away meanwhile */
			return err_sys(p->e, "attribute %.64s of /%s", name, path);
	}
	return 0;
}

static void add_stat(const struct pack *p, struct archive_entry *ae, const struct stat *st)
{
	archive_entry_set_mode(ae, st->st_mode);
	archive_entry_set_uid(ae, p->o.chown ? p->o.uid : id_there(st->st_uid, p->o.self_uid));
	archive_entry_set_gid(ae, p->o.chown ? p->o.gid : id_there(st->st_gid, p->o.self_gid));
	if (!p->o.timeless || !S_ISDIR(st->st_mode))
		archive_entry_set_mtime(ae, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	else
		archive_entry_set_mtime(ae, 0, 0);
	archive_entry_set_size(ae, S_ISREG(st->st_mode) ? st->st_size : 0);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		archive_entry_set_rdev(ae, st->st_rdev);
}

static int add_holes(struct archive_entry *ae, int fd, const struct stat *st)
{
	off_t hole = 0;

	if (st->st_size < SPARSE_MIN || (off_t)st->st_blocks * 512 >= st->st_size)
		return 0;
	while (hole < st->st_size) {
		off_t at = lseek(fd, hole, SEEK_DATA);
		hole = at < 0 ? -1 : lseek(fd, at, SEEK_HOLE);
		if (hole < 0)
			break; /* no data any more (ENXIO), or no such thing here */
		archive_entry_sparse_add_entry(ae, at, hole - at);
	}
	/* One of no length at the end says how long the file is. */
	archive_entry_sparse_add_entry(ae, st->st_size, 0);
	return 1;
}

/* SIZE bytes, whatever the file does meanwhile: libarchive fills up with zeros. */
static int write_data(struct pack *p, int fd, off_t size, int sparse, const char *path)
{
	off_t at = 0;

	while (at < size) {
		off_t data = sparse ? lseek(fd, at, SEEK_DATA) : at;
		size_t want = BUFFER;
		ssize_t n;
		if (data < 0)
			data = size;
		if (data > at) {
			memset(p->buf, 0, BUFFER);
			n = data - at < BUFFER ? (ssize_t)(data - at) : BUFFER;
		} else {
			n = pread(fd, p->buf, want, at);
		}
		if (n < 0)
			return err_sys(p->e, "read /%s", path);
		if (n == 0)
			return 0;
		if (n > size - at)
			n = (ssize_t)(size - at);
		if (archive_write_data(p->a, p->buf, (size_t)n) < 0)
			return err_archive(p, path);
		at += n;
	}
	return 0;
}

static int write_header(struct pack *p, struct archive_entry *ae, const char *path)
{
	int r = archive_write_header(p->a, ae);
	/* WARN: e.g. a name that is no UTF-8, which is written as it is. */
	return r == ARCHIVE_OK || r == ARCHIVE_WARN ? 0 : err_archive(p, path);
}

static int put_file(struct pack *p, struct archive_entry *ae, size_t layer, const char *path,
		    const struct stat *was)
{
	scoped(fd) int fd = tree_open(p->tree, layer, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	const char *before;
	struct stat st;
	int r, sparse;
	char value;

	if (tree_is_missing(fd))
		return 0;
	if (fd < 0)
		return err_errno(p->e, fd, "open /%s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(p->e, "stat /%s", path);
	if (st.st_ino != was->st_ino || !S_ISREG(st.st_mode))
		return 0; /* replaced just now */
	if (p->tree->real_root && !p->tree->plain &&
	    fgetxattr(fd, "trusted.overlay.metacopy", &value, 0) >= 0)
		return err_set(p->e, -ENOTSUP,
			       "/%s has its data in another layer (metacopy=on of overlayfs)",
			       path);
	r = seen_before(p, layer, &st, path, &before);
	if (r < 0)
		return r;
	add_stat(p, ae, &st);
	if (before) {
		archive_entry_set_hardlink(ae, before);
		archive_entry_set_size(ae, 0);
		return write_header(p, ae, path);
	}
	r = add_xattrs(p, ae, fd, path);
	sparse = r == 0 && add_holes(ae, fd, &st);
	if (r == 0)
		r = write_header(p, ae, path);
	return r < 0 ? r : write_data(p, fd, st.st_size, sparse, path);
}

static int put_other(struct pack *p, struct archive_entry *ae, size_t layer, const char *path,
		     int fd, const struct stat *st)
{
	const char *before;
	char link[LINK_MAX];
	ssize_t n;
	int r;

	if (S_ISSOCK(st->st_mode))
		return 0;
	r = seen_before(p, layer, st, path, &before);
	if (r < 0)
		return r;
	add_stat(p, ae, st);
	if (before) {
		archive_entry_set_hardlink(ae, before);
	} else if (S_ISLNK(st->st_mode)) {
		n = readlinkat(fd, "", link, sizeof(link) - 1);
		if (n < 0)
			return err_sys(p->e, "read the link /%s", path);
		link[n] = '\0';
		archive_entry_set_symlink(ae, link);
	}
	return write_header(p, ae, path);
}

static int put_dir_entry(struct pack *p, struct archive_entry *ae, size_t layer, const char *path,
			 const struct stat *st)
{
	scoped(fd) int fd = tree_open(p->tree, layer, path, O_RDONLY | O_DIRECTORY);
	scoped(mem) char *name = name_there(p, path, "/");
	int r;

	if (tree_is_missing(fd))
		return 0;
	if (fd < 0 || !name)
		return err_errno(p->e, fd < 0 ? fd : ENOMEM, "open /%s", path);
	archive_entry_set_pathname(ae, name);
	add_stat(p, ae, st);
	r = add_xattrs(p, ae, fd, path);
	return r < 0 ? r : write_header(p, ae, path);
}

static int put(struct pack *p, size_t layer, const char *path)
{
	scoped(entry) struct archive_entry *ae = archive_entry_new();
	scoped(fd) int fd = tree_open(p->tree, layer, path, O_PATH);
	scoped(mem) char *name = name_there(p, path, "");
	struct stat st;

	if (!ae || !name)
		return err_errno(p->e, ENOMEM, "archive /%s", path);
	if (tree_is_missing(fd))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(p->e, fd < 0 ? fd : -errno, "look at /%s", path);
	archive_entry_set_pathname(ae, name);
	if (S_ISDIR(st.st_mode))
		return put_dir_entry(p, ae, layer, path, &st);
	if (S_ISREG(st.st_mode))
		return put_file(p, ae, layer, path, &st);
	return put_other(p, ae, layer, path, fd, &st);
}

/* An empty file: ".wh.NAME" or ".wh..wh..opq". */
static int put_mark(struct pack *p, const char *dir, const char *prefix, const char *name)
{
	scoped(entry) struct archive_entry *ae = archive_entry_new();
	scoped(mem) char *last = str_printf("%s%s", prefix, name);
	scoped(mem) char *path = last ? tree_join(dir, last) : NULL;

	if (!ae || !path)
		return err_errno(p->e, ENOMEM, "archive /%s", dir);
	archive_entry_set_pathname(ae, path);
	archive_entry_set_mode(ae, S_IFREG | 0600);
	archive_entry_set_uid(ae, 0);
	archive_entry_set_gid(ae, 0);
	archive_entry_set_mtime(ae, 0, 0);
	archive_entry_set_size(ae, 0);
	return write_header(p, ae, path);
}

/* ---- the walk -------------------------------------------------------------------------------- */

static int put_all(struct pack *p, const char *dir, const struct tree_dir *d);

static int put_below(struct pack *p, const char *path, const struct tree_dir *parent, size_t layer)
{
	scoped(tree_dir) struct tree_dir d = { 0 };
	int r = tree_stack(p->tree, path, parent, layer, &d, p->e);

	if (r == 0 && d.is_opaque && p->o.whiteouts)
		r = put_mark(p, path, ".wh..wh..opq", "");
	if (r == 0)
		r = tree_list(p->tree, path, &d, p->e);
	return r < 0 ? r : put_all(p, path, &d);
}

static int put_all(struct pack *p, const char *dir, const struct tree_dir *d)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->n; i++) {
		const struct tree_entry *en = &d->entries[i];
		scoped(mem) char *path = tree_join(dir, en->name);
		if (!path)
			return err_errno(p->e, ENOMEM, "archive /%s", dir);
		/* As a layer, a file of such a name would take others away. */
		if (p->o.whiteouts && str_starts(en->name, ".wh."))
			continue;
		if (p->o.without_system && !*dir &&
		    str_in_words(en->name, strlen(en->name), "dev|proc|sys"))
			continue;
		if (en->kind == TREE_GONE) {
			if (p->o.whiteouts)
				r = put_mark(p, dir, ".wh.", en->name);
			continue;
		}
		r = put(p, en->layer, path);
		if (r == 0 && en->kind == TREE_DIR)
			r = put_below(p, path, d, en->layer);
	}
	return r;
}

static int pack(struct pack *p)
{
	scoped(tree_dir) struct tree_dir d = { 0 };
	int r = p->o.name && *p->o.name ? put(p, 0, "") : 0;

	if (r == 0)
		r = tree_stack(p->tree, "", NULL, SIZE_MAX, &d, p->e);
	if (r == 0)
		r = tree_list(p->tree, "", &d, p->e);
	if (r == 0)
		r = put_all(p, "", &d);
	if (r == 0 && archive_write_close(p->a) != ARCHIVE_OK)
		r = err_archive(p, "");
	return r;
}

int tree_pack(const struct tree *t, const struct tree_pack_options *o, int fd, struct err *e)
{
	scoped(archive) struct archive *a = archive_write_new();
	scoped(mem) char *buf = malloc(BUFFER);
	struct pack p = { .tree = t, .o = *o, .a = a, .fd = fd, .buf = buf, .e = e };
	int r;

	err_clear(e); /* err_archive() looks whether the fault was ours */
	if (!a || !buf)
		return err_errno(e, ENOMEM, "write an archive");
	if (archive_write_set_format_pax(a) != ARCHIVE_OK ||
	    archive_write_set_options(a, "pax:xattrheader=SCHILY") != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(a, BUFFER) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
	    archive_write_open(a, &p, NULL, on_write, NULL) != ARCHIVE_OK)
		return err_archive(&p, "");
	r = pack(&p);
	seen_done(&p);
	/* Freed later, an archive that was not closed would write its end through P. */
	if (r < 0)
		(void)archive_write_fail(a);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/layer_apply.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "overlay/split.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"

/* What libarchive may read to find one entry: 1 MiB for each header extension;
 * an entry can have a few of them, and pieces of the stream are up to 256 KiB. */
#define HEADER_MAX (4 << 20)

static void archive_done(struct archive *a)
{
	if (a)
		(void)archive_read_free(a); /* the reading is over, one way or the other */
}
DEFINE_SCOPED(archive, struct archive *, archive_done);

struct apply {
	layer_next *next;
	void *arg;
	struct err *e;
	struct layer_tree *tree;
	struct split_writer *split; /* or NULL */
	const uint8_t
		*piece; /* the current piece of the stream, and where in the stream it starts */
	size_t piece_len;
	uint64_t piece_start;
	int64_t header_left; /* >= 0: reading a header, and how much more of it is fine */
	struct layer_xattr *xattrs;
	size_t cap_xattrs;
};

/* Show the split everything of the current piece before stream position UPTO. */
static int pass_until(struct apply *ap, uint64_t upto)
{
	uint64_t from, end = ap->piece_start + ap->piece_len;

	if (!ap->split)
		return 0; /* a copy: the stream is not kept */
	from = split_position(ap->split);
	if (upto > end)
		upto = end;
	if (upto <= from)
		return 0;
	return split_pass(ap->split, ap->piece + (from - ap->piece_start), upto - from, ap->e);
}

static ssize_t next_piece(struct apply *ap)
{
	const void *p;
	ssize_t n;
	int r = pass_until(ap, UINT64_MAX);

	if (r < 0)
		return r;
	ap->piece_start += ap->piece_len;
	ap->piece_len = 0;
	n = ap->next(ap->arg, &p, ap->e);
	if (n <= 0)
		return n;
	ap->piece = p;
	ap->piece_len = (size_t)n;
	return n;
}

/* libarchive's read callback.  The first piece was fetched already, to see whether there is one. */
static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct apply *ap = arg;
	ssize_t n = ap->piece_start == 0 && ap->header_left < 0 ? (ssize_t)ap->piece_len
								: next_piece(ap);

	if (ap->header_left < 0)
		ap->header_left = HEADER_MAX;
	*ret = ap->piece;
	if (n < 0) {
		archive_set_error(a, ap->e->code, "%s", ap->e->text);
		return ARCHIVE_FATAL;
	}
	if (ap->header_left > 0) {
		ap->header_left -= n;
		if (ap->header_left <= 0) {
			(void)err_set(ap->e, -E2BIG, "a tar header of more than %d bytes",
				      HEADER_MAX);
			archive_set_error(a, E2BIG, "%s", ap->e->text);
			return ARCHIVE_FATAL;
		}
	}
	return n;
}

/* libarchive failed: our own error when one of ours was the cause. */
static int err_archive(struct apply *ap, struct archive *a)
{
	const char *text = archive_error_string(a);
	if (ap->e->code < 0)
		return ap->e->code;
	if (archive_errno(a) == ENOMEM)
		return err_set(ap->e, -ENOMEM, "read the tar stream: out of memory");
	return err_set(ap->e, -EBADMSG, "read the tar stream: %s", text ? text : "it is damaged");
}

static enum layer_entry_type entry_type(struct archive_entry *ae)
{
	if (archive_entry_hardlink(ae))
		return ENTRY_HARDLINK;
	switch (archive_entry_filetype(ae)) {
	case AE_IFREG:
		return ENTRY_FILE;
	case AE_IFDIR:
		return ENTRY_DIR;
	case AE_IFLNK:
		return ENTRY_SYMLINK;
	case AE_IFIFO:
		return ENTRY_FIFO;
	case AE_IFCHR:
		return ENTRY_CHAR;
	case AE_IFBLK:
		return ENTRY_BLOCK;
	default:
		return ENTRY_OTHER;
	}
}

static int take_xattrs(struct apply *ap, struct archive_entry *ae, struct layer_entry *en)
{
	int n = archive_entry_xattr_reset(ae);

	en->n_xattrs = 0;
	if (n <= 0)
		return 0;
	if ((size_t)n > ap->cap_xattrs) {
		struct layer_xattr *x = reallocarray(ap->xattrs, (size_t)n, sizeof(*x));
		if (!x)
			return err_errno(ap->e, ENOMEM, "read extended attributes");
		ap->xattrs = x;
		ap->cap_xattrs = (size_t)n;
	}
	for (int i = 0; i < n; i++) {
		struct layer_xattr *x = &ap->xattrs[i];
		if (archive_entry_xattr_next(ae, &x->name, &x->value, &x->len) != ARCHIVE_OK)
			break;
		en->n_xattrs++;
	}
	en->xattrs = ap->xattrs;
	return 0;
}

static int take_entry(struct apply *ap, struct archive_entry *ae, struct layer_entry *en)
{
	*en = (struct layer_entry){
		.path = archive_entry_pathname(ae),
		.type = entry_type(ae),
		.mode = archive_entry_perm(ae),
		.uid = archive_entry_uid(ae),
		.gid = archive_entry_gid(ae),
		.mtime = { .tv_sec = archive_entry_mtime(ae),
			   .tv_nsec = archive_entry_mtime_nsec(ae) },
		.dev_major = (unsigned)archive_entry_rdevmajor(ae),
		.dev_minor = (unsigned)archive_entry_rdevminor(ae),
		.size = archive_entry_size(ae),
	};
	en->link = en->type == ENTRY_HARDLINK  ? archive_entry_hardlink(ae)
		   : en->type == ENTRY_SYMLINK ? archive_entry_symlink(ae)
					       : NULL;
	if (!en->path)
		return err_set(ap->e, -EBADMSG, "an entry with a name that cannot be read");
	return take_xattrs(ap, ae, en);
}

/* Contents of the entry: into the open file, or nowhere.  Read in any case, so that the next
 * header's limit counts only that header. */
static int take_data(struct apply *ap, struct archive *a, int to_file)
{
	const void *bytes;
	int64_t offset;
	size_t n;
	int r;

	while ((r = archive_read_data_block(a, &bytes, &n, &offset)) == ARCHIVE_OK ||
	       r == ARCHIVE_WARN)
		if (to_file && n && layer_tree_data(ap->tree, bytes, n, offset, ap->e) < 0)
			return ap->e->code;
	if (r != ARCHIVE_EOF)
		return err_archive(ap, a);
	return to_file ? layer_tree_file_end(ap->tree, ap->e) : 0;
}

static int one_entry(struct apply *ap, struct archive *a, struct archive_entry *ae)
{
	uint64_t data_start = (uint64_t)archive_filter_bytes(a, 0), ino;
	struct layer_entry en = { 0 };
	const char *path;
	int r = pass_until(ap, data_start);

	ap->header_left = 0; /* data follows, of any length */
	if (r == 0)
		r = take_entry(ap, ae, &en);
	if (r < 0)
		return r;
	r = layer_tree_add(ap->tree, &en, ap->e);
	if (r < 0)
		return r;
	/* A sparse file's bytes in the stream are not its contents: they stay in the split. */
	if (r == 1 && ap->split && en.size > 0 && archive_entry_sparse_count(ae) == 0) {
		path = layer_tree_file_path(ap->tree, &ino);
		if (path &&
		    split_file(ap->split, data_start, (uint64_t)en.size, path, ino, ap->e) < 0)
			return ap->e->code;
	}
	return take_data(ap, a, r);
}

static int all_entries(struct apply *ap, struct archive *a)
{
	struct archive_entry *ae;
	int r;

	for (;;) {
		r = archive_read_next_header(a, &ae);
		if (r == ARCHIVE_EOF)
			return 0;
		/* WARN: e.g. a name that is no UTF-8; the entry is good. */
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return err_archive(ap, a);
		r = one_entry(ap, a, ae);
		if (r < 0)
			return r;
		ap->header_left = HEADER_MAX;
	}
}

static int read_tar(struct apply *ap)
{
	scoped(archive) struct archive *a = archive_read_new();

	if (!a)
		return err_errno(ap->e, ENOMEM, "read the tar stream");
	ap->header_left = -1;
	if (archive_read_support_filter_none(a) != ARCHIVE_OK ||
	    archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_open(a, ap, NULL, on_read, NULL) != ARCHIVE_OK)
		return err_archive(ap, a);
	return all_entries(ap, a);
}

static int apply(struct apply *ap)
{
	ssize_t n = next_piece(ap);
	int r = 0;

	/* A stream of no bytes at all is an empty layer. */
	if (n > 0)
		r = read_tar(ap);
	if (n < 0 || r < 0)
		return n < 0 ? (int)n : r;
	while ((n = next_piece(ap)) > 0)
		;
	if (n < 0)
		return (int)n;
	r = layer_tree_finish(ap->tree, ap->e);
	return r < 0 || !ap->split ? r : split_end(ap->split, ap->e);
}

int layer_apply(int layer_fd, const struct layer_tree_options *o, layer_next *next, void *arg,
		int64_t *ret_tree_size, struct err *e)
{
	scoped(layer_tree) struct layer_tree *tree = NULL;
	scoped(split_writer) struct split_writer *split = NULL;
	scoped(fd) int fd = -EBADF;
	struct apply ap = { .next = next, .arg = arg, .e = e };
	int r;

	err_clear(e); /* err_archive() looks whether the fault was ours */
	if (!o->copy) {
		fd = openat(layer_fd, "split", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			return err_sys(e, "make the split file");
	}
	r = layer_tree_new(layer_fd, o, &tree, e);
	if (r == 0 && !o->copy)
		r = split_writer_new(fd, &split, e);
	if (r < 0)
		return r;
	ap.tree = tree;
	ap.split = split;
	r = apply(&ap);
	free(ap.xattrs);
	if (r < 0)
		return r;
	if (layer_tree_skipped(tree))
		dbg("layer: %llu entries or attributes left out",
		    (unsigned long long)layer_tree_skipped(tree));
	*ret_tree_size = layer_tree_size(tree);
	return 0;
}

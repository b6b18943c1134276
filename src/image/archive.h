/* SPDX-License-Identifier: Apache-2.0 */
/* Outer image archives (docker-archive, oci-archive) as an index of names and places in the file.
 *
 * An outer archive is never unpacked: the role `archive` (program cove-archive)
 * reads its tar headers in an empty root and answers with names, offsets and sizes.  A name is
 * looked up in that index and nowhere else; links are followed by name inside it. */
#ifndef COVE_IMAGE_ARCHIVE_H
#define COVE_IMAGE_ARCHIVE_H

#include <stdint.h>
#include <stdio.h>

#include "src/store/engine.h"
#include "src/util/err.h"
#include "src/util/scoped.h"

#define ARCHIVE_ENTRIES_MAX 100000
#define ARCHIVE_INDEX_MAX   (16U << 20) /* bytes of all names together */

enum archive_entry_kind { ARCHIVE_FILE, ARCHIVE_LINK, ARCHIVE_HARDLINK, ARCHIVE_OTHER };

struct archive_item {
	char *name; /* clean: no leading "/" or "./" */
	char *link; /* of links: clean and relative to the archive's root; "" when it leads out */
	enum archive_entry_kind kind;
	int64_t offset, size;
	size_t order;
};
struct archive_dir;
struct image_archive {
	int fd;			 /* the plain tar: the user's file or our spool */
	struct archive_dir *dir; /* instead of a tar: a directory, whose files are looked up */
	struct archive_item *items;
	size_t n;
};

/* Open PATH (NULL or "-": standard input).  What is compressed, or cannot seek, goes through a
 * spool file without a name in graphroot/tmp.  -EBADMSG for what is no tar. */
int image_archive_open(struct engine *en, const char *path, struct image_archive **ret,
		       struct err *e);
/* The same of an open file (taken over), which messages call NAME. */
int image_archive_open_fd(struct engine *en, int take_fd_, const char *name,
			  struct image_archive **ret, struct err *e);
/* The directory PATH in place of an archive; links in it do not lead out of it.  -ENOENT, ... */
int image_archive_open_dir(const char *path, struct image_archive **ret, struct err *e);
/* A plain tar inside A.  Contents may lie beyond the end of ITEM: -EBADMSG only beyond that of A.
 */
int image_archive_open_inner(const struct image_archive *a, const struct archive_item *item,
			     struct image_archive **ret, struct err *e);
struct image_archive *image_archive_free(struct image_archive *a);
DEFINE_SCOPED(image_archive, struct image_archive *, image_archive_free);

/* The regular file NAME, links followed within the index; of two with one name the later one, as
 * unpacking would have it.  NULL when there is none.  Borrowed. */
const struct archive_item *image_archive_find(const struct image_archive *a, const char *name);
/* Its contents (at most LIMIT bytes).  Owned, NUL-terminated. */
int image_archive_read(const struct image_archive *a, const struct archive_item *item, size_t limit,
		       char **ret, size_t *ret_len, struct err *e);
/* The file that ITEM lies in, at item->offset: an owned descriptor, or the error. */
int image_archive_open_item(const struct image_archive *a, const struct archive_item *item,
			    struct err *e);
/* What archive.c needs of directories. */
struct archive_dir *archive_dir_free(struct archive_dir *d);
const struct archive_item *archive_dir_find(struct archive_dir *d, const char *name);
int archive_dir_open_item(const struct archive_dir *d, const struct archive_item *item,
			  struct err *e);
/* The role's answer, as bytes, into items (sorted by name).  FILE_SIZE bounds the offsets.  For the
 * fuzz target. */
int archive_index_parse(const char *bytes, size_t n, int64_t file_size, struct image_archive *a,
			struct err *e);

/* The role's work: walk the tar on FD, write records to OUT.  -EBADMSG, -E2BIG. */
int archive_walk(int fd, FILE *out, struct err *e);
int role_archive_main(int argc, char **argv);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* An OCI image layout that was written for an archive (oci-archive:FILE[:NAME]). */
#ifndef COVE_IMAGE_LAYOUT_ARCHIVE_H
#define COVE_IMAGE_LAYOUT_ARCHIVE_H

#include "src/store/engine.h"
#include "src/util/err.h"

/* The layout in a directory of the store's that goes away with this. */
struct layout_archive {
	struct engine *en;
	char *path, *layout; /* FILE, and "oci:DIR[:NAME]" to write into */
	char *tmp_name;
	int tmp_fd, lease_fd;
};
#define LAYOUT_ARCHIVE_NONE                           \
	{                                             \
		.tmp_fd = -EBADF, .lease_fd = -EBADF, \
	}

/* Is TO such a place? */
int layout_archive_is(const char *to);
/* Make the directory.  -EINVAL without a path. */
int layout_archive_open(struct engine *en, const char *to, struct layout_archive *ret,
			struct err *e);
/* Write the tar of it to the file, which appears whole or not at all. */
int layout_archive_write(const struct layout_archive *a, struct err *e);
void layout_archive_done(struct layout_archive *a);
static inline __attribute__((unused)) void scoped_layout_archive(struct layout_archive *a)
{
	layout_archive_done(a);
}

#endif

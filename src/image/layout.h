/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that images are written to: "dir:PATH" (files named by the hex digits of their
 * digests, manifest.json beside them) and "oci:PATH[:NAME]" (an OCI image layout, to which images
 * are added; image-spec, "Image Layout").  Files appear whole: written under another name, then
 * renamed. */
#ifndef COVE_IMAGE_LAYOUT_H
#define COVE_IMAGE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "src/util/err.h"
#include "src/util/fd.h"

struct layout {
	int is_oci;
	char *name;  /* in an OCI layout; or NULL */
	int dir_fd;  /* PATH */
	int blob_fd; /* where the blobs go: for dir: the same directory */
};
#define LAYOUT_NONE                                 \
	{                                           \
		.dir_fd = -EBADF, .blob_fd = -EBADF \
	}

/* Is TO such a place? */
int layout_is(const char *to);
/* Make and open it.  -EINVAL without a path. */
int layout_open(const char *to, struct layout *ret, struct err *e);
void layout_done(struct layout *l);
static inline __attribute__((unused)) void scoped_layout(struct layout *l)
{
	layout_done(l);
}
/* Is a blob with DIGEST ("": no) and SIZE bytes (-1: any) there? */
int layout_has(const struct layout *l, const char *digest, int64_t size);
/* The file NAME among the blobs. */
int layout_put(const struct layout *l, const char *name, const void *bytes, size_t n,
	       struct err *e);
/* A manifest or index, of the media type TYPE.  MAIN: what the place stands for (of an OCI layout:
 * under the layout's name), else one that the main one names. */
int layout_put_manifest(const struct layout *l, int main, const char *digest, const char *type,
			const void *bytes, size_t n, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the store that have the contents which a table of contents asks for. */
#ifndef COVE_OVERLAY_ASSEMBLE_LOCAL_H
#define COVE_OVERLAY_ASSEMBLE_LOCAL_H

#include "overlay/toc.h"

struct local_files {
	int layers_fd;
	char **names;	 /* of the layers */
	unsigned *order; /* the layer in which something was found last comes first */
	size_t n;
};

/* Look for each file of T under its name in every layer below LAYERS_FD; contents are compared by
 * digest.  What was found is told in the files' `local`. */
int local_files_find(struct local_files *l, int layers_fd, struct toc *t, struct err *e);
/* Look for those that were not found under other names; their `path` becomes that of what was
 * found.
 */
int local_files_moved(struct local_files *l, struct toc *t, struct err *e);
/* Open the copy of F.  A descriptor or the error. */
int local_files_open(const struct local_files *l, const struct toc *t, const struct toc_file *f,
		     struct err *e);
void local_files_done(struct local_files *l);

/* Give the contents of FD to SINK (NULL: only look) and compare size and digest with F's: -EBADMSG.
 */
int local_file_read(int fd, const struct toc_file *f, toc_sink *sink, void *arg, struct err *e);

#endif

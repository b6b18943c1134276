/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the user's that appear whole or not at all. */
#ifndef COVE_UTIL_NEW_FILE_H
#define COVE_UTIL_NEW_FILE_H

#include <sys/types.h>

#include "src/util/err.h"

/* Where the file system has nameless files, nothing is left of one that is not published, also when
 * the process is killed; elsewhere it has a name of its own, PATH.RANDOM.tmp, until then. */
struct new_file {
	int fd;		  /* to write to */
	char *path, *tmp; /* owned; tmp NULL: it has no name */
};
#define NEW_FILE_NONE ((struct new_file){ .fd = -EBADF })

/* Begin PATH, or the file that a link PATH leads to, with MODE, of which the umask takes its part.
 * 0 or the error. */
int new_file_open(const char *path, mode_t mode, struct new_file *ret, struct err *e);
/* Give it its name; what had it before is gone.  0 or the error. */
int new_file_publish(struct new_file *f, struct err *e);
void new_file_done(struct new_file *f);
static inline __attribute__((unused)) void scoped_new_file(struct new_file *f)
{
	new_file_done(f);
}

#endif

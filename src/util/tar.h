/* SPDX-License-Identifier: Apache-2.0 */
/* Writing plain tar archives: ustar (POSIX.1-1988) with GNU tar's two additions, numbers in base
 * 256 where octal digits do not do, and an entry of type L before one with a long name. */
#ifndef COVE_UTIL_TAR_H
#define COVE_UTIL_TAR_H

#include <stdint.h>

#define TAR_BLOCK 512

enum tar_type { TAR_FILE = '0', TAR_LINK = '2', TAR_DIR = '5' };

struct tar_entry {
	const char *name;
	enum tar_type type;
	const char *link; /* of TAR_LINK: at most 99 bytes; NULL otherwise */
	int64_t size;	  /* of TAR_FILE: so many bytes and tar_put_padding() follow */
	unsigned mode;
	uint32_t uid, gid;
	int64_t mtime; /* seconds since the epoch */
};

/* Write to FD: 0 or a negative errno (-ENAMETOOLONG for a link). */
int tar_put_header(int fd, const struct tar_entry *t);
int tar_put_padding(int fd, int64_t size);
int tar_put_end(int fd);

#endif

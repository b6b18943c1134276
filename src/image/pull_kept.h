/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of layers that are on their way, for the day when the pull is killed:
 * graphroot/partial/HEX, as they came from the registry.  The next pull of such a layer begins with
 * them, and asks for the rest only.  They are believed no more than what the registry sends: the
 * layer's digest is of all of it.  Whoever has the lock of the blob (pull_locks.h) has the file,
 * too. */
#ifndef COVE_IMAGE_PULL_KEPT_H
#define COVE_IMAGE_PULL_KEPT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/store/engine.h"

#define PULL_KEPT_DIR "partial"

struct pull_kept {
	int dir_fd, fd; /* DIR_FD borrowed; FD -EBADF: nothing is kept */
	char name[72];
	int64_t have; /* bytes in the file */
};
#define PULL_KEPT_NONE                         \
	{                                      \
		.dir_fd = -EBADF, .fd = -EBADF \
	}

/* Open or begin the file of the blob with DIGEST (valid) and SIZE in DIR_FD.  Where that fails, or
 * is not worth it because the blob is small, nothing is kept. */
void pull_kept_open(struct pull_kept *k, int dir_fd, const char *digest, int64_t size);
/* Up to N of the kept bytes at OFFSET.  Their number, 0 at the end (also when they cannot be read).
 */
size_t pull_kept_read(struct pull_kept *k, int64_t offset, char *buf, size_t n);
/* The next bytes came; HAVE grows by N.  On a full disk the file goes. */
void pull_kept_add(struct pull_kept *k, const char *bytes, size_t n);
/* It is needed no more, or was wrong. */
void pull_kept_drop(struct pull_kept *k);
void pull_kept_close(struct pull_kept *k);

/* Is there room to keep more in DIR_FD while REST bytes are still to come, and to be unpacked
 * beside it?  What is kept must never be why an image does not fit. */
int pull_kept_fits(int dir_fd, int64_t rest);

/* Engine: make the directory, if it is not there.  That it cannot be made is no failure. */
void pull_kept_prepare(struct engine *en);
/* Remove what nobody went on with for SECONDS. */
void pull_kept_collect(struct engine *en, int64_t seconds);

#endif

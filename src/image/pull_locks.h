/* SPDX-License-Identifier: Apache-2.0 */
/* One fetch of a layer at a time: a lock for each blob in runroot/blobs.
 *
 * A pull takes the locks of all its layers, in the order of their digests, before it fetches any,
 * and holds them until the image is published; so pulls that share layers wait for each other
 * without ever standing in a ring, and the later one finds the layers stored. */
#ifndef COVE_IMAGE_PULL_LOCKS_H
#define COVE_IMAGE_PULL_LOCKS_H

#include "src/image/manifest.h"
#include "src/store/engine.h"

struct pull_locks {
	int run_fd;
	struct pull_lock {
		const char *digest;
		int fd;
	} * locks;
	size_t n;
};

/* Does the caller still need the layer, now that nobody else is fetching it?  1, 0 or the error. */
typedef int pull_need(void *arg, const char *digest, struct err *e);

/* Lock the layers of M that NEED says are needed (asked when the lock is held), each once.  L gets
 * them. */
int pull_locks_take(struct pull_locks *l, struct engine *en, const struct manifest *m,
		    pull_need *need, void *arg, struct err *e);
void pull_locks_release(struct pull_locks *l);
/* The lock of the blob whose digest ends in HEX, if nobody has it: a descriptor for
 * pull_lock_end(), or -EAGAIN. */
int pull_lock_try(struct engine *en, const char *hex);
void pull_lock_end(struct engine *en, const char *hex, int fd);
static inline __attribute__((unused)) void scoped_pull_locks(struct pull_locks *l)
{
	pull_locks_release(l);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Which image was made from which, as commit and builds leave it: no record says it, so it is read
 * from the documents, as Podman does.  An image stands on another one when the other's diff IDs are
 * the lowest of its own, and the other's history is how its own begins.  Its parent is the one
 * whose history is shorter by one step.  An image that has children and no name is an intermediate
 * one: lists leave it out, it is not dangling, and it goes with the last child. */
#ifndef COVE_IMAGE_IMAGE_PARENT_H
#define COVE_IMAGE_IMAGE_PARENT_H

#include "src/image/image.h"

static inline int image_has_name(const struct image *i)
{
	return (i->names && i->names[0]) || (i->pinned && i->pinned[0]);
}
static inline int image_is_dangling(const struct image *i)
{
	return !image_has_name(i) && !i->children;
}
/* Number of the steps in I's history that BASE has, too, when I stands on BASE; else 0. */
size_t image_stands_on(const struct image *i, const struct image *base);
/* The parent of I among LIST (N; I itself may be there).  Borrowed, NULL: none. */
const struct image *image_parent_in(struct image *const *list, size_t n, const struct image *i);
/* Fill .parent and .children of all of LIST. */
int image_parents_fill(struct image **list, size_t n, struct err *e);
/* Images in I's store with the lowest layer of I, I itself among them when it is (still) there:
 * whatever it stands on, and what stands on it.  As image_list(). */
int image_relatives(struct engine *en, const struct image *i, struct image ***ret, size_t *ret_n,
		    struct err *e);
/* I was removed: so are the images that it stood on which have no name, no other children and no
 * container; noted in RET. */
int image_remove_parents(struct engine *en, const struct image *i, struct image_remove_result *ret,
			 struct err *e);

#endif

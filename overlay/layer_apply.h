/* SPDX-License-Identifier: Apache-2.0 */
/* A tar stream into a layer directory: diff/, split and, where needed, kept/. */
#ifndef COVE_OVERLAY_LAYER_APPLY_H
#define COVE_OVERLAY_LAYER_APPLY_H

#include "overlay/layer_tree.h"

/* The next piece of the plain tar stream in *RET (valid until the next call): its length, 0 at the
 * end, or the error. */
typedef ssize_t layer_next(void *arg, const void **ret, struct err *e);

/* Read the stream to its very end, also behind the last entry.  *RET_TREE_SIZE: sum of file sizes.
 * -EBADMSG for what is no tar or is cut short, -E2BIG for a header beyond its limit, else what the
 * writer (layer_tree.h) found. */
int layer_apply(int layer_fd, const struct layer_tree_options *o, layer_next *next, void *arg,
		int64_t *ret_tree_size, struct err *e);

#endif

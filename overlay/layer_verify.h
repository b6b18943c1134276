/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_OVERLAY_LAYER_VERIFY_H
#define COVE_OVERLAY_LAYER_VERIFY_H

#include "overlay/layer.h"

/* Make the stream of the layer directory DIR_FD again, unpack it into the empty directory
 * SCRATCH_FD and compare the two trees: names, types, contents, owners, modes, attributes, links,
 * whiteouts, and the times of all but directories.  *RET says what the stream is, *RET_SAME whether
 * the trees are the same.  -EBADMSG, -ENOENT when no stream can be made of it; -ENOSPC. */
int layer_verify(int run_fd, int dir_fd, int scratch_fd, struct layer_result *ret, int *ret_same,
		 struct err *e);

#endif

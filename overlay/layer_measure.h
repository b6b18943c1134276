/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_OVERLAY_LAYER_MEASURE_H
#define COVE_OVERLAY_LAYER_MEASURE_H

#include <stdint.h>

#include "src/util/err.h"

/* Sizes of all regular files in the directories NAMES (NULL-terminated, those missing are empty)
 * below DIR_FD, each file once however many links it has: for a layer's diff and kept the tree_size
 * it was unpacked with.  Read in the user namespace of RUN_FD's engine. -ENOENT when NAMES[0] is
 * missing, -ENOTDIR when it is none. */
int layer_measure(int run_fd, int dir_fd, char *const *names, int64_t *ret, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What Podman keeps in place of our `split`: overlay-layers/ID.tar-split.gz, for the layer
 *directory overlay/ID.  Lines of JSON, compressed by gzip:
 *	{"type":2, "payload": base64}			these bytes of the stream
 *	{"type":1, "name": NAME, "size": N}		the N bytes of that file; "name_raw", in
 *							base64, where NAME is no UTF-8
 * A checksum of each file is there as well: the digest of the whole says more. */
#ifndef COVE_OVERLAY_TAR_SPLIT_H
#define COVE_OVERLAY_TAR_SPLIT_H

#include "overlay/split.h"

#define TAR_SPLIT_LINE_MAX (8 << 20)

/* The tar-split file that belongs to the layer directory LAYER_FD: a descriptor, or the error;
 * -ENOENT when the layer is not Podman's. */
int tar_split_open(int layer_fd, struct err *e);
/* As split_replay(), with the tar-split file FD. */
int tar_split_replay(int layer_fd, int fd, split_sink *sink, void *arg, struct err *e);

#endif

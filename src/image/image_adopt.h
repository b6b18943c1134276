/* SPDX-License-Identifier: Apache-2.0 */
/* Images of additional stores that become ours.
 *
 * Their layers stay where they are, but for those whose files are not what the file system says:
 * Podman with force_mask, and fuse-overlayfs for users who may not chown, keep owners, modes and
 * kinds in attributes (containers-storage.conf(5)), which overlayfs does not look at; and what
 * belongs to another user would belong to nobody in our containers, where root could not even make
 * a file in /etc.  Of such layers the tar stream is made again, which has all of that, and unpacked
 * as a layer of ours. */
#ifndef COVE_IMAGE_IMAGE_ADOPT_H
#define COVE_IMAGE_IMAGE_ADOPT_H

#include "src/image/image.h"

/* A record of ours for image I of an additional store, called NAME unless that is NULL. */
int image_adopt(struct engine *en, const struct image *i, const char *name, struct err *e);
/* *I is to be mounted: where its layers cannot be as they are, it is adopted, and *I is our own
 * then, with the names that it had.  Another user's layers that cannot be read stay as they are. */
int image_prepare_layers(struct engine *en, struct image **i, struct err *e);

#endif

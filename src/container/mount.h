/* SPDX-License-Identifier: Apache-2.0 */
/* Root file systems of containers and images, mounted where the caller can look at them: in the
 * mount namespace of this process, by root or by somebody whom `cove unshare` made root. */
#ifndef COVE_CONTAINER_MOUNT_H
#define COVE_CONTAINER_MOUNT_H

#include "src/container/container.h"
#include "src/image/image.h"

/* May this process mount?  0, or -EPERM with a text for COMMAND ("mount", "image mount"). */
int mount_allowed(const char *command, struct err *e);

/* Mount the root of container REF (what a running one sees as "/", without what is mounted below;
 * writing there is writing into the container).  *RET_PATH owned. Mounted already: its path. */
int container_mount(struct engine *en, const char *ref, char **ret_path, struct err *e);
/* Where container ID is mounted (owned), or NULL. */
char *container_mounted(struct engine *en, const char *id);
/* Undo it; FORCE: although somebody is in it.  1: it was mounted, 0: not. -EBUSY. */
int container_unmount(struct engine *en, const char *id, int force, struct err *e);

/* The same for an image, which can only be read. */
int image_mount(struct engine *en, const struct image *i, char **ret_path, struct err *e);
char *image_mounted(struct engine *en, const char *id);
int image_unmount(struct engine *en, const char *id, int force, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* --userns keep-id: the caller is the same number inside, so root of an image, who is the caller
 * everywhere else, has to be somebody else on disk.
 *
 * Each layer has, once it is needed, a second tree beside diff/ in which everybody is who he shall
 * be inside: layers/NAME/keep-UID-GID/diff.  It is a copy (no file system lets a user map the
 * owners of a mount: mount_setattr(2) wants CAP_SYS_ADMIN where the file system was mounted), made
 * once, and goes with its layer. */
#ifndef COVE_CONTAINER_KEEP_ID_H
#define COVE_CONTAINER_KEEP_ID_H

#include "src/container/spec.h"
#include "src/store/engine.h"

/* Make the trees of the layers of S that are missing, and note in S that they are used.  Nothing is
 * done for other modes, where there is but one id, and for layers of additional stores.  May take
 * as long as copying the image does. */
int keep_id_layers(struct engine *en, struct container_spec *s, struct err *e);
/* The tree of layer NAME for S, relative to layers/: owned; NULL when out of memory. */
char *keep_id_tree(const struct engine *en, const char *name);
/* Before container ID starts, in the user namespace of the engine: give its root directory to root
 * of the container, and the caller a line in the container's passwd and group files where these
 * exist and do not have one. */
int keep_id_root(struct engine *en, const struct container_spec *s, const char *id, struct err *e);

#endif

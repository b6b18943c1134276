/* SPDX-License-Identifier: Apache-2.0 */
/* OCI hooks directories (oci-hooks(5), version 1.0.0): files *.json that add hooks to containers
 * they match.  A file of a later directory takes the place of one with the same name in an earlier
 * one; hooks run in the order of the files' names. */
#ifndef COVE_CONTAINER_HOOKS_DIR_H
#define COVE_CONTAINER_HOOKS_DIR_H

#include <json-c/json_object.h>

#include "src/util/err.h"

/* Add to CONFIG the hooks of DIRS (NULL: of the system's two, where they exist) that match it;
 * HAS_BIND_MOUNTS: the user asked for some.  Hooks of stage precreate run at once and answer with
 * another config: so CONFIG may be replaced.  -EINVAL with the file named when one is not
 * understood. */
int hooks_dir_apply(char *const *dirs, int has_bind_mounts, json_object **config, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes and the containers that have them. */
#ifndef COVE_CONTAINER_VOLUMES_H
#define COVE_CONTAINER_VOLUMES_H

#include <json-c/json_object.h>

#include "src/store/engine.h"
#include "src/util/err.h"

/* IDs of the containers that have volume NAME (owned list, NULL: none), and how many of them run
 * (RET_RUNNING may be NULL). */
int volumes_users(struct engine *en, const char *name, char ***ret, int *ret_running,
		  struct err *e);

/* The mount object M of a container (type "volume", its options) becomes one of volume NAME: its
 * type, source and options.  Errors as volume_mount_plan(). */
int volumes_set_mount(struct engine *en, const char *name, json_object *m, struct err *e);

/* --volumes-from WORD ("CONTAINER[:ro|rw|z]"): the mounts of volumes and of the host's directories
 * that it has, as in its spec.  *RET owned, an array. */
int volumes_from(struct engine *en, const char *word, json_object **ret, struct err *e);

/* Remove volume NAME unless a container has it: 1, or 0 when one has.  -ENOENT. */
int volumes_remove(struct engine *en, const char *name, struct err *e);
struct volume_rm_options {
	int force;   /* its containers go, too */
	int timeout; /* how they are stopped */
};
/* Remove volume REF.  -EBUSY "volume NAME is being used by the following container(s): IDs: volume
 * is being used", -ENOENT. */
int container_volume_rm(struct engine *en, const char *ref, const struct volume_rm_options *o,
			struct err *e);

/* Mount volume REF at its own place, for who may mount (mount_allowed()): nothing but its path when
 * it is a plain one.  *RET_PATH owned. */
int container_volume_mount(struct engine *en, const char *ref, char **ret_path, struct err *e);
/* Undo it; fine when it is not mounted. */
int container_volume_unmount(struct engine *en, const char *ref, struct err *e);

#endif

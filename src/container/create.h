/* SPDX-License-Identifier: Apache-2.0 */
/* What container_create(), container_run() and exec share. */
#ifndef COVE_CONTAINER_CREATE_H
#define COVE_CONTAINER_CREATE_H

#include "src/container/container.h"
#include "src/container/record.h"
#include "src/container/spec.h"

/* Check, make and record a container in STATE ("created", or "running" for one that is started at
 * once).  Its lock is held by *RET_LOCK.  Everything is undone on failure. */
int create_record(struct engine *en, const struct container_create_options *o, const char *state,
		  void (*warn)(const char *text), struct container **ret,
		  struct container_spec **ret_spec, int *ret_lock, struct err *e);
/* Give every port mapping without a host port a free one. */
int create_pick_ports(json_object *ports, struct err *e);
/* --env-file and -e onto *ENV. */
int create_env_options(char ***env, char *const *files, char *const *given, struct err *e);

#endif

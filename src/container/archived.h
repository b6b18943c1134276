/* SPDX-License-Identifier: Apache-2.0 */
/* A container as a checkpoint archive tells of it, in config.dump (checkpoint_dump.h) and
 * spec.dump, a config.json of the runtime-spec.
 *
 * An archive comes from a stranger.  What is read becomes options of create, which checks them as
 * if a user had typed them; the host's directories, annotations, hooks, devices, and the paths of
 * logs and programs are not taken over. */
#ifndef COVE_CONTAINER_ARCHIVED_H
#define COVE_CONTAINER_ARCHIVED_H

#include <json-c/json_object.h>

#include "src/container/container.h"

struct archived_volume {
	char *name, *target;
	int is_anonymous;
	int is_shm; /* /dev/shm of another engine, which keeps it outside of the container */
};

/* A container as an archive tells of it.  All owned, but for the options, which borrow. */
struct archived {
	struct container_create_options options; /* image to stop_timeout; no name */
	char *id;				 /* 64 hex digits */
	char *name;				 /* valid */
	char *image_id;
	int privileged;
	char **binds; /* where it had the host's files and directories */
	struct archived_volume *volumes;
	size_t n_volumes;
	char **strings;	  /* that the options borrow */
	char **lists[16]; /* the same */
	size_t n_lists;
};

/* From the two documents.  VOLUMES: -v as given on the command line, which are added and stand for
 * the host's directories.  PUBLISH (or NULL) takes the place of the ports.  -EBADMSG for what is no
 * such description; -ENOTSUP for containers that need others, or what cannot be made here. */
int archived_parse(json_object *config, json_object *spec, char *const *volumes,
		   char *const *publish, struct archived *ret, struct err *e);
void archived_done(struct archived *a);
static inline __attribute__((unused)) void scoped_archived(struct archived *a)
{
	archived_done(a);
}

#endif

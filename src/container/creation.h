/* SPDX-License-Identifier: Apache-2.0 */
/* A container while it is being created: shared by the files create*.c, each of which works out a
 * part of the spec from what the user typed.  All return 0 or an error with E filled. */
#ifndef COVE_CONTAINER_CREATION_H
#define COVE_CONTAINER_CREATION_H

#include <json-c/json_object.h>

#include "src/container/container.h"
#include "src/container/spec.h"
#include "src/image/image.h"
#include "src/util/names.h"

struct creation {
	struct engine *en;
	const struct container_create_options *o;
	struct container_spec *spec;
	struct image *image; /* owned */
	json_object *config; /* borrowed: image->config's "config" */
	char id[ID_LEN + 1];
	void (*warn)(const char *text);
};

/* create_image.c: find or pull the image; or resolve --rootfs; take over what the image says of the
 * root; the command. */
int creation_resolve_image(struct creation *c, struct err *e);
int creation_resolve_rootfs(struct creation *c, struct err *e);
int creation_take_image(struct creation *c, struct err *e);
int creation_set_command(struct creation *c, struct err *e);
/* create_env.c; "KEY=VALUE" or "KEY" of LIST into object O, WHAT for messages. */
int creation_set_env(struct creation *c, struct err *e);
int creation_set_labels(struct creation *c, struct err *e);
int creation_add_pairs(json_object *o, char *const *list, const char *what, struct err *e);
/* create_process.c */
int creation_set_process(struct creation *c, struct err *e);
int creation_set_log(struct creation *c, struct err *e);
/* create_security.c */
int creation_set_security(struct creation *c, struct err *e);
/* create_limits.c */
int creation_set_limits(struct creation *c, struct err *e);
/* create_mounts.c */
int creation_set_mounts(struct creation *c, struct err *e);
/* create_secrets.c: which, before anything is made; copies of their data, in the container's
 * directory. */
int creation_set_secrets(struct creation *c, struct err *e);
int creation_copy_secrets(struct creation *c, struct err *e);
/* create_network.c */
int creation_set_network(struct creation *c, struct err *e);
int creation_set_namespaces(struct creation *c, struct err *e);
int creation_set_sysctls(struct creation *c, struct err *e);

/* create.c: replace *DST by a copy of S; *DST becomes a copy of V; is there a control character in
 * S? */
int creation_copy(char **dst, const char *s, struct err *e);
int creation_copy_list(char ***dst, char *const *v, struct err *e);
int creation_has_control(const char *s);

#endif

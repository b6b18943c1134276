/* SPDX-License-Identifier: Apache-2.0 */
/* A container's root file system as a stack of trees (overlay/tree.h), whether it runs or not. */
#ifndef COVE_CONTAINER_ROOT_H
#define COVE_CONTAINER_ROOT_H

#include <stdlib.h>
#include <sys/stat.h>

#include "src/container/container.h"
#include "src/container/spec.h"
#include "src/runtime/runtime.h"

struct root {
	int dir_fd;	/* what the names are relative to; our own */
	char **layers;	/* read-only ones, lowest first; owned */
	char *upper;	/* what the container changed, or NULL: it writes into its only layer */
	uid_t self_uid; /* keep-id: what the caller is called inside, else 0 */
	gid_t self_gid;
};
#define ROOT_NONE                \
	{                        \
		.dir_fd = -EBADF \
	}
/* The root of container C with SPEC.  -ENOTSUP for an overlay over --rootfs. */
int root_of_container(struct engine *en, const struct container *c,
		      const struct container_spec *spec, struct root *ret, struct err *e);
/* The root that an image gives: no upper. NAMES are its layers. */
int root_of_layers(struct engine *en, char *const *names, struct root *ret, struct err *e);
/* The root that directory PATH is. */
int root_of_directory(const char *path, struct root *ret, struct err *e);
/* Arguments "tar" or "layer", UID, GID for the role `tree`; the trees come behind.  0 or -ENOMEM.
 */
int root_add_ids(const struct root *r, const char *what, char ***args);
/* All trees, the upper one last.  0 or -ENOMEM. */
int root_add_trees(const struct root *r, char ***args);
/* A file of it, as it is now.  text: owned. */
struct root_file {
	char *text;
	struct stat st, dir; /* its own and of its directory */
};
/* Read DIR/NAME, of at most MAX bytes.  1; 0 when it is not there, or not as a plain file. */
int root_read(const struct root *r, const char *dir, const char *name, size_t max,
	      struct root_file *ret, struct err *e);
static inline __attribute__((unused)) void scoped_root_file(struct root_file *f)
{
	free(f->text);
}
void root_done(struct root *r);
static inline __attribute__((unused)) void scoped_root(struct root *r)
{
	root_done(r);
}

/* The overlay of container ID, to be mounted on its directory `merged`; names of layers are
 * relative to layers/, so that many fit the page of mount(2). */
struct root_overlay {
	struct runtime_overlay overlay; /* points into what follows */
	char *base, *upper, *work, *target, **lower;
};
int root_overlay(const struct engine *en, const char *id, const struct container_spec *spec,
		 struct root_overlay *ret, struct err *e);
void root_overlay_done(struct root_overlay *o);
static inline __attribute__((unused)) void scoped_root_overlay(struct root_overlay *o)
{
	root_overlay_done(o);
}
/* The tree of layer NAME as an overlay with base layers/ wants it, for a container with S or NULL:
 * owned, or NULL with *E filled. */
char *root_lower(const struct engine *en, const struct container_spec *s, const char *name,
		 struct err *e);
/* The mode of "/" before the container changes it: of the highest layer that says one, else what
 * all images without a word have. */
mode_t root_mode(const struct engine *en, const struct container_spec *spec);
/* Who the container's processes are unless told otherwise, for user_resolve(): with keep-id the
 * caller.  Owned; NULL when out of memory. */
char *root_user(const struct engine *en, const struct container_spec *spec);

#endif

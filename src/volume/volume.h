/* SPDX-License-Identifier: Apache-2.0 */
/* Named and anonymous volumes: graphroot/volumes/NAME/_data, and beside it volume.json, which says
 * what else is known of it.  Volumes without that file (of earlier versions) are plain ones. */
#ifndef COVE_VOLUME_VOLUME_H
#define COVE_VOLUME_VOLUME_H

#include <json-c/json_object.h>
#include <stdint.h>

#include "src/store/engine.h"
#include "src/util/err.h"
#include "src/util/scoped.h"

struct volume {
	char *name;
	char *driver;	      /* "local" */
	char *created;	      /* RFC 3339 */
	json_object *labels;  /* objects of strings */
	json_object *options; /* of the driver: type, device, o, ... */
	int uid, gid;	      /* whose it was made, in the user namespace */
	int is_anonymous;     /* goes with its container */
};
struct volume *volume_free(struct volume *v);
DEFINE_SCOPED(volume, struct volume *, volume_free);

struct volume_create_options {
	const char *name; /* NULL or "": a random one */
	const char *driver;
	char **label, **opt; /* KEY[=VALUE] */
	int is_anonymous;
	int ignore;   /* one that is there is fine, and stays as it is */
	int uid, gid; /* -1: not given */
};

/* Make a volume; *RET_NAME (owned) is its name.  -EEXIST "volume with name NAME already exists:
 * volume already exists"; -EINVAL for a name, a label or an option that cannot be; -ENOTSUP for
 * drivers that are not here. */
int volume_create(struct engine *en, const struct volume_create_options *o, char **ret_name,
		  struct err *e);
/* Take the options KEY[=VALUE] of the local driver into V: those of o= that are its own are listed
 * by name, too (UID, GID, SIZE, ...), as others' volumes have them.  -EINVAL. */
int volume_set_options(struct volume *v, char *const *opts, struct err *e);

/* Have the volume, making it when it is not there.  *RET_DATA (owned) is the path of its data. */
int volume_ensure(struct engine *en, const char *name, char **ret_data, struct err *e);
/* Forget a record that cannot be read, and have a directory for data: a plain volume. */
int volume_mend(struct engine *en, const char *name, struct err *e);
/* What is known of volume NAME.  -ENOENT "no such volume NAME", -EBADMSG for a damaged record. */
int volume_load(struct engine *en, const char *name, struct volume **ret, struct err *e);
/* The volume of name REF, or the only one whose name begins so.  -ENOENT "no volume with name
 * "REF" found: no such volume", -EINVAL when there are several. */
int volume_find(struct engine *en, const char *ref, struct volume **ret, struct err *e);
/* Remove it with all its data.  0 when there is none. */
int volume_remove(struct engine *en, const char *name, struct err *e);
/* Note that STATUS ("create", "remove", "prune") happened to it. */
void volume_event(struct engine *en, const char *name, const char *status);
/* Names of all volumes, sorted; *RET owned, NULL when there are none. */
int volume_list(struct engine *en, char ***ret, struct err *e);
/* Sum of the sizes of its files. */
int volume_size(struct engine *en, const char *name, int64_t *ret, struct err *e);
/* Does nothing lie in it yet? */
int volume_is_empty(struct engine *en, const char *name);

/* How a container gets V: */
enum volume_kind {
	VOLUME_DATA,  /* its directory */
	VOLUME_BIND,  /* a directory of the host's */
	VOLUME_TMPFS, /* memory, of each container's own */
};
struct volume_mount {
	enum volume_kind kind;
	char *source;	/* path, or "tmpfs" */
	char **options; /* words of mount(8); NULL: none */
	int nocopy;	/* it does not begin with what the image has there */
};
void volume_mount_done(struct volume_mount *m);
static inline __attribute__((unused)) void scoped_volume_mount(struct volume_mount *m)
{
	volume_mount_done(m);
}
/* -ENOTSUP for what only root can mount, -ENOENT for a device that is gone. */
int volume_mount_plan(struct engine *en, const struct volume *v, struct volume_mount *ret,
		      struct err *e);
/* Does it have options that a mount is made of? */
int volume_needs_mount(const struct volume *v);

/* Write a tar of what is in V to OUT_FD. */
int volume_export(struct engine *en, const struct volume *v, int out_fd, struct err *e);
/* Unpack the tar (compressed or not) that IN_FD has over what is in V.  The role `layer` reads it,
 * with the volume as its root.  -EBADMSG for what is no tar. */
int volume_import(struct engine *en, const struct volume *v, int in_fd, struct err *e);

#endif

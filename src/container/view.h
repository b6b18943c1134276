/* SPDX-License-Identifier: Apache-2.0 */
/* A container's files as its own processes see them, volumes and all.
 *
 * A running container's are in the mount namespace of its first process.  For one that does not run
 * a helper process makes a mount namespace of its own, mounts the root and the volumes there, and
 * waits; the container's lock is held meanwhile, so that nobody starts it.  Either way a child of
 * ours joins the user namespace that the container's is nested in and takes the mount namespace
 * along; processes of the container cannot see it. */
#ifndef COVE_CONTAINER_VIEW_H
#define COVE_CONTAINER_VIEW_H

#include <limits.h>
#include <sys/types.h>

#include "src/container/container.h"
#include "src/container/spec.h"
#include "src/util/proc.h"

struct view {
	struct container *c; /* owned, as is spec */
	struct container_spec *spec;
	char *user; /* who its processes are, see root_user() */
	pid_t pid;  /* whose mounts they are */
	int pidfd;
	struct child helper; /* it does not run: this is PID */
	int helper_fd, lock;
	uid_t self_uid; /* keep-id, as in struct root */
	gid_t self_gid;
};
#define VIEW_NONE                                                                          \
	{                                                                                  \
		.pidfd = -EBADF, .helper = CHILD_NONE, .helper_fd = -EBADF, .lock = -EBADF \
	}
/* Open that of container REF.  -ENOENT when there is no such container. */
int view_open(struct engine *en, const char *ref, struct view *ret, struct err *e);
void view_done(struct view *v);
static inline __attribute__((unused)) void scoped_view(struct view *v)
{
	view_done(v);
}

/* userns_enter_fn with a struct view: join its user namespace; its mount namespace is returned. */
int view_enter(void *view, struct err *e);

struct view_look {
	int found; /* 1, or a negative errno: -ENOENT, -ENOTDIR, ... */
	mode_t mode;
	/* Found: without links, from the container's root.  -ENOENT: where links led. */
	char path[PATH_MAX];
	uid_t uid; /* the container's user, with its own ids; only where found is 1 */
	gid_t gid;
	struct err user; /* why there is none */
};
/* Look at PATH with the container's eyes.  0, or the error of looking itself. */
int view_look(struct view *v, const char *path, struct view_look *ret, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Another OCI runtime in place of ours, by the command line that crun, runc and their like share:
 * `create` with a bundle, `start`, `delete`.  Only the start is theirs: the container's processes
 * are signalled, entered and waited for as always. */
#ifndef COVE_RUNTIME_DRIVER_H
#define COVE_RUNTIME_DRIVER_H

#include <sys/types.h>

#include "src/runtime/runtime.h"
#include "src/util/err.h"

struct driver {
	const char *program;  /* path of the runtime */
	char *const *options; /* global options of the user's for it; may be NULL */
	const char *id;
	const char *dir; /* existing private directory: its state, the bundle, logs */
};

/* Where runtime NAME is: a path, or a program in PATH.  *RET is owned.  -EINVAL when there is none.
 */
int driver_find(const char *name, char **ret, struct err *e);

/* As runtime_create(), for a root that is mounted where the config says (O's overlay does not
 * count).  The caller is the subreaper that gets the container's first process.  SECCOMP is a
 * linux.seccomp (borrowed) or NULL. RET.sync stays empty.  -ENOENT, -EACCES: what the runtime said
 * means that there is no such program, or that it cannot be executed. */
int driver_create(const struct driver *d, const struct runtime_options *o, json_object *seccomp,
		  struct runtime_process *ret, struct err *e);
/* As runtime_start(). */
int driver_start(const struct driver *d, struct err *e);
/* Let it forget the container, whose processes have ended, and run the poststop hooks. */
void driver_delete(const struct driver *d);

/* driver_config.c: what O's CONFIG is to a runtime that knows nothing of us; ROOT_FD is its root.
 * *RET is owned.  Makes the working directory and fills fresh
 * volumes, as the first process does otherwise. */
int driver_config(const struct runtime_options *o, json_object *seccomp, int root_fd,
		  json_object **ret, struct err *e);

#endif

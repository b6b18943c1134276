/* SPDX-License-Identifier: Apache-2.0 */
/* What cove-runtime remembers of a container between two commands: the directory ROOT/ID/ with
 *
 *	lock         locked by the command that changes the container (fcntl(2): a dead holder holds
 *	             nothing, and the container's first process, a fork, does not hold it either)
 *	config.json  the bundle's, as it was at creation
 *	state.json   the rest; replaced whole
 *	start        the socket at which the first process waits for `start`; gone afterwards
 *
 * A pid counts only with its start time, in the same boot. */
#ifndef COVE_RUNTIME_STATE_H
#define COVE_RUNTIME_STATE_H

#include <json-c/json_object.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/runtime/cgroup.h"
#include "src/util/err.h"

#define STATE_SOCKET "start"
#define STATE_CONFIG "config.json"

enum state_status {
	STATE_CREATING,
	STATE_CREATED,
	STATE_RUNNING,
	STATE_PAUSED,
	STATE_STOPPED,
	STATE_STATUS_COUNT
};
extern const char *const state_status_names[STATE_STATUS_COUNT]; /* as the runtime-spec has them */

struct state {
	char *id, *bundle, *rootfs;
	char *created; /* RFC 3339 */
	char *boot;    /* boot_id(5) */
	int owner;     /* uid of who made it */
	int pid;       /* 0: not known yet */
	int64_t start_time;
	json_object *annotations; /* or NULL */
	json_object *cgroup;	  /* cgroup_to_json(), or NULL */
	json_object *extra;	  /* of whoever restores checkpoints; or NULL */

	/* not saved */
	int dir_fd, lock_fd;
	struct cgroup cg;
};
#define STATE_NONE                                   \
	{                                            \
		.dir_fd = -EBADF, .lock_fd = -EBADF, \
		.cg = {.fd = -EBADF,                 \
		}                                    \
	}
void state_done(struct state *s);
static inline __attribute__((unused)) void scoped_state(struct state *s)
{
	state_done(s);
}

/* May ID name a container (and so a directory)?  -EINVAL. */
int state_check_id(const char *id, struct err *e);
/* Make and lock the directory of a new container below ROOT_FD; fills id, dir_fd, lock_fd, created,
 * boot, owner.  -EEXIST: the id is in use. */
int state_make(int root_fd, const char *id, struct state *ret, struct err *e);
/* Read that of ID.  With LOCK it is locked first, which waits for whoever changes the container.
 * A container whose creation goes on, or was killed half way, has pid 0 and maybe nothing but an
 * id.  -ENOENT: there is none. */
int state_open(int root_fd, const char *id, int lock, struct state *ret, struct err *e);
/* Lock again what state_unlock() let go.  -ENOENT: it has been deleted since. */
int state_lock(int root_fd, struct state *s, struct err *e);
void state_unlock(struct state *s);
/* Write state.json (the cgroup of S->cg). */
int state_write(struct state *s, struct err *e);
/* The configuration it was made from; owned. */
int state_config(const struct state *s, json_object **ret, struct err *e);
enum state_status state_status(const struct state *s);
/* A pidfd of the living first process, -ESRCH when it has ended; -ENOSYS before Linux 5.3 (then the
 * pid has just been looked at). */
int state_pidfd(const struct state *s);
/* Forget the container: its directory goes; S stays, without it. */
int state_remove(int root_fd, struct state *s, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Container records in the database, and what lives in the runtime directory.
 *
 * runroot/c/ID/ holds
 *	lock	held by whoever owns the container: its monitor while it runs, else an operation for
 *a moment
 *	state	{"boot","pid","start_time","started"}: of the first process, believed only in the
 *same boot and when the start time is that of the process attach	the monitor's socket exit
 *the exit code, noted by a monitor on its way to the record
 *
 * A row that says 'running' while nobody holds the lock belongs to a monitor that was killed (or a
 *machine that was rebooted): record_refresh() ends what is left of it and writes 'exited'. */
#ifndef COVE_CONTAINER_RECORD_H
#define COVE_CONTAINER_RECORD_H

#include "src/container/container.h"
#include "src/container/spec.h"

/* Take the container's lock, making runroot/c/ID.  WAIT_MS: 0 not at all (-EAGAIN), -1 as long as
 * it takes. */
int record_lock(struct engine *en, const char *id, int wait_ms, int *ret_fd, struct err *e);
/* Is somebody holding it? */
int record_is_held(struct engine *en, const char *id);

/* Insert a row.  -EEXIST when the name is taken: the text says by whom. */
int record_insert(struct engine *en, const struct container *c, const char *state, struct err *e);
/* 'running' (STARTED nanoseconds) or back to 'created' with EXIT_CODE and ERROR. */
int record_set_running(struct engine *en, const char *id, int64_t started, struct err *e);
int record_set_failed(struct engine *en, const char *id, int exit_code, const char *error,
		      struct err *e);
/* The exit record: durable. */
int record_set_exited(struct engine *en, const char *id, int exit_code, int oom, int64_t finished,
		      struct err *e);
/* The spec, after update. */
int record_set_spec(struct engine *en, const char *id, json_object *spec, struct err *e);
/* Note that a running container is frozen (ON), or no more.  0 or a negative errno. */
int record_set_paused(struct engine *en, const char *id, int on);
int record_delete(struct engine *en, const char *id, struct err *e);
/* Change the name; -EEXIST as record_insert(). */
int record_rename(struct engine *en, const char *id, const char *name, struct err *e);

/* The live state file. */
int record_write_state(struct engine *en, const char *id, pid_t pid, int64_t started,
		       struct err *e);
/* pid of the living first process (0: none), with a pidfd in *RET_PIDFD (may be NULL) checked by
 * its start time. */
pid_t record_live_pid(struct engine *en, const char *id, int *ret_pidfd);
/* Remove runroot/c/ID. The caller holds the lock. */
void record_forget_run(struct engine *en, const char *id);
/* Remove the container's files: graphroot/containers/ID (in the user namespace where needed). */
int record_remove_files(struct engine *en, const char *id, struct err *e);

int64_t record_now(void); /* nanoseconds since the epoch */
/* Remove what belongs to no record: called by writing commands that are not in a hurry. */
void record_collect(struct engine *en);

#endif

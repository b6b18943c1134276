/* SPDX-License-Identifier: Apache-2.0 */
/* The holder: one tiny process per user that pins the user namespace with the whole range mapped.
 *
 * runroot/userns/ holds
 *	pid     the holder's pid, written by its starter
 *	alive   locked exclusively by the holder for as long as it lives: pid is believed only then
 *	users   locked shared by everything that wants the holder to stay; the holder itself waits
 *for the exclusive lock without waking up, and leaves when it still gets it 30 s later start   the
 *lock under which a holder is started
 *
 * Taking the shared lock first and looking at `alive` afterwards makes joining race-free: a holder
 * that is about to leave has `users` exclusively until it is gone. */
#ifndef COVE_USERNS_HOLDER_H
#define COVE_USERNS_HOLDER_H

#include "src/util/err.h"

#define HOLDER_IDLE_MS 30000

/* Descriptors that cove-holder finds open. */
enum { HOLDER_FD_ALIVE = 3, HOLDER_FD_USERS = 4, HOLDER_FD_DIR = 5 };

/* Enter the holder's user namespace by setns(2), starting a holder when there is none.  *RET_LEASE
 * keeps it from leaving while open.  Errors: those of idmap_of_user() and idmap_write_helpers();
 * others when no holder can be had here. */
int holder_join(int run_fd, int *ret_lease, struct err *e);
/* The pid of the living holder, or 0. */
int holder_pid(int run_fd);

#endif

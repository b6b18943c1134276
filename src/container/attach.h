/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of a session: this process's terminal or pipes on one end, the session's socket
 * on the other. */
#ifndef COVE_CONTAINER_ATTACH_H
#define COVE_CONTAINER_ATTACH_H

#include "src/container/container.h"

#define DETACH_KEYS_MAX	    16
#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"

/* Wait for 's' or 'f' on SOCK; then, with A, relay until the end.  *RET_ID (unless NULL) gets the
 * container's ID, owned.  Returns 0 (detached start, or the user detached), the exit code, or the
 * error with which it could not be started (*RET_STAGE as session_failure.stage). */
int attach_started(int sock, const struct attach_options *a, char **ret_id, int *ret_stage,
		   struct err *e);
/* Relay until the session ends: the exit code, or 0 when the user detached. */
int attach_relay(int sock, const struct attach_options *a, int tty, struct err *e);
/* Connect to the monitor of running container ID.  A socket or the error. */
int attach_connect(struct engine *en, const char *id, struct err *e);
/* "ctrl-p,ctrl-q", "a,b", "" into key codes.  Their number, or -EINVAL. */
int attach_parse_keys(const char *s, unsigned char keys[DETACH_KEYS_MAX]);

#endif

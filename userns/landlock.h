/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock, for the one thing that a system call filter cannot decide: what connect(2) is really
 * about by the time the kernel reads it (landlock(7)). */
#ifndef COVE_USERNS_LANDLOCK_H
#define COVE_USERNS_LANDLOCK_H

#include "src/util/err.h"

/* Can TCP connections be forbidden here (Linux 6.7, with Landlock switched on)? */
int landlock_has_connect(void);
/* This process and all that it starts make no TCP connection any more: EACCES.  Others may still
 * make one for them, on their sockets.  Takes CAP_SYS_ADMIN or no_new_privs. */
int landlock_forbid_connect(struct err *e);

#endif

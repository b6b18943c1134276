/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel locks on files: a dead holder holds nothing (flock(2)). */
#ifndef COVE_UTIL_LOCK_H
#define COVE_UTIL_LOCK_H

#include "src/util/err.h"

enum lock_mode { LOCK_SHARED, LOCK_EXCLUSIVE };

/* Open (making it, mode 0600) and lock NAME in DIR_FD.  WAIT 0: -EAGAIN when somebody holds it.
 * The descriptor is the lock: closing it lets go.  A file that was unlinked while we waited is
 * opened again, so that lock files may be removed by whoever holds them exclusively. */
int lock_file(int dir_fd, const char *name, enum lock_mode mode, int wait, struct err *e);

#endif

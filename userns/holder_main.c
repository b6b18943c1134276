/* SPDX-License-Identifier: Apache-2.0 */
/* cove-holder: the process that pins a user's namespace.  It was started by userns/holder.c inside the
 * namespace, with `alive` locked on descriptor 3, `users` open on 4 and their directory on 5.
 *
 * It waits for the exclusive lock on `users`, which it gets when nobody holds the shared one: no wake-up
 * while containers run.  When it can take it once more 30 s later, nobody came: it goes. */
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include "userns/holder.h"

int main(void)
{
	for (;;) {
		if (flock(HOLDER_FD_USERS, LOCK_EX) < 0)
			continue; /* EINTR */
		(void)flock(HOLDER_FD_USERS, LOCK_UN);
		(void)poll(NULL, 0, HOLDER_IDLE_MS); /* an early return only means an early look */
		if (flock(HOLDER_FD_USERS, LOCK_EX | LOCK_NB) == 0) {
			(void)unlinkat(HOLDER_FD_DIR, "pid", 0); /* nobody believes it once we are gone */
			return 0;
		}
	}
}

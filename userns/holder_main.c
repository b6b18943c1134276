/* SPDX-License-Identifier: Apache-2.0 */
/* cove-holder: the process that pins a user's namespace.  It was started by userns/holder.c inside
 * the namespace, with `alive` locked on descriptor 3, `users` open on 4 and their directory on 5.
 *
 * It waits for the exclusive lock on `users`, which it gets when nobody holds the shared one: no
 * wake-up while containers run.  When it can take it once more 30 s later, nobody came: it goes.
 *
 * It lives as long as containers do and needs four system calls: built without a C library (bare.h)
 * it takes 16 KiB instead of 240. */
#include <sys/file.h>
#include <time.h>

#include "userns/bare.h"
#include "userns/holder.h"

static void hold(void)
{
	const struct timespec idle = { HOLDER_IDLE_MS / 1000, 0 };

	for (;;) {
		struct timespec left = idle; /* ppoll(2) writes what was left into it */
		if (call(SYS_flock, HOLDER_FD_USERS, LOCK_EX, 0, 0, 0) != 0)
			continue; /* EINTR */
		(void)call(SYS_flock, HOLDER_FD_USERS, LOCK_UN, 0, 0, 0);
		/* An early return only means an early look. */
		(void)call(SYS_ppoll, 0, 0, (long)&left, 0, 0);
		if (call(SYS_flock, HOLDER_FD_USERS, LOCK_EX | LOCK_NB, 0, 0, 0) == 0) {
			/* Nobody believes the pid once we are gone. */
			(void)call(SYS_unlinkat, HOLDER_FD_DIR, (long)"pid", 0, 0, 0);
			return;
		}
	}
}

#ifdef BARE
void bare_main(const long *stack) __attribute__((noreturn, used));
void bare_main(const long *stack)
{
	(void)stack;
	hold();
	for (;;)
		(void)call(SYS_exit_group, 0, 0, 0, 0, 0);
}
BARE_START(bare_main);
#else
int main(void)
{
	hold();
	return 0;
}
#endif

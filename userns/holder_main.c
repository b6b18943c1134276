/* SPDX-License-Identifier: Apache-2.0 */
/* cove-holder: the process that pins a user's namespace.  It was started by userns/holder.c inside the
 * namespace, with `alive` locked on descriptor 3, `users` open on 4 and their directory on 5.
 *
 * It waits for the exclusive lock on `users`, which it gets when nobody holds the shared one: no wake-up
 * while containers run.  When it can take it once more 30 s later, nobody came: it goes.
 *
 * It lives as long as containers do and needs four system calls: where configure finds the machine known here
 * (HOLDER_BARE) it is built without a C library, at 20 KiB instead of 240. */
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>

#include "userns/holder.h"

#ifdef HOLDER_BARE
#if defined(__x86_64__)
/* syscall(2), "Architecture calling conventions". */
static long call(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;
	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static long call(long nr, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
#else
#error "configure must not set HOLDER_BARE here"
#endif
#else
#include <unistd.h>
#define call(nr, a, b, c, d, e) syscall(nr, a, b, c, d, e)
#endif

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

#ifdef HOLDER_BARE
/* The kernel enters with an aligned stack but no return address on it, which compiled code counts on. */
#ifdef __x86_64__
#define ENTRY __attribute__((noreturn, force_align_arg_pointer))
#else
#define ENTRY __attribute__((noreturn))
#endif
void _start(void) ENTRY;
void _start(void)
{
	hold();
	for (;;)
		(void)call(SYS_exit_group, 0, 0, 0, 0, 0);
}
#else
int main(void)
{
	hold();
	return 0;
}
#endif

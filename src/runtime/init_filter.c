/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the seccomp program, and handing over the listener of one that notifies.
 *
 * Once it is loaded, any call of ours may be one that waits for an agent which has no listener yet:
 * so a helper that shares our descriptors, made before and not under the filter, sends it, and we
 * wait for that without any system call. */
#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "src/runtime/init.h"
#include "src/runtime/seccomp.h"
#include "src/util/scoped.h"
#include "userns/landlock.h"

#define FLAG_TSYNC	   (1U << 0)
#define FLAG_NEW_LISTENER  (1U << 3)
#define FLAG_WAIT_KILLABLE (1U << 5)

/* Somebody may kill the helper, and nothing tells without a system call: some seconds. */
#define SPINS (1ULL << 33)

struct shared {
	int listener; /* set by us: a descriptor, or -1 when there will be none */
	int sent;     /* set by the helper: 1, or -1 when the parent is gone */
};
enum { LISTENER_PENDING = -2, LISTENER_NONE = -1 };

static void __attribute__((noreturn)) helper(struct shared *s, int sync)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	while ((fd = __atomic_load_n(&s->listener, __ATOMIC_ACQUIRE)) == LISTENER_PENDING)
		(void)nanosleep(&pause, NULL);
	if (fd >= 0 && sync_send(sync, 'n', fd) < 0)
		__atomic_store_n(&s->sent, -1, __ATOMIC_RELEASE);
	else
		__atomic_store_n(&s->sent, 1, __ATOMIC_RELEASE);
	_exit(0);
}

static int load_with_listener(struct init *in, const struct sock_filter *f, size_t n,
			      unsigned flags, struct err *e)
{
	/* Reaped by the kernel; execve(2) sets it back. */
	struct sigaction no_zombie = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long pid;
	int r;

	if (s == MAP_FAILED)
		return err_sys(e, "prepare the seccomp listener");
	s->listener = LISTENER_PENDING;
	(void)sigaction(SIGCHLD, &no_zombie, NULL); /* cannot fail: the arguments are valid */
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		helper(s, in->sync);
	if (pid < 0)
		return err_sys(e, "prepare the seccomp listener");
	/* The kernel refuses both together without a third; we are one thread. */
	r = seccomp_load_program(f, n, (flags & ~FLAG_TSYNC) | FLAG_NEW_LISTENER, e);
	__atomic_store_n(&s->listener, r < 0 ? LISTENER_NONE : r, __ATOMIC_RELEASE);
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < SPINS && (r = __atomic_load_n(&s->sent, __ATOMIC_ACQUIRE)) == 0;
	     i++)
		__asm__ volatile("" ::: "memory");
	if (r == 0)
		return err_set(e, -EIO, "hand over the seccomp listener: the helper has ended");
	return r > 0 ? 0 : err_set(e, -EPIPE, "hand over the seccomp listener: nobody is there");
}

/* Before the container's own, which may forbid to send the listener; nothing that we call from here
 * on is notified by this one. */
static int load_notify(struct init *in, struct err *e)
{
	const struct runtime_options *o = in->o;
	scoped(fd) int listener = -EBADF;
	int r = landlock_forbid_connect(e);

	if (r < 0)
		return r;
	/* A signal does end a connect(2) that waits, as ever. */
	listener = seccomp_load_program(o->notify, o->n_notify, FLAG_NEW_LISTENER, e);
	if (listener < 0)
		return listener;
	r = sync_send(in->sync, 'n', listener);
	return r < 0 ? err_errno(e, r, "hand over the seccomp listener") : 0;
}

int init_load_filter(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;
	const struct runtime_options *o = in->o;
	unsigned flags = p->seccomp_flags.flags;
	int r = o->notify ? load_notify(in, e) : 0;

	if (r < 0)
		return r;
	if (o->filter)
		r = seccomp_load_program(o->filter, o->n_filter, 0, e);
	else if (!p->filter)
		return 0;
	else if (p->seccomp_flags.notify)
		return load_with_listener(in, p->filter, p->n_filter, flags, e);
	else /* a flag for listeners alone */
		r = seccomp_load_program(p->filter, p->n_filter, flags & ~FLAG_WAIT_KILLABLE, e);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Starting programs and children: the one idiom.
 *
 * A struct child is held by pidfd where the kernel has them (Linux 5.3); its cleanup kills and
 * reaps. Roles are our own helper programs under libexec/cove; in the build tree they are found
 * beside the running program. */
#ifndef COVE_UTIL_PROC_H
#define COVE_UTIL_PROC_H

#include <sys/types.h>

#include "src/util/err.h"
#include "src/util/scoped.h"

struct child {
	pid_t pid; /* 0: none */
	int pidfd; /* -EBADF where the kernel has none */
};
#define CHILD_NONE                        \
	{                                 \
		.pid = 0, .pidfd = -EBADF \
	}

/* One descriptor the new program gets: FROM in this process becomes TO there. */
struct proc_fd {
	int from, to;
};

struct proc_options {
	const char *path;  /* program, searched in PATH when it has no '/' */
	char *const *argv; /* NULL-terminated */
	char *const *env;  /* NULL: the caller's environment */
	const struct proc_fd
		*fds; /* what it gets beside 0, 1, 2 (which are inherited unless named here) */
	size_t n_fds;
	int null_stdio;	 /* those of 0, 1, 2 not named in fds become /dev/null */
	int die_with_us; /* SIGKILL when the starting thread dies (PR_SET_PDEATHSIG) */
	int new_session; /* setsid() */
	const char *cwd; /* NULL: inherited */
};

/* Start a program.  Signal mask and ignored SIGPIPE are reset.  On success *RET holds the child.
 * -ENOENT, -EACCES when it cannot be executed (the text names it). */
int proc_spawn(const struct proc_options *o, struct child *ret, struct err *e);
/* Become the program, for a child that was forked and prepared otherwise: places the descriptors
 * and executes.  Returns only on failure.  REPORT_FD is kept open (CLOEXEC) until the exec. */
int proc_exec(const struct proc_options *o, int report_fd, struct err *e);
/* Fork with no exec: returns 0 in the child, 1 in the parent with *RET filled, or the error.  The
 * process must have one thread. */
int proc_fork(struct child *ret, struct err *e);
/* Wait.  Exit status 0..255, or 128 + signal; empties the child.  Negative errno on failure. */
int proc_wait(struct child *c);
/* Send a signal (by pidfd where there is one).  0 or a negative errno. */
int proc_kill(const struct child *c, int sig);
/* Kill with SIGKILL and reap; fine when empty. */
void proc_end(struct child *c);
/* pidfd_open(2) with CLOEXEC: descriptor or negative errno (-ENOSYS before Linux 5.3). */
int proc_pidfd(pid_t pid);
/* pidfd_send_signal(2), Linux 5.1. */
int proc_pidfd_kill(int pidfd, int sig);
/* Start time of PID in clock ticks since boot (field 22 of /proc/PID/stat), 0 when it is gone:
 * a pid without it is not believed (it may have been used again). */
unsigned long long proc_start_time(pid_t pid);
/* Call this process NAME in ps and pgrep -f: a fork would otherwise carry its parent's command
 * line.  Cut at the room that the old one has.  The old arguments are overwritten: nothing may
 * point into argv any more. */
void proc_set_title(const char *name);
/* Full path of helper program NAME ("cove-net"): $COVE_LIBEXEC_DIR when the build tree set it, the
 * directory of the running program when NAME is there, else the installed libexec directory. Owned.
 */
char *proc_role_path(const char *name);
/* Program NAME (no path) as a shell would find it in $PATH, absolute entries only.  Owned; NULL
 * when it is nowhere. */
char *proc_find_program(const char *name);
#define PROC_CALL_FDS_MAX 8
/* Does something in a child.  What it opens goes to FDS[*N], *N counted up, at most
 * PROC_CALL_FDS_MAX. */
typedef int proc_fn(void *arg, int *fds, size_t *n, struct err *e);
/* Call FN in a forked child, for what a process cannot take back, such as entering a namespace. The
 * N descriptors that it opened arrive in FDS (the caller's; may be NULL for none).  0 or FN's
 * error; -EIO "WHAT" when the child said nothing or opened another number.  The process must have
 * one thread. */
int proc_call(proc_fn *fn, void *arg, int *fds, size_t n, const char *what, struct err *e);
/* Run a program to its end with stdin from /dev/null and collect at most LIMIT bytes of its output.
 * Exit status as proc_wait(); *RET_OUT owned. */
int proc_capture(char *const *argv, size_t limit, char **ret_out, struct err *e);

static inline __attribute__((unused)) void scoped_child(struct child *c)
{
	proc_end(c);
}

#endif

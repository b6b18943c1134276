/* SPDX-License-Identifier: Apache-2.0 */
/* cove-monitor: what a monitor becomes once its container runs and nobody is attached from the
 * start.  It keeps the streams, and needs neither the database nor JSON for that: a tenth of the
 * memory.  When the container has ended it becomes cove again, which writes the exit record
 * (src/container/exited.c).
 *
 * The arguments are those of monitor_slim(), in the order of enum slim_arg; descriptors were left
 * open for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns/net.h"
#include "src/container/container_net.h"
#include "src/container/cut_off.h"
#include "src/container/monitor_slim.h"
#include "src/container/session.h"
#include "src/container/watch.h"
#include "src/util/fd.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define WAIT_PIDFD ((idtype_t)3) /* P_PIDFD, Linux 5.4; glibc has the name since 2.36 */

static int number(const char *s)
{
	return (int)strtol(s, NULL, 10);
}

static int keep(const char *s)
{
	int fd = number(s);
	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

/* Beside the database: should cove itself be gone or broken, the code is not lost. */
static void note_code(int run_fd, const char *id, int code)
{
	scoped(mem) char *path = str_printf("c/%s/exit", id);
	scoped(mem) char *text = str_printf("%d\n", code);
	scoped(fd) int fd =
		path ? openat(run_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			      0600)
		     : -EBADF;
	if (fd >= 0 && text)
		(void)fd_write_all(fd, text,
				   strlen(text)); /* the record that follows says the same */
}

struct slim {
	char **argv;
	struct watch watch;
	int net, netns; /* the network's process, and the container's namespace */
	int net_again;	/* times that it was started anew */
};

static void look(void *arg)
{
	struct slim *s = arg;
	watch_look(&s->watch);
}

/* The network's process has died: cove knows how to start it.  Its new socket comes from there. */
static int renew_net(void *arg)
{
	struct slim *s = arg;
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	char times[16];
	char *argv[] = { (char *)"cove",
			 (char *)"--root",
			 s->argv[SLIM_GRAPHROOT],
			 (char *)"--runroot",
			 s->argv[SLIM_RUNROOT],
			 (char *)"__network",
			 s->argv[SLIM_ID],
			 times,
			 NULL };
	struct proc_fd fds[2];
	struct proc_options o = { .path = s->argv[SLIM_COVE],
				  .argv = argv,
				  .fds = fds,
				  .n_fds = 2,
				  .null_stdio = 1,
				  .die_with_us = 1 };
	scoped(child) struct child c = CHILD_NONE;
	size_t n = 1;
	siginfo_t ended;
	struct err e;
	char kind;

	cut_off_note(number(s->argv[SLIM_RUN]), s->argv[SLIM_ID], 1);
	/* pasta was a child of ours; a socket is no pidfd. */
	(void)waitid(WAIT_PIDFD, (id_t)s->net, &ended, WEXITED | WNOHANG);
	fd_close(take_fd(&s->net));
	(void)snprintf(times, sizeof(times), "%d", s->net_again++);
	if (s->netns < 0 || fd_pair(SOCK_SEQPACKET, &ours, &theirs, &e) < 0)
		return -EBADF;
	fds[0] = (struct proc_fd){ theirs, CONTAINER_NET_FD_ANSWER };
	fds[1] = (struct proc_fd){ s->netns, CONTAINER_NET_FD_NETNS };
	if (proc_spawn(&o, &c, &e) < 0)
		return -EBADF;
	fd_close(take_fd(&theirs));
	if (fd_recv(ours, &kind, 1, &s->net, &n) != 1 || n != 1)
		s->net = -EBADF;
	if (s->net >= 0 && kind == CONTAINER_NET_STAYS) {
		fd_close(c.pidfd);
		c = (struct child)CHILD_NONE; /* it is what is watched from now on */
	} else {
		(void)proc_wait(&c);
	}
	return s->net;
}

int main(int argc, char **argv)
{
	struct session_io io = SESSION_IO_NONE;
	struct runtime_process process = RUNTIME_PROCESS_NONE;
	struct session_options o = { .io = &io, .process = &process, .first_client = -EBADF };
	scoped(log) struct log *log = NULL;
	struct err e;
	struct slim s = { .argv = argv };
	char code_text[16];
	int code, accel;

	if (argc != SLIM_ARGC)
		return 125;
	io.terminal = number(argv[SLIM_TERMINAL]);
	io.console = keep(argv[SLIM_CONSOLE]);
	io.in = keep(argv[SLIM_IN]);
	io.out = keep(argv[SLIM_OUT]);
	io.err = keep(argv[SLIM_ERR]);
	process.pid = number(argv[SLIM_PID]);
	process.pidfd = keep(argv[SLIM_PIDFD]);
	o.listen_fd = keep(argv[SLIM_LISTEN]);
	s.net = keep(argv[SLIM_NET]);
	s.netns = keep(argv[SLIM_NETNS]);
	accel = keep(argv[SLIM_ACCEL]);
	err_clear(&e);
	if (*argv[SLIM_LOG] &&
	    log_open(argv[SLIM_LOG], strtoll(argv[SLIM_LOG_MAX], NULL, 10), &log, &e) < 0)
		dbg("%s", e.text);
	o.log = log;
	s.watch.limits.memory = strtoll(argv[SLIM_WATCH_MEMORY], NULL, 10);
	s.watch.limits.pids = strtoll(argv[SLIM_WATCH_PIDS], NULL, 10);
	s.watch.init = process.pid;
	if (s.watch.limits.memory + s.watch.limits.pids > 0) {
		o.tick_ms = WATCH_MS;
		o.on_tick = look;
	}
	o.net_fd = s.net;
	o.on_net = renew_net;
	o.arg = &s;
	code = session_run(&o, NULL, &e);
	if (code < 0)
		code = 125;
	net_stop(&(struct net){ .child = CHILD_NONE, .control = s.net });
	net_stop(&(struct net){ .child = CHILD_NONE, .control = accel });
	note_code(keep(argv[SLIM_RUN]), argv[SLIM_ID], code);
	(void)snprintf(code_text, sizeof(code_text), "%d", code);
	(void)execl(argv[SLIM_COVE], "cove", "--root", argv[SLIM_GRAPHROOT], "--runroot",
		    argv[SLIM_RUNROOT], "__exited", argv[SLIM_ID], code_text, argv[SLIM_LOCK],
		    s.watch.killed ? "1" : "0", (char *)NULL);
	return 125; /* the next command finds the note */
}

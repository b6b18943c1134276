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
#include <unistd.h>

#include "netns/net.h"
#include "src/container/monitor_slim.h"
#include "src/container/session.h"
#include "src/container/watch.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

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

static void look(void *arg)
{
	watch_look(arg);
}

int main(int argc, char **argv)
{
	struct session_io io = SESSION_IO_NONE;
	struct runtime_process process = RUNTIME_PROCESS_NONE;
	struct session_options o = { .io = &io, .process = &process, .first_client = -EBADF };
	scoped(log) struct log *log = NULL;
	struct err e;
	struct watch watch = { 0 };
	char code_text[16];
	int code, net;

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
	net = keep(argv[SLIM_NET]);
	err_clear(&e);
	if (*argv[SLIM_LOG] &&
	    log_open(argv[SLIM_LOG], strtoll(argv[SLIM_LOG_MAX], NULL, 10), &log, &e) < 0)
		dbg("%s", e.text);
	o.log = log;
	watch.limits.memory = strtoll(argv[SLIM_WATCH_MEMORY], NULL, 10);
	watch.limits.pids = strtoll(argv[SLIM_WATCH_PIDS], NULL, 10);
	watch.init = process.pid;
	if (watch.limits.memory + watch.limits.pids > 0) {
		o.tick_ms = WATCH_MS;
		o.on_tick = look;
		o.arg = &watch;
	}
	code = session_run(&o, NULL, &e);
	if (code < 0)
		code = 125;
	net_stop(&(struct net){ .child = CHILD_NONE, .control = net });
	note_code(keep(argv[SLIM_RUN]), argv[SLIM_ID], code);
	(void)snprintf(code_text, sizeof(code_text), "%d", code);
	(void)execl(argv[SLIM_COVE], "cove", "--root", argv[SLIM_GRAPHROOT], "--runroot",
		    argv[SLIM_RUNROOT], "__exited", argv[SLIM_ID], code_text, argv[SLIM_LOCK],
		    watch.killed ? "1" : "0", (char *)NULL);
	return 125; /* the next command finds the note */
}

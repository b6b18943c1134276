/* SPDX-License-Identifier: Apache-2.0 */
/* A process in a container and who is connected to it: the loop of the monitor, for a container's
 *first process and for exec alike.
 *
 * Clients speak over SOCK_SEQPACKET sockets, one message a packet, first byte its kind:
 *
 *	client to session                      session to client
 *	'i' bytes for stdin                    'o' bytes from stdout (or the terminal)
 *	'z' stdin has ended                    'e' bytes from stderr
 *	'w' struct winsize                     's' it has started: struct session_started
 *	'q' only 'x' is wanted
 *	'k' int: a signal                      'f' it could not be started, or kept: struct
 *session_failure 'x' it has ended: int exit code end of file: all is cleaned up
 *
 * Backpressure: while a client has not taken what was read last, nothing more is read from the
 *process, so nothing is lost and nothing grows.  A client other than the first that takes nothing
 *for a second is let go. */
#ifndef COVE_CONTAINER_SESSION_H
#define COVE_CONTAINER_SESSION_H

#include "src/container/log.h"
#include "src/runtime/runtime.h"
#include "src/util/err.h"

#define SESSION_CHUNK 16384 /* bytes read at once */

struct session_started {
	pid_t pid;
	int tty;     /* the container has a terminal */
	char id[65]; /* of the container; "" for exec */
};

struct session_failure {
	int stage; /* 1: the program could not be executed (exit 126 or 127), 0: earlier */
	struct err err;
};

struct session_io {
	int terminal;	  /* console is the only stream */
	int console;	  /* pty master */
	int in, out, err; /* our ends of the pipes; in -EBADF: /dev/null */
	int theirs[3];	  /* the process's ends, closed once it has them */
};
#define SESSION_IO_NONE                                                                    \
	{                                                                                  \
		.console = -EBADF, .in = -EBADF, .out = -EBADF, .err = -EBADF, .theirs = { \
			-EBADF,                                                            \
			-EBADF,                                                            \
			-EBADF                                                             \
		}                                                                          \
	}
/* Pipes (or nothing, for a terminal) and the ends that the process gets. */
int session_io_open(struct session_io *io, int terminal, int interactive, struct err *e);
void session_io_done(struct session_io *io);

struct session_options {
	struct session_io *io;
	struct runtime_process *process;
	struct log *log;  /* NULL: none */
	int first_client; /* connected from the start, or -EBADF; owned by the session from here on
			   */
	int listen_fd;	  /* further clients, or -EBADF; stays the caller's */
	int hold_stdin;	  /* stdin stays open when clients go (a container); otherwise it ends with
			     the first (exec) */
	void (*on_child)(pid_t pid, int status,
			 void *arg); /* another child was reaped, may be NULL */
	int net_fd; /* readable when the network's process has ended; 0: none.  Then on_net() is
		       called, which returns another one or a negative number. */
	int (*on_net)(void *arg);
	int tick_ms; /* on_tick is called about so often; 0: never */
	void (*on_tick)(void *arg);
	void *arg;
};

#define SESSION_TIMED_OUT 255 /* the exit code of what SIGALRM has ended, as Podman has it */

/* Relay until the process ends and its output is drained.  The process must be our child; SIGCHLD
 * is blocked by the caller.  SIGALRM, when it is blocked, too, has the process killed.  Returns the
 * exit code (128 + signal).  *RET_CLIENT (unless NULL) gets
 * the first client's socket, still open, or -EBADF; the others get their 'x' here and are closed.
 */
int session_run(const struct session_options *o, int *ret_client, struct err *e);

/* Send one message.  0 or a negative errno (-EAGAIN when a non-blocking socket is full). */
int session_send(int sock, char kind, const void *bytes, size_t n);

#endif

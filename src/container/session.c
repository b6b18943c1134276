/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

#define CLIENTS_MAX   16
#define CLIENT_LAG_MS 1000 /* a later client that takes nothing for so long is let go */
#define DRAIN_MS      100  /* output of a finished process's children that still hold the pipe */

int session_send(int sock, char kind, const void *bytes, size_t n)
{
	struct iovec iov[2] = { { &kind, 1 }, { (void *)bytes, n } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t w;
	do
		w = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	return w < 0 ? -errno : 0;
}

/* ---- the process's ends --------------------------------------------------------------------- */

static int make_pipe(int *ret_r, int *ret_w)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	*ret_r = p[0];
	*ret_w = p[1];
	return 0;
}

int session_io_open(struct session_io *io, int terminal, int interactive, struct err *e)
{
	int r = 0;

	io->terminal = terminal;
	if (terminal)
		return 0;
	if (interactive) {
		r = make_pipe(&io->theirs[0], &io->in);
	} else {
		io->theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		r = io->theirs[0] < 0 ? -errno : 0;
	}
	if (r == 0)
		r = make_pipe(&io->out, &io->theirs[1]);
	if (r == 0)
		r = make_pipe(&io->err, &io->theirs[2]);
	if (r == 0)
		r = fd_set_nonblock(io->out, 1);
	if (r == 0)
		r = fd_set_nonblock(io->err, 1);
	if (r == 0 && io->in >= 0)
		r = fd_set_nonblock(io->in, 1);
	return r < 0 ? err_errno(e, r, "make the process's pipes") : 0;
}

void session_io_done(struct session_io *io)
{
	fd_close(take_fd(&io->console));
	fd_close(take_fd(&io->in));
	fd_close(take_fd(&io->out));
	fd_close(take_fd(&io->err));
	for (int i = 0; i < 3; i++)
		fd_close(take_fd(&io->theirs[i]));
}

/* ---- the loop ------------------------------------------------------------------------------- */

struct client {
	int fd;
	int is_first;
	int is_quiet;  /* wants the exit code only */
	char kind;     /* of what waits to be sent */
	char *waiting; /* allocated only while a client lags */
	size_t n;
	int64_t since; /* when it began to wait */
};

struct session {
	const struct session_options *o;
	int epoll, signals;
	int net;	 /* o->net_fd or who followed it, or -EBADF */
	int out, err;	 /* what is still read; -EBADF at end of file */
	int in;		 /* what is still written */
	char *stdin_buf; /* what the process has not taken yet */
	size_t stdin_n;
	int stdin_ended;
	struct client client[CLIENTS_MAX];
	size_t n_clients;
	int paused;
	int ended, code, timed_out;
	int broken; /* negative errno: something cannot be watched */
};

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void watch(struct session *s, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };
	if (fd < 0)
		return;
	if (!events) { /* a hang-up would be reported all the same, again and again (epoll_ctl(2))
			*/
		(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd, NULL);
		return;
	}
	if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, fd, &ev) == 0)
		return;
	/* EPERM: regular files are refused and not watched. */
	if ((errno != ENOENT || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) && errno != EPERM)
		s->broken = -errno;
}

static void unwatch(struct session *s, int fd)
{
	if (fd >= 0)
		(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd,
				NULL); /* gone with its last descriptor anyway */
}

/* While somebody lags the process's output is not read, and while the process lags clients are not.
 */
static void update_watches(struct session *s)
{
	int lagging = 0, full = s->stdin_n > 0;
	uint32_t tty_events;

	for (size_t i = 0; i < s->n_clients; i++) {
		struct client *c = &s->client[i];
		lagging |= c->waiting != NULL;
		watch(s, c->fd, (c->waiting ? EPOLLOUT : 0U) | (full ? 0U : EPOLLIN));
	}
	s->paused = lagging;
	if (s->o->io->terminal) {
		tty_events = (lagging ? 0U : EPOLLIN) | (full ? EPOLLOUT : 0U);
		watch(s, s->out, tty_events);
		return;
	}
	watch(s, s->out, lagging ? 0 : EPOLLIN);
	watch(s, s->err, lagging ? 0 : EPOLLIN);
	if (s->in >= 0 && full)
		watch(s, s->in, EPOLLOUT);
	else
		unwatch(s, s->in);
}

static void close_stdin(struct session *s)
{
	if (s->o->io->terminal || s->in < 0)
		return;
	unwatch(s, s->in);
	fd_close(take_fd(&s->o->io->in));
	s->in = -EBADF;
	s->stdin_n = 0;
}

static void drop_client(struct session *s, size_t i)
{
	struct client *c = &s->client[i];
	int was_first = c->is_first;

	unwatch(s, c->fd);
	fd_close(c->fd);
	free(c->waiting);
	*c = s->client[--s->n_clients];
	if (was_first && !s->o->hold_stdin)
		close_stdin(s);
}

static void add_client(struct session *s, int fd, int is_first)
{
	if (s->n_clients == CLIENTS_MAX || fd_set_nonblock(fd, 1) < 0) {
		fd_close(fd);
		return;
	}
	s->client[s->n_clients++] = (struct client){ .fd = fd, .is_first = is_first };
}

static void send_client(struct session *s, size_t i, char kind, const char *bytes, size_t n)
{
	struct client *c = &s->client[i];
	int r = session_send(c->fd, kind, bytes, n);

	if (r == 0)
		return;
	if (r == -EAGAIN) {
		c->waiting = malloc(n);
		if (c->waiting) {
			memcpy(c->waiting, bytes, n);
			c->n = n;
			c->kind = kind;
			c->since = now_ms();
			return;
		}
	}
	drop_client(s, i);
}

static void broadcast(struct session *s, char kind, const char *bytes, size_t n)
{
	for (size_t i = s->n_clients; i-- > 0;)
		if (!s->client[i].is_quiet)
			send_client(s, i, kind, bytes, n);
}

/* 1: something was read, 0: nothing there, -1: end of file. */
static int pump_output(struct session *s, int fd, char kind)
{
	char buf[SESSION_CHUNK];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0) {
		log_write(s->o->log, kind == 'o' ? LOG_STDOUT : LOG_STDERR, buf, (size_t)n);
		broadcast(s, kind, buf, (size_t)n);
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return -1; /* EIO is how a terminal ends (pty(7)) */
}

static void write_stdin(struct session *s, const char *bytes, size_t n)
{
	int fd = s->o->io->terminal ? s->out : s->in;
	ssize_t w = fd < 0 ? (ssize_t)n : s->stdin_n ? 0 : write(fd, bytes, n);
	char *rest;

	if (w < 0 && errno == EAGAIN)
		w = 0;
	if (w < 0) { /* EPIPE: nobody reads it any more */
		close_stdin(s);
		return;
	}
	if ((size_t)w == n)
		return;
	/* Behind what waits already (at most what a client's socket held when it hung up). */
	rest = realloc(s->stdin_buf, s->stdin_n + n - (size_t)w);
	if (!rest)
		return;
	memcpy(rest + s->stdin_n, bytes + w, n - (size_t)w);
	s->stdin_buf = rest;
	s->stdin_n += n - (size_t)w;
}

static void flush_stdin(struct session *s)
{
	char *buf = s->stdin_buf;
	size_t n = s->stdin_n;

	s->stdin_buf = NULL;
	s->stdin_n = 0;
	if (n)
		write_stdin(s, buf, n);
	free(buf);
	if (!s->stdin_n && s->stdin_ended)
		close_stdin(s);
}

static void end_stdin(struct session *s)
{
	s->stdin_ended = 1;
	if (!s->stdin_n)
		close_stdin(s);
}

static void from_client(struct session *s, size_t i)
{
	char buf[SESSION_CHUNK + 1];
	ssize_t n = recv(s->client[i].fd, buf, sizeof(buf), 0);
	struct winsize size;
	int sig;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop_client(s, i);
		return;
	}
	switch (buf[0]) {
	case 'i':
		write_stdin(s, buf + 1, (size_t)n - 1);
		break;
	case 'q':
		s->client[i].is_quiet = 1;
		break;
	case 'z':
		end_stdin(s);
		break;
	case 'w':
		if (n == 1 + (ssize_t)sizeof(size) && s->o->io->terminal) {
			memcpy(&size, buf + 1, sizeof(size));
			(void)ioctl(s->out, TIOCSWINSZ,
				    &size); /* a terminal that is gone has no size */
		}
		break;
	case 'k':
		if (n == 1 + (ssize_t)sizeof(sig)) {
			memcpy(&sig, buf + 1, sizeof(sig));
			if (s->o->process->pidfd < 0 ||
			    proc_pidfd_kill(s->o->process->pidfd, sig) == -ENOSYS)
				(void)kill(s->o->process->pid, sig); /* our child, not reaped yet */
		}
		break;
	default:
		drop_client(s, i);
		break;
	}
}

static void flush_client(struct session *s, size_t i)
{
	struct client *c = &s->client[i];
	int r = c->waiting ? session_send(c->fd, c->kind, c->waiting, c->n) : 0;

	if (r == -EAGAIN)
		return;
	if (r < 0) {
		drop_client(s, i);
		return;
	}
	free(c->waiting);
	c->waiting = NULL;
}

static void drop_laggards(struct session *s)
{
	int64_t now = now_ms();
	for (size_t i = s->n_clients; i-- > 0;)
		if (s->client[i].waiting && !s->client[i].is_first &&
		    now - s->client[i].since > CLIENT_LAG_MS)
			drop_client(s, i);
}

static void reap(struct session *s)
{
	struct signalfd_siginfo si = { 0 };
	pid_t pid;
	int st;

	(void)!read(s->signals, &si, sizeof(si)); /* several deaths may share one signal */
	if (si.ssi_signo == SIGALRM && s->o->process->pid > 0) { /* its time is over */
		s->timed_out = 1;
		(void)kill(s->o->process->pid, SIGKILL);
	}
	while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
		if (pid == s->o->process->pid) {
			s->ended = 1;
			s->code = s->timed_out	  ? SESSION_TIMED_OUT
				  : WIFEXITED(st) ? WEXITSTATUS(st)
						  : 128 + WTERMSIG(st);
			s->o->process->pid = 0; /* reaped: nobody may signal that number any more */
		} else if (s->o->on_child) {
			s->o->on_child(pid, st, s->o->arg);
		}
	}
}

static void dispatch(struct session *s, const struct epoll_event *ev)
{
	int fd = ev->data.fd;

	if (fd == s->signals) {
		reap(s);
	} else if (fd == s->o->listen_fd) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (c >= 0)
			add_client(s, c, 0);
	} else if (fd == s->out) {
		if (s->o->io->terminal && (ev->events & EPOLLOUT))
			flush_stdin(s);
		if ((ev->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !s->paused &&
		    pump_output(s, fd, 'o') < 0) {
			unwatch(s, fd);
			s->out = -EBADF;
		}
	} else if (fd == s->err) {
		if (!s->paused && pump_output(s, fd, 'e') < 0) {
			unwatch(s, fd);
			s->err = -EBADF;
		}
	} else if (fd == s->in) {
		flush_stdin(s);
	} else if (fd == s->net) {
		unwatch(s, fd);
		s->net = s->ended ? -EBADF : s->o->on_net(s->o->arg);
		watch(s, s->net, EPOLLIN);
	} else {
		for (size_t i = 0; i < s->n_clients; i++) {
			if (s->client[i].fd != fd)
				continue;
			if (ev->events & EPOLLOUT)
				flush_client(s, i);
			if (i < s->n_clients && s->client[i].fd == fd &&
			    (ev->events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
				from_client(s, i);
			break;
		}
	}
}

/* The process has ended: what it wrote is in the pipes; children that left its pid namespace (exec
 * sessions' background jobs) may hold them open for ever, so end of file is not waited for long. */
static int is_drained(struct session *s, int64_t *deadline)
{
	if (!s->ended)
		return 0;
	if (s->out < 0 && s->err < 0)
		return !s->paused;
	if (!*deadline)
		*deadline = now_ms() + DRAIN_MS;
	return now_ms() >= *deadline && !s->paused;
}

static int run(struct session *s)
{
	struct epoll_event ev[8];
	int64_t deadline = 0, next_tick = 0;

	while (!is_drained(s, &deadline)) {
		int n, timeout = s->ended ? DRAIN_MS / 4 : s->paused ? CLIENT_LAG_MS : -1;

		if (s->o->tick_ms && (timeout < 0 || timeout > s->o->tick_ms))
			timeout = s->o->tick_ms;
		update_watches(s);
		if (s->broken < 0)
			return s->broken;
		n = epoll_wait(s->epoll, ev, 8, timeout);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++)
			dispatch(s, &ev[i]);
		/* Something was still coming: wait for the next piece anew. */
		if (n > 0 && s->ended)
			deadline = 0;
		if (s->o->tick_ms && !s->ended && now_ms() >= next_tick) {
			s->o->on_tick(s->o->arg);
			next_tick = now_ms() + s->o->tick_ms;
		}
		drop_laggards(s);
	}
	return 0;
}

int session_run(const struct session_options *o, int *ret_client, struct err *e)
{
	struct session s = { .o = o, .epoll = -EBADF, .signals = -EBADF };
	sigset_t chld;
	int r;

	for (int i = 0; i < 3; i++)
		fd_close(take_fd(&o->io->theirs[i]));
	s.out = o->io->terminal ? o->io->console : o->io->out;
	s.err = o->io->terminal ? -EBADF : o->io->err;
	s.in = o->io->terminal ? -EBADF : o->io->in;
	if (o->io->terminal)
		(void)fd_set_nonblock(s.out, 1); /* a blocking terminal only makes others wait */
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	(void)sigaddset(&chld, SIGALRM);
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	s.signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s.epoll < 0 || s.signals < 0)
		return err_sys(e, "watch the process");
	watch(&s, s.signals, EPOLLIN);
	watch(&s, o->listen_fd, EPOLLIN);
	s.net = o->net_fd > 0 ? o->net_fd : -EBADF;
	watch(&s, s.net, EPOLLIN);
	if (o->first_client >= 0)
		add_client(&s, o->first_client, 1);
	reap(&s); /* it may have ended before the descriptor was there */
	r = run(&s);
	if (ret_client)
		*ret_client = -EBADF;
	for (size_t i = s.n_clients; i-- > 0;) {
		(void)fd_set_nonblock(s.client[i].fd, s.client[i].is_first ? 0 : 1);
		if (s.client[i].is_first && ret_client)
			*ret_client = dup(s.client[i].fd);
		else
			(void)session_send(s.client[i].fd, 'x', &s.code,
					   sizeof(s.code)); /* it may have gone */
		fd_close(s.client[i].fd);
		free(s.client[i].waiting);
	}
	fd_close(s.epoll);
	fd_close(s.signals);
	free(s.stdin_buf);
	return r < 0 ? err_errno(e, r, "watch the process") : s.code;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/runtime/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

#define COPY_SIZE 16384

struct loop {
	const struct relay *relay;
	struct runtime_process *p;
	struct termios saved;
	int is_raw;
	int in; /* what is still read of ours */
	int status, has_ended;
};

/* Those that a program brings on itself, and that stop us, are ours. */
static void relayed_set(sigset_t *set)
{
	static const int ours[] = { SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,	SIGABRT, SIGTRAP,
				    SIGSYS,  SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG };
	(void)sigfillset(set);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		(void)sigdelset(set, ours[i]);
}

int relay_open(struct relay *r, struct err *e)
{
	sigset_t set;

	r->signals = -EBADF;
	relayed_set(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(e, "block signals");
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals < 0 ? err_sys(e, "wait for signals") : 0;
}

void relay_done(struct relay *r)
{
	fd_close(take_fd(&r->signals));
}

static void reap(struct loop *l)
{
	int st;
	pid_t pid = waitpid(l->p->pid, &st, WNOHANG);

	if (pid != l->p->pid)
		return;
	l->has_ended = 1;
	l->status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
	l->p->pid = 0; /* reaped: the number is not ours any more */
}

static void copy_size(const struct loop *l)
{
	struct winsize w;
	if (l->p->console >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &w) == 0)
		(void)ioctl(l->p->console, TIOCSWINSZ, &w); /* no harm without it */
}

static void on_signals(struct loop *l)
{
	struct signalfd_siginfo s;

	while (!l->has_ended && read(l->relay->signals, &s, sizeof(s)) == sizeof(s)) {
		int sig = (int)s.ssi_signo;
		if (sig == SIGCHLD)
			reap(l);
		else if (sig == SIGWINCH && l->p->console >= 0)
			copy_size(l);
		else if (l->p->pidfd < 0 || proc_pidfd_kill(l->p->pidfd, sig) == -ENOSYS)
			(void)kill(l->p->pid, sig); /* our own child: the pid is still its */
	}
}

/* 0: end of file or a reader that went. */
static int copy(int from, int to)
{
	char buf[COPY_SIZE];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	return n > 0 && fd_write_all(to, buf, (size_t)n) == 0;
}

static void begin_terminal(struct loop *l)
{
	struct termios raw;

	if (l->p->console < 0)
		return;
	copy_size(l);
	l->in = STDIN_FILENO;
	if (tcgetattr(STDIN_FILENO, &l->saved) < 0)
		return; /* a pipe */
	raw = l->saved;
	cfmakeraw(&raw);
	l->is_raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* What the program wrote last is still in the terminal. */
static void end_terminal(struct loop *l)
{
	if (l->p->console >= 0 && fd_set_nonblock(l->p->console, 1) == 0) {
		char buf[COPY_SIZE];
		ssize_t n;
		while ((n = read(l->p->console, buf, sizeof(buf))) > 0)
			if (fd_write_all(STDOUT_FILENO, buf, (size_t)n) < 0)
				break;
	}
	if (l->is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &l->saved);
}

int relay_run(struct relay *r, struct runtime_process *p, struct err *e)
{
	struct loop l = { .relay = r, .p = p, .in = -EBADF };
	int console = p->console, bad = 0;

	begin_terminal(&l);
	reap(&l); /* it may have ended before anyone looked */
	while (!l.has_ended && bad == 0) {
		struct pollfd f[] = { { .fd = r->signals, .events = POLLIN },
				      { .fd = console, .events = POLLIN },
				      { .fd = l.in, .events = POLLIN } };
		if (poll(f, ARRAY_LEN(f), -1) < 0 && errno != EINTR)
			bad = err_sys(e, "wait for the container");
		if (f[0].revents)
			on_signals(&l);
		/* POLLHUP: nobody in the container has the terminal open. */
		if (f[1].revents && !copy(console, STDOUT_FILENO))
			console = -EBADF;
		if (f[2].revents && !copy(l.in, p->console))
			l.in = -EBADF;
	}
	end_terminal(&l);
	return bad < 0 ? bad : l.status;
}

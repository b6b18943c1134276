/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/attach.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "src/container/event.h"
#include "src/container/record.h"
#include "src/container/session.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

#define SIGNALS_MAX 16 /* that wait to be passed on */

int attach_parse_keys(const char *s, unsigned char keys[DETACH_KEYS_MAX])
{
	scoped(strv) char **part = strv_split(s, ',');
	int n = 0;

	for (size_t i = 0; part && part[i]; i++) {
		const char *k = part[i];
		if (n == DETACH_KEYS_MAX)
			return -EINVAL;
		if (strncmp(k, "ctrl-", 5) == 0 && k[5] && !k[6] &&
		    (isalpha((unsigned char)k[5]) || strchr("@[\\]^_", k[5])))
			keys[n++] = (unsigned char)(toupper((unsigned char)k[5]) & 0x1f);
		else if (k[0] && !k[1])
			keys[n++] = (unsigned char)k[0];
		else
			return -EINVAL;
	}
	return part ? n : -ENOMEM;
}

struct relay {
	int sock, signals;
	const struct attach_options *a;
	int tty;
	int stdin_open;
	unsigned char keys[DETACH_KEYS_MAX];
	int n_keys, matched;
	struct termios saved;
	int is_raw;
	/* What the session has not taken yet.  We never wait for it with our own output full: it
	 * may be waiting for us to take what the process wrote. */
	unsigned char in[2 * SESSION_CHUNK];
	size_t in_n, in_done;
	int wants_end, wants_size;
	int signal[SIGNALS_MAX];
	size_t n_signals;
};

static void restore(struct relay *r)
{
	if (r->is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN,
				&r->saved); /* nothing better can be done */
	r->is_raw = 0;
}

static void go_raw(struct relay *r)
{
	struct termios t;
	if (!r->tty || !r->a->with_stdin || tcgetattr(STDIN_FILENO, &r->saved) < 0)
		return;
	t = r->saved;
	cfmakeraw(&t);
	r->is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
}

static int has_pending(const struct relay *r)
{
	return r->in_done < r->in_n || r->wants_end || r->wants_size || r->n_signals;
}

/* 0: sent (or the session has gone, which shows in recv), -EAGAIN: later. */
static int try_send(struct relay *r, char kind, const void *bytes, size_t n)
{
	return session_send(r->sock, kind, bytes, n) == -EAGAIN ? -EAGAIN : 0;
}

static void flush(struct relay *r)
{
	struct winsize w;

	while (r->n_signals) {
		if (try_send(r, 'k', &r->signal[0], sizeof(r->signal[0])) < 0)
			return;
		memmove(r->signal, r->signal + 1, --r->n_signals * sizeof(r->signal[0]));
	}
	if (r->wants_size) {
		if ((ioctl(STDIN_FILENO, TIOCGWINSZ, &w) == 0 ||
		     ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0) &&
		    try_send(r, 'w', &w, sizeof(w)) < 0)
			return;
		r->wants_size = 0;
	}
	while (r->in_done < r->in_n) {
		size_t piece =
			r->in_n - r->in_done > SESSION_CHUNK ? SESSION_CHUNK : r->in_n - r->in_done;
		if (try_send(r, 'i', r->in + r->in_done, piece) < 0)
			return;
		r->in_done += piece;
	}
	if (r->wants_end && try_send(r, 'z', NULL, 0) == 0)
		r->wants_end = 0;
}

/* Which signals are passed on: all that a user or a batch system sends, but those that are the
 * terminal's own business. */
static void open_signals(struct relay *r)
{
	sigset_t s;
	(void)sigemptyset(&s);
	(void)sigaddset(&s, SIGWINCH);
	if (r->a->sig_proxy) {
		static const int proxied[] = { SIGHUP,	SIGINT,	 SIGQUIT, SIGTERM,
					       SIGUSR1, SIGUSR2, SIGALRM, SIGCONT };
		for (size_t i = 0; i < ARRAY_LEN(proxied); i++)
			(void)sigaddset(&s, proxied[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &s, NULL);
	r->signals = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void on_signal(struct relay *r)
{
	struct signalfd_siginfo si;

	if (read(r->signals, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGWINCH)
		r->wants_size = r->tty;
	else if (r->n_signals < SIGNALS_MAX)
		r->signal[r->n_signals++] = (int)si.ssi_signo;
}

/* Look for the detach keys; what is no part of them is sent, also what looked like their beginning.
 * 1: all were pressed. */
static int take_keys(struct relay *r, const unsigned char *buf, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (r->n_keys && buf[i] == r->keys[r->matched]) {
			if (++r->matched == r->n_keys)
				return 1;
			continue;
		}
		for (int k = 0; k < r->matched; k++)
			r->in[r->in_n++] = r->keys[k];
		r->matched = r->n_keys && r->matched && buf[i] == r->keys[0];
		if (!r->matched)
			r->in[r->in_n++] = buf[i];
	}
	return 0;
}

static int on_stdin(struct relay *r)
{
	unsigned char buf[SESSION_CHUNK];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		r->stdin_open = 0;
		r->wants_end = 1;
		return 0;
	}
	r->in_n = r->in_done = 0;
	if (r->tty)
		return take_keys(r, buf, (size_t)n);
	memcpy(r->in, buf, (size_t)n);
	r->in_n = (size_t)n;
	return 0;
}

/* The body of an 'f'. */
static int take_failure(const char *body, size_t n, int *ret_stage, struct err *e)
{
	struct session_failure f;

	if (n != sizeof(f))
		return err_set(e, -EPROTO, "the container's monitor sent rubbish");
	memcpy(&f, body, sizeof(f));
	*e = f.err;
	*ret_stage = f.stage;
	return e->code < 0 ? e->code : -EPROTO;
}

/* One message from the session: 1 when it said the end, 0 to go on, or the error. */
static int on_message(struct relay *r, int *code, struct err *e)
{
	char buf[SESSION_CHUNK + 1];
	ssize_t n = recv(r->sock, buf, sizeof(buf), 0);
	int fd, stage;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return err_set(e, -EPIPE, "the container's monitor has gone");
	switch (buf[0]) {
	case 'o':
	case 'e':
		fd = buf[0] == 'e' ? STDERR_FILENO : STDOUT_FILENO;
		if (fd == STDOUT_FILENO ? !r->a->with_stdout : !r->a->with_stderr)
			return 0;
		if (fd_write_all(fd, buf + 1, (size_t)n - 1) == -EPIPE)
			return err_set(e, -EPIPE, "write to standard %s: Broken pipe",
				       buf[0] == 'e' ? "error" : "output");
		return 0;
	case 'f':
		return take_failure(buf + 1, (size_t)n - 1, &stage, e);
	case 'x':
		if (n != 1 + (ssize_t)sizeof(*code))
			return err_set(e, -EPROTO, "the container's monitor sent rubbish");
		memcpy(code, buf + 1, sizeof(*code));
		return 1;
	default:
		return 0;
	}
}

/* The exit code is known; the monitor closes the socket when all is cleaned up. */
static void await_end(int sock)
{
	char c;
	ssize_t n;
	while ((n = recv(sock, &c, 1, 0)) > 0 || (n < 0 && errno == EINTR))
		;
}

int attach_relay(int sock, const struct attach_options *a, int tty, struct err *e)
{
	struct relay r = { .sock = sock,
			   .a = a,
			   .tty = tty,
			   .signals = -EBADF,
			   .stdin_open = a->with_stdin,
			   .wants_size = tty };
	int n, code = 0, ret = 0;

	r.n_keys = attach_parse_keys(a->detach_keys ? a->detach_keys : DETACH_KEYS_DEFAULT, r.keys);
	if (r.n_keys < 0)
		return err_set(e, -EINVAL, "invalid detach keys \"%s\"", a->detach_keys);
	open_signals(&r);
	go_raw(&r);
	(void)fd_set_nonblock(sock, 1);
	for (;;) {
		struct pollfd p[3] = { { sock, POLLIN, 0 },
				       { r.signals, POLLIN, 0 },
				       { -1, POLLIN, 0 } };
		flush(&r);
		p[0].events |= has_pending(&r) ? POLLOUT : 0;
		if (r.stdin_open && r.in_done == r.in_n)
			p[2].fd = STDIN_FILENO;
		n = poll(p, 3, -1);
		if (n < 0 && errno != EINTR) {
			ret = err_sys(e, "wait for the container");
			break;
		}
		if (n < 0)
			continue;
		if ((p[0].revents & (POLLIN | POLLHUP | POLLERR)) &&
		    (ret = on_message(&r, &code, e)) != 0)
			break;
		if (p[1].revents)
			on_signal(&r);
		if (p[2].revents && on_stdin(&r) == 1) {
			restore(&r);
			fd_close(r.signals);
			return 0; /* detached */
		}
	}
	restore(&r);
	fd_close(r.signals);
	(void)fd_set_nonblock(sock, 0);
	if (ret < 0)
		return ret;
	await_end(sock);
	return code;
}

int attach_started(int sock, const struct attach_options *a, char **ret_id, int *ret_stage,
		   struct err *e)
{
	struct {
		char kind;
		char body[sizeof(struct session_failure)];
	} m;
	struct session_started started;
	ssize_t n;

	do
		n = recv(sock, &m, sizeof(m), 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return err_set(
			e, -EPIPE,
			"the container's monitor was killed before the container had started");
	if (m.kind == 'f')
		return take_failure(m.body, (size_t)n - 1, ret_stage, e);
	if (m.kind != 's' || n != 1 + (ssize_t)sizeof(started))
		return err_set(e, -EPROTO, "the container's monitor sent rubbish");
	memcpy(&started, m.body, sizeof(started));
	started.id[sizeof(started.id) - 1] = '\0';
	if (ret_id) {
		*ret_id = strdup(started.id);
		if (!*ret_id)
			return err_errno(e, ENOMEM, "start the container");
	}
	return a ? attach_relay(sock, a, started.tty, e) : 0;
}

int attach_connect(struct engine *en, const char *id, struct err *e)
{
	scoped(fd) int dir = -EBADF;
	char path[128];
	int sock;

	(void)snprintf(path, sizeof(path), "c/%s", id);
	dir = openat(en->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return err_sys(e, "attach to container %.12s", id);
	sock = fd_connect_at(dir, "attach", SOCK_SEQPACKET);
	return sock < 0 ? err_errno(e, sock, "attach to container %.12s", id) : sock;
}

int container_attach(struct engine *en, const char *ref, const struct attach_options *a,
		     struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(fd) int sock = -EBADF;
	int r = container_find(en, ref, &c, e);

	if (r < 0)
		return r;
	if (c->state != CONTAINER_RUNNING)
		return err_set(e, -EINVAL, "you can only attach to running containers");
	sock = attach_connect(en, c->id, e);
	if (sock < 0)
		return sock;
	engine_store_close(en);
	container_event(en, c, "attach");
	return attach_relay(sock, a, json_get_bool(c->spec, "Tty", 0), e);
}

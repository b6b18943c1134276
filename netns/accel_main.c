/* SPDX-License-Identifier: Apache-2.0 */
/* cove-accel: the role accel.  Descriptor 3 is its socket to the engine (accel_protocol.h).
 *
 * It is two processes: the worker answers; the spare holds the same listeners and waits.  When the
 * worker has been killed, the spare ends the calls that were in its hands with ECONNABORTED, and
 * works itself. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netns/accel_role.h"
#include "netns/net_role.h"
#include "src/util/fd.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "userns/mount.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#define SYNC_WAKE_UP 1 /* SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, Linux 6.6 */

#define CLIENTS_MAX 64
#define NOTIFY_MAX  1024 /* bytes of struct seccomp_notif of any kernel to come */
#define SLOTS	    256
#define WAITS_MAX   256
#define SWEEP_MS    500 /* while calls wait: for those whose callers are gone */

/* What the spare has to know of the worker's last moment. */
struct shared {
	uint64_t last[SLOTS]; /* the last call of each listener, by its number */
	struct accel_wait wait[WAITS_MAX];
	struct accel_lost lost[ACCEL_LOST_MAX];
};

enum kind { CONTROL, ACCEPT, SIBLING, CLIENT, LISTENER, WAIT };

struct source {
	enum kind kind;
	unsigned number; /* of a listener, the same in both processes; of a wait */
};

struct role {
	struct accel a;
	struct shared *shared;
	struct source *source; /* N, and the descriptors */
	struct pollfd *poll;
	size_t n, cap, n_clients, n_waits;
	unsigned n_listeners; /* so far */
	int is_spare, sibling;
	struct accel_caller caller;
	int64_t alarm_ms; /* when it was set */
	uint64_t notify[NOTIFY_MAX / sizeof(uint64_t)];
};

static int add(struct role *o, int fd, enum kind kind)
{
	if (o->n == o->cap) {
		size_t cap = o->cap ? 2 * o->cap : 16;
		struct pollfd *p = realloc(o->poll, cap * sizeof(*p));
		struct source *s = p ? realloc(o->source, cap * sizeof(*s)) : NULL;
		o->poll = p ? p : o->poll;
		if (!s)
			return -ENOMEM;
		o->source = s;
		o->cap = cap;
	}
	/* The spare looks for ends alone, and hears of listeners from the worker. */
	o->poll[o->n] = (struct pollfd){ fd, o->is_spare && kind != SIBLING ? 0 : POLLIN, 0 };
	o->source[o->n] = (struct source){ kind, 0 };
	o->n++;
	return 0;
}

static void drop(struct role *o, size_t i)
{
	o->n_clients -= o->source[i].kind == CLIENT;
	fd_close(o->poll[i].fd);
	o->n--;
	o->poll[i] = o->poll[o->n];
	o->source[i] = o->source[o->n];
}

static void add_listener(struct role *o, int fd)
{
	/* Worker and spare count alike: each message comes to both. */
	unsigned number = o->n_listeners++;

	if (o->sibling >= 0 && !o->is_spare)
		(void)fd_send(o->sibling, "L", 1, &fd, 1);	      /* it may have been killed */
	(void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP); /* the faster for it */
	if (add(o, fd, LISTENER) < 0) {
		(void)close(fd); /* connect(2) is ENOSYS there then */
		return;
	}
	o->source[o->n - 1].number = number;
}

static void add_port(struct role *o, int fd, const struct accel_port_message *m)
{
	if (o->sibling >= 0 && !o->is_spare)
		(void)fd_send(o->sibling, m, sizeof(*m), &fd, 1);
	/* The relay has it in any case. */
	(void)accel_port_add(&o->a, fd, m->container_port, !o->is_spare);
}

/* A listener or a port from the engine, from one of its children, or from the worker: 'L', 'P', or
 * what else there was.  0: end of file. */
static int receive(struct role *o, int sock)
{
	struct accel_port_message m = { 0 };
	int fd = -EBADF;
	size_t n_fds = 1;
	ssize_t n = fd_recv(sock, &m, sizeof(m), &fd, &n_fds);

	if (n == -EAGAIN || n == -EINTR)
		return -1;
	if (n <= 0)
		return 0;
	if (m.type == 'L' && n_fds == 1)
		add_listener(o, fd);
	else if (m.type == 'P' && n_fds == 1 && n == (ssize_t)sizeof(m))
		add_port(o, fd, &m);
	else if (n_fds == 1)
		(void)close(fd);
	return m.type ? m.type : -1;
}

static void accept_client(struct role *o, int sock)
{
	int fd = accept4(sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (o->n_clients == CLIENTS_MAX || add(o, fd, CLIENT) < 0)
		(void)close(fd);
	else
		o->n_clients++;
}

/* The descriptor of listener NUMBER, or -EBADF. */
static int listener_of(const struct role *o, unsigned number)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->source[i].kind == LISTENER && o->source[i].number == number)
			return o->poll[i].fd;
	return -EBADF;
}

static int keep_waiting(struct role *o, const struct accel_wait *w)
{
	for (unsigned i = 0; i < WAITS_MAX; i++) {
		struct accel_wait *slot = &o->shared->wait[i];
		if (slot->is_used)
			continue;
		if (add(o, w->sock, WAIT) < 0)
			return -ENOMEM;
		o->poll[o->n - 1].events = POLLOUT;
		o->source[o->n - 1].number = i;
		*slot = *w;
		slot->is_used = 1;
		o->n_waits++;
		return 0;
	}
	return -ENOBUFS;
}

/* It rings within 1 or 2 seconds, also when nobody needs it: rather than two more calls each time.
 */
static void set_alarm(struct role *o)
{
	int64_t now = accel_now_ms();

	if (o->alarm_ms && now - o->alarm_ms < 1000)
		return;
	o->alarm_ms = now;
	(void)alarm(2);
}

/* One call.  A caller that is killed between poll(2) and the ioctl(2) takes it away, and some
 * kernels then wait for the next one: not for ever, as others are waiting for us. */
static void serve(struct role *o, size_t i)
{
	struct seccomp_notif *q = (struct seccomp_notif *)(void *)o->notify;
	uint64_t *last = &o->shared->last[o->source[i].number % SLOTS];

	struct accel_wait w;
	int r;

	memset(o->notify, 0, sizeof(o->notify)); /* seccomp_unotify(2) */
	set_alarm(o);
	r = ioctl(o->poll[i].fd, SECCOMP_IOCTL_NOTIF_RECV, q);
	if (r < 0)
		return;
	__atomic_store_n(last, q->id, __ATOMIC_RELEASE);
	if (accel_answer(&o->a, o->poll[i].fd, q, &w) == 0)
		return;
	w.listener = o->source[i].number;
	if (keep_waiting(o, &w) < 0) {
		(void)accel_say(o->poll[i].fd, w.id, -ENOBUFS);
		(void)close(w.sock);
	}
}

/* A call that waits, by the descriptor at I. */
static void look_at_wait(struct role *o, size_t i)
{
	struct accel_wait *w = &o->shared->wait[o->source[i].number];
	int listener = listener_of(o, w->listener), done = listener < 0;

	if (!done && o->poll[i].revents)
		done = accel_wait_look(&o->a, listener, w);
	if (!done)
		done = !accel_is_waiting(listener, w->id);
	if (!done && w->until_ms && accel_now_ms() >= w->until_ms) {
		(void)accel_say(listener, w->id, -EINPROGRESS); /* as SO_SNDTIMEO has it */
		done = 1;
	}
	if (!done)
		return;
	w->is_used = 0;
	o->n_waits--;
	drop(o, i);
}

/* The worker is dead.  Numbers of calls follow each other: the call after the last that it noted
 * may be one that it had taken and not noted. */
static void take_over(struct role *o)
{
	o->is_spare = 0;
	o->sibling = -EBADF;
	for (size_t i = 0; i < o->n; i++) {
		uint64_t last = o->shared->last[o->source[i].number % SLOTS];
		o->poll[i].events = POLLIN;
		if (o->source[i].kind != LISTENER)
			continue;
		/* Mostly answered already. */
		(void)accel_say(o->poll[i].fd, last, -ECONNABORTED);
		(void)accel_say(o->poll[i].fd, last + 1, -ECONNABORTED);
	}
	for (size_t i = 0; i < WAITS_MAX; i++) {
		struct accel_wait *w = &o->shared->wait[i];
		if (w->is_used)
			(void)accel_say(listener_of(o, w->listener), w->id, -ECONNABORTED);
		w->is_used = 0;
	}
}

/* 0: the container has ended. */
static int handle(struct role *o, size_t i)
{
	struct pollfd p = o->poll[i];

	switch (o->source[i].kind) {
	case CONTROL:
		return !(p.revents & (POLLIN | POLLHUP)) || (!o->is_spare && receive(o, p.fd));
	case ACCEPT:
		accept_client(o, p.fd);
		return 1;
	case SIBLING:
		if (receive(o, p.fd))
			return 1;
		drop(o, i);
		if (o->is_spare)
			take_over(o);
		o->sibling = -EBADF;
		return 1;
	case CLIENT: { /* it brings ports, or one listener, and lives longer */
		int what = receive(o, p.fd);
		if (what == 0 || what == 'L')
			drop(o, i);
		return 1;
	}
	case LISTENER:
		if (p.revents & POLLIN)
			serve(o, i);
		else if (p.revents & (POLLHUP | POLLERR)) /* nobody is left under its filter */
			drop(o, i);
		return 1;
	case WAIT:
		look_at_wait(o, i);
		return 1;
	}
	return 1;
}

/* When the next wait has waited long enough, or is to be looked at. */
static int patience(const struct role *o)
{
	int64_t now, left = SWEEP_MS;

	if (!o->n_waits)
		return -1;
	now = accel_now_ms();
	for (size_t i = 0; i < WAITS_MAX; i++) {
		const struct accel_wait *w = &o->shared->wait[i];
		if (w->is_used && w->until_ms && w->until_ms - now < left)
			left = w->until_ms - now;
	}
	return left < 0 ? 0 : (int)left;
}

static void run(struct role *o)
{
	for (;;) {
		int n = poll(o->poll, o->n, patience(o));
		if (n < 0 && errno != EINTR)
			return;
		/* From the end: what drop() moves has had its turn, what add() adds has none. */
		for (size_t i = n >= 0 ? o->n : 0; i-- > 0;)
			if (i < o->n && (o->poll[i].revents || o->source[i].kind == WAIT) &&
			    !handle(o, i))
				return;
	}
}

static void wake(int sig)
{
	(void)sig;
}

/* procfs by itself: nothing leads out of it. */
static int open_proc(int *ret, struct err *e)
{
	scoped(fd) int all = -EBADF;
	scoped(fd) int copy = -EBADF;
	int r = unshare(CLONE_NEWNS) < 0 ? err_sys(e, "make a mount namespace")
					 : mount_propagation("/", MS_PRIVATE, e);

	if (r < 0)
		return r;
	all = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (all < 0)
		r = err_sys(e, "open /proc");
	if (r == 0)
		r = mount_clone(all, 1, &copy, e);
	if (r < 0)
		return r;
	*ret = openat(copy, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? err_sys(e, "open /proc") : 0;
}

static int receive_hello(struct role *o, int *ret_accept, struct err *e)
{
	struct accel_hello h;
	size_t n_fds = 1;
	ssize_t n = fd_recv(NET_CONTROL_FD, &h, sizeof(h), ret_accept, &n_fds);
	int r;

	if (n <= 0)
		_exit(0); /* the container did not come to be */
	if (n != (ssize_t)sizeof(h) || n_fds != 1)
		return err_set(e, -EPROTO, "the engine's first message is not understood");
	h.outbound[sizeof(h.outbound) - 1] = h.outbound6[sizeof(h.outbound6) - 1] = '\0';
	h.addresses.v4.network[sizeof(h.addresses.v4.network) - 1] = '\0';
	h.addresses.v6.network[sizeof(h.addresses.v6.network) - 1] = '\0';
	h.addresses.v4.container[sizeof(h.addresses.v4.container) - 1] = '\0';
	h.addresses.v6.container[sizeof(h.addresses.v6.container) - 1] = '\0';
	r = accel_rules_make(&h, &o->a.rules);
	if (r == 0 &&
	    ((h.outbound[0] && !address_make(&o->a.outbound[0], AF_INET, h.outbound, 0)) ||
	     (h.outbound6[0] && !address_make(&o->a.outbound[1], AF_INET6, h.outbound6, 0))))
		r = -EPROTO;
	o->a.container = h.netns;
	return r < 0 ? err_set(e, r, "the engine's first message is not understood") : 0;
}

/* *RET_ACCEPT: where others bring listeners. */
static int prepare(struct role *o, int *ret_accept, struct err *e)
{
	struct { /* struct seccomp_notif_sizes */
		uint16_t notify, answer, data;
	} sizes = { 0 };
	int r = accel_socket_prepare(&o->a, e);

	if (r == 0 && (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0 ||
		       sizes.notify > sizeof(o->notify)))
		r = err_set(e, -ENOTSUP, "this kernel's seccomp notifications are not understood");
	o->shared = mmap(NULL, sizeof(*o->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r == 0 && o->shared == MAP_FAILED)
		r = err_sys(e, "start the network's accelerator");
	o->a.caller = &o->caller;
	if (r == 0)
		o->a.lost = o->shared->lost;
	if (r == 0)
		r = open_proc(&o->a.proc, e);
	if (r == 0)
		r = net_empty_root(e);
	if (r < 0) /* the engine sends first */
		(void)fd_recv(NET_CONTROL_FD, &(char){ 0 }, 1, NULL, NULL);
	return r < 0 ? r : receive_hello(o, ret_accept, e);
}

/* The spare comes back in a process of its own. */
static int make_spare(struct role *o, struct err *e)
{
	struct child c = CHILD_NONE;
	int ours = -EBADF, theirs = -EBADF, r = fd_pair(SOCK_SEQPACKET, &ours, &theirs, e);

	if (r == 0)
		r = proc_fork(&c, e);
	if (r < 0)
		return r;
	o->is_spare = r == 0;
	o->sibling = o->is_spare ? theirs : ours;
	(void)close(o->is_spare ? ours : theirs);
	return 0;
}

int main(void)
{
	/* SIGALRM ends a wait, and nothing else. */
	struct sigaction interrupt = { .sa_handler = wake };
	struct role o = { .sibling = -EBADF,
			  .a.proc = -EBADF,
			  .caller = { 0, -EBADF, -EBADF, -EBADF } };
	struct net_answer a;
	int accept_fd = -EBADF, r;

	(void)fd_raise_limit(); /* two for each shared port, one for each connect(2) that waits */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_IGN); /* the spare is nobody's to wait for */
	(void)sigaction(SIGALRM, &interrupt, NULL);
	(void)fd_close_from(NET_CONTROL_FD + 1, NULL, 0); /* the engine leaves nothing open */
	memset(&a, 0, sizeof(a));
	r = prepare(&o, &accept_fd, &a.err);
	if (r == 0)
		r = fd_set_nonblock(accept_fd, 1) < 0 ? err_sys(&a.err, "prepare a socket") : 0;
	if (r == 0)
		r = make_spare(&o, &a.err);
	if (r == 0)
		r = accel_shut_in(&a.err);
	if (r == 0 && (add(&o, NET_CONTROL_FD, CONTROL) < 0 || add(&o, accept_fd, ACCEPT) < 0 ||
		       add(&o, o.sibling, SIBLING) < 0))
		r = err_errno(&a.err, ENOMEM, "start the network's accelerator");
	if (!o.is_spare && (fd_send(NET_CONTROL_FD, &a, sizeof(a), NULL, 0) < 0 || r < 0))
		return 125;
	if (r == 0)
		run(&o);
	accel_ports_close(&o.a); /* before the engine hears of our end: it waits for them */
	_exit(r < 0);
}

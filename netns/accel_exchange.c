/* SPDX-License-Identifier: Apache-2.0 */
/* A connect(2) or listen(2) of the container.
 *
 * Its descriptor and its memory are looked at once; the decision is about what was read then, and
 * is carried out by us, on that very socket.  A call is let through only where the descriptor was
 * no TCP socket: whatever it is by then, the kernel refuses a TCP connection (accel.h). */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "netns/accel_role.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

#define I386_LISTEN 363

/* The alarm (accel_main.c) may come at any time. */
static int ask(int listener, unsigned long what, void *arg)
{
	int r;

	do
		r = ioctl(listener, what, arg);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static int answer(int listener, uint64_t id, int code, unsigned flags)
{
	struct seccomp_notif_resp r = { .id = id, .error = code, .flags = flags };

	return ask(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

int accel_say(int listener, uint64_t id, int code)
{
	return answer(listener, id, code, 0);
}

/* -ENOENT: the caller was killed meanwhile, or has a signal. */
int accel_call_say(const struct accel_call *c, int code)
{
	(void)answer(c->listener, c->q->id, code, 0);
	return 0;
}

static int let_go_on(const struct accel_call *c)
{
	(void)answer(c->listener, c->q->id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
	return 0;
}

int accel_is_waiting(int listener, uint64_t id)
{
	return ask(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

int64_t accel_now_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* connect(2) that never waits, on a socket that others use as well.  Negative errno. */
static int start_connect(int sock, const struct accel_address *to)
{
	int flags = fcntl(sock, F_GETFL), code;

	if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(sock, F_SETFL, flags | O_NONBLOCK) < 0))
		return -errno;
	code = connect(sock, &to->address.any, to->n) < 0 ? -errno : 0;
	if (!(flags & O_NONBLOCK))
		(void)fcntl(sock, F_SETFL, flags);
	return code;
}

static uint64_t ino_of(int sock)
{
	struct stat st;

	return fstat(sock, &st) == 0 ? st.st_ino : 0;
}

/* L's answer about SOCK, which is kept when it does not arrive. */
static void deliver(const struct accel *a, int listener, uint64_t id, const struct accel_lost *l,
		    int sock)
{
	size_t slot = l->pid % ACCEL_LOST_MAX;

	if (answer(listener, id, l->code, 0) == -ENOENT) {
		a->lost[slot] = *l;
		a->lost[slot].ino = ino_of(sock);
	} else if (a->lost[slot].pid == l->pid) {
		a->lost[slot].pid = 0;
	}
}

/* An answer that was lost, for this very socket: 1 when it is answered now. */
static int repeat(const struct accel_call *c, int sock)
{
	const struct accel_lost l = c->a->lost[c->q->pid % ACCEL_LOST_MAX];

	if (l.pid != c->q->pid || l.fd != c->fd || l.ino != ino_of(sock) ||
	    (l.code == -EINPROGRESS && !accel_socket_is_connecting(sock)))
		return 0;
	deliver(c->a, c->listener, c->q->id, &l, sock);
	return 1;
}

/* The call says CODE; or waits as long as SO_SNDTIMEO says where the program wants to wait.  SOCK
 * is taken then: 1. */
static int say_or_wait(const struct accel_call *c, int *sock, const struct accel_address *to,
		       int flags, int code)
{
	struct timeval limit = { 0 };
	socklen_t n = sizeof(limit);

	if ((code != -EINPROGRESS && code != -EALREADY) || (flags & O_NONBLOCK)) {
		const struct accel_lost l = { c->q->pid, c->fd, code, 0 };
		deliver(c->a, c->listener, c->q->id, &l, *sock);
		return 0;
	}
	*c->wait = (struct accel_wait){ .id = c->q->id, .pid = c->q->pid, .fd = c->fd, .to = *to };
	if (getsockopt(*sock, SOL_SOCKET, SO_SNDTIMEO, &limit, &n) == 0 &&
	    (limit.tv_sec || limit.tv_usec))
		c->wait->until_ms = accel_now_ms() + (int64_t)limit.tv_sec * 1000 +
				    (limit.tv_usec + 999) / 1000;
	c->wait->sock = take_fd(sock);
	return 1;
}

int accel_wait_look(const struct accel *a, int listener, const struct accel_wait *w)
{
	struct accel_lost l = { .pid = w->pid, .fd = w->fd };

	if (!accel_is_waiting(listener, w->id)) /* what it hears is told to the next one */
		return 1;
	l.code = start_connect(w->sock, &w->to);
	if (l.code == -EINPROGRESS || l.code == -EALREADY)
		return 0;
	if (l.code == -EISCONN)
		l.code = 0;
	deliver(a, listener, w->id, &l, w->sock);
	return 1;
}

/* On the socket as it is, in whatever network. */
static int connect_it(const struct accel_call *c, int *sock, const struct accel_address *to)
{
	int flags = fcntl(*sock, F_GETFL);

	return flags < 0 ? accel_call_say(c, -EBADF)
			 : say_or_wait(c, sock, to, flags, start_connect(*sock, to));
}

int accel_call_put(const struct accel_call *c, int new, int flags)
{
	struct seccomp_notif_addfd put = { .id = c->q->id,
					   .flags = SECCOMP_ADDFD_FLAG_SETFD,
					   .srcfd = (uint32_t) new,
					   .newfd = (uint32_t)c->fd,
					   .newfd_flags = (uint32_t)(flags & O_CLOEXEC) };

	int r;

	if (!(flags & O_NONBLOCK) && fcntl(new, F_SETFL, 0) < 0)
		return -errno;
	r = ask(c->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &put);
	return r < 0 ? r : 0;
}

/* NEW in the place of the container's descriptor, connecting. */
static int put_in_place(const struct accel_call *c, int *new, const struct accel_address *to,
			int flags, int code)
{
	if (accel_call_put(c, *new, flags) < 0)
		return accel_call_say(c, -ENOBUFS); /* or it waits no more */
	return say_or_wait(c, new, to, flags, code);
}

int accel_call_may_exchange(const struct accel_call *c, int sock, int flags)
{
	struct stat st;

	return flags >= 0 && !(flags & O_ASYNC) && accel_socket_is_closed(sock) &&
	       fstat(sock, &st) == 0 && accel_caller_is_sole(c->a, c->q->pid, c->fd, st.st_ino) &&
	       accel_is_waiting(c->listener, c->q->id);
}

/* A socket of the container, to TO, which the rules let out as PEER. */
static int first(const struct accel_call *c, int *old, int family, const struct accel_address *to,
		 const union address *peer)
{
	scoped(fd) int new = -EBADF;
	int flags = accel_caller_flags(c->a, c->q->pid, c->fd), code = 0;

	if (accel_socket_is_bound(*old, family) || !accel_call_may_exchange(c, *old, flags))
		return connect_it(c, old, to);
	new = accel_socket_make(c->a, *old, family, peer, !(flags & O_NONBLOCK), &code);
	if (new >= 0) {
		struct accel_address out = { .address = *peer, .n = address_size(peer) };
		return put_in_place(c, &new, &out, flags, code);
	}
	/* What the host's network does not have, or we, the container's own may. */
	return code < 0 && code != -ENETUNREACH ? accel_call_say(c, code) : connect_it(c, old, to);
}

/* A socket of the host already: it may wait for its peer.  We never connect one to what the rules
 * do not let out, whatever it did meanwhile. */
static int again(const struct accel_call *c, int *old, int family, const struct accel_address *to,
		 const union address *peer)
{
	scoped(fd) int new = -EBADF;
	struct accel_address out;
	int flags, code = 0;

	if (to->address.any.sa_family == AF_UNSPEC)
		return accel_call_say(c, -EOPNOTSUPP);
	if (!peer)
		return accel_call_say(c, accel_socket_is_closed(*old) ? -ENETUNREACH : -EISCONN);
	out = (struct accel_address){ .address = *peer, .n = address_size(peer) };
	if (!accel_socket_is_closed(*old))
		return connect_it(c, old, &out);
	/* A new one: the old one is locked to who did not answer. */
	flags = accel_caller_flags(c->a, c->q->pid, c->fd);
	if (flags < 0 || !accel_is_waiting(c->listener, c->q->id))
		return accel_call_say(c, -EBADF);
	new = accel_socket_make(c->a, *old, family, peer, !(flags & O_NONBLOCK), &code);
	return new >= 0 ? put_in_place(c, &new, &out, flags, code)
			: accel_call_say(c, code < 0 ? code : -ENETUNREACH);
}

/* Negative errno, as the kernel has them in this order. */
static int read_address(const struct accel_call *c, struct accel_address *ret)
{
	int64_t size = (int32_t)c->q->data.args[2]; /* an int of the call */

	memset(ret, 0, sizeof(*ret));
	if (size < 0 || size > (int64_t)sizeof(struct sockaddr_storage))
		return -EINVAL;
	ret->n = size < (int64_t)sizeof(ret->address) ? (socklen_t)size : sizeof(ret->address);
	if (size < (int64_t)sizeof(sa_family_t))
		return -EINVAL;
	return accel_caller_read(c->q->pid, c->q->data.args[1], &ret->address, ret->n) ==
			       (ssize_t)ret->n
		       ? 0
		       : -EFAULT;
}

static int answer_connect(const struct accel_call *c, int *old)
{
	struct accel_address to;
	union address peer;
	uint64_t netns;
	int family, r, leaves;

	if (accel_socket_look(*old, &netns, &family) < 0)
		return let_go_on(c);
	r = read_address(c, &to);
	/* Not of somebody who has got the same number since. */
	if (!accel_is_waiting(c->listener, c->q->id))
		return 0;
	if (r < 0)
		return accel_call_say(c, r);
	if (repeat(c, *old))
		return 0;
	leaves = accel_decide(&c->a->rules, family, &to.address, to.n, &peer) ||
		 accel_port_leads(c->a, family, &to.address, to.n, &peer);
	if (netns == c->a->host)
		return again(c, old, family, &to, leaves ? &peer : NULL);
	if (netns == c->a->container && leaves)
		return first(c, old, family, &to, &peer);
	return connect_it(c, old, &to);
}

static int is_listen(const struct seccomp_data *d)
{
	return d->arch == AUDIT_ARCH_I386 ? d->nr == I386_LISTEN : d->nr == SYS_listen;
}

int accel_answer(const struct accel *a, int listener, const struct seccomp_notif *q,
		 struct accel_wait *ret)
{
	struct accel_call c = {
		.a = a, .listener = listener, .q = q, .fd = (int)q->data.args[0], .wait = ret
	};
	scoped(fd) int old = accel_caller_fd(a, q->pid, c.fd);

	if (old < 0)
		return accel_is_waiting(listener, q->id)
			       ? accel_call_say(&c, old == -EBADF ? old : -EPERM)
			       : 0;
	return is_listen(&q->data) ? accel_listen(&c, old) : answer_connect(&c, &old);
}

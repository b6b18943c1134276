/* SPDX-License-Identifier: Apache-2.0 */
/* libslirp, its callbacks, and the loop that feeds it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libslirp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netns/net_role.h"
#include "netns/port.h"
#include "src/util/scoped.h"

#define FRAMES_A_WAKE_UP 64 /* read from the tap before the host's sockets get their turn */
#define FRAME_MAX	 (NET_MTU + 64)

/* libslirp's window is 65535 bytes: three segments fill it to the byte, each acknowledged at once
 * (see tap.c).  With one that fills it both sides wait for each other half the time, and with two
 * the kernel puts the last byte into a frame of its own.  Datagrams have the whole MTU. */
#define TCP_SEGMENT 21845

struct timer {
	SlirpTimerId id;
	void *opaque;
	int64_t expires_ms; /* -1: not armed */
	struct timer *next;
};

struct stack {
	Slirp *slirp;
	struct timer *timers;
	struct pollfd *poll; /* grows with the connections */
	size_t n_poll, cap_poll;
	int tap;
	unsigned char frame[FRAME_MAX];
};

static int64_t clock_ns(void *opaque)
{
	struct timespec t;
	(void)opaque;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- callbacks ------------------------------------------------------------------------------ */

/* A full tap drops the frame, as a wire does; TCP sends it again. */
static ssize_t send_packet(const void *buf, size_t n, void *opaque)
{
	struct stack *s = opaque;
	return s->tap < 0 ? (ssize_t)n : write(s->tap, buf, n);
}

static void guest_error(const char *msg, void *opaque)
{
	(void)msg; /* what a container sends is its own affair */
	(void)opaque;
}

static void *timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
	struct stack *s = opaque;
	struct timer *t = calloc(1, sizeof(*t));
	if (!t)
		abort(); /* libslirp cannot be told */
	t->id = id;
	t->opaque = cb_opaque;
	t->expires_ms = -1;
	t->next = s->timers;
	s->timers = t;
	return t;
}

static void timer_free(void *timer, void *opaque)
{
	struct stack *s = opaque;
	for (struct timer **p = &s->timers; *p; p = &(*p)->next)
		if (*p == timer) {
			*p = (*p)->next;
			free(timer);
			return;
		}
}

static void timer_mod(void *timer, int64_t expires_ms, void *opaque)
{
	(void)opaque;
	((struct timer *)timer)->expires_ms = expires_ms;
}

static void register_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void notify(void *opaque)
{
	(void)opaque; /* one thread: nobody has to be woken */
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_ns,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = register_fd,
	.unregister_poll_fd = register_fd,
	.notify = notify,
	.timer_new_opaque = timer_new,
};

/* ---- set-up --------------------------------------------------------------------------------- */

int stack_new(const struct net_hello *c, struct stack **ret, struct err *e)
{
	struct stack *s = calloc(1, sizeof(*s));
	const struct net_family *v6 = &c->addresses.v6;
	union address out, out6; /* libslirp copies them */
	SlirpConfig cfg;
	int r = 0;

	if (!s)
		return err_errno(e, ENOMEM, "make the network stack");
	s->tap = -EBADF;
	memset(&cfg, 0, sizeof(cfg));
	cfg.version = 4; /* libslirp 4.7; later ones take it */
	cfg.in_enabled = true;
	if (inet_pton(AF_INET, c->addresses.v4.network, &cfg.vnetwork) != 1 ||
	    inet_pton(AF_INET, c->addresses.v4.host, &cfg.vhost) != 1 ||
	    inet_pton(AF_INET, c->addresses.v4.dns, &cfg.vnameserver) != 1)
		r = -EINVAL;
	cfg.vnetmask.s_addr = htonl(UINT32_MAX << (32 - c->addresses.v4.prefix));
	cfg.vdhcp_start = cfg.vhost; /* there is none */
	cfg.in6_enabled = v6->network[0] != '\0';
	cfg.vprefix_len = (uint8_t)v6->prefix;
	if (cfg.in6_enabled && (inet_pton(AF_INET6, v6->network, &cfg.vprefix_addr6) != 1 ||
				inet_pton(AF_INET6, v6->host, &cfg.vhost6) != 1 ||
				inet_pton(AF_INET6, v6->dns, &cfg.vnameserver6) != 1))
		r = -EINVAL;
	if (r < 0) {
		free(s);
		return err_errno(e, r, "make the network stack");
	}
	cfg.if_mtu = (size_t)c->addresses.mtu;
	/* Both sides' segments are made after it, nothing else. */
	cfg.if_mru = cfg.if_mtu < TCP_SEGMENT + 40 ? cfg.if_mtu : TCP_SEGMENT + 40;
	if (address_make(&out, AF_INET, c->outbound, 0) && c->outbound[0])
		cfg.outbound_addr = &out.in;
	if (address_make(&out6, AF_INET6, c->outbound6, 0) && c->outbound6[0])
		cfg.outbound_addr6 = &out6.in6;
	cfg.disable_host_loopback = !c->allow_host_loopback;
	cfg.enable_emu = false;
	cfg.disable_dhcp = true;
	s->slirp = slirp_new(&cfg, &callbacks, s);
	if (!s->slirp) {
		free(s);
		return err_set(e, -EIO, "libslirp refused its configuration");
	}
	*ret = s;
	return 0;
}

struct stack *stack_free(struct stack *s)
{
	if (!s)
		return NULL;
	slirp_cleanup(s->slirp);
	while (s->timers)
		timer_free(s->timers, s);
	free(s->poll);
	free(s);
	return NULL;
}

/* ---- the loop ------------------------------------------------------------------------------- */

static short to_poll(int events)
{
	return (short)((events & SLIRP_POLL_IN ? POLLIN : 0) |
		       (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
		       (events & SLIRP_POLL_PRI ? POLLPRI : 0));
}

static int add_poll(int fd, int events, void *opaque)
{
	struct stack *s = opaque;

	if (s->n_poll == s->cap_poll) {
		size_t cap = s->cap_poll ? 2 * s->cap_poll : 32;
		struct pollfd *p = realloc(s->poll, cap * sizeof(*p));
		if (!p)
			abort(); /* libslirp cannot be told */
		s->poll = p;
		s->cap_poll = cap;
	}
	s->poll[s->n_poll] = (struct pollfd){ fd, to_poll(events), 0 };
	return (int)s->n_poll++;
}

static int get_revents(int i, void *opaque)
{
	struct stack *s = opaque;
	int r = s->poll[i].revents;
	return (r & POLLIN ? SLIRP_POLL_IN : 0) | (r & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (r & POLLPRI ? SLIRP_POLL_PRI : 0) | (r & POLLERR ? SLIRP_POLL_ERR : 0) |
	       (r & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* Milliseconds until the next timer, at most those of *TIMEOUT. */
static void shorten(const struct stack *s, uint32_t *timeout)
{
	int64_t now = clock_ns(NULL) / 1000000;
	for (const struct timer *t = s->timers; t; t = t->next) {
		int64_t left = t->expires_ms - now;
		if (t->expires_ms >= 0 && left < (int64_t)*timeout)
			*timeout = left > 0 ? (uint32_t)left : 0;
	}
}

static void run_timers(struct stack *s)
{
	int64_t now = clock_ns(NULL) / 1000000;
	for (struct timer *t = s->timers; t; t = t->next)
		if (t->expires_ms >= 0 && t->expires_ms <= now) {
			t->expires_ms = -1;
			slirp_handle_timer(s->slirp, t->id, t->opaque);
			return; /* the list may have changed: the rest has its turn at once */
		}
}

/* Ethernet with a piece of an IPv4 datagram: more fragments to come, or an offset. */
static int is_fragment(const unsigned char *frame, size_t n)
{
	return n >= 14 + 20 && frame[12] == 0x08 && frame[13] == 0x00 &&
	       ((frame[20] & 0x3f) || frame[21]);
}

/* IPv4 to 169.254.0.0/16: a route forbids it already, which a container with CAP_NET_ADMIN can take
 * away (see link_shut_link_local()). */
static int is_link_local(const unsigned char *frame, size_t n)
{
	return n >= 14 + 20 && frame[12] == 0x08 && frame[13] == 0x00 && frame[30] == 169 &&
	       frame[31] == 254;
}

/* libslirp 4.7.0 corrupts its memory when it puts certain fragments together
 * (tests/corpus/stack/fragments-crash).  With our MTU no datagram needs any. */
void stack_input(struct stack *s, const unsigned char *frame, size_t n)
{
	if (is_fragment(frame, n) || is_link_local(frame, n))
		return;
	slirp_input(s->slirp, frame, (int)n);
}

/* 0: fine, -1: the tap has gone. */
static int read_tap(struct stack *s)
{
	for (int i = 0; i < FRAMES_A_WAKE_UP; i++) {
		ssize_t n = read(s->tap, s->frame, sizeof(s->frame));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return -1;
		stack_input(s, s->frame, (size_t)n);
	}
	return 0;
}

int stack_run(struct stack *s, int tap_fd, int control_fd, int relay_fd, struct err *e)
{
	s->tap = tap_fd;
	for (;;) {
		uint32_t timeout = UINT32_MAX;
		int n;
		s->n_poll = 0;
		(void)add_poll(control_fd, SLIRP_POLL_IN, s);
		(void)add_poll(tap_fd, SLIRP_POLL_IN, s);
		(void)add_poll(relay_fd, SLIRP_POLL_IN, s); /* a negative one is passed over */
		slirp_pollfds_fill(s->slirp, &timeout, add_poll, s);
		shorten(s, &timeout);
		n = poll(s->poll, s->n_poll, timeout > INT32_MAX ? -1 : (int)timeout);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "wait for packets");
		if (n < 0)
			for (size_t i = 0; i < s->n_poll; i++)
				s->poll[i].revents = 0;
		if (s->poll[0].revents) /* the engine says nothing more: it has gone */
			return 0;
		if (s->poll[1].revents && read_tap(s) < 0)
			return 0;
		if (s->poll[2].revents)
			return err_set(e, -EIO, "the relay of the published ports has ended");
		slirp_pollfds_poll(s->slirp, n < 0, get_revents, s);
		run_timers(s);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "netns/net_protocol.h"
#include "netns/net_role.h"
#include "netns/port.h"
#include "netns/relay_routes.h"
#include "netns/relay_udp.h"
#include "netns/tap.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

#define EVENTS	       64
#define ACCEPTS_A_TURN 64
#define PIPE_BYTES     (1 << 20)
#define BYTES_A_TURN   (4 << 20) /* of one connection before the others have their turn */
#define SPARE_PIPES    16
#define PAUSE_MS       100
#define FDS_EACH       6 /* of a connection: two sockets, and two pipes at most */
#define FLOWS_MAX      1024
#define CROWD	       256
#define FDS_OTHER      (64 + FLOWS_MAX)

struct pipe {
	int r, w;
};

/* One direction.  A pipe is held only while bytes are on their way: an idle connection has none. */
struct flow {
	struct pipe pipe;
	size_t held; /* bytes in the pipe */
	int ended;   /* the sender has: its end of file was passed on once HELD is 0 */
};

struct connection {
	int fd[2];	     /* client's, container's */
	struct flow flow[2]; /* from fd[0] to fd[1], and back */
	const struct relay_port *port;
	union address client;
	int family;    /* of fd[1] */
	int connected; /* fd[1] is */
	int dead;
	struct connection *next_ready;
	int ready;
};

struct relay {
	int epoll, control;
	const struct relay_port *port;
	size_t n_ports;
	struct relay_at at;
	int has_rules; /* this kernel has those that AT wants */
	struct pipe spare[SPARE_PIPES];
	size_t n_spare;
	struct connection *ready, **last_ready;
	size_t n_connections, max_connections;
	size_t most;		/* connections since memory was given back */
	int paused;		/* nothing is accepted for now */
	struct flow_set *flows; /* of datagrams; NULL: no such port */
};

/* ---- the container's namespace -------------------------------------------------------------- */

static int enter_container(struct relay *r, int tap, struct err *e)
{
	scoped(fd) int netns = -EBADF;

	if (setns(tap, CLONE_NEWNET) < 0) {
		netns = tap_netns(tap);
		if (netns < 0 || setns(netns, CLONE_NEWNET) < 0)
			return err_sys(e, "publish ports: enter the container's network");
	}
	if (relay_routes_set(&r->at, NULL, r->port, r->n_ports, e) < 0)
		return e->code;
	r->has_rules = r->at.is_transparent[0] || r->at.is_transparent[1];
	return 0;
}

/* ---- pipes ---------------------------------------------------------------------------------- */

static int get_pipe(struct relay *r, struct pipe *p)
{
	int fds[2];

	if (r->n_spare) {
		*p = r->spare[--r->n_spare];
		return 0;
	}
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	/* EPERM: the user has many large ones already; 64 KiB do. */
	(void)fcntl(fds[0], F_SETPIPE_SZ, PIPE_BYTES);
	*p = (struct pipe){ fds[0], fds[1] };
	return 0;
}

static void close_pipe(struct pipe *p)
{
	fd_close(take_fd(&p->r));
	fd_close(take_fd(&p->w));
}

/* An empty one goes back. */
static void put_pipe(struct relay *r, struct pipe *p)
{
	if (p->r < 0)
		return;
	if (r->n_spare == SPARE_PIPES) {
		close_pipe(p);
		return;
	}
	r->spare[r->n_spare++] = *p;
	*p = (struct pipe){ -EBADF, -EBADF };
}

/* ---- connections ---------------------------------------------------------------------------- */

static int watch(struct relay *r, int op, int fd, uint32_t events, void *what)
{
	struct epoll_event ev = { .events = events, .data.ptr = what };
	return epoll_ctl(r->epoll, op, fd, &ev) < 0 ? -errno : 0;
}

static int watch_listeners(struct relay *r, int op, uint32_t events)
{
	int bad = 0;
	/* Edges of TCP: a shared one that does not listen now is ready for ever. */
	for (size_t i = 0; i < r->n_ports && bad == 0; i++)
		if (op == EPOLL_CTL_ADD || !r->port[i].udp)
			bad = watch(r, op, r->port[i].listener,
				    events | (r->port[i].udp ? 0 : (uint32_t)EPOLLET),
				    (void *)&r->port[i]);
	return bad;
}

/* Out of descriptors or memory: those that wait would wake us for ever. */
static void accept_none(struct relay *r, int none)
{
	if (r->paused != none)
		(void)watch_listeners(r, EPOLL_CTL_MOD, none ? 0 : EPOLLIN);
	r->paused = none;
}

static void make_ready(struct relay *r, struct connection *c)
{
	if (c->ready)
		return;
	c->ready = 1;
	c->next_ready = NULL;
	*r->last_ready = c;
	r->last_ready = &c->next_ready;
}

/* A connection that broke is reset on both sides, one that ended is just closed. */
static void finish(struct relay *r, struct connection *c, int broke)
{
	static const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	for (int i = 0; i < 2; i++) {
		if (c->fd[i] >= 0 && broke)
			(void)setsockopt(c->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		fd_close(take_fd(&c->fd[i]));
		if (c->flow[i].held)
			close_pipe(&c->flow[i].pipe);
		else
			put_pipe(r, &c->flow[i].pipe);
	}
	r->n_connections--;
	c->dead = 1;
	make_ready(r, c); /* freed there: an event of this round may still name it */
}

/* Would the container take it for one of its own? */
static int is_its_own(const struct relay *r, const union address *a)
{
	if (a->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr) ||
		       IN6_ARE_ADDR_EQUAL(&r->at.own[1].in6.sin6_addr, &a->in6.sin6_addr);
	return ntohl(a->in.sin_addr.s_addr) >> 24 == 127 ||
	       r->at.own[0].in.sin_addr.s_addr == a->in.sin_addr.s_addr;
}

static void set_port(union address *a, in_port_t port)
{
	if (a->any.sa_family == AF_INET6)
		a->in6.sin6_port = port;
	else
		a->in.sin_port = port;
}

/* The address that the container is to see, of the family of its socket. */
static void seen_address(const struct relay *r, int family, const struct relay_port *port,
			 const union address *client, union address *ret)
{
	if (!port->udp && client->any.sa_family == family && !is_its_own(r, client)) {
		*ret = *client;
		return;
	}
	*ret = r->at.gateway[family == AF_INET6];
	set_port(ret,
		 client->any.sa_family == AF_INET6 ? client->in6.sin6_port : client->in.sin_port);
}

/* Two published ports of one container port may have clients of one address: then any port. */
static int bind_as_client(const struct relay *r, int sock, int family,
			  const struct relay_port *port, const union address *client)
{
	int on = 1, v6 = family == AF_INET6;
	union address a;

	seen_address(r, family, port, client, &a);
	if (setsockopt(sock, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT,
		       &on, sizeof(on)) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(sock, &a.any, address_size(&a)) == 0)
		return 0;
	set_port(&a, 0);
	return bind(sock, &a.any, address_size(&a)) < 0 ? -errno : 0;
}

/* A socket in the container, of CLIENT's address where it can be, on its way to PORT.  -EINPROGRESS
 * is no failure. */
static int open_inside(const struct relay *r, int family, const struct relay_port *port,
		       const union address *client)
{
	scoped(fd) int sock = socket(
		family, (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	union address to = r->at.own[family == AF_INET6];
	int bad = 0;

	if (sock < 0)
		return -errno;
	if (!to.any.sa_family)
		return -EAFNOSUPPORT;
	if (r->at.is_transparent[family == AF_INET6])
		bad = bind_as_client(r, sock, family, port, client);
	if (bad < 0)
		return bad;
	set_port(&to, htons((uint16_t)port->container_port));
	if (connect(sock, &to.any, address_size(&to)) < 0 && errno != EINPROGRESS)
		return -errno;
	return take_fd(&sock);
}

static int start_connect(struct relay *r, struct connection *c)
{
	scoped(fd) int sock = open_inside(r, c->family, c->port, &c->client);
	int on = 1, bad;

	if (sock < 0)
		return sock;
	(void)setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bad = watch(r, EPOLL_CTL_ADD, sock, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, c);
	if (bad < 0)
		return bad;
	c->fd[1] = take_fd(&sock);
	return 0;
}

/* For a flow of datagrams.  By IPv4, whatever the client has: nothing would tell that a server
 * listens there only, and one that listens on IPv6 mostly takes both. */
static int make_flow(void *arg, const struct relay_port *port, const union address *client,
		     void *what)
{
	struct relay *r = arg;
	int family = r->at.own[0].any.sa_family ? AF_INET : AF_INET6;
	scoped(fd) int sock = open_inside(r, family, port, client);
	int bad = sock < 0 ? sock : watch(r, EPOLL_CTL_ADD, sock, EPOLLIN, what);

	return bad < 0 ? bad : take_fd(&sock);
}

/* A server may listen on IPv4 only: a client that came by IPv6 gets it as well. */
static int connect_inside(struct relay *r, struct connection *c)
{
	int bad = start_connect(r, c);

	if (bad < 0 && bad != -EMFILE && bad != -ENFILE && c->family == AF_INET6) {
		c->family = AF_INET;
		bad = start_connect(r, c);
	}
	return bad;
}

static int adopt(struct relay *r, const struct relay_port *p, int client, const union address *from)
{
	struct connection *c = calloc(1, sizeof(*c));
	int on = 1, bad;

	if (!c) {
		(void)close(client);
		return -ENOMEM;
	}
	r->n_connections++;
	if (r->n_connections > r->most)
		r->most = r->n_connections;
	c->fd[0] = client;
	c->fd[1] = -EBADF;
	c->flow[0].pipe = c->flow[1].pipe = (struct pipe){ -EBADF, -EBADF };
	c->port = p;
	c->client = *from;
	c->family = p->family;
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (p->shared) /* what stays of it for a while is not to keep the port */
		(void)setsockopt(client, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	bad = connect_inside(r, c);
	if (bad == 0)
		bad = watch(r, EPOLL_CTL_ADD, client, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, c);
	if (bad < 0)
		finish(r, c, 1);
	return bad;
}

static void accept_some(struct relay *r, const struct relay_port *p)
{
	for (int i = 0; i < ACCEPTS_A_TURN && !r->paused; i++) {
		union address from;
		socklen_t n = sizeof(from);
		int fd, bad;
		memset(&from, 0, sizeof(from));
		fd = accept4(p->listener, &from.any, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
		bad = fd < 0 ? -errno : adopt(r, p, fd, &from);
		if (bad == -EMFILE || bad == -ENFILE || bad == -ENOMEM || bad == -ENOBUFS ||
		    r->n_connections == r->max_connections)
			accept_none(r, 1);
		if (fd < 0 && bad != -EINTR && bad != -ECONNABORTED)
			return;
	}
	if (!r->paused) /* there may be more: the others first */
		(void)watch(r, EPOLL_CTL_MOD, p->listener, EPOLLIN | EPOLLET, (void *)p);
}

/* ---- moving bytes --------------------------------------------------------------------------- */

enum moved { MOVED_ALL, MOVED_SOME, BROKE };

/* Fill an empty pipe from FROM.  MOVED_ALL: there is nothing to be had now. */
static enum moved fill(struct relay *r, struct flow *f, int from)
{
	ssize_t n;

	if (f->pipe.r < 0 && get_pipe(r, &f->pipe) < 0)
		return BROKE;
	n = splice(from, NULL, f->pipe.w, NULL, PIPE_BYTES, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n > 0) {
		f->held = (size_t)n;
		return MOVED_SOME;
	}
	if (n < 0 && errno == EINTR)
		return MOVED_SOME;
	put_pipe(r, &f->pipe);
	if (n == 0) {
		f->ended = 1;
		return MOVED_SOME;
	}
	return errno == EAGAIN ? MOVED_ALL : BROKE;
}

/* MOVED_ALL: the socket takes no more now. */
static enum moved drain(struct flow *f, int to)
{
	while (f->held) {
		ssize_t n = splice(f->pipe.r, NULL, to, NULL, f->held,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN ? MOVED_ALL : BROKE;
		f->held -= (size_t)n;
	}
	return MOVED_SOME;
}

static enum moved move(struct relay *r, struct flow *f, int from, int to)
{
	size_t budget = BYTES_A_TURN;

	while (!f->ended || f->held) {
		enum moved m = f->held ? MOVED_SOME : fill(r, f, from);
		if (m != MOVED_SOME)
			return m;
		if (f->ended && !f->held)
			return shutdown(to, SHUT_WR) < 0 ? BROKE : MOVED_ALL;
		if (f->held > budget)
			return MOVED_SOME;
		budget -= f->held;
		m = drain(f, to);
		if (m != MOVED_SOME)
			return m;
	}
	return MOVED_ALL;
}

/* 0: fine; -1: this connection has broken. */
static int check_connected(struct relay *r, struct connection *c)
{
	int bad = 0, v6 = c->family == AF_INET6;
	socklen_t n = sizeof(bad);
	union address a;
	socklen_t len = sizeof(a);

	if (getsockopt(c->fd[1], SOL_SOCKET, SO_ERROR, &bad, &n) < 0)
		return -1;
	if (bad == 0) {
		c->connected = getpeername(c->fd[1], &a.any, &len) == 0;
		return 0;
	}
	if (!v6)
		return -1;
	c->family = AF_INET;
	fd_close(take_fd(&c->fd[1]));
	return start_connect(r, c);
}

static void serve(struct relay *r, struct connection *c)
{
	int again = 0;

	if (!c->connected && check_connected(r, c) < 0) {
		finish(r, c, 1);
		return;
	}
	if (!c->connected)
		return;
	for (int i = 0; i < 2; i++) {
		enum moved m = move(r, &c->flow[i], c->fd[i], c->fd[!i]);
		if (m == BROKE) {
			finish(r, c, 1);
			return;
		}
		again |= m == MOVED_SOME;
	}
	if (c->flow[0].ended && c->flow[1].ended && !c->flow[0].held && !c->flow[1].held)
		finish(r, c, 0);
	else if (again)
		make_ready(r, c);
}

static void serve_ready(struct relay *r)
{
	struct connection *c = r->ready;

	r->ready = NULL;
	r->last_ready = &r->ready;
	while (c) {
		struct connection *next = c->next_ready;
		c->ready = 0;
		if (c->dead)
			free(c);
		else
			serve(r, c);
		c = next;
	}
}

static int is_port(const struct relay *r, const void *what)
{
	return (const struct relay_port *)what >= r->port &&
	       (const struct relay_port *)what < r->port + r->n_ports;
}

static void serve_event(struct relay *r, void *what)
{
	const struct relay_port *port = what;

	if (flows_has(r->flows, what))
		flows_from_container(r->flows, what);
	else if (!is_port(r, what))
		make_ready(r, what);
	else if (port->udp)
		flows_from_client(r->flows, port);
	else
		accept_some(r, port);
}

/* Sockets of the container for datagrams, where a port wants them. */
static int make_flows(struct relay *r)
{
	int wanted = 0;

	for (size_t i = 0; i < r->n_ports; i++)
		wanted |= r->port[i].udp;
	if (!wanted)
		return 0;
	r->flows = flows_new(FLOWS_MAX, make_flow, r);
	return r->flows ? 0 : -ENOMEM;
}

/* The container has other addresses now: who connects from now on gets there.  0: the end. */
static int move_on(struct relay *r)
{
	struct relay_at at;
	struct net_answer a;

	if (recv(r->control, &at, sizeof(at), 0) != (ssize_t)sizeof(at))
		return 0;
	for (int v6 = 0; v6 < 2; v6++)
		at.is_transparent[v6] = r->has_rules && at.own[v6].any.sa_family;
	r->at = at;
	flows_forget(r->flows);
	memset(&a, 0, sizeof(a));
	return fd_send(r->control, &a, sizeof(a), NULL, 0) == 0;
}

/* After a crowd: 2,000 connections would be 300 KiB for ever. */
static void give_back(struct relay *r)
{
	if (r->n_connections || r->most < CROWD)
		return;
	r->most = 0;
	(void)malloc_trim(0);
}

static int relay_loop(struct relay *r)
{
	struct epoll_event ev[EVENTS];

	for (;;) {
		int idle = r->paused ? PAUSE_MS : flows_expire(r->flows);
		int n = epoll_wait(r->epoll, ev, EVENTS, r->ready ? 0 : idle);
		if (n < 0 && errno != EINTR)
			return 1;
		if (n == 0 && r->n_connections < r->max_connections)
			accept_none(r, 0);
		for (int i = 0; i < n; i++) {
			if (ev[i].data.ptr)
				serve_event(r, ev[i].data.ptr);
			else if (!move_on(r)) /* who started us has ended */
				return 0;
		}
		serve_ready(r);
		give_back(r);
	}
}

static int prepare(struct relay *r, int tap, struct err *e)
{
	size_t files;
	int bad = enter_container(r, tap, e);

	if (bad < 0)
		return bad;
	files = fd_raise_limit();
	r->max_connections = files > FDS_OTHER + FDS_EACH ? (files - FDS_OTHER) / FDS_EACH : 1;
	bad = make_flows(r);
	if (bad < 0)
		return err_errno(e, bad, "publish ports");
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll < 0 || watch(r, EPOLL_CTL_ADD, r->control, EPOLLIN, NULL) < 0 ||
	    watch_listeners(r, EPOLL_CTL_ADD, EPOLLIN) < 0)
		return err_sys(e, "publish ports");
	bad = relay_shut_in(e);
	(void)malloc_trim(0); /* what making the filter took */
	return bad;
}

int relay_main(const struct net_addresses *addresses, const struct relay_port *port, size_t n,
	       int control)
{
	struct relay r = { .epoll = -EBADF, .control = control, .port = port, .n_ports = n };
	struct net_answer a;
	int tap = -EBADF;
	size_t n_fds = 1;
	char go = 0;

	r.last_ready = &r.ready;
	relay_at_make(addresses, &r.at);
	memset(&a, 0, sizeof(a));
	if (fd_recv(control, &go, 1, &tap, &n_fds) != 1)
		return 0;
	if (go != 'T' || n_fds != 1)
		(void)err_set(&a.err, -EPROTO, "publish ports: the tap device is missing");
	else
		(void)prepare(&r, tap, &a.err);
	fd_close(tap);
	if (fd_send(control, &a, sizeof(a), NULL, 0) < 0 || a.err.code < 0)
		return 1;
	return relay_loop(&r);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A listen(2) of the container.
 *
 * Where its socket is bound to a port that is published and shared, a socket of the host that
 * listens on the host's port, and on no other, takes its place: from then on the container accepts
 * there by itself.  That socket belongs to the container alone.  When it is closed, the port is
 * refused, until the container listens again; several with SO_REUSEPORT share the connections.
 *
 * The container may do with it what it likes but connect (Landlock, accel.h) or listen: that is
 * done here, on what was looked at, and for sockets of the host only where they do already.  What
 * else it holds of the host's can be bound, but never listens. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/accel_role.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

/* Where the socket of the host is to be bound. */
struct place {
	struct accel_port *port;
	union address at;
	int v6only;
};

static int get_int(int sock, int level, int option)
{
	int value = 0;
	socklen_t n = sizeof(value);

	return getsockopt(sock, level, option, &value, &n) == 0 && value;
}

/* A socket of IPv6 for the clients that this one, bound to HERE, would have. */
static int place_v6(int sock, const struct sockaddr_in6 *here, struct place *p)
{
	int is_any = IN6_IS_ADDR_UNSPECIFIED(&here->sin6_addr),
	    wants_v4 = IN6_IS_ADDR_V4MAPPED(&here->sin6_addr) ||
		       (is_any && !get_int(sock, IPPROTO_IPV6, IPV6_V6ONLY)),
	    wants_v6 = !IN6_IS_ADDR_V4MAPPED(&here->sin6_addr);

	wants_v4 = wants_v4 && p->port->sock[0] >= 0;
	wants_v6 = wants_v6 && p->port->sock[1] >= 0;
	if (wants_v4 && !wants_v6) {
		p->at = accel_port_at(p->port, AF_INET6, 0);
		return 1;
	}
	p->at = p->port->at[1];
	p->v6only = !wants_v4; /* both are published where every address is */
	/* Who is in the container would miss IPv4. */
	return wants_v6 && (wants_v4 || !is_any || get_int(sock, IPPROTO_IPV6, IPV6_V6ONLY));
}

/* 0: the relay serves it, or nobody does: it is not published, or of loopback alone. */
static int find_place(const struct accel *a, int sock, int family, struct place *p)
{
	static const struct in6_addr mapped_loopback = {
		{ { [10] = 0xff, [11] = 0xff, [12] = 127 } }
	};
	union address here, own;
	socklen_t n = sizeof(here);

	memset(&here, 0, sizeof(here));
	if (!a->n_ports || getsockname(sock, &here.any, &n) < 0 ||
	    !accel_is_own(&a->rules, family, &here, n, &own))
		return 0;
	p->port =
		accel_port_find(a, ntohs(family == AF_INET6 ? own.in6.sin6_port : own.in.sin_port));
	if (!p->port)
		return 0;
	if (family == AF_INET6)
		return !IN6_IS_ADDR_LOOPBACK(&own.in6.sin6_addr) &&
		       memcmp(&own.in6.sin6_addr, &mapped_loopback, 13) != 0 &&
		       place_v6(sock, &own.in6, p);
	p->at = p->port->at[0];
	return ntohl(own.in.sin_addr.s_addr) >> 24 != 127 && p->port->sock[0] >= 0;
}

static int is_given(const struct accel_port *p)
{
	return accel_port_is_given(p, 0) || accel_port_is_given(p, 1);
}

static int is_served(const struct place *p)
{
	if (p->at.any.sa_family == AF_INET6 && !p->v6only && p->port->sock[0] >= 0 &&
	    accel_socket_is_served(&p->port->at[0]))
		return 1;
	return accel_socket_is_served(&p->at);
}

/* 1: the container listens by a socket of the host. */
static int exchange(const struct accel_call *c, int sock, const struct place *p, int flags)
{
	scoped(fd) int new = accel_socket_bind(c->a, sock, &p->at, p->v6only);
	int was_given = is_given(p->port);

	if (new < 0)
		return 0;
	accel_port_give(p->port);
	if (listen(new, (int)c->q->data.args[1]) == 0 && accel_call_put(c, new, flags) == 0)
		return 1;
	fd_close(take_fd(&new));
	if (!was_given)
		accel_port_take_back(p->port);
	return 0;
}

/* A socket of the container. */
static int listen_there(const struct accel_call *c, int sock, int family)
{
	struct place p;
	int flags, code;

	memset(&p, 0, sizeof(p));
	if (!find_place(c->a, sock, family, &p))
		return accel_call_say(c, listen(sock, (int)c->q->data.args[1]) < 0 ? -errno : 0);
	flags = accel_caller_flags(c->a, c->q->pid, c->fd);
	if (!accel_socket_is_on_device(sock) && accel_call_may_exchange(c, sock, flags)) {
		/* The kernel sees no conflict: the socket is about to be another. */
		if (is_given(p.port) && !get_int(sock, SOL_SOCKET, SO_REUSEPORT) && is_served(&p))
			return accel_call_say(c, -EADDRINUSE);
		if (exchange(c, sock, &p, flags))
			return accel_call_say(c, 0);
	}
	code = listen(sock, (int)c->q->data.args[1]) < 0 ? -errno : 0;
	if (code == 0) /* by the relay, as without us */
		accel_port_take_back(p.port);
	return accel_call_say(c, code);
}

int accel_listen(const struct accel_call *c, int sock)
{
	uint64_t netns;
	int family;

	if (!accel_is_waiting(c->listener, c->q->id)) /* not of who has the same number since */
		return 0;
	if (accel_socket_look(sock, &netns, &family) < 0 ||
	    (netns != c->a->host && netns != c->a->container))
		return accel_call_say(c, listen(sock, (int)c->q->data.args[1]) < 0 ? -errno : 0);
	if (netns == c->a->container)
		return listen_there(c, sock, family);
	if (!accel_socket_is_listening(sock))
		return accel_call_say(c, -EOPNOTSUPP);
	return accel_call_say(c, listen(sock, (int)c->q->data.args[1]) < 0 ? -errno : 0);
}

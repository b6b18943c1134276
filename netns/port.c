/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "src/util/scoped.h"

socklen_t address_size(const union address *a)
{
	return a->any.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

socklen_t address_make(union address *a, int family, const char *ip, int port)
{
	int ok;

	memset(a, 0, sizeof(*a));
	a->any.sa_family = (sa_family_t)family;
	if (family == AF_INET6) {
		a->in6.sin6_port = htons((uint16_t)port);
		ok = inet_pton(AF_INET6, *ip ? ip : "::", &a->in6.sin6_addr);
	} else {
		a->in.sin_port = htons((uint16_t)port);
		ok = inet_pton(AF_INET, *ip ? ip : "0.0.0.0", &a->in.sin_addr);
	}
	return ok == 1 ? address_size(a) : 0;
}

static int set_flag(int sock, int option, int on)
{
	return setsockopt(sock, SOL_SOCKET, option, &on, sizeof(on)) < 0 ? -errno : 0;
}

/* The container's socket will be beside it, and only with its consent (SO_REUSEPORT, of the same
 * user); while it does not listen itself, SO_REUSEADDR would let anybody have the port. */
static int share(int sock)
{
	int r = set_flag(sock, SO_REUSEADDR, 0);

	return r < 0 ? r : set_flag(sock, SO_REUSEPORT, 1);
}

int port_bind(const struct net_forward *f, int family)
{
	scoped(fd) int sock = -EBADF;
	union address a;
	socklen_t n = address_make(&a, family, f->host_ip, f->host_port);
	int on = 1;

	if (!n)
		return -EINVAL;
	sock = socket(family, (f->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      0);
	if (sock < 0)
		return -errno;
	if (!f->udp && setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	/* Answers to a datagram come from the address that it was sent to. */
	if (f->udp &&
	    setsockopt(sock, family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       family == AF_INET6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof(on)) < 0)
		return -errno;
	if (family == AF_INET6 && setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (f->shared == FORWARD_AGAIN && share(sock) < 0)
		return -errno;
	if (bind(sock, &a.any, n) < 0)
		return -errno;
	if (f->shared == FORWARD_AGAIN) /* who holds the port listens, or will say who does */
		return take_fd(&sock);
	/* Two may bind one port with SO_REUSEADDR; listening tells.  The kernel cuts the backlog at
	 * net.core.somaxconn. */
	if (!f->udp && listen(sock, 4096) < 0)
		return -errno;
	if (f->shared && share(sock) < 0)
		return -errno;
	return take_fd(&sock);
}

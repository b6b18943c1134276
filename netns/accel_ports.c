/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports that are shared.  At first our sockets listen there, the relay's (netns/relay.h),
 * which has the same ones.  While the container listens by a socket of the host, ours are bound and
 * no more: that keeps the port, and who connects when the container's socket has been closed is
 * refused by the kernel.  So whether a port is given away is asked of the kernel, too. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/accel_role.h"
#include "netns/net_protocol.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

#define BACKLOG 4096 /* as port_bind() has it */

struct accel_port *accel_port_find(const struct accel *a, uint16_t container)
{
	for (size_t i = 0; i < a->n_ports; i++)
		if (a->port[i].container == container)
			return &a->port[i];
	return NULL;
}

static struct accel_port *make(struct accel *a, uint16_t container)
{
	struct accel_port *p;

	if (a->n_ports == NET_FORWARDS_MAX)
		return NULL;
	p = realloc(a->port, (a->n_ports + 1) * sizeof(*p));
	if (!p)
		return NULL;
	a->port = p;
	p = &p[a->n_ports++];
	memset(p, 0, sizeof(*p));
	p->container = container;
	p->sock[0] = p->sock[1] = -EBADF;
	return p;
}

int accel_port_add(struct accel *a, int take_sock, uint16_t container, int may_listen)
{
	scoped(fd) int sock = take_sock;
	struct accel_port *p = accel_port_find(a, container);
	union address at;
	socklen_t n = sizeof(at);
	int v6;

	memset(&at, 0, sizeof(at));
	if (getsockname(sock, &at.any, &n) < 0)
		return -errno;
	if (!p)
		p = make(a, container);
	if (!p)
		return -ENOMEM;
	v6 = at.any.sa_family == AF_INET6;
	if (may_listen && p->sock[v6] >= 0 && accel_socket_is_listening(p->sock[v6]))
		(void)listen(sock, BACKLOG);
	fd_close(p->sock[v6]);
	p->sock[v6] = take_fd(&sock);
	p->at[v6] = at;
	return 0;
}

void accel_ports_close(struct accel *a)
{
	for (size_t i = 0; i < a->n_ports; i++)
		for (int v6 = 0; v6 < 2; v6++)
			fd_close(take_fd(&a->port[i].sock[v6]));
	a->n_ports = 0;
}

int accel_port_is_given(const struct accel_port *p, int v6)
{
	return p->sock[v6] >= 0 && !accel_socket_is_listening(p->sock[v6]);
}

void accel_port_give(const struct accel_port *p)
{
	for (int v6 = 0; v6 < 2; v6++)
		if (p->sock[v6] >= 0)
			(void)shutdown(p->sock[v6], SHUT_RD); /* bound still: tcp_disconnect() */
}

void accel_port_take_back(const struct accel_port *p)
{
	for (int v6 = 0; v6 < 2; v6++)
		if (accel_port_is_given(p, v6) && !accel_socket_is_served(&p->at[v6]))
			(void)listen(p->sock[v6], BACKLOG);
}

union address accel_port_at(const struct accel_port *p, int family, int v6)
{
	const union address *at = &p->at[v6];
	union address a;

	if (at->any.sa_family == family)
		return *at;
	memset(&a, 0, sizeof(a));
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_port = at->in.sin_port;
	memset(a.in6.sin6_addr.s6_addr + 10, 0xff, 2);
	memcpy(a.in6.sin6_addr.s6_addr + 12, &at->in.sin_addr, 4);
	return a;
}

int accel_port_leads(const struct accel *a, int family, const void *to, size_t n,
		     union address *ret)
{
	const struct accel_port *p;
	union address own, at;
	int v6;

	if (!a->n_ports || !accel_is_own(&a->rules, family, to, n, &own))
		return 0;
	p = accel_port_find(a, ntohs(family == AF_INET6 ? own.in6.sin6_port : own.in.sin_port));
	if (!p)
		return 0;
	v6 = family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&own.in6.sin6_addr) && p->sock[1] >= 0;
	if (!accel_port_is_given(p, v6))
		return 0;
	at = accel_port_at(p, family, v6);
	*ret = accel_socket_reach(&at);
	return 1;
}

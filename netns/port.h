/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports: addresses, and the host's end of them. */
#ifndef COVE_NETNS_PORT_H
#define COVE_NETNS_PORT_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "netns/net.h"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* IP (in text; "" is every address) and PORT as an address of FAMILY (AF_INET or AF_INET6).  Its
 * length, or 0 when IP is not one of FAMILY. */
socklen_t address_make(union address *a, int family, const char *ip, int port);
socklen_t address_size(const union address *a);

/* Bind host port F for FAMILY, and listen when it is TCP: a descriptor (CLOEXEC, nonblocking, the
 * caller's; a FORWARD_AGAIN does not listen) or a negative errno: -EADDRINUSE, -EACCES below the
 * first unprivileged port, -EADDRNOTAVAIL, -EAFNOSUPPORT, -EINVAL when its address is not one of
 * FAMILY. */
int port_bind(const struct net_forward *f, int family);

#endif

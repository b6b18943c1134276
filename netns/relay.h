/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports.  A child process, the relay, accepts a connection on the host's port, connects
 * to the container's port by a socket made inside the container's network namespace, and moves
 *bytes between the two with splice(2).  They never pass through libslirp.  Datagrams go the same
 *way (relay_udp.h).
 *
 * The container sees the client's own address.  The socket inside is bound to it (IP_TRANSPARENT),
 * and routing rules bring the answers back to the relay, for each published port:
 *
 *	from 10.0.2.100 to 10.0.2.2 ipproto tcp sport 80 lookup 100
 *	from all lookup main suppress_prefixlength 0
 *	from 10.0.2.100 ipproto tcp sport 80 lookup 100;  table 100: local default dev lo
 *
 * A client on the host's loopback appears as the gateway, 10.0.2.2: a container must never take a
 * stranger for a process of its own.  On kernels without such rules (before Linux 4.17) all clients
 * appear as 10.0.2.100.  A client that came by IPv6 to a server that listens on IPv4 only is
 * connected by IPv4 and appears as the gateway as well. */
#ifndef COVE_NETNS_RELAY_H
#define COVE_NETNS_RELAY_H

#include <stddef.h>

#include "netns/net.h"
#include "src/util/err.h"

/* A bound port of the host.  While the container listens there itself (SHARED) ours does not. */
struct relay_port {
	int listener, family, container_port, udp, shared;
};

/* The life of the relay, a forked process.  CONTROL is its SOCK_SEQPACKET to who made it: one
 * message brings the container's network namespace, or a tap that lies in it ('T', one descriptor);
 * the answer is a struct net_answer.  A struct relay_at says that the container has other addresses
 * now, with the same answer.  Its end of file ends the relay.  PORT[0..N) are its own. Returns exit
 * status. */
int relay_main(const struct net_addresses *a, const struct relay_port *port, size_t n, int control);

#endif

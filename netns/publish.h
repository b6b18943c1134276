/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing a container's ports: binding them on the host, and the relay process that serves them
 * (relay.h). */
#ifndef COVE_NETNS_PUBLISH_H
#define COVE_NETNS_PUBLISH_H

#include "netns/relay.h"
#include "netns/relay_routes.h"

struct publisher {
	struct relay_port *port; /* the relay's once that runs */
	size_t n;
	int relay; /* socket to it, or negative: none */
	struct relay_at at;
};
#define PUBLISHER_NONE                        \
	{                                     \
		.port = NULL, .relay = -EBADF \
	}

/* Bind N ports; "" as an address is every one of both families.  "publish port 0.0.0.0:80/tcp: ..."
 * with -EADDRINUSE, -EADDRNOTAVAIL, or -EACCES and a hint. */
int publish_bind(struct publisher *p, const struct net_forward *f, size_t n, struct err *e);
/* Fork the relay, if there is a port; A says where the container is to be reached.  CLOSE_FD is
 * closed there. */
int publish_start(struct publisher *p, const struct net_addresses *a, int close_fd, struct err *e);
/* Give the relay the container's namespace or its tap, and hear what comes of it. */
int publish_connect(const struct publisher *p, int netns, struct err *e);
/* The container, with its namespace NETNS, is to be reached at A from now on.  The caller needs the
 * rights of netns_call(). */
int publish_move(struct publisher *p, const struct net_addresses *a, int netns, struct err *e);
/* Send the listening sockets of shared ports to SOCK (net_protocol.h), and let go of them here. */
int publish_share(struct publisher *p, int sock);
/* End the relay: the ports are free when this returns. */
void publish_end(struct publisher *p);

#endif

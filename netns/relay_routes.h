/* SPDX-License-Identifier: Apache-2.0 */
/* Where the relay of published ports (netns/relay.h) reaches the container, and what brings the
 * container's answers back to it. */
#ifndef COVE_NETNS_RELAY_ROUTES_H
#define COVE_NETNS_RELAY_ROUTES_H

#include "netns/port.h"
#include "netns/relay.h"

/* Of IPv4 and IPv6. */
struct relay_at {
	union address own[2];	  /* of the container; no family: it has none */
	union address gateway[2]; /* who a client appears as that has no address there */
	int is_transparent[2];	  /* sockets inside may have the client's address */
};

void relay_at_make(const struct net_addresses *a, struct relay_at *ret);
/* In the container's network namespace, with CAP_NET_ADMIN over it: make the routing rules of AT
 * for the N ports of PORT, without those of OLD (NULL: there were none), and note what is possible.
 */
int relay_routes_set(struct relay_at *at, const struct relay_at *old, const struct relay_port *port,
		     size_t n, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Published datagram ports: for each client of a port there is a flow, a socket in the container's
 * namespace that stands for the client.  A flow that is not used for a minute or two goes. */
#ifndef COVE_NETNS_RELAY_UDP_H
#define COVE_NETNS_RELAY_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "netns/port.h"
#include "netns/relay.h"

#define FLOW_IDLE_S 120 /* as nf_conntrack_udp_timeout_stream */

struct flow_set;

/* At most MAX flows; the one that was not used for the longest makes room.  MAKE opens the socket
 * in the container for CLIENT of PORT, connected, and watches it as WHAT: descriptor or negative
 * errno. */
typedef int flow_make(void *arg, const struct relay_port *port, const union address *client,
		      void *what);
struct flow_set *flows_new(size_t max, flow_make *make, void *arg);
/* Is WHAT, from the epoll event, one of these? */
int flows_has(const struct flow_set *s, const void *what);
/* Datagrams wait at PORT: pass some on. */
void flows_from_client(struct flow_set *s, const struct relay_port *port);
/* Answers wait at flow WHAT. */
void flows_from_container(struct flow_set *s, void *what);
/* Let go of all: the container has other addresses. */
void flows_forget(struct flow_set *s);
/* Let go of what has been idle; returns milliseconds until the next time, or -1. */
int flows_expire(struct flow_set *s);

#endif

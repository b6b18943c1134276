/* SPDX-License-Identifier: Apache-2.0 */
/* The role switch: the process behind a bridge network while containers are on it (program
 * cove-switch).  It has a network namespace made for this network alone, with
 *
 *	br0	the bridge; its addresses are the network's gateways, where names are answered
 *(dns.h) tap0	a port of the bridge, to the role net: the way out.  Internal networks have none vN
 *a port for each container
 *
 * Containers send to the gateway, which passes on to the role net; what comes back goes to them
 * straight.  Networks are apart because their namespaces are: no rule keeps them so, and no
 * packet filter is needed.
 *
 * Members (member.h) connect to its socket, ask for addresses, hand over a container's namespace,
 * and belong to the network until the connection ends.  The last one takes the switch with it.
 * The addresses in use live here and nowhere else. */
#ifndef COVE_NETNS_SWITCH_H
#define COVE_NETNS_SWITCH_H

#include <json-c/json_object.h>

#include "netns/link.h"
#include "netns/net.h"
#include "netns/subnet.h"

#define SWITCH_SUBNETS_MAX 8
#define SWITCH_BRIDGE	   "br0"
#define SWITCH_TAP	   "tap0"

/* Descriptors of the program. */
enum { SWITCH_FD_LISTEN = 3, SWITCH_FD_DIR = 4, SWITCH_FD_STARTER = 5 };

/* A container on the network. */
struct port {
	int sock;
	char *id, *name, **names;	      /* all that the name server knows it by */
	struct addr addr[SWITCH_SUBNETS_MAX]; /* family 0: none in this subnet */
	unsigned char mac[LINK_MAC];
	unsigned number; /* of its veth device here; 0: not connected */
	struct port *next;
};

struct net_switch {
	json_object *network; /* as `network inspect` shows it */
	struct subnet subnet[SWITCH_SUBNETS_MAX];
	size_t n_subnets;
	struct addr next[SWITCH_SUBNETS_MAX]; /* where the search for a free address begins */
	int mtu, internal, dns;
	int no_default_route; /* containers get none through this network */
	int netns, rtnl;      /* the namespace, and a netlink socket made in it */
	struct net net;	      /* the way out */
	int restarts;
	int dns_udp[2], dns_tcp[2]; /* at the first gateway of each family; or -EBADF */
	struct child dns_child;
	int dns_control;
	struct port *ports;
	unsigned last_number;
};

/* switch.c.  NETWORK is taken over. */
int switch_make(struct net_switch *s, json_object *network, struct err *e);
/* The role net has ended: another one takes its place. */
int switch_restart_net(struct net_switch *s, struct err *e);
/* The name server has ended: another one takes its place and hears of all ports. */
int switch_restart_dns(struct net_switch *s, struct err *e);
/* Tell the name server of P, or (GONE) that it goes. */
void switch_tell_dns(const struct net_switch *s, const struct port *p, int gone);
/* Connect P: its end of the veth pair is INTERFACE in namespace NETNS. METRIC of its default route.
 */
int switch_attach(struct net_switch *s, struct port *p, const char *interface, int netns,
		  unsigned metric, struct err *e);
void switch_detach(struct net_switch *s, struct port *p);

/* switch_addresses.c.  Addresses for P, those of WANTED (list of text) where it names any.
 * -EADDRINUSE, -EINVAL for one that is in no subnet, -ENOSPC when there is no free one. */
int switch_reserve(struct net_switch *s, struct port *p, json_object *wanted, struct err *e);

#endif

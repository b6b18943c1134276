/* SPDX-License-Identifier: Apache-2.0 */
/* The private network of a container: its addresses and what it may reach. */
#ifndef COVE_CONTAINER_PRIVATE_NETWORK_H
#define COVE_CONTAINER_PRIVATE_NETWORK_H

#include "netns/net.h"
#include "src/container/spec.h"

struct private_network {
	struct net_addresses addresses;
	char outbound[48], outbound6[48]; /* addresses of the host that connections go out from */
	int allow_host_loopback;
	int accel;	 /* TCP goes out with sockets of the host (netns/accel.h) */
	int accel_ports; /* and comes in, to published ports */
};

/* OPTIONS as other engines have them for slirp4netns: allow_host_loopback=true, mtu=1500,
 * cidr=10.0.9.0/24, enable_ipv6=false, outbound_addr=IP, outbound_addr6=IP, port_handler=NAME (both
 * names mean our relay); and of our own: accel or accel=true, and port_handler=accel, which implies
 * it.  -EINVAL with the option's text. */
int private_network_parse(char *const *options, struct private_network *ret, struct err *e);
/* Is S's private network accelerated? */
int private_network_is_accel(const struct container_spec *s);
/* Can that be, for S here?  -ENOTSUP, -EINVAL with what is in the way. */
int private_network_check(const struct container_spec *s, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces, addresses and routes by rtnetlink(7).  Every function works in the network namespace
 * in which SOCK (rtnl_open()) was made and returns 0 or the kernel's negative errno. */
#ifndef COVE_NETNS_LINK_H
#define COVE_NETNS_LINK_H

#include "netns/subnet.h"

#define LINK_MAC 6 /* bytes of an Ethernet address */

/* A fresh Ethernet address of local scope. */
int link_random_mac(unsigned char mac[LINK_MAC]);
/* A bridge NAME with an address of its own: it would otherwise take the lowest of its ports', which
 * come and go, and its neighbours would lose it.  -EOPNOTSUPP: the kernel has none. */
int link_add_bridge(int sock, const char *name, int mtu);
/* A pair of veth devices: NAME here, and PEER with address MAC inside namespace PEER_NETNS. */
int link_add_veth(int sock, const char *name, int mtu, const char *peer,
		  const unsigned char mac[LINK_MAC], int peer_netns);
/* Interface number of NAME, or a negative errno. */
int link_index(int sock, const char *name);
int link_set_mtu(int sock, const char *name, int mtu);
int link_up(int sock, const char *name);
int link_set_master(int sock, const char *name, const char *master);
int link_delete(int sock, const char *name);
int link_add_address(int sock, const char *name, const struct addr *a, int prefix);
/* The default route through GATEWAY; METRIC 0 is the kernel's choice. */
int link_add_default(int sock, const char *name, const struct addr *gateway, unsigned metric);

/* 169.254.0.0/16 (RFC 3927) is not to be reached from here: what answers there, such as a cloud's
 * metadata service, takes whoever asks for the host. */
int link_shut_link_local(int sock);

#endif

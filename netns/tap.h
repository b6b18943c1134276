/* SPDX-License-Identifier: Apache-2.0 */
/* The container's end of a private network: a tap device in its network namespace. */
#ifndef COVE_NETNS_TAP_H
#define COVE_NETNS_TAP_H

#include "src/util/err.h"

struct tap_config {
	const char *name; /* interface name, "tap0" */
	int mtu;
	const char *address;  /* IPv4 in dotted form, "10.0.2.100" */
	int prefix;	      /* 24 */
	const char *gateway;  /* default route, "10.0.2.2" */
	const char *address6; /* IPv6, or NULL for none: "fd00::100" */
	int prefix6;
	const char *gateway6;
};

/* Called in the container's network namespace with CAP_NET_ADMIN over it, while the host's /dev is
 * still in view: makes the tap, sets addresses, routes and MTU, brings it up.  Returns the
 * descriptor (O_NONBLOCK, CLOEXEC) through which frames are read and written; it may be handed to
 * another process.  Errors: no access to /dev/net/tun has a hint naming the setting; IPv6 that the
 * kernel has not is left out silently. */
int tap_open(const struct tap_config *c, struct err *e);

/* The network namespace in which tap FD is (CLOEXEC, the caller's), or a negative errno: -ENOTTY
 * before Linux 4.17. */
int tap_netns(int fd);

#endif

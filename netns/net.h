/* SPDX-License-Identifier: Apache-2.0 */
/* The role `net`: a process of its own (program cove-net) that moves frames between a container's
 * tap device and the host's sockets with libslirp, and forwards published datagram ports.  It stays
 * in the host's network namespace, has an empty root, no capabilities and a seccomp filter.  Where
 * TCP ports are published it has a child, the relay (netns/relay.h).
 *
 * Addresses are slirp's usual ones: network 10.0.2.0/24, gateway and host 10.0.2.2, name
 * server 10.0.2.3, container 10.0.2.100; fd00::/64 with ::2, ::3, ::100. */
#ifndef COVE_NETNS_NET_H
#define COVE_NETNS_NET_H

#include <stddef.h>

#include "src/util/err.h"
#include "src/util/proc.h"

#define NET_MTU	     65520
#define NET_ADDRESS  "10.0.2.100"
#define NET_PREFIX   24
#define NET_GATEWAY  "10.0.2.2"
#define NET_DNS	     "10.0.2.3"
#define NET_ADDRESS6 "fd00::100"
#define NET_PREFIX6  64
#define NET_GATEWAY6 "fd00::2"

/* One family of a network; all in text. */
struct net_family {
	char network[48]; /* "" : the network has no such addresses */
	int prefix;
	char host[48]; /* the gateway, and the host itself */
	char dns[48];
	char container[48]; /* whose ports are published; "" where a bridge is behind the tap */
};

struct net_addresses {
	struct net_family v4, v6;
	int mtu; /* at most NET_MTU */
};

/* Those of a private network. */
extern const struct net_addresses net_private;

struct net_forward {
	char host_ip[48]; /* "" is every address (0.0.0.0 and ::) */
	int host_port, container_port;
	int udp;
	/* Of TCP: may the container's own listening socket stand in the place of ours
	 * (netns/accel.h)? FORWARD_AGAIN: it may stand there already. */
	int shared;
};
enum { FORWARD_ALONE, FORWARD_SHARED, FORWARD_AGAIN };

struct net_config {
	const struct net_addresses *addresses;
	const struct net_forward *forward;
	size_t n_forwards;
	int outlive; /* who starts it goes away: only the socket's end ends it */
	const char *outbound, *outbound6; /* connections go out from these; NULL or "": any */
	int allow_host_loopback; /* 10.0.2.2 reaches the host's 127.0.0.1; off unless asked for */
};

/* A running role. */
struct net {
	struct child child;
	int control; /* its end of file means: stop */
};
#define NET_NONE                                       \
	{                                              \
		.child = CHILD_NONE, .control = -EBADF \
	}

/* Start the role NAME, with its end of a SOCK_SEQPACKET pair as descriptor 3 and nothing else;
 * OUTLIVE as of struct net_config.  What fails is called START. */
int net_spawn(const char *name, int outlive, const char *start, struct net *ret, struct err *e);
/* Start the program and give it C; called before the tap exists, so that it loads meanwhile.  The
 * caller is in the user's namespace (or root): the role uses that to shut itself in. */
int net_start(const struct net_config *c, struct net *ret, struct err *e);
/* Hand it the tap and wait until every port is served.  -EADDRINUSE "publish port
 * 127.0.0.1:8080/tcp: ...", -EACCES with a hint naming net.ipv4.ip_unprivileged_port_start. TAP_FD
 * stays the caller's. */
int net_connect(struct net *n, int tap_fd, struct err *e);
/* After that, where a port is shared: its listening sockets, one at a time, each with the port of
 * the container.  *RET is the caller's.  0: there is no more. */
int net_next_shared(struct net *n, int *ret, int *ret_container_port, struct err *e);
/* Tell it that the container has ended and wait until its ports are free again.  Its exit is not
 * waited for: the kernel takes 20 ms to unregister a tap device.  Fine when empty. */
void net_stop(struct net *n);
/* Kill and reap; fine when empty. */
void net_end(struct net *n);

#endif

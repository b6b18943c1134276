/* SPDX-License-Identifier: Apache-2.0 */
/* The role `accel` (program cove-accel): TCP connections out of a container on the private network
 * with sockets of the host.
 *
 * The container's connect(2) is notified (src/runtime/connect_filter.h).  For an address that the
 * private network would pass on to the host's network, the role makes a socket in the host's
 * network namespace with the options of the container's one, starts to connect it, and puts it in
 * the place of the container's descriptor (SECCOMP_IOCTL_NOTIF_ADDFD).  All other TCP connections
 * it makes on the container's own socket, to the address that it has read.
 *
 * The container must not get further with a socket of the host than to that address.  What it
 * passed to connect(2) is read once and never again; but it holds the socket from then on.  The
 * calls of other sockets (AF_UNIX) are let through, and by the time that one goes on, another
 * thread may have put a socket of the host there.  Hence Landlock: the container connects no TCP
 * socket by itself, of whatever network (userns/landlock.h).  A packet filter on each such socket
 * could say the same, but newer kernels let users have none on TCP.
 *
 * listen(2) is done by the role, too: a socket of the host listens only where a port is published
 * and shared (netns/accel_listen.c).
 *
 * A second process waits beside the role, with the same rights, and goes on when the first is
 * killed. */
#ifndef COVE_NETNS_ACCEL_H
#define COVE_NETNS_ACCEL_H

#include "netns/net.h"

/* Can this kernel do it (Linux 6.7, with Landlock)?  0, or -ENOTSUP with what is missing. */
int accel_check(struct err *e);
/* Start the role. */
int accel_start(struct net *ret, struct err *e);
/* Tell it what C says, of the container whose network namespace is NETNS, and wait until it is
 * ready; ACCEPT_FD is a SOCK_SEQPACKET listener for accel_give() of others.  The caller needs the
 * rights of netns_call(). */
int accel_connect(struct net *n, const struct net_config *c, int netns, int accept_fd,
		  struct err *e);
/* Give it, in the same way, a listening socket of the host that serves port CONTAINER_PORT of the
 * container.  SOCKET stays the caller's. */
int accel_share(int sock, int socket, int container_port, struct err *e);
/* Give it LISTENER, a seccomp listener that stays the caller's, by the role's control socket or by
 * a connection to ACCEPT_FD. */
int accel_give(int sock, int listener, struct err *e);

#endif

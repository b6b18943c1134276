/* SPDX-License-Identifier: Apache-2.0 */
/* The process that connects a running container: the role net for a private network, the role
 * member for bridge networks.  It is started before the container, pasta when the container's
 * namespace is there; and again when it dies. */
#ifndef COVE_CONTAINER_CONTAINER_NET_H
#define COVE_CONTAINER_CONTAINER_NET_H

#include "netns/net.h"
#include "netns/tap.h"
#include "src/container/private_network.h"
#include "src/container/spec.h"
#include "src/store/engine.h"

#define CONTAINER_NET_AGAIN_MAX 100 /* times that a dead one is replaced */

struct container_net {
	struct engine *en; /* all four borrowed */
	const struct container_spec *spec;
	const char *id, *name;
	int is_private, is_bridge, is_pasta; /* or none: there is no such process */
	struct private_network own;
	struct net net;
	json_object *status; /* what it has on bridge networks (networks_status()) */
	int netns;	     /* the container's namespace, once it is there */
	int shares;	     /* ports that the container may listen on by itself */
};

/* Start it.  Fine when the container needs none. */
int container_net_start(struct container_net *n, struct engine *en, const struct container_spec *s,
			const char *id, const char *name, struct err *e);
/* The tap device that the container is to make, or NULL. */
const struct tap_config *container_net_tap(const struct container_net *n, struct tap_config *buf);
/* Give it what the container handed over: the tap, or its namespace.  FD stays the caller's. */
int container_net_connect(struct container_net *n, int fd, struct err *e);
/* Then, give the role accel by SOCK the ports that are shared with the container. */
int container_net_share(struct container_net *n, int sock, struct err *e);
/* Readable when the process has ended; -EBADF when there is none to look after. */
int container_net_watch(const struct container_net *n);
/* It has died, and has been replaced TIMES times so far: tell it, and unless that is too often
 * start it again for the running container, with the same addresses. */
int container_net_again(struct container_net *n, int times, struct err *e);
void container_net_done(struct container_net *n);

/* Descriptors of "cove __network ID". */
enum { CONTAINER_NET_FD_ANSWER = 3, CONTAINER_NET_FD_NETNS = 4 };
/* The answer's byte: the descriptor is a socket of the new process, or a pidfd of this one, which
 * stays until pasta ends. */
#define CONTAINER_NET_SOCKET 'N'
#define CONTAINER_NET_STAYS  'P'
/* "cove __network ID TIMES", for a monitor that had become slim: container_net_again(), and send
 * what is to be watched from now on over the first of them.  ARGS without the first word.  The exit
 * status. */
int container_net_main(struct engine *en, char *const *args, struct err *e);

#endif

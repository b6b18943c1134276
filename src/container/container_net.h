/* SPDX-License-Identifier: Apache-2.0 */
/* The process that connects a running container: the role net for a private network, the role
 * member for bridge networks.  It is started before the container, and again when it dies.  pasta
 * is started when the container's namespace is there, and not looked after. */
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
};

/* Start it.  Fine when the container needs none. */
int container_net_start(struct container_net *n, struct engine *en, const struct container_spec *s,
			const char *id, const char *name, struct err *e);
/* The tap device that the container is to make, or NULL. */
const struct tap_config *container_net_tap(const struct container_net *n, struct tap_config *buf);
/* Give it what the container handed over: the tap, or its namespace.  FD stays the caller's. */
int container_net_connect(struct container_net *n, int fd, struct err *e);
/* It has died: start it again for the running container, with the same addresses. */
int container_net_again(struct container_net *n, struct err *e);
void container_net_done(struct container_net *n);

/* Descriptors of "cove __network ID". */
enum { CONTAINER_NET_FD_ANSWER = 3, CONTAINER_NET_FD_NETNS = 4 };
/* "cove __network ID", for a monitor that had become slim: do it again and send the new control
 * socket over the first of them.  ARGS without the first word.  The exit status. */
int container_net_main(struct engine *en, char *const *args, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The role member: a container's side of its bridge networks (program cove-member).  It holds the
 * connections to the networks' switches, starts a switch where there is none and again when one
 * dies, publishes the container's ports, and connects and disconnects networks while the container
 * runs; the ports follow.  It stands in the place of the role net, with the same struct net and the
 *same rules for its end (net.h).
 *
 *	engine                                    member
 *	{"id", "name", "networks": [...],
 *	 "ports": [...]}                 ---->
 *	                                 <----    {"networks": {NAME: {...}},
 *	                                           "nameservers": [...]}, or an error
 *	'T', with the namespace          ---->
 *	                                 <----    struct net_answer
 *	end of file                      ---->
 *
 * A member of "networks": {"network": {as `network inspect`}, "interface": "eth0", "names": [...],
 * "addresses": [...], "mac": ...}. */
#ifndef COVE_NETNS_MEMBER_H
#define COVE_NETNS_MEMBER_H

#include <json-c/json_object.h>

#include "netns/net.h"

/* Descriptors of the program; MEMBER_FD_STATE is the container's runtime directory, where it
 * listens as "net" and keeps "network.json". */
enum { MEMBER_FD_CONTROL = 3, MEMBER_FD_RUN = 4, MEMBER_FD_STATE = 5 };

/* Start it and wait for the addresses: in *RET_STATUS (owned) "networks" maps each network's name
 * to
 * {"interface", "addresses", "prefixes", "gateways", "mac"}, and "nameservers" is for resolv.conf.
 * RUN_FD is the runtime directory,
 * STATE_FD that of the container.  OUTLIVE: as in struct net_config.  The
 * caller is in the user's namespace. */
int member_start(json_object *hello, int run_fd, int state_fd, int outlive, struct net *ret,
		 json_object **ret_status, struct err *e);
/* forwards.c: [{"host_ip", "host_port", "container_port", "protocol"}] as an array of as many
 * (owned), or NULL when out of memory. */
struct net_forward *net_forwards(json_object *ports);

/* Ask the member of a running container: {"op": "connect", as a member of "networks"} or
 * {"op": "disconnect", "name": NAME}.  *RET_STATUS (owned) is as above. */
int member_ask(int state_fd, json_object *question, json_object **ret_status, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A container on bridge networks. */
#ifndef COVE_CONTAINER_NETWORKS_H
#define COVE_CONTAINER_NETWORKS_H

#include <json-c/json_object.h>

#include "netns/net.h"
#include "src/container/spec.h"
#include "src/store/engine.h"

/* The networks of a container that is to be started, as its member process wants them
 * (netns/member.h); *RET owned, NULL when it is on none.  -ENOENT when one is gone. */
int networks_of(struct engine *en, const struct container_spec *s, const char *id, const char *name,
		json_object **ret, struct err *e);
/* Start the member process of container ID: addresses are there when this returns, *RET_STATUS
 * (owned) is what network.json will say. */
int networks_start(struct engine *en, const char *id, const char *name, json_object *networks,
		   json_object *ports, int outlive, struct net *ret, json_object **ret_status,
		   struct err *e);
/* What a running container has now: {"networks": {NAME: {"interface", "addresses", "prefixes",
 * "gateways", "mac"}}}.  Owned, NULL when it has none. */
json_object *networks_status(struct engine *en, const char *id);
/* The Nth string of a status's LIST ("addresses", "gateways") that is of the IPv4 (V6 0) or IPv6
 * family; its place goes to *RET_AT unless NULL.  NULL: there is none. */
const char *networks_first(json_object *status, const char *list, int v6, size_t *ret_at);

/* Connect container REF to NETWORK, at once when it runs, and for its next starts.  WANTED: a
 * member of the spec's networks without its name.  -EINVAL: it is not on bridge networks; -EEXIST:
 * it is connected already. */
int container_network_connect(struct engine *en, const char *network, const char *ref,
			      json_object *wanted, struct err *e);
/* And the other way; -ENOENT when it is not connected. */
int container_network_disconnect(struct engine *en, const char *network, const char *ref,
				 struct err *e);
/* Connect a running container anew to all its networks. */
int container_network_reload(struct engine *en, const char *ref, struct err *e);

/* IDs of all containers that are on network NAME (owned list). */
int networks_users(struct engine *en, const char *name, char ***ret, struct err *e);
/* {ID: [names of its networks]} of the containers that are on any.  Owned. */
int networks_names(struct engine *en, json_object **ret, struct err *e);
/* The running ones, as `network inspect` shows them: {ID: {"name", "interfaces": {...}}}.  Owned.
 */
int networks_members(struct engine *en, const char *name, json_object **ret, struct err *e);

#endif

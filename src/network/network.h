/* SPDX-License-Identifier: Apache-2.0 */
/* Bridge networks as users name them: records.  What makes them real while containers run is
 * netns/switch.h. */
#ifndef COVE_NETWORK_NETWORK_H
#define COVE_NETWORK_NETWORK_H

#include <json-c/json_object.h>

#include "src/store/engine.h"
#include "src/util/err.h"
#include "src/util/scoped.h"

/* The network that is always there; others may not have its name. */
#define NETWORK_DEFAULT "podman"

struct network_create_options {
	const char *name; /* NULL: one is made up */
	const char *driver;
	char **subnet, **gateway, **ip_range, **dns, **route;
	int ipv6, internal, disable_dns, ignore;
	const char *interface_name, *ipam_driver;
	char **label, **opt; /* KEY[=VALUE] */
};

/* Make a network; *RET_NAME (owned) is its name.  -EEXIST "network name NAME already used: network
 * already exists" (with ignore: fine), -EINVAL for options that cannot be, -ENOTSUP for drivers
 * that need root. */
int network_create(struct engine *en, const struct network_create_options *o, char **ret_name,
		   struct err *e);

/* The document of network REF, a name, an ID or the unique beginning of one: as `network inspect`
 * shows it, but for its containers.  Owned.  -ENOENT "unable to find network with name or ID REF:
 * network not found". */
int network_find(struct engine *en, const char *ref, json_object **ret, struct err *e);
/* All of them, by name, the default one included. */
int network_list(struct engine *en, json_object **ret, struct err *e);
/* Remove the record of NETWORK. */
int network_forget(struct engine *en, json_object *network, struct err *e);
/* Replace the document of a network that has been found. */
int network_store(struct engine *en, json_object *network, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Names for a container on several networks.  Each network's name server knows its own containers
 * only, and resolvers believe the first one that says no: so such a container has a name server of
 * its own on its loopback, which asks those of its networks one after the other. */
#ifndef COVE_NETNS_RESOLVER_H
#define COVE_NETNS_RESOLVER_H

#include <json-c/json_object.h>

#include "src/util/err.h"
#include "src/util/proc.h"

#define RESOLVER_ADDRESS "127.0.0.11"

struct resolver {
	struct child child;
	int control; /* its end of file ends it */
};
#define RESOLVER_NONE                                  \
	{                                              \
		.child = CHILD_NONE, .control = -EBADF \
	}

/* Fork it inside NETNS; SERVERS is a list of addresses. */
int resolver_start(struct resolver *r, int netns, json_object *servers, struct err *e);
/* Fine when there is none. */
void resolver_end(struct resolver *r);

#endif

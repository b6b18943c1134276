/* SPDX-License-Identifier: Apache-2.0 */
/* Which connections the role accel makes. */
#ifndef COVE_NETNS_ACCEL_RULES_H
#define COVE_NETNS_ACCEL_RULES_H

#include "netns/accel_protocol.h"
#include "netns/port.h"
#include "netns/subnet.h"

struct accel_rules {
	struct subnet v4, v6;
	int has_v6;	    /* the container has a way out for it */
	struct addr own[2]; /* the container's addresses: IPv4, IPv6 */
};

/* From the engine's message: -EPROTO when it makes no sense. */
int accel_rules_make(const struct accel_hello *h, struct accel_rules *ret);

/* Would the private network pass a connection of a socket of FAMILY to ADDRESS (N bytes that the
 * container gave) on to the host's network, to that very address?  Then 1, and *RET is the address,
 * with the bytes that say nothing set to zero.  Not so: loopback, link-local addresses and those of
 * no single host, and the private network itself with the doors that it has to the host. */
int accel_decide(const struct accel_rules *rules, int family, const void *address, size_t n,
		 union address *ret);

/* Is ADDRESS the container's own: loopback, its address on the private network, or none given?
 * Then 1, and *RET as above. */
int accel_is_own(const struct accel_rules *rules, int family, const void *address, size_t n,
		 union address *ret);

#endif

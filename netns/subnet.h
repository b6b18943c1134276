/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and subnets of both families, as bytes in network order. */
#ifndef COVE_NETNS_SUBNET_H
#define COVE_NETNS_SUBNET_H

#include <json-c/json_object.h>
#include <netinet/in.h>
#include <stddef.h>

#include "src/util/err.h"

#define ADDR_TEXT INET6_ADDRSTRLEN

struct addr {
	int family; /* AF_INET, AF_INET6; 0: none */
	unsigned char b[16];
};

struct subnet {
	struct addr base; /* host bits are 0 */
	int prefix;
	struct addr gateway;	 /* family 0: none */
	struct addr first, last; /* what containers get unasked */
};

/* Text to address: 0, or -EINVAL. */
int addr_parse(const char *text, struct addr *ret);
/* Address to text in BUF (ADDR_TEXT bytes), which is returned. */
const char *addr_text(const struct addr *a, char *buf);
size_t addr_size(const struct addr *a); /* 4 or 16 */
/* -1, 0, 1 as memcmp, addresses of one family. */
int addr_compare(const struct addr *a, const struct addr *b);
/* The address N after (or before) A. */
struct addr addr_add(const struct addr *a, int n);

/* "10.89.0.0/24": base and prefix; gateway the first address, range from there to the last one that
 * can be had.  -EINVAL when it is not a subnet with at least one address beside the gateway. */
int subnet_parse(const char *text, struct subnet *ret);
int subnet_has(const struct subnet *s, const struct addr *a);
int subnet_overlaps(const struct subnet *a, const struct subnet *b);
/* The last address that a host may have: before the broadcast address of IPv4. */
struct addr subnet_last(const struct subnet *s);
/* From a member of a network's "subnets": {"subnet", "gateway", "lease_range": {"start_ip",
 * "end_ip"}}. -EINVAL with what is wrong. */
int subnet_of_json(json_object *o, struct subnet *ret, struct err *e);

#endif

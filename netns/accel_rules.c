/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/accel_rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "src/util/scoped.h"

#define SIN6_SIZE_MIN 24 /* without sin6_scope_id, as RFC 2133 had it; ipv6(7) */

static int make_subnet(const struct net_family *f, int family, struct subnet *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->prefix = f->prefix;
	if (addr_parse(f->network, &ret->base) < 0 || ret->base.family != family || f->prefix < 1 ||
	    f->prefix > (family == AF_INET ? 30 : 126))
		return -EPROTO;
	return 0;
}

int accel_rules_make(const struct accel_hello *h, struct accel_rules *ret)
{
	int r = h->version == ACCEL_VERSION ? 0 : -EPROTO;

	memset(ret, 0, sizeof(*ret));
	if (r == 0)
		r = make_subnet(&h->addresses.v4, AF_INET, &ret->v4);
	ret->has_v6 = h->addresses.v6.network[0] != '\0';
	if (r == 0 && ret->has_v6)
		r = make_subnet(&h->addresses.v6, AF_INET6, &ret->v6);
	if (r == 0 && addr_parse(h->addresses.v4.container, &ret->own[0]) < 0)
		r = -EPROTO;
	if (r == 0 && ret->has_v6 && addr_parse(h->addresses.v6.container, &ret->own[1]) < 0)
		r = -EPROTO;
	return r;
}

static int is_in(const struct addr *a, const unsigned char *net, int bits)
{
	int whole = bits / 8, mask = 0xff00 >> bits % 8 & 0xff;

	return memcmp(a->b, net, (size_t)whole) == 0 &&
	       (bits % 8 == 0 || (a->b[whole] & mask) == (net[whole] & mask));
}

static int leaves_v4(const struct accel_rules *rules, const struct addr *a)
{
	static const struct {
		unsigned char net[4];
		int bits;
	} rows[] = {
		{ { 0 }, 8 },	      /* this host */
		{ { 127 }, 8 },	      /* loopback */
		{ { 169, 254 }, 16 }, /* link-local, where clouds keep their metadata */
		{ { 224 }, 3 },	      /* multicast, reserved, broadcast */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (is_in(a, rows[i].net, rows[i].bits))
			return 0;
	return !subnet_has(&rules->v4, a);
}

static int leaves_v6(const struct accel_rules *rules, const struct addr *a)
{
	static const struct {
		unsigned char net[16];
		int bits;
	} rows[] = {
		{ { 0 }, 80 },		/* unspecified, loopback, IPv4 written as IPv6 */
		{ { 0xfe, 0x80 }, 10 }, /* link-local */
		{ { 0xfe, 0xc0 }, 10 }, /* site-local */
		{ { 0xff }, 8 },	/* multicast */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (is_in(a, rows[i].net, rows[i].bits))
			return 0;
	return rules->has_v6 && !subnet_has(&rules->v6, a);
}

/* What the container gave, without the bytes that say nothing; *RET_ADDR is of the family that is
 * meant: IPv4 written as IPv6 is IPv4.  0: nothing of FAMILY. */
static int read_address(int family, const void *address, size_t n, union address *ret,
			struct addr *ret_addr)
{
	static const unsigned char mapped[16] = { [10] = 0xff, [11] = 0xff };
	struct addr a = { .family = family };
	union address out;

	memset(&out, 0, sizeof(out));
	if (family == AF_INET && n >= sizeof(out.in)) {
		memcpy(&out.in, address, sizeof(out.in));
		memset(out.in.sin_zero, 0, sizeof(out.in.sin_zero));
		memcpy(a.b, &out.in.sin_addr, 4);
	} else if (family == AF_INET6 && n >= SIN6_SIZE_MIN) {
		memcpy(&out.in6, address, n < sizeof(out.in6) ? n : sizeof(out.in6));
		out.in6.sin6_scope_id = 0; /* of link-local addresses only */
		out.in6.sin6_flowinfo = 0;
		memcpy(a.b, &out.in6.sin6_addr, 16);
	} else {
		return 0;
	}
	if (out.any.sa_family != family)
		return 0;
	*ret = out;
	*ret_addr = a;
	if (family == AF_INET6 && is_in(&a, mapped, 96)) {
		*ret_addr = (struct addr){ .family = AF_INET };
		memcpy(ret_addr->b, a.b + 12, 4);
	}
	return 1;
}

int accel_decide(const struct accel_rules *rules, int family, const void *address, size_t n,
		 union address *ret)
{
	struct addr a;

	if (!read_address(family, address, n, ret, &a))
		return 0;
	return a.family == AF_INET ? leaves_v4(rules, &a) : leaves_v6(rules, &a);
}

int accel_is_own(const struct accel_rules *rules, int family, const void *address, size_t n,
		 union address *ret)
{
	static const unsigned char loopback[2][16] = { { 127 }, { [15] = 1 } }, none[16];
	struct addr a;
	int v6, bits;

	if (!read_address(family, address, n, ret, &a))
		return 0;
	v6 = a.family == AF_INET6;
	bits = v6 ? 128 : 32;
	return is_in(&a, loopback[v6], v6 ? 128 : 8) || is_in(&a, none, bits) ||
	       (rules->own[v6].family && is_in(&a, rules->own[v6].b, bits));
}

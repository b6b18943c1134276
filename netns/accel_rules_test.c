/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/accel_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/util/scoped.h"
#include "src/util/testing.h"

static struct accel_hello hello(void)
{
	struct accel_hello h;
	memset(&h, 0, sizeof(h));
	h.version = ACCEL_VERSION;
	h.addresses = net_private;
	return h;
}

TEST(only_what_the_private_network_passes_on_is_accelerated)
{
	static const struct {
		int family;
		const char *ip;
		int leaves, is_own;
	} rows[] = {
		{ AF_INET, "192.0.2.2", 1, 0 },
		{ AF_INET, "10.0.3.1", 1, 0 },
		{ AF_INET, "172.17.0.1", 1, 0 },
		{ AF_INET, "1.1.1.1", 1, 0 },
		{ AF_INET, "223.255.255.255", 1, 0 },
		{ AF_INET, "169.253.0.1", 1, 0 },
		{ AF_INET, "10.0.2.2", 0, 0 },
		{ AF_INET, "10.0.2.3", 0, 0 },
		{ AF_INET, "10.0.2.100", 0, 1 },
		{ AF_INET, "0.0.0.0", 0, 1 },
		{ AF_INET, "0.1.2.3", 0, 0 },
		{ AF_INET, "127.0.0.1", 0, 1 },
		{ AF_INET, "127.255.255.254", 0, 1 },
		{ AF_INET, "169.254.169.254", 0, 0 },
		{ AF_INET, "224.0.0.1", 0, 0 },
		{ AF_INET, "240.0.0.1", 0, 0 },
		{ AF_INET, "255.255.255.255", 0, 0 },
		{ AF_INET6, "2001:db8::1", 1, 0 },
		{ AF_INET6, "fd01::1", 1, 0 },
		{ AF_INET6, "fd00:0:0:1::1", 1, 0 },
		{ AF_INET6, "fd00::2", 0, 0 },
		{ AF_INET6, "fd00::100", 0, 1 },
		{ AF_INET6, "::", 0, 1 },
		{ AF_INET6, "::1", 0, 1 },
		{ AF_INET6, "::127.0.0.1", 0, 0 },
		{ AF_INET6, "fe80::1", 0, 0 },
		{ AF_INET6, "febf::1", 0, 0 },
		{ AF_INET6, "fec0::1", 0, 0 },
		{ AF_INET6, "ff02::1", 0, 0 },
		{ AF_INET6, "::ffff:192.0.2.2", 1, 0 },
		{ AF_INET6, "::ffff:127.0.0.1", 0, 1 },
		{ AF_INET6, "::ffff:169.254.169.254", 0, 0 },
		{ AF_INET6, "::ffff:10.0.2.2", 0, 0 },
		{ AF_INET6, "::ffff:10.0.2.100", 0, 1 },
		{ AF_INET6, "::2", 0, 0 },
		{ AF_INET6, "::ffff:0.0.0.0", 0, 1 },
	};
	struct accel_hello h = hello();
	struct accel_rules rules;

	CHECK_INT(accel_rules_make(&h, &rules), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		union address a, out;
		socklen_t n = address_make(&a, rows[i].family, rows[i].ip, 80);
		CHECK_INT(accel_decide(&rules, rows[i].family, &a, n, &out), rows[i].leaves);
		CHECK_INT(accel_is_own(&rules, rows[i].family, &a, n, &out), rows[i].is_own);
		/* Of the other family, or too short. */
		CHECK_INT(accel_decide(&rules, rows[i].family == AF_INET ? AF_INET6 : AF_INET, &a,
				       n, &out),
			  0);
		CHECK_INT(accel_decide(&rules, rows[i].family, &a, 15, &out), 0);
	}
}

TEST(networks_of_other_addresses_have_their_own_rules)
{
	struct accel_hello h = hello();
	struct accel_rules rules;
	union address a, out;
	socklen_t n;

	(void)snprintf(h.addresses.v4.network, sizeof(h.addresses.v4.network), "10.9.0.0");
	h.addresses.v6.network[0] = '\0';
	CHECK_INT(accel_rules_make(&h, &rules), 0);
	n = address_make(&a, AF_INET, "10.9.0.2", 80);
	CHECK_INT(accel_decide(&rules, AF_INET, &a, n, &out), 0);
	n = address_make(&a, AF_INET, "10.0.2.2", 80);
	CHECK_INT(accel_decide(&rules, AF_INET, &a, n, &out), 1);
	n = address_make(&a, AF_INET6, "2001:db8::1", 80);
	CHECK_INT(accel_decide(&rules, AF_INET6, &a, n, &out), 0); /* without IPv6 */
	n = address_make(&a, AF_INET6, "::ffff:192.0.2.2", 80);
	CHECK_INT(accel_decide(&rules, AF_INET6, &a, n, &out), 1);
	h.version++;
	CHECK_INT(accel_rules_make(&h, &rules), -EPROTO);
	h = hello();
	h.addresses.v4.prefix = 0;
	CHECK_INT(accel_rules_make(&h, &rules), -EPROTO);
}

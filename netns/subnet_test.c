/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/subnet.h"

#include <errno.h>

#include "src/util/scoped.h"
#include "src/util/testing.h"

TEST(subnets_are_parsed)
{
	static const struct {
		const char *text;
		int r;
		const char *base, *gateway, *last;
	} rows[] = {
		{ "10.89.0.0/24", 0, "10.89.0.0", "10.89.0.1", "10.89.0.254" },
		{ "10.89.0.77/24", 0, "10.89.0.0", "10.89.0.1", "10.89.0.254" },
		{ "10.88.0.0/16", 0, "10.88.0.0", "10.88.0.1", "10.88.255.254" },
		{ "192.168.7.8/30", 0, "192.168.7.8", "192.168.7.9", "192.168.7.10" },
		{ "fd00:1::/64", 0, "fd00:1::", "fd00:1::1", "fd00:1::ffff:ffff:ffff:ffff" },
		{ "10.0.0.0", -EINVAL, NULL, NULL, NULL },
		{ "10.0.0.0/", -EINVAL, NULL, NULL, NULL },
		{ "10.0.0.0/31", -EINVAL, NULL, NULL, NULL },
		{ "10.0.0.0/0", -EINVAL, NULL, NULL, NULL },
		{ "10.0.0.0/24x", -EINVAL, NULL, NULL, NULL },
		{ "10.0.0/24", -EINVAL, NULL, NULL, NULL },
		{ "fd00::/127", -EINVAL, NULL, NULL, NULL },
		{ "", -EINVAL, NULL, NULL, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct subnet s;
		struct addr last;
		char text[ADDR_TEXT];
		CHECK_INT(subnet_parse(rows[i].text, &s), rows[i].r);
		if (rows[i].r < 0)
			continue;
		last = subnet_last(&s);
		CHECK_STR(addr_text(&s.base, text), rows[i].base);
		CHECK_STR(addr_text(&s.gateway, text), rows[i].gateway);
		CHECK_STR(addr_text(&last, text), rows[i].last);
	}
}

TEST(addresses_are_counted)
{
	struct addr a;
	char text[ADDR_TEXT];

	CHECK_INT(addr_parse("10.89.0.255", &a), 0);
	a = addr_add(&a, 1);
	CHECK_STR(addr_text(&a, text), "10.89.1.0");
	a = addr_add(&a, -1);
	CHECK_STR(addr_text(&a, text), "10.89.0.255");
	CHECK_INT(addr_parse("fd00::ffff:ffff", &a), 0);
	a = addr_add(&a, 2);
	CHECK_STR(addr_text(&a, text), "fd00::1:0:1");
}

TEST(subnets_overlap)
{
	struct subnet a, b, c;

	CHECK_INT(subnet_parse("10.89.0.0/16", &a), 0);
	CHECK_INT(subnet_parse("10.89.3.0/24", &b), 0);
	CHECK_INT(subnet_parse("10.90.3.0/24", &c), 0);
	CHECK(subnet_overlaps(&a, &b) && subnet_overlaps(&b, &a));
	CHECK(!subnet_overlaps(&a, &c) && !subnet_overlaps(&c, &b));
}

TEST_MAIN

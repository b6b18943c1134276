/* SPDX-License-Identifier: Apache-2.0 */
#include "userns/idmap.h"

#include <errno.h>

#include "src/util/scoped.h"
#include "src/util/testing.h"

TEST(add_merges_neighbours)
{
	scoped(idmap) struct idmap m = IDMAP_NONE;

	CHECK_INT(idmap_add(&m, 0, 1000, 1), 0);
	CHECK_INT(idmap_add(&m, 1, 100000, 10), 0);
	CHECK_INT(idmap_add(&m, 11, 100010, 10), 0);
	CHECK_INT(m.n, 2);
	CHECK_INT(m.extent[1].count, 20);
	CHECK_INT(idmap_add(&m, 21, 300000, 1), 0);
	CHECK_INT(m.n, 3);
	CHECK_INT(idmap_total(&m), 22);
}

TEST(append_keeps_neighbours_apart)
{
	scoped(idmap) struct idmap m = IDMAP_NONE;

	CHECK_INT(idmap_append(&m, 0, 5, 1), 0);
	CHECK_INT(idmap_append(&m, 1, 6, 1), 0);
	CHECK_INT(m.n, 2);
}

TEST(add_refuses_overlaps)
{
	scoped(idmap) struct idmap m = IDMAP_NONE;

	CHECK_INT(idmap_add(&m, 10, 1000, 10), 0);
	CHECK_INT(idmap_add(&m, 19, 5000, 1), -EEXIST);
	CHECK_INT(idmap_add(&m, 0, 5000, 11), -EEXIST);
	CHECK_INT(idmap_add(&m, 0, 1009, 1), -EEXIST);
	CHECK_INT(idmap_add(&m, 0, 990, 10), 0);
	/* Growing the last line over another one. */
	CHECK_INT(idmap_add(&m, 100, 2000, 5), 0);
	CHECK_INT(idmap_add(&m, 50, 3000, 10), 0);
	CHECK_INT(idmap_add(&m, 60, 3010, 41), -EEXIST);
	CHECK_INT(m.n, 4);
	CHECK_INT(idmap_total(&m), 35);
}

TEST(add_refuses_what_reaches_the_invalid_id)
{
	scoped(idmap) struct idmap m = IDMAP_NONE;

	CHECK_INT(idmap_add(&m, 0, 0, 0), -ERANGE);
	CHECK_INT(idmap_add(&m, 4294967294U, 0, 2), -ERANGE);
	CHECK_INT(idmap_add(&m, 0, 4294967295U, 1), -ERANGE);
	CHECK_INT(idmap_add(&m, 0, 1, 4294967295U), -ERANGE);
	CHECK_INT(m.n, 0);
	CHECK_INT(idmap_add(&m, 0, 0, 4294967295U), 0);
}

TEST(add_stops_at_340_lines)
{
	scoped(idmap) struct idmap m = IDMAP_NONE;

	for (uint32_t i = 0; i < IDMAP_EXTENTS_MAX; i++)
		CHECK_INT(idmap_add(&m, 2 * i, 5000 + 2 * i, 1), 0);
	CHECK_INT(idmap_add(&m, 4000, 90000, 1), -E2BIG);
	CHECK_INT(m.n, IDMAP_EXTENTS_MAX);
}

TEST(lookup_finds_both_ends_of_a_range)
{
	scoped(idmap) struct idmap m = IDMAP_NONE;
	uint32_t id = 7;

	CHECK_INT(idmap_add(&m, 0, 1000, 1), 0);
	CHECK_INT(idmap_add(&m, 1, 100000, 65536), 0);
	CHECK_INT(idmap_lookup(&m, 0, &id), 0);
	CHECK_INT(id, 1000);
	CHECK_INT(idmap_lookup(&m, 1, &id), 0);
	CHECK_INT(id, 100000);
	CHECK_INT(idmap_lookup(&m, 65536, &id), 0);
	CHECK_INT(id, 165535);
	CHECK_INT(idmap_lookup(&m, 65537, &id), -ENOENT);
	CHECK_INT(idmap_lookup(&m, 4294967295U, &id), -ENOENT);
	CHECK_INT(id, 165535);
}

TEST(same_does_not_look_at_the_order)
{
	scoped(idmap) struct idmap a = IDMAP_NONE;
	scoped(idmap) struct idmap b = IDMAP_NONE;
	scoped(idmap) struct idmap c = IDMAP_NONE;

	CHECK_INT(idmap_parse("0 1000 1\n1 100000 10\n", &a), 0);
	CHECK_INT(idmap_parse("1 100000 10\n0 1000 1\n", &b), 0);
	CHECK_INT(idmap_parse("0 1000 1\n1 100000 9\n10 200000 1\n", &c), 0);
	CHECK(idmap_same(&a, &b));
	CHECK(!idmap_same(&a, &c));
	CHECK(!idmap_same(&c, &a));
}

/* The ends of a line agree, what lies between does not: a map in two lines against one with them
 * swapped. */
TEST(same_sees_the_middle)
{
	scoped(idmap) struct idmap a = IDMAP_NONE;
	scoped(idmap) struct idmap b = IDMAP_NONE;

	CHECK_INT(idmap_parse("0 100 4\n", &a), 0);
	CHECK_INT(idmap_parse("0 100 1\n1 102 1\n2 101 1\n3 103 1\n", &b), 0);
	CHECK(!idmap_same(&a, &b));
	CHECK(!idmap_same(&b, &a));
}

TEST(parse_takes_what_the_kernel_prints)
{
	static const struct {
		const char *text, *again; /* NULL: refused */
	} t[] = {
		{ "         0       1000          1\n         1     100000      65536\n",
		  "0 1000 1\n1 100000 65536\n" },
		{ "         0          0 4294967295\n", "0 0 4294967295\n" },
		{ "0 1000 1", "0 1000 1\n" },
		{ "", "" },
		{ "0 1000\n", NULL },
		{ "0 1000 1 1\n", NULL },
		{ "0 1000 x\n", NULL },
		{ "-1 0 1\n", NULL },
		{ "0 0 4294967296\n", NULL },
		{ "0 0 99999999999999999999\n", NULL },
		{ "0 1000 1\n0 2000 1\n", NULL },
		{ "\n", NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(idmap) struct idmap m = IDMAP_NONE;
		scoped(mem) char *again = NULL;
		CHECK_INT(idmap_parse(t[i].text, &m), t[i].again ? 0 : -EBADMSG);
		if (!t[i].again)
			continue;
		again = idmap_text(&m);
		CHECK_STR(again, t[i].again);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "userns/subid.h"

#include "src/util/scoped.h"
#include "src/util/testing.h"

TEST(parse_takes_the_users_lines_only)
{
	struct subid_range r[8];
	size_t n = subid_parse(
		"root:1:2\nann:100000:65536\nannabel:5:5\n1001:300000:10\nann:200000:5\n", "ann",
		1001, r, 8);

	CHECK_INT(n, 3);
	CHECK_INT(r[0].first, 100000);
	CHECK_INT(r[0].count, 65536);
	CHECK_INT(r[1].first, 300000);
	CHECK_INT(r[2].first, 200000);
	CHECK_INT(r[2].count, 5);
}

TEST(parse_passes_over_what_is_no_range)
{
	static const char *const bad[] = {
		"",
		"ann",
		"ann:",
		"ann:1",
		"ann:1:",
		"ann::1",
		"ann:1:0",
		"ann:-1:5",
		"ann:1:5:6",
		"ann: 1:5",
		"ann:1x:5",
		"ann:0x10:5",
		"ann:4294967295:1",
		"ann:4294967294:2",
		"ann:1:4294967295",
		"#ann:1:5",
		" ann:1:5",
		"ann:99999999999999999999:5",
	};
	struct subid_range r[8];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[256];
		(void)snprintf(text, sizeof(text), "%s\nann:7:8\n", bad[i]);
		if (subid_parse(text, "ann", 1001, r, 8) != 1 || r[0].first != 7)
			TEST_FAIL("'%s' was taken", bad[i]);
	}
}

TEST(parse_minds_its_limit_and_the_missing_newline)
{
	struct subid_range r[2] = { { 0, 0 }, { 0, 0 } };

	CHECK_INT(subid_parse("a:1:1\na:2:1\na:3:1\n", "a", 5, r, 2), 2);
	CHECK_INT(subid_parse("a:9:1", "a", 5, r, 2), 1);
	CHECK_INT(r[0].first, 9);
	CHECK_INT(subid_parse("5:4:1", NULL, 5, r, 2), 1);
	CHECK_INT(subid_parse("a:1:1\n", "a", 5, r, 0), 0);
}

TEST(nss_sources)
{
	static const struct {
		const char *text;
		int remote;
	} t[] = {
		{ "", 0 },
		{ "passwd: files sss\n", 0 },
		{ "subid: files\n", 0 },
		{ "subid: sss\n", 1 },
		{ "passwd: files\n subid:\tfiles sss # both\n", 1 },
		{ "subid: files # sss\n", 0 },
		{ "#subid: sss\n", 0 },
		{ "subid:sss", 1 },
		{ "subid:", 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (subid_nss_is_remote(t[i].text) != t[i].remote)
			TEST_FAIL("'%s' is %s", t[i].text, t[i].remote ? "remote" : "local");
}

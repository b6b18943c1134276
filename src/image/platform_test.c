/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/platform.h"

#include <errno.h>

#include "src/util/scoped.h"
#include "src/util/testing.h"

TEST(platform_names)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "linux/amd64", "linux/amd64" },      { "x86_64", "linux/amd64" },
		{ "linux/aarch64", "linux/arm64/v8" }, { "arm/v6", "linux/arm/v6" },
		{ "linux/arm/v5", "linux/arm/v5" },    { "s390x", "linux/s390x" },
		{ "windows/amd64", "windows/amd64" },
	};
	char buf[100];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct platform p;
		struct err e = { 0 };

		CHECK_INT(platform_parse(rows[i].in, &p, &e), 0);
		CHECK_STR(platform_format(&p, buf), rows[i].out);
	}
}

TEST(platform_refuses)
{
	static const char *const rows[] = {
		"", "/", "linux/", "a/b/c/d", "linux/a b", "linux/\x1b"
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct platform p;
		struct err e = { 0 };

		CHECK_INT(platform_parse(rows[i], &p, &e), -EINVAL);
	}
}

static int score(const char *want, const char *have)
{
	struct platform w, h;
	struct err e = { 0 };

	(void)platform_parse(want, &w, &e);
	(void)platform_parse(have, &h, &e);
	return platform_score(&w, &h);
}

TEST(platform_scores)
{
	CHECK(score("linux/amd64", "linux/amd64") > score("linux/amd64", "linux/amd64/v1"));
	CHECK_INT(score("linux/amd64", "linux/amd64/v3"), 0);
	CHECK_INT(score("linux/amd64", "linux/arm64"), 0);
	CHECK_INT(score("linux/amd64", "windows/amd64"), 0);
	CHECK(score("linux/arm/v7", "linux/arm/v6") > score("linux/arm/v7", "linux/arm/v5"));
	CHECK_INT(score("linux/arm/v6", "linux/arm/v7"), 0);
	CHECK(score("linux/arm64", "linux/arm64/v8") > 0);
}

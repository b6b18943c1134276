/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/sign_sq.h"

#include <string.h>

#include "src/util/scoped.h"
#include "src/util/testing.h"

TEST(sign_sq_versions)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{ "sq 1.3.1\nusing sequoia-openpgp 2.0.0\n", 1 },
		{ "sq 0.40.0 (sequoia-openpgp 1.22.0)\n", 0 },
		{ "sq 12.0", 12 },
		{ "sq 1", -1 },
		{ "sq x.1", -1 },
		{ "squid 1.2", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_INT(sign_sq_version(cases[i].text), cases[i].want);
}

TEST(sign_sq_says_why)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "\n  Error: AB was not considered\n     0: <unknown>\nbecause: Found no key on "
		  "AB\n",
		  "Found no key on AB" },
		{ "  Error: first\n  Error: second\n", "first" },
		{ "error: invalid value\n", "invalid value" },
		{ "because: one\nbecause: two\nError: three", "two" },
		{ "nothing of the kind", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(mem) char *text = strdup(cases[i].text);

		CHECK_STR(sign_sq_reason(text), cases[i].want);
	}
}

TEST(sign_sq_wants_a_fingerprint)
{
	static const char *const bad[] = { "",
					   "1234",
					   "0x12345678",
					   "--help",
					   "215E944546A4A828B6CC2B376ED16B62E854C05",
					   "215E944546A4A828B6CC2B376ED16B62E854C05g" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = { 0 };

		CHECK_INT(sign_sq_check(bad[i], &e), -EINVAL);
	}
}

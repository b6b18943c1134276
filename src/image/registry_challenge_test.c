/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/registry_challenge.h"

#include <stdlib.h>
#include <string.h>

#include "src/util/scoped.h"
#include "src/util/testing.h"

TEST(challenge_offers)
{
	static const struct {
		const char *value;
		int scheme;
		const char *realm, *service, *scope;
	} rows[] = {
		{ "Basic realm=\"x y\"", CHALLENGE_BASIC, "x y", "-", "-" },
		{ "basic", CHALLENGE_BASIC, "-", "-", "-" },
		{ "Bearer realm=\"https://a/token\",service=\"s\",scope=\"repository:a/b:pull\"",
		  CHALLENGE_BEARER, "https://a/token", "s", "repository:a/b:pull" },
		{ "Bearer realm=\"https://a/t\" , error=\"invalid_token\"", CHALLENGE_BEARER,
		  "https://a/t", "-", "-" },
		{ "Basic realm=b, Bearer realm=\"c\"", CHALLENGE_BEARER, "c", "-", "-" },
		{ "Bearer realm=\"c\", Basic realm=b", CHALLENGE_BEARER, "c", "-", "-" },
		{ "Negotiate, Basic realm=b", CHALLENGE_BASIC, "b", "-", "-" },
		{ "Negotiate YII/ab==, Basic realm=b", CHALLENGE_BASIC, "b", "-", "-" },
		{ "Digest realm=\"d\", nonce=\"n\"", CHALLENGE_NONE, "-", "-", "-" },
		{ "Bearer realm=\"a\\\"b\"", CHALLENGE_BEARER, "a\"b", "-", "-" },
		{ "Bearer realm=\"one\",realm=\"two\"", CHALLENGE_BEARER, "one", "-", "-" },
		{ "", CHALLENGE_NONE, "-", "-", "-" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(challenge) struct challenge c = { 0 };
		struct err e = { 0 };

		CHECK_INT(challenge_parse(rows[i].value, strlen(rows[i].value), &c, &e), 0);
		CHECK_INT(c.scheme, rows[i].scheme);
		CHECK_STR(c.realm ? c.realm : "-", rows[i].realm);
		CHECK_STR(c.service ? c.service : "-", rows[i].service);
		CHECK_STR(c.scope ? c.scope : "-", rows[i].scope);
	}
}

TEST(challenge_refuses)
{
	static const char *const rows[] = {
		"Bearer realm=\"x",
		"Bearer realm=\"x\"y",
		"Bearer realm=\"a\nb\"",
		"=",
		"Bearer \x01",
		"Bearer realm=\"x\\",
		"\"",
		"Bearer@",
	};
	scoped(mem) char *big = calloc(1, 60001);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(challenge) struct challenge c = { 0 };
		struct err e = { 0 };

		if (challenge_parse(rows[i], strlen(rows[i]), &c, &e) != -EBADMSG)
			TEST_FAIL("row %zu was taken", i);
	}
	memset(big, 'a', 60000);
	scoped(challenge) struct challenge c = { 0 };
	struct err e = { 0 };
	CHECK_INT(challenge_parse(big, 60000, &c, &e), -E2BIG);
}

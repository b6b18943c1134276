/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "src/image/registry_error.h"
#include "src/image/registry_token.h"
#include "src/util/testing.h"

TEST(registry_errors_in_the_registrys_words)
{
	static const struct {
		long status;
		const char *body, *text;
	} rows[] = {
		{ 404,
		  "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}",
		  "manifest unknown: manifest unknown" },
		{ 403, "{\"errors\":[{\"code\":\"DENIED\"}]}", "denied" },
		{ 401, "{\"errors\":[]}", "unauthorized: authentication required" },
		{ 401, "", "unauthorized: authentication required" },
		{ 429, "<html>", "toomanyrequests: too many requests to registry" },
		{ 502, "<html>", "unexpected HTTP status 502" },
		{ 500, "{\"errors\":{\"code\":1}}", "unexpected HTTP status 500" },
		{ 400, "{\"errors\":[{\"code\":\"X\",\"message\":\"a\\u001b[31mb\\nc\"}]}",
		  "x: a\\x1b[31mb\\x0ac" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(strbuf) struct strbuf b = STRBUF_INIT;

		registry_error_text(rows[i].status, rows[i].body, strlen(rows[i].body), &b);
		CHECK_STR(b.s, rows[i].text);
	}
}

TEST(registry_tokens)
{
	static const struct {
		const char *answer, *token;
	} rows[] = {
		{ "{\"token\":\"a\"}", "a" },
		{ "{\"access_token\":\"b\",\"expires_in\":60}", "b" },
		{ "{\"token\":\"\",\"access_token\":\"b\"}", "b" },
		{ "{\"token\":\"a\",\"access_token\":\"b\"}", "a" },
		{ "{}", NULL },
		{ "{\"token\":1}", NULL },
		{ "[\"a\"]", NULL },
		{ "", NULL },
		{ "{\"token\":\"a b\"}", NULL },
		{ "{\"token\":\"a\\r\\nX-Header: 1\"}", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(mem) char *token = NULL;
		struct err e = { 0 };

		CHECK_INT(registry_token_parse(rows[i].answer, strlen(rows[i].answer), &token, &e),
			  rows[i].token ? 0 : -EBADMSG);
		CHECK_STR(token ? token : "-", rows[i].token ? rows[i].token : "-");
	}
}

TEST(registry_tokens_fit_a_header)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(mem) char *token = NULL;
	struct err e = { 0 };

	(void)strbuf_puts(&b, "{\"token\":\"");
	for (int i = 0; i < 100000; i++)
		(void)strbuf_putc(&b, 'a');
	(void)strbuf_puts(&b, "\"}");
	CHECK_INT(registry_token_parse(b.s, b.len, &token, &e), -E2BIG);
}

TEST_MAIN

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/toml.h"

#include <string.h>

#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/testing.h"

TEST(toml_reads_what_configuration_files_use)
{
	static const struct {
		const char *toml, *json;
	} rows[] = {
		{ "", "{}" },
		{ "# only a comment", "{}" },
		{ "a = 1\nb=\"x\" # c\n", "{\"a\":1,\"b\":\"x\"}" },
		{ "a = true\nb = false\nc = -7\nd = 0x1F\ne = 1_000\nf = 0o17\n",
		  "{\"a\":true,\"b\":false,\"c\":-7,\"d\":31,\"e\":1000,\"f\":15}" },
		{ "a = ['x', \"y\\n\\u00e9\",]\n", "{\"a\":[\"x\",\"y\\n\xc3\xa9\"]}" },
		{ "a = [\n 'x', # one\n\n 'y'\n]\r\nb = 1", "{\"a\":[\"x\",\"y\"],\"b\":1}" },
		{ "[a.b]\nc = 1\n[a]\nd = 2", "{\"a\":{\"b\":{\"c\":1},\"d\":2}}" },
		{ "[[r]]\np = 'x'\n[[r.m]]\nl = 1\n[[r.m]]\nl = 2\n[[r]]\np = 'y'\n",
		  "{\"r\":[{\"p\":\"x\",\"m\":[{\"l\":1},{\"l\":2}]},{\"p\":\"y\"}]}" },
		{ "a.\"b.c\".d = { x = 1, y = [2, {append=true}] }",
		  "{\"a\":{\"b.c\":{\"d\":{\"x\":1,\"y\":[2,{\"append\":true}]}}}}" },
		{ "a = \"\"\"\nx \\\n   y\"\"\"\"\nb = '''\\''''",
		  "{\"a\":\"x y\\\"\",\"b\":\"\\\\'\"}" },
		{ "t = 1979-05-27T07:32:00Z\nf = 2.5",
		  "{\"t\":\"1979-05-27T07:32:00Z\",\"f\":2.5}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(json) json_object *o = NULL;
		scoped(mem) char *text = NULL;
		struct err e = { 0 };

		if (toml_parse(rows[i].toml, strlen(rows[i].toml), "f", &o, &e) < 0) {
			TEST_FAIL("row %zu: %s", i, e.text);
			continue;
		}
		text = json_text(o);
		CHECK_STR(text, rows[i].json);
	}
}

TEST(toml_errors_name_the_line)
{
	static const struct {
		const char *toml, *text;
	} rows[] = {
		{ "a = 1\nb", "f: line 2: expected '=' after the key" },
		{ "a = \"x", "f: line 1: string without an end" },
		{ "a = 1\na = 2", "f: line 2: key is given twice" },
		{ "[a]\n[a]", "f: line 2: table is given twice" },
		{ "a = {b = 1}\n[a.c]", "f: line 2: an inline table or array cannot be added to" },
		{ "a = [1]\n[[a]]", "f: line 2: key is given twice" },
		{ "a = 1 2", "f: line 1: something follows the value" },
		{ "a = 01", NULL },
		{ "a = 9223372036854775808", NULL },
		{ "a = \"\\q\"", "f: line 1: unknown escape in a string" },
		{ "a = \"\\ud800\"", "f: line 1: \\u escape is no character" },
		{ "a = \"\001\"", "f: line 1: control character in a string" },
		{ "\n\n[a", "f: line 3: table header without an end" },
		{ "= 1", "f: line 1: expected a key" },
		{ "a = ", "f: line 1: expected a value" },
		{ "a = [1 2]", "f: line 1: expected ',' or ']' in the array" },
		{ "a = 1\n[a.b]", "f: line 2: key is not a table" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(json) json_object *o = NULL;
		struct err e = { 0 };

		CHECK_INT(toml_parse(rows[i].toml, strlen(rows[i].toml), "f", &o, &e),
			  rows[i].text ? -EBADMSG
			  : o	       ? 0
				       : e.code);
		if (rows[i].text)
			CHECK_STR(e.text, rows[i].text);
	}
}

TEST(toml_depth_is_limited)
{
	char deep[200];
	scoped(json) json_object *o = NULL;
	struct err e = { 0 };

	memset(deep, '[', sizeof(deep));
	deep[0] = 'a';
	deep[1] = '=';
	CHECK_INT(toml_parse(deep, sizeof(deep), "f", &o, &e), -EBADMSG);
	CHECK_STR(e.text, "f: line 1: nested too deep");
}

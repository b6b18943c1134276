/* SPDX-License-Identifier: Apache-2.0 */
#include "src/secret/index.h"

#include <errno.h>
#include <string.h>

#include "src/secret/driver.h"
#include "src/util/json.h"
#include "src/util/testing.h"

#define ENTRY(id, name)                                                         \
	"\"" id "\":{\"name\":\"" name "\",\"id\":\"" id                        \
	"\",\"createdAt\":\"2026-01-02T03:04:05.6+01:00\",\"driver\":\"file\"," \
	"\"driverOptions\":{\"path\":\"/p\"}}"
#define INDEX(entries) "{\"secrets\":{" entries "},\"nameToID\":{},\"idToName\":{}}"

static int parse(const char *text, struct secret_list *l)
{
	struct err e;
	err_clear(&e);
	return index_parse(text, strlen(text), l, &e);
}

TEST(index_is_read_and_written)
{
	scoped(secret_list) struct secret_list l = { 0 };
	scoped(secret_list) struct secret_list again = { 0 };
	scoped(mem) char *text = NULL;

	CHECK_INT(parse(INDEX(ENTRY("ab1", "one") "," ENTRY("ab2", "a two")), &l), 0);
	CHECK_INT(l.n, 2);
	CHECK_STR(l.secret[0].name, "one");
	CHECK_STR(l.secret[0].updated, "2026-01-02T03:04:05.6+01:00");
	CHECK_STR(json_get_str(l.secret[0].driver_options, "path"), "/p");
	CHECK_INT(json_object_object_length(l.secret[0].labels), 0);
	text = index_text(&l);
	CHECK(text && strstr(text, "\"nameToID\""));
	CHECK(text && strstr(text, "\"one\": \"ab1\""));
	CHECK_INT(parse(text ? text : "", &again), 0);
	CHECK_INT(again.n, 2);
	CHECK_STR(again.secret[1].name, "a two");
}

TEST(an_empty_index)
{
	scoped(secret_list) struct secret_list l = { 0 };

	CHECK_INT(parse("{}", &l), 0);
	CHECK_INT(parse("{\"secrets\":{}}", &l), 0);
	CHECK_INT(parse("{\"secrets\":null,\"nameToID\":null}", &l), 0);
	CHECK_INT(l.n, 0);
}

TEST(what_is_no_index_is_refused)
{
	static const char *const bad[] = {
		"",
		"[]",
		"null",
		"{\"secrets\":[]}",
		"{\"secrets\":{\"a\":1}}",
		"{\"secrets\":{\"a\":{\"name\":\"n\",\"id\":\"a\"}}}",
		INDEX(ENTRY("../x", "n")),
		INDEX(ENTRY("", "n")),
		INDEX(ENTRY("a", "n") "," ENTRY("b", "n")),
		INDEX(ENTRY("a", "a/b")),
		INDEX(ENTRY("a", "a,b")),
		INDEX(ENTRY("a", "a\\nb")),
		INDEX(ENTRY("a", "")),
		"{\"secrets\":{\"b\":{\"name\":\"n\",\"id\":\"a\",\"createdAt\":\"\",\"driver\":"
		"\"file\"}}}",
		"{\"secrets\":{\"a\":{\"name\":\"n\",\"id\":\"a\",\"createdAt\":\"\",\"driver\":"
		"\"file\",\"labels\":{\"x\":1}}}}",
		"{\"secrets\":{\"a\":{\"name\":\"n\",\"id\":\"a\",\"createdAt\":\"\",\"driver\":"
		"\"file\",\"driverOptions\":[]}}}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		scoped(secret_list) struct secret_list l = { 0 };
		if (parse(bad[i], &l) != -EBADMSG || l.n)
			TEST_FAIL("taken: %s", bad[i]);
	}
}

TEST(found_by_name_id_and_beginning)
{
	scoped(secret_list) struct secret_list l = { 0 };
	static const struct {
		const char *ref, *name;
		int code;
	} t[] = {
		{ "one", "one", 0 },   { "abc1", "one", 0 },	   { "abd", "abd4", 0 },
		{ "abd4", "abd4", 0 }, { "abc", NULL, -EINVAL },   { "on", NULL, -ENOENT },
		{ "", NULL, -ENOENT }, { "abc12", NULL, -ENOENT },
	};

	CHECK_INT(parse(INDEX(ENTRY("abc1", "one") "," ENTRY("abc2", "two") "," ENTRY("abd3",
										      "abd4")),
			&l),
		  0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct secret *s = NULL;
		struct err e;
		err_clear(&e);
		CHECK_INT(index_find(&l, t[i].ref, &s, &e), t[i].code);
		if (s)
			CHECK_STR(s->name, t[i].name);
	}
	index_drop(&l, index_exact(&l, "two"));
	CHECK_INT(l.n, 2);
	CHECK_STR(l.secret[1].name, "abd4");
	CHECK(!index_exact(&l, "abc2"));
}

TEST(data_of_a_file)
{
	static const struct {
		const char *text;
		int code;
		size_t n;
	} t[] = {
		{ "{\"a\":\"aGVsbG8=\",\"b\":\"\"}", 0, 5 },
		{ "{\"a\":\"AGEA\"}", 0, 3 },
		{ "{\"b\":\"aGVsbG8=\"}", -ENOENT, 0 },
		{ "{\"a\":\"!\"}", -EBADMSG, 0 },
		{ "{\"a\":1}", -EBADMSG, 0 },
		{ "[]", -EBADMSG, 0 },
		{ "null", -EBADMSG, 0 },
		{ "", -EBADMSG, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(secret_data) struct secret_data d = { 0 };
		struct err e;
		err_clear(&e);
		CHECK_INT(file_driver_parse(t[i].text, strlen(t[i].text), "a", &d, &e), t[i].code);
		CHECK_INT(d.n, t[i].n);
	}
}

TEST(options_of_drivers)
{
	static const struct {
		const char *driver, *options;
		int code;
	} t[] = {
		{ "file", "{\"path\":\"/a\",\"more\":\"x\"}", 0 },
		{ "file", "{}", -EINVAL },
		{ "file", "{\"path\":\"a\"}", -EINVAL },
		{ "shell", "{\"list\":\"a\",\"lookup\":\"b\",\"store\":\"c\",\"delete\":\"d\"}",
		  0 },
		{ "shell", "{\"list\":\"a\",\"lookup\":\"b\",\"store\":\"c\",\"delete\":\"\"}",
		  -EINVAL },
		{ "shell", "{\"list\":\"a\",\"lookup\":\"b\",\"store\":\"c\"}", -EINVAL },
		{ "shell",
		  "{\"list\":\"a\",\"lookup\":\"b\",\"store\":\"c\",\"delete\":\"d\",\"x\":\"\"}",
		  -EINVAL },
		{ "pass", "{\"root\":\"/nowhere\",\"key\":\"k\"}", 0 },
		{ "pass", "{\"root\":\"nowhere\"}", -EINVAL },
		{ "vault", "{}", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct secret_driver *d = NULL;
		scoped(json) json_object *o = NULL;
		struct err e;
		int r;
		err_clear(&e);
		CHECK_INT(json_parse(t[i].options, strlen(t[i].options), &o, &e), 0);
		r = secret_driver_find(t[i].driver, &d, &e);
		CHECK_INT(r < 0 || !d ? r : d->check(o, &e), t[i].code);
	}
}

TEST_MAIN

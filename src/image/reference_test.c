/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/reference.h"

#include <string.h>

#include "src/util/strbuf.h"
#include "src/util/testing.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(reference_parts)
{
	static const struct {
		const char *in, *registry, *repository, *tag, *digest;
	} rows[] = {
		{ "busybox", NULL, "busybox", NULL, NULL },
		{ "busybox:1.36", NULL, "busybox", "1.36", NULL },
		{ "team/app", NULL, "team/app", NULL, NULL },
		{ "foo:5000", NULL, "foo", "5000", NULL },
		{ "localhost", NULL, "localhost", NULL, NULL },
		{ "localhost/x", "localhost", "x", NULL, NULL },
		{ "localhost:5000/x:y", "localhost:5000", "x", "y", NULL },
		{ "127.0.0.1:5000/a/b-c/d__e:T_1.x", "127.0.0.1:5000", "a/b-c/d__e", "T_1.x",
		  NULL },
		{ "[::1]:5000/a", "[::1]:5000", "a", NULL, NULL },
		{ "docker.io/busybox", "docker.io", "library/busybox", NULL, NULL },
		{ "index.docker.io/team/app", "docker.io", "team/app", NULL, NULL },
		{ "quay.io/a@sha256:" HEX64, "quay.io", "a", NULL, "sha256:" HEX64 },
		{ "quay.io/a:1@sha256:" HEX64, "quay.io", "a", "1", "sha256:" HEX64 },
		{ "a---b/c.d_e", NULL, "a---b/c.d_e", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(reference) struct reference r = { 0 };
		struct err e = { 0 };

		CHECK_INT(reference_parse(rows[i].in, &r, &e), 0);
		CHECK_STR(r.registry ? r.registry : "-", rows[i].registry ? rows[i].registry : "-");
		CHECK_STR(r.repository, rows[i].repository);
		CHECK_STR(r.tag ? r.tag : "-", rows[i].tag ? rows[i].tag : "-");
		CHECK_STR(r.digest ? r.digest : "-", rows[i].digest ? rows[i].digest : "-");
	}
}

TEST(reference_refuses)
{
	static const char *const rows[] = {
		"",
		"/",
		"a/",
		"/a",
		"a//b",
		"a/../b",
		"Busybox",
		"a:",
		"a:.x",
		"a:b/c",
		"a@",
		"a@sha256:",
		"a@sha256:ABC",
		"a@sha256:../../etc/passwd",
		"x.y:port/a",
		"x.y:99999/a",
		"-x.y/a",
		"x-.y/a",
		"x..y/a",
		"[::1/a",
		"a b",
		"a\nb",
		"a%2f",
		"a___b",
		"a._b",
		"-a",
		"a-",
		"..",
		".",
		"http://a/b",
		"a:b:c",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(reference) struct reference r = { 0 };
		struct err e = { 0 };

		if (reference_parse(rows[i], &r, &e) != -EINVAL)
			TEST_FAIL("'%s' was taken", rows[i]);
		CHECK(!strchr(e.text, '\n'));
	}
}

TEST(reference_refuses_other_digests)
{
	scoped(reference) struct reference r = { 0 };
	struct err e = { 0 };

	CHECK_INT(reference_parse("a@sha512:" HEX64, &r, &e), -EINVAL);
	CHECK_INT(reference_parse("a@sha256:" HEX64 "0", &r, &e), -EINVAL);
	CHECK_INT(reference_parse("a@@sha256:" HEX64, &r, &e), -EINVAL);
}

TEST(reference_limits)
{
	char name[300] = { 0 };
	scoped(reference) struct reference r = { 0 };
	struct err e = { 0 };

	memset(name, 'a', 256);
	CHECK_INT(reference_parse(name, &r, &e), -EINVAL);
	name[255] = '\0';
	CHECK_INT(reference_parse(name, &r, &e), 0);
}

TEST(reference_qualify_and_names)
{
	scoped(reference) struct reference r = { 0 };
	struct err e = { 0 };
	scoped(mem) char *name = NULL;
	scoped(mem) char *by_digest = NULL;
	scoped(mem) char *full = NULL;

	CHECK_INT(reference_parse("busybox@sha256:" HEX64, &r, &e), 0);
	CHECK(reference_name(&r) == NULL);
	reference_done(&r);
	CHECK_INT(reference_parse("busybox", &r, &e), 0);
	CHECK_INT(reference_qualify(&r, "docker.io", &e), 0);
	name = reference_name(&r);
	CHECK_STR(name, "docker.io/library/busybox:latest");
	by_digest = reference_digest_name(&r, "sha256:" HEX64);
	CHECK_STR(by_digest, "docker.io/library/busybox@sha256:" HEX64);
	reference_done(&r);
	CHECK_INT(reference_parse("app:2", &r, &e), 0);
	CHECK_INT(reference_qualify(&r, "quay.io/team", &e), 0);
	full = reference_format(&r);
	CHECK_STR(full, "quay.io/team/app:2");
	CHECK_INT(reference_qualify(&r, "not-a-host", &e), -EINVAL);
}

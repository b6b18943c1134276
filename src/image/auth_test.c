/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/auth.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

/* dTpw is u:p, aDpx h:q, bjpy n:r, and dTpwOnA= u:p:p */
static const char file[] = "{\"auths\":{"
			   "\"r.example\":{\"auth\":\"dTpw\"},"
			   "\"r.example/ns\":{\"auth\":\"bjpy\"},"
			   "\"https://old.example/v1/\":{\"auth\":\"dTpwOnA=\"},"
			   "\"https://index.docker.io/v1/\":{\"auth\":\"aDpx\"},"
			   "\"id.example\":{\"identitytoken\":\"tok\"},"
			   "\"store.example\":{},"
			   "\"bad.example\":{\"auth\":\"!!\"}},"
			   "\"credHelpers\":{\"help.example\":\"one\"},\"credsStore\":\"all\"}";

TEST(auth_longest_key_wins)
{
	static const struct {
		const char *registry, *repository;
		int rc;
		const char *text;
	} rows[] = {
		{ "r.example", "app", 1, "u:p" },     { "r.example", "ns/app", 1, "n:r" },
		{ "r.example", "ns", 1, "n:r" },      { "r.example", "nsx/app", 1, "u:p" },
		{ "old.example", "x", 1, "u:p:p" },   { "docker.io", "library/x", 1, "h:q" },
		{ "id.example", "x", 1, "<tok>" },    { "store.example", "x", 2, "all" },
		{ "help.example", "x", 2, "one" },    { "other.example", "x", 2, "all" },
		{ "bad.example", "x", -EBADMSG, "" },
	};
	scoped(json) json_object *o = NULL;
	struct err e = { 0 };

	CHECK_INT(json_parse(file, strlen(file), &o, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(credentials) struct credentials c = { 0 };
		scoped(mem) char *helper = NULL;
		scoped(mem) char *got = NULL;

		CHECK_INT(auth_find(o, rows[i].registry, rows[i].repository, &c, &helper, &e),
			  rows[i].rc);
		if (helper)
			got = strdup(helper);
		else if (c.identity_token)
			got = str_printf("<%s>", c.identity_token);
		else
			got = c.username ? str_printf("%s:%s", c.username, c.password) : strdup("");
		CHECK_STR(got, rows[i].text);
	}
}

TEST(auth_basic_is_base64)
{
	static const struct {
		const char *creds, *basic;
	} rows[] = { { "u:p", "dTpw" }, { "u:p:p", "dTpwOnA=" }, { "user", "dXNlcjo=" } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(credentials) struct credentials c = { 0 };
		scoped(mem) char *basic = NULL;
		struct err e = { 0 };

		CHECK_INT(credentials_parse(rows[i].creds, &c, &e), 0);
		basic = credentials_basic(&c);
		CHECK_STR(basic, rows[i].basic);
	}
}

TEST(auth_helper_answers)
{
	static const struct {
		const char *answer;
		int rc;
	} rows[] = {
		{ "{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"s\"}", 1 },
		{ "{\"Username\":\"<token>\",\"Secret\":\"s\"}", 1 },
		{ "{\"Username\":\"\",\"Secret\":\"\"}", 0 },
		{ "{\"Username\":1,\"Secret\":\"s\"}", -EBADMSG },
		{ "credentials not found", -EBADMSG },
		{ "", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(credentials) struct credentials c = { 0 };
		struct err e = { 0 };

		CHECK_INT(auth_helper_answer(rows[i].answer, strlen(rows[i].answer), &c, &e),
			  rows[i].rc);
	}
}

TEST(auth_runs_helpers)
{
	static const char script[] =
		"#!/bin/sh\nread server || :\n[ \"$1\" = get ] || exit 1\n"
		"echo \"{\\\"Username\\\":\\\"$server\\\",\\\"Secret\\\":\\\"s\\\"}\"\n";
	char dir[] = "/tmp/cove-auth-XXXXXX";
	scoped(mem) char *helper = NULL;
	scoped(mem) char *config = NULL;
	scoped(mem) char *path = NULL;
	const char *old_path = getenv("PATH");
	scoped(mem) char *old = strdup(old_path ? old_path : "/bin");
	scoped(credentials) struct credentials c = { 0 };
	struct err e = { 0 };
	FILE *f;

	if (!mkdtemp(dir))
		SKIP("no writable /tmp");
	helper = str_printf("%s/docker-credential-t", dir);
	config = str_printf("%s/auth.json", dir);
	path = str_printf("%s:%s", dir, old);
	f = fopen(helper, "we");
	fputs(script, f);
	fclose(f);
	(void)chmod(helper, 0700);
	f = fopen(config, "we");
	fputs("{\"credHelpers\":{\"r.example\":\"t\",\"x.example\":\"../t\"}}", f);
	fclose(f);
	(void)setenv("PATH", path, 1);
	CHECK_INT(auth_lookup(config, "r.example", "a", &c, &e), 1);
	CHECK_STR(c.username, "r.example");
	credentials_done(&c);
	CHECK_INT(auth_lookup(config, "x.example", "a", &c, &e), -EBADMSG);
	CHECK_INT(auth_lookup(config, "none.example", "a", &c, &e), 0);
	(void)setenv("PATH", old, 1);
	(void)unlink(helper);
	(void)unlink(config);
	(void)rmdir(dir);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/util/account.h"
#include "src/util/err.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

TEST(of_the_ends_of_a_pipe_the_first_failure_counts)
{
	struct err e = { 0 }, reading = { 0 };

	(void)err_set(&reading, -EBADMSG, "reading");
	(void)err_set(&e, -EPIPE, "cut short");
	CHECK_INT(err_of_pipe(-EPIPE, 0, &reading, &e), -EPIPE);
	CHECK_STR(e.text, "cut short");
	CHECK_INT(err_of_pipe(-EPIPE, -EBADMSG, &reading, &e), -EBADMSG);
	CHECK_STR(e.text, "reading");
	(void)err_set(&e, -EIO, "writing");
	CHECK_INT(err_of_pipe(-EIO, -EBADMSG, &reading, &e), -EIO);
	CHECK_STR(e.text, "writing");
	CHECK_INT(err_of_pipe(0, -EBADMSG, &reading, &e), -EBADMSG);
	CHECK_STR(e.text, "reading");
	err_clear(&e);
	CHECK_INT(err_of_pipe(0, 0, &reading, &e), 0);
	CHECK_INT(e.code, 0);
}

TEST(err_in_puts_context_in_front)
{
	struct err e;
	CHECK_INT(err_set(&e, -EBUSY, "name '%s' is taken", "web"), -EBUSY);
	CHECK_INT(err_in(&e, "container %s", "c1"), -EBUSY);
	CHECK_STR(e.text, "container c1: name 'web' is taken");
	errno = ENOENT;
	CHECK_INT(err_sys(&e, "open x"), -ENOENT);
	CHECK_STR(e.text, "open x: No such file or directory");
}

TEST(err_in_cuts_the_inner_end)
{
	struct err e;
	char longer[sizeof(e.text)];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	(void)err_set(&e, -EIO, "%s", longer);
	(void)err_in(&e, "outer");
	CHECK_INT(strncmp(e.text, "outer: xxx", 10), 0);
	CHECK_INT(strlen(e.text), sizeof(e.text) - 1);
}

TEST(err_crosses_a_pipe)
{
	struct err e, got;
	int p[2];
	CHECK_INT(pipe(p), 0);
	(void)err_set(&e, -EPERM, "no");
	(void)err_hint(&e, "ask");
	CHECK_INT(err_send(p[1], &e), 0);
	CHECK_INT(err_recv(p[0], &got), -EPERM);
	CHECK_STR(got.text, "no");
	CHECK_STR(got.hint, "ask");
	(void)close(p[1]);
	CHECK_INT(err_recv(p[0], &got), 0);
	(void)close(p[0]);
}

TEST(strbuf_keeps_its_limit)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	strbuf_init(&b, 5);
	CHECK_INT(strbuf_puts(&b, "12345"), 0);
	CHECK_INT(strbuf_putc(&b, '6'), -E2BIG);
	CHECK_INT(strbuf_puts(&b, ""), -E2BIG);
	CHECK(strbuf_take(&b) == NULL);
}

TEST(numbers_are_strict)
{
	unsigned long long v = 7;
	CHECK_INT(str_to_u64("0", 10, &v), 0);
	CHECK_INT(v, 0);
	CHECK_INT(str_to_u64("11", 10, &v), -ERANGE);
	CHECK_INT(str_to_u64("18446744073709551616", ~0ULL, &v), -ERANGE);
	CHECK_INT(str_to_u64(" 1", 10, &v), -EINVAL);
	CHECK_INT(str_to_u64("1x", 10, &v), -EINVAL);
	CHECK_INT(str_to_u64("", 10, &v), -EINVAL);
	CHECK_INT(str_to_u64("-1", 10, &v), -EINVAL);
}

TEST(names_are_checked)
{
	CHECK(name_is_valid("web-1.a_b"));
	CHECK(!name_is_valid(""));
	CHECK(!name_is_valid("-x"));
	CHECK(!name_is_valid("a/b"));
	CHECK(!name_is_valid("a\n"));
	CHECK(!name_is_valid("\xc3\xa9"));
}

TEST(control_characters_are_escaped)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	(void)name_escape(&b, "a\x1b[31m\n\xc3\xa9\xff");
	CHECK_STR(b.s, "a\\x1b[31m\\x0a\xc3\xa9\\xff");
}

struct sample {
	char *name;
	int on;
	int64_t n;
	char **list;
};
static const struct field sample_fields[] = {
	{ "Name", FIELD_STR, offsetof(struct sample, name), FIELD_REQUIRED, NULL },
	{ "On", FIELD_BOOL, offsetof(struct sample, on), 0, NULL },
	{ "N", FIELD_I64, offsetof(struct sample, n), FIELD_OMITEMPTY, NULL },
	{ "List", FIELD_STRV, offsetof(struct sample, list), FIELD_OMITEMPTY, NULL },
	{ 0 },
};

static int decode(const char *s, struct sample *out, struct err *e)
{
	scoped(json) json_object *o = NULL;
	int r = json_parse(s, strlen(s), &o, e);
	return r < 0 ? r : field_decode(sample_fields, o, out, "Sample", e);
}

TEST(field_tables_decode_and_encode)
{
	struct sample s = { 0 };
	struct err e;
	scoped(json) json_object *o = NULL;
	scoped(mem) char *text = NULL;
	CHECK_INT(
		decode("{\"Name\":\"x\",\"On\":true,\"N\":5,\"List\":[\"a\",\"b\"],\"Other\":1}\n",
		       &s, &e),
		0);
	o = field_encode(sample_fields, &s);
	text = json_text(o);
	CHECK_STR(text, "{\"Name\":\"x\",\"On\":true,\"N\":5,\"List\":[\"a\",\"b\"]}");
	CHECK_INT(decode("{\"Name\":\"x\",\"List\":[1]}", &s, &e), -EBADMSG);
	CHECK_STR(e.text, "Sample: 'List' has the wrong type");
	CHECK_INT(decode("{\"Name\":5}", &s, &e), -EBADMSG);
	CHECK_INT(decode("{}", &s, &e), -EBADMSG);
	CHECK_STR(e.text, "Sample: 'Name' is missing");
	field_done(sample_fields, &s);
}

TEST(json_is_strict)
{
	static const char *const bad[] = { "", "{", "{} x", "[1,]", "nul", "{\"a\":1}{}", "\x01" };
	struct err e;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		scoped(json) json_object *o = NULL;
		if (json_parse(bad[i], strlen(bad[i]), &o, &e) != -EBADMSG)
			TEST_FAIL("accepted: %s", bad[i]);
	}
}

TEST(programs_report_why_they_did_not_start)
{
	scoped(child) struct child c = CHILD_NONE;
	struct err e;
	char *argv[] = { "/nowhere/program", NULL };
	struct proc_options o = { .path = argv[0], .argv = argv };
	CHECK_INT(proc_spawn(&o, &c, &e), -ENOENT);
	CHECK_STR(e.text, "execute /nowhere/program: No such file or directory");
}

TEST(programs_give_their_status_and_output)
{
	struct err e;
	char *argv[] = { "sh", "-c", "echo hello; exit 3", NULL };
	scoped(mem) char *out = NULL;
	CHECK_INT(proc_capture(argv, 100, &out, &e), 3);
	CHECK_STR(out, "hello\n");
}

TEST_MAIN

TEST(account_of_a_uid)
{
	scoped(account) struct account a = ACCOUNT_NONE;

	CHECK(account_find(0, &a) == 1);
	CHECK_STR(a.name, "root");
	CHECK(a.home && a.home[0] == '/');
	account_free(&a);
	CHECK(account_find(3999999999U, &a) == 0); /* nor does the directory service know it */
	CHECK(!a.name && !a.home);
}

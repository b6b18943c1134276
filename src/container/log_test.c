/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/path.h"
#include "src/util/testing.h"

TEST(log_lines)
{
	static const struct {
		const char *line;
		int code;
		long long time;
		int stream, partial;
		const char *text;
	} t[] = {
		{ "2001-09-09T01:46:40.000000001Z stdout F hello", 0, 1000000000000000001LL,
		  LOG_STDOUT, 0, "hello" },
		{ "2001-09-09T03:46:40.5+02:00 stderr P a b ", 0, 1000000000500000000LL, LOG_STDERR,
		  1, "a b " },
		{ "2001-09-08T16:16:40-09:30 stdout F ", 0, 1000000000000000000LL, LOG_STDOUT, 0,
		  "" },
		{ "2001-09-09T01:46:40.1234567890123Z stdout F x", 0, 1000000000123456789LL,
		  LOG_STDOUT, 0, "x" },
		{ "", -EBADMSG, 0, 0, 0, NULL },
		{ "hello", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-09-09T01:46:40Z", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-09-09T01:46:40Z stdout", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-09-09T01:46:40Z stdout F", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-09-09T01:46:40Z stdout X hello", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-09-09T01:46:40Z stdlog F hello", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-09-09T01:46:40 stdout F hello", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-09-09T01:46:40+2 stdout F hello", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-09-09T01:46:40+02x00 stdout F hello", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-09-09T01:46:40+xx:yy stdout F hello", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-09-09T01:46:40Zjunk stdout F hello", -EBADMSG, 0, 0, 0, NULL },
		{ "1000-09-09T01:46:40Z stdout F hello", -EBADMSG, 0, 0, 0, NULL },
		{ "9999-09-09T01:46:40Z stdout F hello", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-09-09 01:46:40Z stdout F hello", -EBADMSG, 0, 0, 0, NULL },
		{ "2001-99-99T99:99:99Z stdout F hello", -EBADMSG, 0, 0, 0, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		size_t n = strlen(t[i].line);
		scoped(mem) char *line = malloc(n ? n : 1); /* no NUL behind it */
		struct log_line l = { 0 };
		int r;
		if (!line)
			return;
		memcpy(line, t[i].line, n);
		r = log_parse(line, n, &l);
		if (r != t[i].code) {
			TEST_FAIL("'%s': %d", t[i].line, r);
		} else if (r == 0) {
			CHECK_INT(l.time, t[i].time);
			CHECK_INT(l.stream, t[i].stream);
			CHECK_INT(l.partial, t[i].partial);
			CHECK_INT(l.n, strlen(t[i].text));
			CHECK(memcmp(l.text, t[i].text, l.n) == 0);
		}
	}
}

TEST(what_is_written_is_read)
{
	char dir[] = "/tmp/log-test.XXXXXX", path[64];
	scoped(log) struct log *l = NULL;
	scoped(mem) char *text = NULL;
	struct log_line first = { 0 }, second = { 0 };
	struct stat st;
	struct err e;
	char *nl;

	if (!mkdtemp(dir))
		SKIP("no temporary directory");
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	CHECK_INT(log_open(path, 4096, &l, &e), 0);
	log_write(l, LOG_STDERR, "one\ntw", 6);
	log_write(NULL, LOG_STDERR, "x", 1);
	CHECK_INT(path_read(AT_FDCWD, path, 4096, &text, NULL, &e), 0);
	nl = text ? strchr(text, '\n') : NULL;
	if (nl) {
		CHECK_INT(log_parse(text, (size_t)(nl - text), &first), 0);
		CHECK_INT(first.n, 3);
		CHECK_INT(first.partial, 0);
		CHECK_INT(log_parse(nl + 1, strlen(nl + 1) - 1, &second), 0);
		CHECK_INT(second.partial, 1);
		CHECK_INT(second.time, first.time);
	}
	for (int i = 0; i < 1000; i++)
		log_write(l, LOG_STDOUT, "0123456789\n", 11);
	CHECK_INT(stat(path, &st), 0);
	CHECK(st.st_size <= 4096);
	CHECK_INT(st.st_mode & 0777, 0600);
	/* A link at the log's place is not followed. */
	l = log_close(l);
	CHECK_INT(unlink(path), 0);
	CHECK_INT(symlink("/etc/hostname", path), 0);
	CHECK_INT(log_open(path, 0, &l, &e), -ELOOP);
	CHECK_INT(path_rmtree(AT_FDCWD, dir), 0);
}

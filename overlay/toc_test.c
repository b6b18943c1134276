/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/toc.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zstd.h>

#include "overlay/assemble_local.h"
#include "overlay/json_split.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/sha256.h"
#include "src/util/testing.h"

#define END 1000
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int collect(void *arg, json_object *o, struct err *e)
{
	struct strbuf *b = arg;
	scoped(mem) char *text = json_text(o);

	(void)e;
	return strbuf_printf(b, "<%s>", text);
}

/* The objects of TEXT at depth WANTED, fed N bytes at a time; and what is round them. */
static int split(const char *text, int wanted, size_t n, struct strbuf *objects, char **ret_rest,
		 struct err *e)
{
	scoped(json_split) struct json_split s = { 0 };
	scoped(json) json_object *rest = NULL;
	size_t len = strlen(text);
	int r = 0;

	json_split_init(&s, wanted, collect, objects);
	for (size_t at = 0; r == 0 && at < len; at += n)
		r = json_split_feed(&s, text + at, len - at < n ? len - at : n, e);
	if (r == 0)
		r = json_split_end(&s, &rest, e);
	*ret_rest = r == 0 && rest ? json_text(rest) : NULL;
	return r;
}

TEST(json_split_gives_objects_of_one_depth)
{
	const char *text = "{ \"a\": 1, \"list\": [ {\"x\":{\"y\":[{}]}} , {\"s\":\"]}\\\"{\"}], "
			   "\"b\":{\"c\":2}}";
	struct err e = { 0 };

	for (size_t n = 1; n < 90; n += 11) {
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		scoped(mem) char *rest = NULL;

		CHECK_INT(split(text, 2, n, &b, &rest, &e), 0);
		CHECK_STR(b.s, "<{\"x\":{\"y\":[{}]}}><{\"s\":\"]}\\\"{\"}>");
		CHECK_STR(rest, "{\"a\":1,\"list\":[0,0],\"b\":{\"c\":2}}");
	}
}

TEST(json_split_reads_objects_that_follow_each_other)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(mem) char *rest = NULL;
	struct err e = { 0 };

	CHECK_INT(split("{\"a\":1}\n{\"b\":[{}]}\n", 0, 3, &b, &rest, &e), 0);
	CHECK_STR(b.s, "<{\"a\":1}><{\"b\":[{}]}>");
	CHECK(rest == NULL);
}

TEST(json_split_refuses_what_is_no_json)
{
	static const char *const bad[] = { "{\"a\":", "{\"a\":[{}",  "{\"a\":[{]}",
					   "}",	      "[{\"a\" 1}]", "{\"a\":[{\"b\":\"" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		scoped(mem) char *rest = NULL;
		struct err e = { 0 };

		CHECK_INT(split(bad[i], 1, 4, &b, &rest, &e), -EBADMSG);
		CHECK(e.text[0] != '\0');
	}
}

TEST(toc_place_reads_positions)
{
	struct toc_range r;
	struct err e = { 0 };
	static const char *const bad[] = { "",	      "5",	    "5:",
					   ":5",      "5:0",	    "-1:5",
					   "901:100", "1000:1",	    "x:1",
					   "1:x",     "1 :1",	    "18446744073709551615:2",
					   "5:1e3:1", "5:33554433", "2:9223372036854775807" };

	CHECK_INT(toc_place("5:10:99:1", END, &r, &e), 0);
	CHECK_INT(r.from, 5);
	CHECK_INT(r.to, 15);
	CHECK_INT(toc_place("900:100", END, &r, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_INT(toc_place(bad[i], END, &r, &e), -EBADMSG);
}

static int read_text(const char *text, struct toc *t, struct err *e)
{
	char frame[4096];
	size_t n = ZSTD_compress(frame, sizeof(frame), text, strlen(text), 1);

	return toc_read_zstd(frame, n, END, t, e);
}

#define FILE_AT(name, from, to)                                                             \
	"{\"type\":\"reg\",\"name\":\"" name "\",\"size\":7,\"digest\":\"sha256:" HEX "\"," \
	"\"offset\":" #from ",\"endOffset\":" #to "}"

TEST(toc_lists_files_in_the_order_of_the_blob)
{
	scoped(toc) struct toc t = { 0 };
	struct err e = { 0 };

	CHECK_INT(read_text("{\"version\":1,\"entries\":[{\"type\":\"dir\",\"name\":\"a/"
			    "\"}," FILE_AT("./a/y", 100, 200) "," FILE_AT(
				    "/a/x", 10,
				    100) ","
					 "{\"type\":\"chunk\",\"name\":\"a/x\",\"offset\":50},"
					 "{\"type\":\"reg\",\"name\":\"empty\",\"size\":0}],"
					 "\"tarSplitDigest\":\"sha256:" HEX "\"}",
			    &t, &e),
		  0);
	CHECK_INT(t.n, 2);
	CHECK_STR(t.names.s + t.files[0].path, "a/x");
	CHECK_STR(t.names.s + t.files[1].path, "a/y");
	CHECK_INT(t.files[0].at.from, 10);
	CHECK_INT(t.files[0].at.to, 100);
	CHECK_INT(t.files[0].size, 7);
	CHECK_INT(t.files[0].digest[1], 0x23);
	CHECK_STR(t.split_digest, "sha256:" HEX);
}

TEST(toc_refuses_what_lies)
{
	static const char *const bad[] = {
		"{\"version\":2,\"entries\":[]}",
		"{\"entries\":[]}",
		"{\"version\":1,\"entries\":[{\"type\":\"reg\"}]}",
		"{\"version\":1,\"entries\":[{\"type\":\"reg\",\"name\":\"x\",\"size\":5}]}",
		"{\"version\":1,\"entries\":[" FILE_AT("x", 10, 20) "," FILE_AT("y", 19, 30) "]}",
		"{\"version\":1,\"entries\":[" FILE_AT("x", 10, 20) "," FILE_AT("x", 10, 20) "]}",
		"{\"version\":1,\"entries\":[" FILE_AT("x", 10, 1001) "]}",
		"{\"version\":1,\"entries\":[" FILE_AT("x", 20, 10) "]}",
		"{\"version\":1,\"entries\":[" FILE_AT("x", -1, 10) "]}",
		"{\"version\":1,\"entries\":[" FILE_AT("x", 10, 99999999999999999999) "]}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		scoped(toc) struct toc t = { 0 };
		struct err e = { 0 };

		CHECK_INT(read_text(bad[i], &t, &e), -EBADMSG);
		CHECK(e.text[0] != '\0');
	}
}

#define STARGZ_FILE(name, size, at)                                                          \
	"{\"name\":\"" name "\",\"type\":\"reg\",\"size\":" #size ",\"mode\":420,\"uid\":7," \
	"\"modtime\":\"2020-09-13T12:26:40Z\",\"digest\":\"sha256:" HEX "\",\"offset\":" #at "}"

static int read_stargz(const char *entries, struct toc *t, struct err *e)
{
	scoped(mem) char *json = str_printf("{\"version\":1,\"entries\":[%s]}", entries);

	return toc_read_stargz(json, strlen(json), END, t, e);
}

TEST(toc_stargz_tells_what_follows_each_file)
{
	scoped(toc) struct toc t = { 0 };
	const char *header;
	struct err e = { 0 };

	CHECK_INT(
		read_stargz("{\"name\":\"d/"
			    "\",\"type\":\"dir\",\"userName\":\"me\",\"uid\":7}," STARGZ_FILE(
				    "d/a", 700,
				    10) ","
					"{\"name\":\"d/"
					"a\",\"type\":\"chunk\",\"chunkOffset\":400,\"offset\":50}"
					"," STARGZ_FILE("d/b", 512,
							90) ","
							    "{\"name\":\"x\",\"type\":\"fifo\","
							    "\"xattrs\":{\"user.a\":\"Yg==\"}}",
			    &t, &e),
		0);
	CHECK_INT(t.n, 2);
	CHECK_INT(t.head.len, 1024);
	CHECK_INT(t.files[0].last.from, 50);
	CHECK_INT(t.files[0].last_len, 300);
	CHECK_INT(t.files[0].at.to, 90);
	CHECK_INT(t.files[0].tail.len, 1024 - 700 + 512);
	CHECK(!t.files[0].tail.is_unknown);
	CHECK_INT(t.files[1].at.to, END);
	CHECK_INT(t.files[1].tail.len, 0);
	CHECK(t.files[1].tail.is_unknown);
	header = t.tails.s + t.files[0].tail.at + 324;
	CHECK_STR(header, "d/b");
	CHECK_INT(memcmp(header + 100,
			 "0000644\0"
			 "0000007\0"
			 "0000000\0",
			 24),
		  0);
	CHECK_STR(header + 136, "13727410000");
	CHECK_INT(memcmp(header + 257,
			 "ustar\000"
			 "00",
			 8),
		  0);
	CHECK_STR(header + 265, "me");
	toc_tail_gnu(t.tails.s + t.files[0].tail.at, t.files[0].tail.len);
	CHECK_INT(memcmp(header + 257, "ustar  ", 8), 0);
}

TEST(toc_stargz_refuses_what_lies)
{
	static const char *const bad[] = {
		STARGZ_FILE("a", 5, 10) "," STARGZ_FILE("b", 5, 10),
		STARGZ_FILE("a", 5, 20) "," STARGZ_FILE("b", 5, 10),
		STARGZ_FILE("a", 5, 1000),
		STARGZ_FILE("a", -5, 10),
		STARGZ_FILE("a", 5, -10),
		"{\"name\":\"a\",\"type\":\"chunk\",\"offset\":5,\"chunkOffset\":1}",
		STARGZ_FILE(
			"a", 5,
			10) ",{\"name\":\"a\",\"type\":\"chunk\",\"offset\":20,\"chunkOffset\":5}",
		STARGZ_FILE(
			"a", 5,
			10) ",{\"name\":\"a\",\"type\":\"chunk\",\"offset\":9,\"chunkOffset\":2}",
		STARGZ_FILE("stargz.index.json", 5, 10),
		"{\"name\":\"a\",\"type\":\"reg\",\"size\":5,\"offset\":10,\"innerOffset\":3}",
		"{\"name\":\"a\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		scoped(toc) struct toc t = { 0 };
		struct err e = { 0 };

		CHECK_INT(read_stargz(bad[i], &t, &e), -EBADMSG);
		CHECK(e.text[0] != '\0');
	}
}

static void put(int dir, const char *path, const char *text)
{
	scoped(mem) char *copy = strdup(path);
	char *slash = strrchr(copy, '/');
	scoped(fd) int parent = -EBADF;
	scoped(fd) int fd = -EBADF;

	*slash = '\0';
	parent = path_mkdirs_in(dir, copy, 0755);
	fd = openat(parent, slash + 1, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK_INT(fd_write_all(fd, text, strlen(text)), 0);
}

/* A table of one file NAME with TEXT. */
static void one_file(struct toc *t, const char *name, const char *text)
{
	char hex[SHA256_TEXT_LEN], json[1024];
	struct err e = { 0 };

	sha256_text(text, strlen(text), hex);
	(void)snprintf(json, sizeof(json),
		       "{\"version\":1,\"entries\":[{\"type\":\"reg\",\"name\":\"%s\",\"size\":%zu,"
		       "\"digest\":\"%s\",\"offset\":1,\"endOffset\":2}]}",
		       name, strlen(text), hex);
	CHECK_INT(read_text(json, t, &e), 0);
}

static int is_found(int dir, const char *name, const char *text)
{
	scoped(toc) struct toc t = { 0 };
	struct local_files l = { 0 };
	struct err e = { 0 };
	int found;

	one_file(&t, name, text);
	CHECK_INT(local_files_find(&l, dir, &t, &e), 0);
	found = t.files[0].local > 0;
	if (found) {
		scoped(fd) int fd = local_files_open(&l, &t, &t.files[0], &e);
		CHECK_INT(local_file_read(fd, &t.files[0], NULL, NULL, &e), 0);
	}
	local_files_done(&l);
	return found;
}

TEST(local_files_are_found_under_other_names)
{
	char name[] = "/tmp/toc-test.XXXXXX", *large = malloc(20001);
	scoped(toc) struct toc t = { 0 };
	struct local_files l = { 0 };
	struct err e = { 0 };
	scoped(fd) int dir = -EBADF;

	CHECK(mkdtemp(name) != NULL);
	memset(large, 'x', 20000);
	large[20000] = '\0';
	dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	one_file(&t, "new/name", large);
	put(dir, "layer1/diff/other/place/file", large);
	large[5] = 'y'; /* of the same size */
	put(dir, "layer1/diff/other/place/almost", large);
	CHECK_INT(local_files_find(&l, dir, &t, &e), 0);
	CHECK_INT(t.files[0].local, 0);
	CHECK_INT(local_files_moved(&l, &t, &e), 0);
	CHECK_INT(t.files[0].local, 1);
	CHECK_STR(t.names.s + t.files[0].path, "other/place/file");
	free(large);
	local_files_done(&l);
	CHECK_INT(path_rmtree(AT_FDCWD, name), 0);
}

TEST(local_files_are_found_by_name_and_digest)
{
	char name[] = "/tmp/toc-test.XXXXXX";
	scoped(fd) int dir = -EBADF;

	CHECK(mkdtemp(name) != NULL);
	dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put(dir, "layer1/diff/etc/file", "one");
	put(dir, "layer2/diff/etc/file", "two");
	put(dir, "layer1/secret", "top");
	CHECK(!is_found(dir, "../secret", "top"));
	CHECK_INT(symlinkat("file", openat(dir, "layer1/diff/etc", O_PATH | O_CLOEXEC), "link"), 0);
	CHECK_INT(mkfifoat(dir, "layer1/diff/etc/fifo", 0600), 0);
	CHECK(is_found(dir, "etc/file", "one"));
	CHECK(is_found(dir, "etc/file", "two"));
	CHECK(!is_found(dir, "etc/file", "six"));
	CHECK(!is_found(dir, "etc/other", "one"));
	CHECK(!is_found(dir, "etc/link", "one"));
	CHECK(!is_found(dir, "etc/fifo", "one"));
	CHECK_INT(path_rmtree(AT_FDCWD, name), 0);
}

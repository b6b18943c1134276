/* SPDX-License-Identifier: Apache-2.0 */
/* A stream that is written as zstd:chunked and read again, as a whole and in parts. */
#include "overlay/chunked.h"

#include <fcntl.h>
#include <zstd.h>

#include "overlay/assemble.h"
#include "overlay/layer_testing.h"
#include "overlay/toc.h"
#include "src/util/fd.h"
#include "src/util/json.h"

struct blob {
	struct strbuf bytes;
	struct chunked_frames frames;
};

/* The blob of TAR, read in blocks of STEP bytes. */
static void write_blob(const struct strbuf *tar, size_t step, struct blob *ret)
{
	scoped(chunked) struct chunked *c = NULL;
	scoped(strbuf) struct strbuf out = STRBUF_INIT;
	scoped(mem) size_t *ends = calloc(CHUNKED_PIECES(step), sizeof(*ends));
	struct err e = { 0 };

	CHECK_INT(chunked_new(&c, &e), 0);
	for (size_t at = 0; at < tar->len; at += step) {
		size_t n = tar->len - at < step ? tar->len - at : step, pieces = 0, from = at;

		CHECK_INT(chunked_cut(c, tar->s + at, n, ends, &pieces, &e), 0);
		CHECK(pieces > 0 && pieces <= CHUNKED_PIECES(step));
		CHECK_INT(ends[pieces - 1], n);
		for (size_t i = 0; i < pieces; i++) {
			size_t len = at + ends[i] - from, max = ZSTD_compressBound(len);
			scoped(mem) char *frame = malloc(max);

			CHECK(len > 0);
			(void)strbuf_add(&ret->bytes, frame,
					 ZSTD_compress(frame, max, tar->s + from, len, 3));
			CHECK_INT(chunked_wrote(c, (int64_t)ret->bytes.len, &e), 0);
			from += len;
		}
	}
	CHECK_INT(chunked_end(c, &out, &ret->frames, &e), 0);
	(void)strbuf_add(&ret->bytes, out.s ? out.s : "", out.len);
}

static int add(void *arg, const void *bytes, size_t n, struct err *e)
{
	(void)e;
	return strbuf_add(arg, bytes, n);
}

static void check_same(const struct strbuf *a, const struct strbuf *b)
{
	CHECK_INT(a->len, b->len);
	CHECK(a->len == b->len && !memcmp(a->s, b->s, a->len));
}

/* Any reader of zstd sees the stream and nothing else. */
static void check_whole(const struct blob *b, const struct strbuf *tar)
{
	scoped(strbuf) struct strbuf plain = STRBUF_INIT;
	struct err e = { 0 };

	CHECK_INT(toc_inflate(b->bytes.s, b->bytes.len, add, &plain, &e), 0);
	check_same(&plain, tar);
}

struct reader {
	const struct blob *b;
	struct toc_range ranges[ASSEMBLE_RANGES];
	size_t n, at;
	int64_t fetched;
	struct strbuf out;
};

static int ask(void *arg, const struct toc_range *r, size_t n, struct err *e)
{
	struct reader *in = arg;

	(void)e;
	memcpy(in->ranges, r, n * sizeof(*r));
	in->n = n;
	in->at = 0;
	return 0;
}

static ssize_t give(void *arg, void *bytes, size_t n, struct err *e)
{
	struct reader *in = arg;
	struct toc_range *r = &in->ranges[in->at];

	(void)e;
	CHECK(in->at < in->n);
	if ((int64_t)n > r->to - r->from)
		n = (size_t)(r->to - r->from);
	memcpy(bytes, in->b->bytes.s + r->from, n);
	r->from += (int64_t)n;
	in->fetched += (int64_t)n;
	in->at += r->from == r->to;
	return (ssize_t)n;
}

static int take(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct reader *in = arg;

	return add(&in->out, bytes, n, e);
}

/* Assemble it beside the layers of DIR: so many bytes of the blob were fetched. */
static int64_t check_parts(const struct blob *b, int dir, int with_split, const struct strbuf *tar)
{
	struct reader in = { .b = b };
	char place[96], split[96];
	const struct assemble_options o = { .kind = TOC_ZSTD_CHUNKED,
					    .size = (int64_t)b->bytes.len,
					    .always = 1,
					    .digest = b->frames.toc.digest,
					    .place = place,
					    .split = with_split ? split : NULL };
	const struct assemble_io io = { &in, ask, give, take };
	struct err e = { 0 };
	int64_t fetched;

	(void)snprintf(place, sizeof(place), "%lld:%lld", (long long)b->frames.toc.at,
		       (long long)b->frames.toc.size);
	(void)snprintf(split, sizeof(split), "%lld:%lld", (long long)b->frames.split.at,
		       (long long)b->frames.split.size);
	if (assemble(&o, &io, dir, &e) < 0)
		TEST_FAIL("%s", e.text);
	check_same(&in.out, tar);
	fetched = in.fetched;
	strbuf_done(&in.out);
	return fetched;
}

static void check_all(const struct strbuf *tar, int dir)
{
	static const size_t steps[] = { 1, 513, 100000, 1 << 20 };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct blob b = { .bytes = STRBUF_INIT };

		write_blob(tar, steps[i], &b);
		CHECK(*b.frames.toc.digest && *b.frames.split.digest);
		check_whole(&b, tar);
		(void)check_parts(&b, dir, 1, tar);
		(void)check_parts(&b, dir, 0, tar);
		strbuf_done(&b.bytes);
	}
}

/* An extended header with RECORDS. */
static void tar_extended(struct strbuf *b, char type, const char *bytes, size_t n)
{
	tar_header(b, "x", type, (long long)n, NULL, NULL);
	tar_data(b, bytes, n);
}

static void fill(struct strbuf *tar)
{
	static const char pax[] = "24 mtime=1600000000.123\n"
				  "30 SCHILY.xattr.user.a=\0value\n";
	char large[3000], name[200];

	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)(i * i >> 7);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	tar_header(tar, "usr/", '5', 0, NULL, NULL);
	tar_file(tar, "usr/empty", "");
	tar_file(tar, "usr/small", "x");
	tar_extended(tar, 'x', pax, sizeof(pax) - 1);
	tar_header(tar, "usr/large", '0', sizeof(large), NULL, NULL);
	tar_data(tar, large, sizeof(large));
	tar_header(tar, "usr/link", '2', 0, "small", NULL);
	tar_header(tar, "usr/hard", '1', 0, "usr/small", NULL);
	tar_extended(tar, 'L', name, sizeof(name));
	tar_file(tar, "nnn", "a long name");
	tar_file(tar, "last", "512 ");
	tar_end(tar);
}

TEST(chunked_streams_come_out_as_they_were)
{
	scoped(strbuf) struct strbuf tar = STRBUF_INIT;
	static const char zeros[10240];
	struct scratch s;

	scratch_begin(&s);
	tar_end(&tar);
	check_all(&tar, s.fd);
	strbuf_reset(&tar);
	tar_file(&tar, "without/an/end", "contents");
	check_all(&tar, s.fd);
	strbuf_reset(&tar);
	fill(&tar);
	check_all(&tar, s.fd);
	(void)strbuf_add(&tar, zeros, sizeof(zeros));
	check_all(&tar, s.fd);
	scratch_end(&s);
}

/* The entries of B's table, each as one line. */
static int count(void *arg, const void *bytes, size_t n, struct err *e)
{
	return add(arg, bytes, n, e);
}

static json_object *read_table(const struct blob *b)
{
	scoped(strbuf) struct strbuf text = STRBUF_INIT;
	json_object *o = NULL;
	struct err e = { 0 };

	CHECK_INT(toc_inflate(b->bytes.s + b->frames.toc.at, (size_t)b->frames.toc.size, count,
			      &text, &e),
		  0);
	CHECK_INT(text.len, b->frames.toc.plain_size);
	CHECK_INT(json_parse(text.s, text.len, &o, &e), 0);
	return o;
}

TEST(chunked_tables_say_what_the_headers_say)
{
	scoped(strbuf) struct strbuf tar = STRBUF_INIT;
	struct blob b = { .bytes = STRBUF_INIT };
	scoped(json) json_object *toc = NULL;
	json_object *list, *large, *hard;
	unsigned char footer[8];

	fill(&tar);
	write_blob(&tar, 1 << 20, &b);
	toc = read_table(&b);
	list = json_get(toc, "entries");
	CHECK_STR(json_get_str(toc, "tarSplitDigest"), b.frames.split.digest);
	CHECK_INT(json_len(list), 8);
	large = json_object_array_get_idx(list, 3);
	CHECK_STR(json_get_str(large, "name"), "usr/large");
	CHECK_STR(json_get_str(large, "type"), "reg");
	CHECK_STR(json_get_str(large, "modtime"), "2020-09-13T12:26:40.123Z");
	CHECK_STR(json_get_str(json_get(large, "xattrs"), "user.a"), "AHZhbHVl");
	CHECK_INT(json_get_int(large, "mode", 0), 0644);
	CHECK_INT(json_get_int(large, "size", 0), 3000);
	CHECK(json_get_int(large, "endOffset", 0) > json_get_int(large, "offset", 0));
	hard = json_object_array_get_idx(list, 5);
	CHECK_STR(json_get_str(hard, "type"), "hardlink");
	CHECK_STR(json_get_str(hard, "linkName"), "usr/small");
	CHECK_INT(strlen(json_get_str(json_object_array_get_idx(list, 6), "name")), 199);
	CHECK(!json_get(json_object_array_get_idx(list, 1), "digest"));
	CHECK(!json_get(json_object_array_get_idx(list, 1), "offset"));
	memcpy(footer, b.bytes.s + b.bytes.len - 8, 8);
	CHECK(!memcmp(footer, "GNUlInUx", 8));
	strbuf_done(&b.bytes);
}

/* What is in the store is not fetched. */
TEST(chunked_files_are_fetched_alone)
{
	scoped(strbuf) struct strbuf tar = STRBUF_INIT;
	struct blob b = { .bytes = STRBUF_INIT };
	struct scratch s;
	size_t n = 400000;
	char *large = malloc(n + 1), name[16];
	unsigned seed = 1;
	scoped(fd) int dir = -EBADF;

	scratch_begin(&s);
	CHECK_INT(mkdirat(s.layer_fd, "one", 0700), 0);
	dir = path_mkdirs_in(s.layer_fd, "one/diff", 0755);
	for (int k = 0; k < 4; k++) {
		for (size_t i = 0; i < n; i++)
			large[i] = (char)('a' + ((seed = seed * 1103515245 + 12345) >> 24) % 26);
		large[n] = '\0';
		(void)snprintf(name, sizeof(name), "file%d", k);
		tar_file(&tar, name, large);
		if (k != 2) {
			scoped(fd) int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
			CHECK_INT(fd_write_all(fd, large, n), 0);
		}
	}
	tar_end(&tar);
	write_blob(&tar, 1 << 20, &b);
	CHECK(check_parts(&b, s.layer_fd, 1, &tar) < (int64_t)b.bytes.len / 3);
	CHECK(check_parts(&b, s.layer_fd, 0, &tar) < (int64_t)b.bytes.len / 3);
	strbuf_done(&b.bytes);
	free(large);
	scratch_end(&s);
}

/* No table, and the blob is zstd all the same. */
static void check_lost(const char *what, const struct strbuf *tar)
{
	struct blob b = { .bytes = STRBUF_INIT };

	write_blob(tar, 4096, &b);
	if (*b.frames.toc.digest)
		TEST_FAIL("%s has a table", what);
	check_whole(&b, tar);
	strbuf_done(&b.bytes);
}

TEST(chunked_streams_that_readers_differ_in_get_no_table)
{
	static const struct {
		const char *what;
		char type;
		const char *records;
	} rows[] = {
		{ "a global header", 'g', "9 a=bcde\n" },
		{ "sparse", 'x', "22 GNU.sparse.major=1\n" },
		{ "a wrong length", 'x', "9 path=abc\n" },
		{ "no end of line", 'x', "11 path=abc," },
		{ "a NUL in a name", 'x', "99999999999999999999 path=abc\n" },
		{ "a negative size", 'x', "11 size=-5\n" },
		{ "a time with letters", 'x', "11 mtime=x\n" },
		{ "a long time ago", 'x', "24 mtime=-99999999999999\n" },
		{ "no name", 'L', "" },
	};
	static const char kinds[] = "7SDVg";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(strbuf) struct strbuf tar = STRBUF_INIT;

		tar_file(&tar, "one", "1");
		tar_extended(&tar, rows[i].type, rows[i].records, strlen(rows[i].records));
		tar_file(&tar, "two", "2");
		tar_end(&tar);
		check_lost(rows[i].what, &tar);
	}
	for (const char *k = kinds; *k; k++) {
		scoped(strbuf) struct strbuf tar = STRBUF_INIT;

		tar_header(&tar, "entry", *k, 0, NULL, NULL);
		tar_end(&tar);
		check_lost("a rare kind", &tar);
	}
}

TEST(chunked_streams_that_are_damaged_get_no_table)
{
	scoped(strbuf) struct strbuf twice = STRBUF_INIT;
	scoped(strbuf) struct strbuf cut = STRBUF_INIT;
	scoped(strbuf) struct strbuf behind = STRBUF_INIT;
	scoped(strbuf) struct strbuf sum = STRBUF_INIT;
	scoped(strbuf) struct strbuf bytes = STRBUF_INIT;

	tar_file(&twice, "./a/b", "1");
	tar_file(&twice, "a//b", "2");
	tar_end(&twice);
	check_lost("a name twice", &twice);
	tar_header(&cut, "a", '0', 5000, NULL, NULL);
	tar_data(&cut, "only this", 9);
	check_lost("a file cut short", &cut);
	tar_file(&behind, "a", "1");
	tar_end(&behind);
	tar_file(&behind, "b", "2");
	check_lost("more behind the end", &behind);
	tar_file(&sum, "a", "1");
	sum.s[0] = 'b';
	check_lost("a wrong checksum", &sum);
	tar_file(&bytes, "\xff", "1");
	check_lost("a name of bytes", &bytes);
}

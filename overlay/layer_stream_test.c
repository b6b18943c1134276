/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/layer_stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <sys/mman.h>
#include <zstd.h>

#include "overlay/layer_testing.h"
#include "src/util/fd.h"
#include "src/util/sha256.h"

#define PLAIN_SIZE (3 * 1000 * 1000)

static void plain_bytes(struct strbuf *b)
{
	unsigned v = 1;
	for (int i = 0; i < PLAIN_SIZE / 4; i++) {
		v = v * 1103515245 + 12345;
		CHECK_INT(strbuf_add(b, (char[]){ (char)(v >> 16), 'a', 'b', (char)(i >> 8) }, 4),
			  0);
	}
}

/* One gzip member of N bytes at P. */
static void add_gzip(struct strbuf *out, const void *p, size_t n)
{
	size_t room = n + n / 8 + 4096;
	scoped(mem) uint8_t *buf = malloc(room);
	scoped(mem) struct isal_zstream *z = malloc(sizeof(*z));

	isal_deflate_init(z);
	z->gzip_flag = IGZIP_GZIP;
	z->end_of_stream = 1;
	z->next_in = (uint8_t *)p;
	z->avail_in = (uint32_t)n;
	z->next_out = buf;
	z->avail_out = (uint32_t)room;
	CHECK_INT(isal_deflate(z), COMP_OK);
	CHECK_INT(z->avail_in, 0);
	CHECK_INT(strbuf_add(out, buf, room - z->avail_out), 0);
}

static void add_zstd(struct strbuf *out, const void *p, size_t n)
{
	size_t room = ZSTD_compressBound(n), got;
	scoped(mem) char *buf = malloc(room);

	got = ZSTD_compress(buf, room, p, n, 1);
	CHECK(!ZSTD_isError(got));
	CHECK_INT(strbuf_add(out, buf, got), 0);
}

static la_ssize_t filter_write(struct archive *a, void *arg, const void *p, size_t n)
{
	(void)a;
	return strbuf_add(arg, p, n) == 0 ? (la_ssize_t)n : -1;
}

static void add_filter(struct strbuf *out, const struct strbuf *in, int (*filter)(struct archive *))
{
	struct archive *a = archive_write_new();
	struct archive_entry *ae = archive_entry_new();

	CHECK_INT(archive_write_set_format_raw(a), ARCHIVE_OK);
	CHECK_INT(filter(a), ARCHIVE_OK);
	CHECK_INT(archive_write_set_bytes_in_last_block(a, 1), ARCHIVE_OK);
	CHECK_INT(archive_write_open(a, out, NULL, filter_write, NULL), ARCHIVE_OK);
	archive_entry_set_filetype(ae, AE_IFREG);
	CHECK_INT(archive_write_header(a, ae), ARCHIVE_OK);
	CHECK_INT(archive_write_data(a, in->s, in->len), (la_ssize_t)in->len);
	CHECK_INT(archive_write_close(a), ARCHIVE_OK);
	archive_entry_free(ae);
	(void)archive_write_free(a);
}

static int stream(const struct strbuf *blob, struct strbuf *out, struct layer_result *ret,
		  struct err *e)
{
	scoped(fd) int fd = memfd_create("blob", MFD_CLOEXEC);
	scoped(layer_stream) struct layer_stream *s = NULL;
	const void *p;
	ssize_t n;

	memset(e, 0, sizeof(*e));
	CHECK_INT(fd_write_all(fd, blob->s ? blob->s : "", blob->len), 0);
	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	CHECK_INT(layer_stream_new(fd, -1, &s, e), 0);
	layer_stream_go(s);
	while ((n = layer_stream_next(s, &p, e)) > 0)
		CHECK_INT(strbuf_add(out, p, (size_t)n), 0);
	return n < 0 ? (int)n : layer_stream_result(s, ret, e);
}

static void good(const char *what, const char *compression, const struct strbuf *blob,
		 const struct strbuf *plain)
{
	scoped(strbuf) struct strbuf out = STRBUF_INIT;
	struct layer_result got = { 0 };
	char digest[SHA256_TEXT_LEN], diff_id[SHA256_TEXT_LEN];
	struct err e;

	if (stream(blob, &out, &got, &e) < 0) {
		TEST_FAIL("%s: %s", what, e.text);
		return;
	}
	CHECK_STR(got.compression, compression);
	sha256_text(blob->s ? blob->s : "", blob->len, digest);
	sha256_text(plain->s ? plain->s : "", plain->len, diff_id);
	CHECK_STR(got.digest, digest);
	CHECK_STR(got.diff_id, diff_id);
	CHECK_INT(got.size, blob->len);
	CHECK_INT(got.diff_size, plain->len);
	if (out.len != plain->len ||
	    (out.s && plain->s && memcmp(out.s, plain->s, plain->len) != 0))
		TEST_FAIL("%s: other bytes came out", what);
}

static void bad(const char *what, const struct strbuf *blob)
{
	scoped(strbuf) struct strbuf out = STRBUF_INIT;
	struct layer_result got;
	struct err e;

	if (stream(blob, &out, &got, &e) != -EBADMSG)
		TEST_FAIL("%s: was taken", what);
	CHECK(e.text[0]);
}

TEST(plain_and_empty_streams_pass)
{
	scoped(strbuf) struct strbuf plain = STRBUF_INIT;
	struct strbuf nothing = STRBUF_INIT;

	plain_bytes(&plain);
	good("plain", "none", &plain, &plain);
	good("nothing", "none", &nothing, &nothing);
	plain.len = 3;
	good("three bytes", "none", &plain, &plain);
}

TEST(gzip_streams_of_many_members_pass)
{
	scoped(strbuf) struct strbuf plain = STRBUF_INIT;
	scoped(strbuf) struct strbuf one = STRBUF_INIT;
	scoped(strbuf) struct strbuf many = STRBUF_INIT;

	plain_bytes(&plain);
	add_gzip(&one, plain.s, plain.len);
	good("one member", "gzip", &one, &plain);
	for (size_t at = 0; at < plain.len;) {
		size_t n = at + 100001 < plain.len ? 100001 : plain.len - at;
		add_gzip(&many, plain.s + at, n);
		if (at == 0)
			add_gzip(&many, "", 0);
		at += n;
	}
	good("many members", "gzip", &many, &plain);
	CHECK_INT(strbuf_add(&many, "\0\0\0\0\0\0", 6), 0);
	good("zero padding", "gzip", &many, &plain);
	CHECK_INT(strbuf_add(&many, "junk", 4), 0);
	bad("junk behind", &many);
}

TEST(gzip_streams_that_are_cut_or_damaged_are_refused)
{
	static const size_t cuts[] = { 1, 4, 8, 9, 1000 };
	scoped(strbuf) struct strbuf plain = STRBUF_INIT;
	scoped(strbuf) struct strbuf gz = STRBUF_INIT;
	size_t whole;

	plain_bytes(&plain);
	add_gzip(&gz, plain.s, plain.len);
	whole = gz.len;
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		gz.len = whole - cuts[i];
		bad("cut", &gz);
	}
	gz.len = 12;
	bad("header only", &gz);
	gz.len = whole;
	gz.s[whole - 6] ^= 1;
	bad("wrong sum", &gz);
	gz.s[whole - 6] ^= 1;
	gz.s[whole / 2] ^= 0x10;
	bad("flipped bit", &gz);
	gz.s[whole / 2] ^= 0x10;
	add_gzip(&gz, plain.s, 5000);
	gz.len -= 20;
	bad("second member cut", &gz);
}

TEST(zstd_streams_of_many_frames_pass_and_cut_ones_do_not)
{
	static const char skippable[] = "\x53\x2a\x4d\x18\x04\x00\x00\x00toc!";
	scoped(strbuf) struct strbuf plain = STRBUF_INIT;
	scoped(strbuf) struct strbuf zst = STRBUF_INIT;

	plain_bytes(&plain);
	CHECK_INT(strbuf_add(&zst, skippable, 12), 0);
	add_zstd(&zst, plain.s, 1000000);
	CHECK_INT(strbuf_add(&zst, skippable, 12), 0);
	add_zstd(&zst, plain.s + 1000000, plain.len - 1000000);
	CHECK_INT(strbuf_add(&zst, skippable, 12), 0);
	good("frames", "zstd", &zst, &plain);
	zst.len -= 12 + 5;
	bad("cut", &zst);
	zst.len = 12 + 100;
	bad("cut early", &zst);
	zst.len = 12 + 1000;
	zst.s[12 + 500] ^= 0x40;
	bad("damaged", &zst);
}

TEST(xz_and_bzip2_streams_pass_and_cut_ones_do_not)
{
	static const struct {
		const char *name;
		int (*filter)(struct archive *);
	} t[] = { { "xz", archive_write_add_filter_xz },
		  { "bzip2", archive_write_add_filter_bzip2 } };
	scoped(strbuf) struct strbuf plain = STRBUF_INIT;

	plain_bytes(&plain);
	plain.len = 300000;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(strbuf) struct strbuf blob = STRBUF_INIT;
		add_filter(&blob, &plain, t[i].filter);
		good(t[i].name, t[i].name, &blob, &plain);
		blob.len /= 2;
		bad(t[i].name, &blob);
	}
}

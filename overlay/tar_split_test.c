/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/tar_split.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "overlay/layer_testing.h"
#include "src/util/fd.h"

/* TEXT as gzip in a file; CUT bytes of it are missing at the end. */
static int packed(const char *text, size_t cut)
{
	static struct isal_zstream z;
	static uint8_t out[8192];
	static uint8_t in[65536];
	size_t n = strlen(text);
	int fd = memfd_create("tar-split", MFD_CLOEXEC);

	isal_deflate_init(&z);
	z.gzip_flag = IGZIP_GZIP;
	z.end_of_stream = 1;
	CHECK(n < sizeof(in));
	(void)snprintf((char *)in, sizeof(in), "%s", text);
	z.next_in = in;
	z.avail_in = (uint32_t)n;
	z.next_out = out;
	z.avail_out = sizeof(out);
	CHECK_INT(isal_deflate(&z), COMP_OK);
	CHECK_INT(fd_write_all(fd, out, sizeof(out) - z.avail_out - cut), 0);
	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int collect(void *arg, const void *bytes, size_t n, struct err *e)
{
	(void)e;
	return strbuf_add(arg, bytes, n);
}

static void put(const struct scratch *s, const char *name, const char *text)
{
	scoped(fd) int fd = openat(s->layer_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK_INT(fd_write_all(fd, text, strlen(text)), 0);
}

static void prepare(struct scratch *s)
{
	scratch_begin(s);
	CHECK_INT(mkdirat(s->layer_fd, "diff", 0700), 0);
	put(s, "diff/f", "contents");
	put(s, "diff/\xff", "raw");
	CHECK_INT(symlinkat("/etc/passwd", s->layer_fd, "diff/link"), 0);
}

static int replay(const struct scratch *s, const char *text, size_t cut, struct strbuf *out)
{
	scoped(fd) int fd = packed(text, cut);
	struct err e = { 0 };
	int r = tar_split_replay(s->layer_fd, fd, collect, out, &e);

	CHECK(r == 0 || (r == e.code && e.text[0]));
	return r;
}

TEST(a_tar_split_gives_the_stream_again)
{
	struct scratch s;
	scoped(strbuf) struct strbuf out = STRBUF_INIT;

	prepare(&s);
	CHECK_INT(replay(&s,
			 "{\"type\":2,\"payload\":\"PGhlYWQ+\",\"position\":0}\n"
			 "{\"type\":1,\"name\":\"./f\",\"size\":8,\"payload\":\"\"}\n"
			 "{\"type\":1,\"name\":\"gone\"}\n"
			 "{\"type\":1,\"name_raw\":\"/w==\",\"size\":3}\n"
			 "\n{\"type\":2,\"payload\":\"PGVuZD4=\"}",
			 0, &out),
		  0);
	CHECK_STR(out.s, "<head>contentsraw<end>");
	scratch_end(&s);
}

TEST(a_tar_split_that_lies_is_refused)
{
	static const struct {
		const char *text;
		size_t cut;
		int want;
	} rows[] = {
		{ "{\"type\":1,\"name\":\"f\",\"size\":9}\n", 0, -EBADMSG },
		{ "{\"type\":1,\"name\":\"f\",\"size\":-1}\n", 0, -EBADMSG },
		{ "{\"type\":1,\"name\":\"link\",\"size\":1}\n", 0, -ELOOP },
		{ "{\"type\":1,\"name\":\"../../../etc/passwd\",\"size\":1}\n", 0, -ENOENT },
		{ "{\"type\":1,\"name\":\"/\",\"size\":1}\n", 0, -EBADMSG },
		{ "{\"type\":1,\"size\":1}\n", 0, -EBADMSG },
		{ "{\"type\":1,\"name_raw\":\"AA==\",\"size\":1}\n", 0, -EBADMSG },
		{ "{\"type\":2}\n", 0, -EBADMSG },
		{ "{\"type\":2,\"payload\":\"!\"}\n", 0, -EBADMSG },
		{ "{\"type\":3}\n", 0, -EBADMSG },
		{ "[]\n", 0, -EBADMSG },
		{ "no JSON\n", 0, -EBADMSG },
		{ "{\"type\":2,\"payload\":\"YQ==\"}\n", 9, -EBADMSG },
	};
	struct scratch s;

	prepare(&s);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(strbuf) struct strbuf out = STRBUF_INIT;
		int r = replay(&s, rows[i].text, rows[i].cut, &out);
		if (r != rows[i].want)
			TEST_FAIL("row %zu: %d, not %d", i, r, rows[i].want);
	}
	scratch_end(&s);
}

TEST(the_tar_split_of_a_layer_is_found_beside_it)
{
	struct scratch s;
	struct err e = { 0 };
	scoped(fd) int layer = -EBADF;
	scoped(fd) int found = -EBADF;

	scratch_begin(&s);
	CHECK_INT(tar_split_open(s.layer_fd, &e), -ENOENT);
	CHECK_INT(mkdirat(s.layer_fd, "overlay", 0700), 0);
	CHECK_INT(mkdirat(s.layer_fd, "overlay/abc", 0700), 0);
	CHECK_INT(mkdirat(s.layer_fd, "overlay-layers", 0700), 0);
	put(&s, "overlay-layers/abc.tar-split.gz", "x");
	layer = openat(s.layer_fd, "overlay/abc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	found = tar_split_open(layer, &e);
	CHECK(found >= 0);
	CHECK_INT(unlinkat(s.layer_fd, "overlay-layers/abc.tar-split.gz", 0), 0);
	CHECK_INT(symlinkat("/etc/passwd", s.layer_fd, "overlay-layers/abc.tar-split.gz"), 0);
	CHECK_INT(tar_split_open(layer, &e), -ELOOP);
	scratch_end(&s);
}

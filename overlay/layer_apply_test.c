/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/layer_apply.h"

#include <errno.h>
#include <sys/resource.h>

#include "overlay/layer_testing.h"
#include "overlay/split.h"
#include "src/util/fd.h"
#include "src/util/proc.h"

/* ---- the same tar again ---------------------------------------------------------------------- */

static int collect(void *arg, const void *bytes, size_t n, struct err *e)
{
	(void)e;
	return strbuf_add(arg, bytes, n);
}

static void round_trip(struct scratch *s, const struct strbuf *tar, const char *what)
{
	static const size_t steps[] = { 1000, 512, (size_t)256 * 1024 };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		scoped(strbuf) struct strbuf again = STRBUF_INIT;
		struct err e;
		scratch_clear(s);
		if (tar_apply(s, tar, steps[i], &e) < 0) {
			TEST_FAIL("%s: %s", what, e.text);
			return;
		}
		if (split_replay(s->layer_fd, collect, &again, &e) < 0)
			TEST_FAIL("%s: %s", what, e.text);
		if (again.len != tar->len || memcmp(again.s, tar->s, tar->len) != 0)
			TEST_FAIL("%s: %zu other bytes, not %zu", what, again.len, tar->len);
	}
}

/* A tree with what tars find hard. */
static void make_source(struct scratch *s)
{
	char name[256], link[400];
	int fd;

	CHECK_INT(mkdirat(s->fd, "src", 0755), 0);
	memset(name, 'l', sizeof(name));
	memcpy(name, "src/", 4);
	name[220] = '\0';
	CHECK_INT(mkdirat(s->fd, name, 0755), 0);
	(void)snprintf(link, sizeof(link), "%s/inside", name);
	fd = openat(s->fd, link, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(write(fd, "some text\n", 10) == 10);
	fd_close(fd);
	CHECK_INT(linkat(s->fd, link, s->fd, "src/hard", 0), 0);
	memset(link, 't', 300);
	link[300] = '\0';
	CHECK_INT(symlinkat(link, s->fd, "src/symlink"), 0);
	CHECK_INT(mkfifoat(s->fd, "src/fifo", 0600), 0);
	fd = openat(s->fd, "src/sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (int i = 0; i < 30; i++)
		CHECK(pwrite(fd, "x", 1, i * 1000000L) == 1);
	CHECK_INT(ftruncate(fd, 40000000), 0);
	fd_close(fd);
	fd = openat(s->fd, "src/caf\xc3\xa9", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	for (int i = 0; i < 5000; i++)
		CHECK(write(fd, "0123456789012345678901234567890123456789", 40) == 40);
	fd_close(fd);
	fd = openat(s->fd, "src/latin\xe9", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	fd_close(fd);
}

/* Standard output of ARGV, run in the scratch directory; 0 when the program is missing. */
static int tar_output(struct scratch *s, const char *const *argv, struct strbuf *out)
{
	scoped(child) struct child c = CHILD_NONE;
	int p[2];
	struct err e;

	CHECK_INT(pipe2(p, O_CLOEXEC), 0);
	struct proc_fd fds[] = { { p[1], 1 } };
	struct proc_options o = {
		.path = argv[0], .argv = (char *const *)argv, .fds = fds, .n_fds = 1, .cwd = s->path
	};
	int r = proc_spawn(&o, &c, &e);
	fd_close(p[1]);
	if (r == 0)
		CHECK_INT(fd_read_all(p[0], out), 0);
	fd_close(p[0]);
	if (r == 0)
		CHECK_INT(proc_wait(&c), 0);
	return r == 0;
}

TEST(tars_of_gnu_tar_come_out_as_they_went_in)
{
	static const char *const formats[] = { "--format=gnu", "--format=oldgnu", "--format=pax",
					       "--format=posix" };
	struct scratch s;

	scratch_begin(&s);
	make_source(&s);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		for (int sparse = 0; sparse < 2; sparse++) {
			scoped(strbuf) struct strbuf tar = STRBUF_INIT;
			const char *argv[] = { "tar", formats[i], "-cf",
					       "-",   "src",	  sparse ? "--sparse" : NULL,
					       NULL };
			if (!tar_output(&s, argv, &tar))
				SKIP("tar is missing");
			round_trip(&s, &tar, formats[i]);
		}
	scratch_end(&s);
}

TEST(tars_of_older_formats_come_out_as_they_went_in)
{
	static const char *const formats[] = { "--format=ustar", "--format=v7" };
	struct scratch s;

	scratch_begin(&s);
	CHECK_INT(mkdirat(s.fd, "src", 0755), 0);
	fd_close(openat(s.fd, "src/empty", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	CHECK_INT(symlinkat("empty", s.fd, "src/link"), 0);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		scoped(strbuf) struct strbuf tar = STRBUF_INIT;
		const char *argv[] = { "tar", formats[i], "-cf", "-", "src", NULL };
		if (!tar_output(&s, argv, &tar))
			SKIP("tar is missing");
		round_trip(&s, &tar, formats[i]);
	}
	scratch_end(&s);
}

TEST(tars_of_busybox_come_out_as_they_went_in)
{
	static const char *const argv[] = { "busybox", "tar", "-cf", "-", "src", NULL };
	scoped(strbuf) struct strbuf tar = STRBUF_INIT;
	struct scratch s;
	int have;

	scratch_begin(&s);
	make_source(&s);
	have = tar_output(&s, argv, &tar);
	if (have)
		round_trip(&s, &tar, "busybox");
	scratch_end(&s);
	if (!have)
		SKIP("busybox is missing");
}

TEST(replaced_files_still_come_out)
{
	scoped(strbuf) struct strbuf tar = STRBUF_INIT;
	struct scratch s;

	scratch_begin(&s);
	tar_file(&tar, "a", "the first a");
	tar_file(&tar, "a", "the second a, longer");
	tar_file(&tar, "d/one", "below d");
	tar_file(&tar, "d/two/three", "deep below d");
	tar_header(&tar, "hard", '1', 0, "d/one", NULL);
	tar_header(&tar, "d", '2', 0, "elsewhere", NULL);
	tar_file(&tar, "d/four", "through a link");
	tar_header(&tar, "hard", '2', 0, "a", NULL);
	tar_file(&tar, "x/../y", "with dots");
	tar_file(&tar, "y", "over dots");
	tar_file(&tar, ".wh.gone", "");
	tar_file(&tar, "gone", "back again");
	tar_file(&tar, ".wh.data", "a whiteout with contents");
	tar_header(&tar, "pax", 'x', 11, NULL, NULL); /* in pax a hard link may have contents */
	tar_data(&tar, "11 atime=1\n", 11);
	tar_header(&tar, "linked", '1', 5, "a", NULL);
	tar_data(&tar, "bytes", 5);
	tar_file(&tar, "last", "z");
	tar_end(&tar);
	CHECK_INT(strbuf_add(&tar, "rubbish after the end", 21), 0);
	round_trip(&s, &tar, "replaced files");
	scratch_end(&s);
}

TEST(empty_streams_are_empty_layers)
{
	scoped(strbuf) struct strbuf tar = STRBUF_INIT;
	struct scratch s;
	struct err e;

	scratch_begin(&s);
	CHECK_INT(tar_apply(&s, &tar, 512, &e), 0);
	tar_end(&tar);
	round_trip(&s, &tar, "an empty tar");
	scratch_end(&s);
}

/* ---- broken ---------------------------------------------------------------------------------- */

static int apply_clean(struct scratch *s, const struct strbuf *tar, struct err *e)
{
	memset(e, 0, sizeof(*e));
	scratch_clear(s);
	return tar_apply(s, tar, 4096, e);
}

TEST(broken_tars_are_refused)
{
	static const char *const sizes[] = {
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", /* -1 in base 256 */
		"\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff", /* 2^63 - 1 */
		"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"77777777777\0",
	};
	struct scratch s;
	struct err e;

	scratch_begin(&s);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		scoped(strbuf) struct strbuf tar = STRBUF_INIT;
		tar_header(&tar, "a", '0', 0, NULL, sizes[i]);
		tar_data(&tar, "text", 4);
		tar_end(&tar);
		if (apply_clean(&s, &tar, &e) == 0)
			TEST_FAIL("size %zu was taken", i);
		CHECK(e.text[0]);
	}
	{
		scoped(strbuf) struct strbuf tar = STRBUF_INIT;
		tar_file(&tar, "a", "text");
		tar_file(&tar, "b", "text");
		tar.s[1024 + 3] ^= 1; /* a wrong sum */
		tar_end(&tar);
		CHECK(apply_clean(&s, &tar, &e) < 0);
		tar.len = 512 + 100; /* cut in the contents */
		CHECK(apply_clean(&s, &tar, &e) < 0);
		tar.len = 300; /* cut in the first header */
		CHECK(apply_clean(&s, &tar, &e) < 0);
		tar.len = 1024 + 300; /* cut in a later header */
		CHECK(apply_clean(&s, &tar, &e) < 0);
	}
	{
		scoped(strbuf) struct strbuf tar = STRBUF_INIT;
		for (int i = 0; i < 2000; i++)
			CHECK_INT(strbuf_puts(&tar, "this is no tar at all "), 0);
		CHECK_INT(apply_clean(&s, &tar, &e), -EBADMSG);
	}
	scratch_end(&s);
}

TEST(unknown_types_are_left_out_and_numbers_are_checked)
{
	scoped(strbuf) struct strbuf tar = STRBUF_INIT;
	struct scratch s;
	struct stat st;

	scratch_begin(&s);
	tar_header(&tar, "new\nline", '0', 0, NULL, NULL);
	tar_header(&tar, "dir", '5', 0, NULL, NULL);
	tar_file(&tar, "after", "x");
	tar_end(&tar);
	round_trip(&s, &tar, "odd entries");
	CHECK_INT(fstatat(s.layer_fd, "diff/after", &st, 0), 0);
	CHECK_INT(fstatat(s.layer_fd, "diff/new\nline", &st, 0), 0);
	scratch_end(&s);
}

/* ---- bombs ----------------------------------------------------------------------------------- */

/* A header, then as many bytes as anybody wants. */
struct bomb {
	struct strbuf head;
	size_t pos;
	long long left; /* bytes of filler to come */
	char filler;
	char buf[256 * 1024];
};

static ssize_t bomb_next(void *arg, const void **ret, struct err *e)
{
	struct bomb *b = arg;
	size_t n;

	(void)e;
	if (b->pos < b->head.len) {
		*ret = b->head.s + b->pos;
		n = b->head.len - b->pos;
		b->pos = b->head.len;
		return (ssize_t)n;
	}
	n = b->left < (long long)sizeof(b->buf) ? (size_t)b->left : sizeof(b->buf);
	memset(b->buf, b->filler, n);
	b->left -= (long long)n;
	*ret = b->buf;
	return (ssize_t)n;
}

static long peak_kib(void)
{
	struct rusage u;
	CHECK_INT(getrusage(RUSAGE_SELF, &u), 0);
	return u.ru_maxrss;
}

static void try_bomb(struct scratch *s, char type, const char *name, long long size, char filler)
{
	scoped(mem) struct bomb *b = calloc(1, sizeof(*b));
	struct layer_tree_options o = { 0 };
	long before = peak_kib();
	int64_t tree;
	struct err e;

	b->left = size;
	b->filler = filler;
	tar_header(&b->head, name, type, size, NULL, NULL);
	scratch_clear(s);
	CHECK(layer_apply(s->layer_fd, &o, bomb_next, b, &tree, &e) < 0);
	/* It stopped early, and took no memory. */
	CHECK(b->left > size - (16LL << 20));
	CHECK(peak_kib() - before < 64L * 1024);
	strbuf_done(&b->head);
}

TEST(header_bombs_are_refused_with_little_memory)
{
	struct scratch s;

	scratch_begin(&s);
	try_bomb(&s, 'x', "pax", 600LL << 20, 'a');
	try_bomb(&s, 'g', "global", 600LL << 20, 'a');
	try_bomb(&s, 'L', "././@LongLink", 400LL << 20, 'n');
	try_bomb(&s, 'K', "././@LongLink", 400LL << 20, 'n');
	scratch_end(&s);
}

/* GNU.sparse 1.0: the map stands in front of the contents. */
TEST(sparse_map_bombs_are_refused_with_little_memory)
{
	static const char pax[] = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
				  "30 GNU.sparse.realsize=100000\n20 GNU.sparse.name=s\n";
	scoped(mem) struct bomb *b = calloc(1, sizeof(*b));
	struct layer_tree_options o = { 0 };
	struct scratch s;
	int64_t tree;
	struct err e;

	scratch_begin(&s);
	tar_header(&b->head, "pax", 'x', (long long)strlen(pax), NULL, NULL);
	tar_data(&b->head, pax, strlen(pax));
	tar_header(&b->head, "s", '0', 30LL << 20, NULL, NULL);
	CHECK_INT(strbuf_puts(&b->head, "9999999\n"), 0);
	b->left = 30LL << 20;
	b->filler = '\n';
	CHECK(layer_apply(s.layer_fd, &o, bomb_next, b, &tree, &e) < 0);
	CHECK(b->left > 16LL << 20);
	strbuf_done(&b->head);
	scratch_end(&s);
}

TEST(padding_after_the_end_costs_little)
{
	scoped(mem) struct bomb *b = calloc(1, sizeof(*b));
	struct layer_tree_options o = { 0 };
	struct scratch s;
	struct stat st;
	int64_t tree;
	struct err e;

	scratch_begin(&s);
	tar_file(&b->head, "a", "b");
	tar_end(&b->head);
	b->left = 64LL << 20;
	CHECK_INT(layer_apply(s.layer_fd, &o, bomb_next, b, &tree, &e), 0);
	CHECK_INT(fstatat(s.layer_fd, "split", &st, 0), 0);
	CHECK(st.st_size < 64L * 1024);
	strbuf_done(&b->head);
	scratch_end(&s);
}

/* ---- damaged splits -------------------------------------------------------------------------- */

static int swallow(void *arg, const void *bytes, size_t n, struct err *e)
{
	(void)arg;
	(void)bytes;
	(void)n;
	(void)e;
	return 0;
}

TEST(damaged_splits_and_changed_files_are_found)
{
	scoped(strbuf) struct strbuf tar = STRBUF_INIT;
	struct scratch s;
	struct stat st;
	struct err e;
	char byte;
	int fd;

	scratch_begin(&s);
	tar_file(&tar, "a", "contents of a");
	tar_end(&tar);
	CHECK_INT(tar_apply(&s, &tar, 512, &e), 0);
	CHECK_INT(split_replay(s.layer_fd, swallow, NULL, &e), 0);
	fd = openat(s.layer_fd, "split", O_RDWR | O_CLOEXEC);
	CHECK_INT(fstat(fd, &st), 0);
	for (off_t at = 0; at < st.st_size; at += 7) {
		CHECK_INT(pread(fd, &byte, 1, at), 1);
		byte ^= 0x55;
		CHECK_INT(pwrite(fd, &byte, 1, at), 1);
		/* The frame's checksum: nothing damaged may pass for good. */
		CHECK(split_replay(s.layer_fd, swallow, NULL, &e) < 0);
		byte ^= 0x55;
		CHECK_INT(pwrite(fd, &byte, 1, at), 1);
	}
	CHECK_INT(ftruncate(fd, st.st_size / 2), 0);
	CHECK_INT(split_replay(s.layer_fd, swallow, NULL, &e), -EBADMSG);
	fd_close(fd);
	scratch_clear(&s);
	CHECK_INT(tar_apply(&s, &tar, 512, &e), 0);
	CHECK_INT(fchmodat(s.layer_fd, "diff", 0755, 0), 0);
	CHECK_INT(unlinkat(s.layer_fd, "diff/a", 0), 0);
	CHECK_INT(symlinkat("/etc/passwd", s.layer_fd, "diff/a"), 0);
	CHECK(split_replay(s.layer_fd, swallow, NULL, &e) < 0);
	scratch_end(&s);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/archive.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

/* ---- a tar by hand --------------------------------------------------------------------------- */

static void put(struct strbuf *b, const char *name, char type, const char *link, const char *text)
{
	static const char zeros[512];
	size_t n = text ? strlen(text) : 0;
	unsigned sum = 0;
	char h[512] = { 0 };

	(void)snprintf(h, 100, "%s", name);
	(void)snprintf(h + 100, 8, "%07o", 0644);
	(void)snprintf(h + 124, 12, "%011o", (unsigned)n);
	memset(h + 148, ' ', 8);
	h[156] = type;
	(void)snprintf(h + 157, 100, "%s", link ? link : "");
	memcpy(h + 257, "ustar", 6);
	h[263] = h[264] = '0';
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	(void)snprintf(h + 148, 7, "%06o", sum);
	CHECK_INT(strbuf_add(b, h, sizeof(h)), 0);
	if (n) {
		CHECK_INT(strbuf_add(b, text, n), 0);
		CHECK_INT(strbuf_add(b, zeros, (512 - n % 512) % 512), 0);
	}
}

/* Index B as the role does it, parse its answer as the caller does it. */
static struct image_archive *index_of(const struct strbuf *b, struct err *e)
{
	scoped(image_archive) struct image_archive *a = calloc(1, sizeof(*a));
	scoped(mem) char *answer = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&answer, &n);
	int r;

	a->fd = memfd_create("archive", MFD_CLOEXEC);
	CHECK_INT(fd_write_all(a->fd, b->s, b->len), 0);
	CHECK_INT(lseek(a->fd, 0, SEEK_SET), 0);
	r = archive_walk(a->fd, out, e);
	(void)fputc('.', out);
	(void)fclose(out);
	if (r < 0 || archive_index_parse(answer, n, (int64_t)b->len, a, e) < 0)
		return NULL;
	return take_ptr(&a);
}

static void check_file(const struct image_archive *a, const char *name, const char *want)
{
	const struct archive_item *it = image_archive_find(a, name);
	scoped(mem) char *text = NULL;
	size_t n;
	struct err e;

	if (!want) {
		if (it)
			TEST_FAIL("%s was found", name);
		return;
	}
	if (!it || image_archive_read(a, it, 100, &text, &n, &e) < 0)
		TEST_FAIL("%s was not found", name);
	else
		CHECK_STR(text, want);
}

TEST(files_of_an_archive_are_found_by_their_clean_names)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(image_archive) struct image_archive *a = NULL;
	struct err e;

	put(&b, "./index.json", '0', NULL, "index");
	put(&b, "a//b/./c", '0', NULL, "abc");
	put(&b, "twice", '0', NULL, "first");
	put(&b, "twice", '0', NULL, "second");
	put(&b, "/abs", '0', NULL, "absolute");
	put(&b, "empty", '0', NULL, "");
	put(&b, "x/layer.tar", '2', "../a/b/c", NULL);
	put(&b, "hard", '1', "a/b/c", NULL);
	put(&b, "dir", '5', NULL, NULL);
	a = index_of(&b, &e);
	CHECK(a != NULL);
	if (!a)
		return;
	check_file(a, "index.json", "index");
	check_file(a, "a/b/c", "abc");
	check_file(a, "./a/b/c", "abc");
	check_file(a, "twice", "second");
	check_file(a, "abs", "absolute");
	check_file(a, "empty", "");
	check_file(a, "x/layer.tar", "abc");
	check_file(a, "hard", "abc");
	check_file(a, "dir", NULL);
	check_file(a, "a/b", NULL);
	check_file(a, "", NULL);
}

/* CVE-2014-9358, CVE-2025-11395: nothing of the host is behind any name. */
TEST(links_and_dots_of_an_archive_lead_nowhere)
{
	static const char *const lost[] = { "manifest.json",  "index.json", "up",     "deep/up",
					    "blobs/sha256/0", "../out",	    "out",    "etc/passwd",
					    "loop1",	      "hard",	    "hardup", "updown",
					    "fifo",	      "device" };
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(image_archive) struct image_archive *a = NULL;
	struct err e;

	put(&b, "manifest.json", '2', "/etc/passwd", NULL);
	put(&b, "index.json", '2', "../../../etc/passwd", NULL);
	put(&b, "up", '2', "..", NULL);
	put(&b, "deep/up", '2', "../../etc/passwd", NULL);
	put(&b, "blobs", '2', "/etc", NULL);
	put(&b, "../out", '0', NULL, "out");
	put(&b, "loop1", '2', "loop2", NULL);
	put(&b, "loop2", '2', "loop1", NULL);
	put(&b, "hard", '1', "/etc/passwd", NULL);
	put(&b, "hardup", '1', "../good", NULL);
	put(&b, "updown", '2', "../x/good", NULL);
	put(&b, "good", '0', NULL, "good");
	put(&b, "x/good", '0', NULL, "xgood");
	put(&b, "fifo", '6', NULL, NULL);
	put(&b, "device", '3', NULL, NULL);
	a = index_of(&b, &e);
	CHECK(a != NULL);
	for (size_t i = 0; a && i < ARRAY_LEN(lost); i++)
		check_file(a, lost[i], NULL);
	if (a)
		check_file(a, "good", "good");
}

TEST(cut_and_damaged_archives_are_refused)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	struct err e;

	put(&b, "a", '0', NULL, "some text");
	put(&b, "b", '0', NULL, "more text");
	b.len -= 512;
	CHECK(index_of(&b, &e) == NULL); /* the contents of b are missing */
	b.len -= 100;
	CHECK(index_of(&b, &e) == NULL); /* half a header */
	b.len = 1024;
	b.s[3] ^= 1;
	CHECK(index_of(&b, &e) == NULL); /* a wrong sum */
	CHECK(e.text[0]);
}

TEST(a_roles_wrong_answers_are_not_believed)
{
	static const struct {
		const char *bytes;
		size_t n;
	} t[] = {
		{ "", 0 },
		{ "e", 1 },
		{ "!", 1 },
		{ "..", 2 },
		{ "x", 1 },
		/* kind 9; a place behind the end of the file; a name that is longer than the answer
		 */
		{ "e\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0a.", 24 },
		{ "e\x00\1\1\1\1\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0a.", 24 },
		{ "e\x00\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\xff\xff\0\0a.", 24 },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(image_archive) struct image_archive *a = calloc(1, sizeof(*a));
		struct err e;
		a->fd = -EBADF;
		if (archive_index_parse(t[i].bytes, t[i].n, 1000, a, &e) >= 0)
			TEST_FAIL("answer %zu was believed", i);
	}
}

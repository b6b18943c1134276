/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/tar.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/util/scoped.h"
#include "src/util/testing.h"

static size_t written(const struct tar_entry *t, char *buf, size_t n)
{
	scoped(fd) int fd = memfd_create("tar", MFD_CLOEXEC);
	ssize_t got;

	CHECK_INT(tar_put_header(fd, t), 0);
	got = pread(fd, buf, n, 0);
	return got < 0 ? 0 : (size_t)got;
}

TEST(a_header_has_what_tar_reads)
{
	const struct tar_entry t = { .name = "a/b",
				     .type = TAR_FILE,
				     .size = 1000,
				     .mode = 0640,
				     .uid = 1000,
				     .gid = 5,
				     .mtime = 1 };
	char b[4 * TAR_BLOCK];

	CHECK_INT((int)written(&t, b, sizeof(b)), TAR_BLOCK);
	CHECK_STR(b, "a/b");
	CHECK_STR(b + 100, "0000640");
	CHECK_STR(b + 108, "0001750");
	CHECK_STR(b + 124, "00000001750");
	CHECK_STR(b + 148, "006353");
	CHECK_INT(b[156], '0');
	CHECK_STR(b + 257, "ustar");
}

TEST(large_numbers_and_long_names_have_a_form_too)
{
	char name[301], b[4 * TAR_BLOCK];
	struct tar_entry t = { .name = name, .type = TAR_FILE, .size = 1LL << 33 };

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK_INT((int)written(&t, b, sizeof(b)), 3 * TAR_BLOCK);
	CHECK_INT(b[156], 'L');
	CHECK_STR(b + TAR_BLOCK, name);
	CHECK_INT((unsigned char)b[2 * TAR_BLOCK + 124], 0x80);
	CHECK_INT(b[2 * TAR_BLOCK + 131], 2);
	CHECK_INT(b[2 * TAR_BLOCK + 135], 0);
}

TEST(a_link_that_does_not_fit_is_refused)
{
	char link[101];
	const struct tar_entry t = { .name = "a", .type = TAR_LINK, .link = link };

	memset(link, 'l', sizeof(link) - 1);
	link[sizeof(link) - 1] = '\0';
	CHECK_INT(tar_put_header(-1, &t), -ENAMETOOLONG);
}

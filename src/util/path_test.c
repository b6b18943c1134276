/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/testing.h"

static void make_link(int dir, const char *target, const char *name)
{
	if (symlinkat(target, dir, name) < 0)
		TEST_FAIL("make link %s", name);
}

/* root/ is the "container": every link in it tries to leave. */
static int make_tree(char *dir)
{
	int fd, root;
	if (!mkdtemp(dir))
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	(void)mkdirat(fd, "root", 0755);
	(void)mkdirat(fd, "canary", 0755);
	(void)close(openat(fd, "canary/secret", O_CREAT | O_WRONLY, 0600));
	root = openat(fd, "root", O_RDONLY | O_DIRECTORY);
	(void)mkdirat(root, "a", 0755);
	(void)mkdirat(root, "a/b", 0755);
	(void)close(openat(root, "a/f", O_CREAT | O_WRONLY, 0600));
	make_link(root, "/a", "abs");
	make_link(root, "../../../canary", "up");
	make_link(root, "../f", "a/b/rel");
	make_link(root, "loop", "loop");
	make_link(root, "/nowhere", "dangling");
	(void)close(fd);
	return root;
}

static int inode_of(int fd, ino_t *ino)
{
	struct stat st;
	if (fd < 0)
		return fd;
	(void)fstat(fd, &st);
	*ino = st.st_ino;
	(void)close(fd);
	return 0;
}

TEST(both_ways_below_a_root_agree)
{
	static const char *const paths[] = {
		"/",	".",	     "a",      "/a/f",	   "abs/f",	"abs/b/rel",
		"up",	"up/secret", "loop",   "dangling", "../../a/f", "a/../a/./b//rel",
		"a/f/", "a/f/x",     "a/b/..", "missing",  "missing/x", "a/b/",
		"abs",	""
	};
	static const int flags[] = { O_RDONLY, O_PATH, O_PATH | O_NOFOLLOW, O_PATH | O_DIRECTORY,
				     O_RDONLY | O_NOFOLLOW };
	char dir[] = "/tmp/cove-path-XXXXXX";
	int root = make_tree(dir);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		for (size_t j = 0; j < ARRAY_LEN(flags); j++) {
			ino_t a = 0, b = 0;
			int x = inode_of(path_open_in(root, paths[i], flags[j], 0), &a);
			int y = inode_of(path_open_in_walk(root, paths[i], flags[j], 0), &b);
			if (x != y || a != b)
				TEST_FAIL("'%s' flags %#x: openat2 %d, walk %d", paths[i], flags[j],
					  x, y);
		}
	(void)close(root);
	CHECK_INT(path_rmtree(AT_FDCWD, dir), 0);
}

TEST(links_do_not_leave_the_root)
{
	char dir[] = "/tmp/cove-path-XXXXXX", secret[64];
	int root = make_tree(dir);
	struct stat st;
	CHECK_INT(path_open_in(root, "up/secret", O_RDONLY, 0), -ENOENT);
	/* Making directories through a link that points out stays inside as well. */
	CHECK_INT(path_mkdirs_in(root, "up/new", 0755), -ENOENT);
	(void)snprintf(secret, sizeof(secret), "%s/canary/new", dir);
	CHECK(stat(secret, &st) < 0);
	(void)close(root);
	CHECK_INT(path_rmtree(AT_FDCWD, dir), 0);
}

TEST(missing_directories_and_files_are_made)
{
	char dir[] = "/tmp/cove-path-XXXXXX";
	int root = make_tree(dir), fd = path_mkfile_in(root, "/abs/x/y/z", 0644);
	struct stat st;
	CHECK(fd >= 0);
	(void)close(fd);
	CHECK_INT(fstatat(root, "a/x/y/z", &st, 0), 0);
	CHECK(S_ISREG(st.st_mode));
	(void)close(root);
	CHECK_INT(path_rmtree(AT_FDCWD, dir), 0);
}

TEST(paths_compare_by_component)
{
	CHECK(path_is_below("/a/b", "/a"));
	CHECK(path_is_below("/a", "/a/"));
	CHECK(path_is_below("/x", "/"));
	CHECK(!path_is_below("/ab", "/a"));
}

TEST(paths_are_cleaned)
{
	static const char *const cases[][2] = {
		{ "", "/" },
		{ "/", "/" },
		{ "a//b/./c", "/a/b/c" },
		{ "/../../x", "/x" },
		{ "/a/b/../../..", "/" },
		{ "/a/../b", "/b" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(mem) char *got = path_clean(cases[i][0]);
		CHECK_STR(got, cases[i][1]);
	}
}

TEST(fifos_do_not_hang_a_reader)
{
	char dir[] = "/tmp/cove-path-XXXXXX";
	int root = make_tree(dir);
	char *text = NULL;
	struct err e;
	CHECK_INT(mkfifoat(root, "fifo", 0600), 0);
	CHECK_INT(path_read(root, "fifo", 100, &text, NULL, &e), -EINVAL);
	CHECK_INT(path_replace(root, "whole", "123", 3, 0600, 1, &e), 0);
	CHECK_INT(path_read(root, "whole", 2, &text, NULL, &e), -E2BIG);
	CHECK_INT(path_read(root, "whole", 3, &text, NULL, &e), 0);
	CHECK_STR(text, "123");
	free(text);
	(void)close(root);
	CHECK_INT(path_rmtree(AT_FDCWD, dir), 0);
}

TEST(path_collect_takes_what_replacing_left)
{
	static const char *const names[] = { ".f.0123abcd.tmp", ".f.01234567.tmp",
					     ".f.0123abc.tmp",	".f.0123abcd.tmp2",
					     ".g.0123abcd.tmp", "f" };
	char dir[] = "/tmp/path_collect.XXXXXX";
	int fd = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)close(openat(fd, names[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	path_collect(fd, "f");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		CHECK_INT(faccessat(fd, names[i], F_OK, 0), i < 2 ? -1 : 0);
	(void)close(fd);
	CHECK_INT(path_rmtree(AT_FDCWD, dir), 0);
}

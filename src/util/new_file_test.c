/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/new_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = -2; /* . and .. */

	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n;
}

static int has_nameless(const char *dir)
{
	scoped(fd) int fd = open(dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);

	return fd >= 0;
}

TEST(new_file_appears_whole_or_not_at_all)
{
	char dir[] = "/tmp/new_file.XXXXXX";
	scoped(mem) char *path = mkdtemp(dir) ? str_printf("%s/file", dir) : NULL;
	mode_t old = umask(027);
	struct stat st;
	struct err e = { 0 };

	for (int i = 0; path && i < 2; i++) { /* then in the place of the first */
		scoped(new_file) struct new_file f = NEW_FILE_NONE;
		scoped(new_file) struct new_file other = NEW_FILE_NONE;
		scoped(mem) char *text = NULL;

		CHECK_INT(new_file_open(path, 0666, &f, &e), 0);
		CHECK_INT(new_file_open(path, 0666, &other, &e), 0);
		CHECK_INT(entries(dir), i + (has_nameless(dir) ? 0 : 2));
		CHECK_INT(write(f.fd, i ? "second" : "first!", 6), 6);
		CHECK_INT(new_file_publish(&f, &e), 0);
		new_file_done(&other);
		new_file_done(&f);
		CHECK_INT(entries(dir), 1);
		CHECK_INT(path_read(AT_FDCWD, path, 100, &text, NULL, &e), 0);
		CHECK_STR(text, i ? "second" : "first!");
		CHECK_INT(stat(path, &st), 0);
		CHECK_INT(st.st_mode & 0777, 0640);
	}
	if (path) {
		scoped(new_file) struct new_file f = NEW_FILE_NONE;
		scoped(mem) char *link = str_printf("%s/link", dir);
		scoped(mem) char *text = NULL;

		CHECK_INT(symlink("file", link), 0); /* a link stays one */
		CHECK_INT(new_file_open(link, 0666, &f, &e), 0);
		CHECK_INT(write(f.fd, "third!", 6), 6);
		CHECK_INT(new_file_publish(&f, &e), 0);
		CHECK_INT(entries(dir), 2);
		CHECK_INT(lstat(link, &st), 0);
		CHECK_INT(S_ISLNK(st.st_mode), 1);
		CHECK_INT(path_read(AT_FDCWD, path, 100, &text, NULL, &e), 0);
		CHECK_STR(text, "third!");
	}
	(void)umask(old);
	CHECK_INT(path_rmtree(AT_FDCWD, dir), 0);
}

TEST(new_file_without_a_directory)
{
	struct new_file f = NEW_FILE_NONE;
	struct err e = { 0 };

	CHECK_INT(new_file_open("/nonexistent/file", 0666, &f, &e), -ENOENT);
	CHECK_STR(e.text, "create /nonexistent/file: No such file or directory");
}

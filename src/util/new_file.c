/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

static char *other_name(const char *path)
{
	char rnd[9] = "";

	return id_random(rnd, 8) < 0 ? NULL : str_printf("%s.%s.tmp", path, rnd);
}

/* A file without a name beside PATH: the descriptor, or negative errno. */
static int open_nameless(const char *path, mode_t mode)
{
	const char *slash = strrchr(path, '/');
	scoped(mem) char *dir = slash ? strndup(path, (size_t)(slash - path + 1)) : strdup(".");
	scoped(fd) int fd = dir ? open(dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, mode) : -1;
	mode_t mask;

	if (fd < 0)
		return dir ? -errno : -ENOMEM;
	/* Not all kernels take the umask off here. */
	mask = umask(0);
	(void)umask(mask);
	return fchmod(fd, mode & ~mask) < 0 ? -errno : take_fd(&fd);
}

/* PATH, or where the link PATH leads, if that is there: a link stays one.  The kernel follows it,
 * so that its rules for links of others in /tmp hold.  Owned. */
static char *behind_links(const char *path)
{
	scoped(fd) int fd = -EBADF;
	char self[32], to[PATH_MAX];
	struct stat link, st, now;
	ssize_t n = -1;

	if (lstat(path, &link) == 0 && S_ISLNK(link.st_mode))
		fd = open(path, O_PATH | O_CLOEXEC);
	if (fd >= 0) {
		(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		n = readlink(self, to, sizeof(to) - 1);
	}
	if (n > 0)
		to[n] = '\0';
	return n > 0 && fstat(fd, &st) == 0 && lstat(to, &now) == 0 && st.st_ino == now.st_ino &&
			       st.st_dev == now.st_dev
		       ? strdup(to)
		       : strdup(path);
}

int new_file_open(const char *path, mode_t mode, struct new_file *ret, struct err *e)
{
	scoped(new_file) struct new_file f = { .fd = -EBADF, .path = behind_links(path) };

	if (!f.path)
		return err_errno(e, ENOMEM, "create %s", path);
	path = f.path;
	f.fd = open_nameless(path, mode);
	if (f.fd < 0) {
		f.tmp = other_name(path);
		if (!f.tmp)
			return err_errno(e, ENOMEM, "create %s", path);
		f.fd = open(f.tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (f.fd < 0) {
			int r = err_sys(e, "create %s", path);
			free(f.tmp);
			f.tmp = NULL; /* nothing to remove */
			return r;
		}
	}
	ret->fd = take_fd(&f.fd);
	ret->path = take_ptr(&f.path);
	ret->tmp = take_ptr(&f.tmp);
	return 0;
}

static int give_name(const struct new_file *f, const char *name)
{
	char self[32];

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int new_file_publish(struct new_file *f, struct err *e)
{
	int r = f->tmp ? -EEXIST : give_name(f, f->path);

	if (r == -EEXIST && !f->tmp) { /* links do not replace what is there */
		f->tmp = other_name(f->path);
		r = f->tmp ? give_name(f, f->tmp) : -ENOMEM;
		if (r < 0) {
			free(f->tmp);
			f->tmp = NULL;
			return err_errno(e, r, "create %s", f->path);
		}
		r = -EEXIST;
	}
	if (r == -EEXIST)
		r = rename(f->tmp, f->path) < 0 ? -errno : 0;
	if (r < 0)
		return err_errno(e, r, "create %s", f->path);
	free(f->tmp);
	f->tmp = NULL;
	return 0;
}

void new_file_done(struct new_file *f)
{
	if (f->tmp)
		(void)unlink(f->tmp); /* whatever failed before is the story */
	fd_close(f->fd);
	free(f->path);
	free(f->tmp);
	*f = NEW_FILE_NONE;
}

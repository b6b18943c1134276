/* SPDX-License-Identifier: Apache-2.0 */
/* Copy one directory tree into another, for tmpcopyup and fresh volumes.  Both are reached by
 * descriptors only, and no link is followed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/runtime/init.h"

#define DEPTH_MAX 256

static int copy_bytes(int from, int to)
{
	char buf[65536];
	ssize_t n;

	while ((n = copy_file_range(from, NULL, to, NULL, 1U << 30, 0)) > 0)
		;
	if (n == 0)
		return 0;
	/* Across file systems before Linux 5.3, and where one of them has no such call. */
	while ((n = read(from, buf, sizeof(buf))) > 0)
		for (ssize_t done = 0, w; done < n; done += w)
			if ((w = write(to, buf + done, (size_t)(n - done))) < 0)
				return -errno;
	return n < 0 ? -errno : 0;
}

static int copy_file(int src, int dst, const char *name, const struct stat *st)
{
	scoped(fd) int from = openat(src, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	scoped(fd) int to = -EBADF;
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r;

	if (from < 0)
		return -errno;
	to = openat(dst, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	r = copy_bytes(from, to);
	if (r == 0 && (fchown(to, st->st_uid, st->st_gid) < 0 ||
		       fchmod(to, st->st_mode & 07777) < 0 || futimens(to, times) < 0))
		r = -errno;
	return r;
}

static int copy_link(int src, int dst, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(src, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (symlinkat(target, dst, name) < 0 ||
	    fchownat(dst, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_dir(int src, int dst, int depth);

static int copy_entry(int src, int dst, const char *name, int depth)
{
	scoped(fd) int from = -EBADF;
	scoped(fd) int to = -EBADF;
	struct stat st;
	struct timespec times[2];
	int r;

	if (fstatat(src, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return copy_file(src, dst, name, &st);
	if (S_ISLNK(st.st_mode))
		return copy_link(src, dst, name, &st);
	if (S_ISFIFO(st.st_mode))
		return mkfifoat(dst, name, st.st_mode & 07777) < 0 ? -errno : 0;
	if (!S_ISDIR(st.st_mode))
		return 0; /* sockets and devices have no content to copy */
	if (depth >= DEPTH_MAX)
		return -ELOOP;
	if (mkdirat(dst, name, 0700) < 0)
		return -errno;
	from = openat(src, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	to = openat(dst, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 || to < 0)
		return -errno;
	r = copy_dir(from, to, depth + 1);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (r == 0 && (fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0 ||
		       futimens(to, times) < 0))
		r = -errno;
	return r;
}

static int copy_dir(int src, int dst, int depth)
{
	int fd = openat(src, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		r = -errno;
		fd_close(fd);
		return r;
	}
	for (struct dirent *de; r == 0 && (de = readdir(d));)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			r = copy_entry(src, dst, de->d_name, depth);
	return r;
}

int copy_tree(int src_fd, int dst_fd, struct err *e)
{
	int r = copy_dir(src_fd, dst_fd, 0);
	return r < 0 ? err_errno(e, r, "copy what the image has there") : 0;
}

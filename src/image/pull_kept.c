/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pull_kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "src/image/pull_locks.h"
#include "src/image/reference.h"
#include "src/util/fd.h"
#include "src/util/lock.h"
#include "src/util/strbuf.h"

#define KEPT_MIN (256 << 10) /* less is there again as fast as it is found */
#define FREE_MIN (64 << 20)  /* bytes of the disk that stay free */
#define UNPACKED 2	     /* times what comes; looked at again while it comes */

void pull_kept_open(struct pull_kept *k, int dir_fd, const char *digest, int64_t size)
{
	struct stat st;

	*k = (struct pull_kept)PULL_KEPT_NONE;
	k->dir_fd = dir_fd;
	if (dir_fd < 0 || size < KEPT_MIN)
		return;
	(void)snprintf(k->name, sizeof(k->name), "%s", digest_hex(digest));
	k->fd = openat(dir_fd, k->name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (k->fd >= 0 && (fstat(k->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > size))
		pull_kept_drop(k);
	if (k->fd >= 0)
		k->have = st.st_size;
}

size_t pull_kept_read(struct pull_kept *k, int64_t offset, char *buf, size_t n)
{
	ssize_t got;

	do
		got = pread(k->fd, buf, n, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got < 0 ? 0 : (size_t)got;
}

void pull_kept_add(struct pull_kept *k, const char *bytes, size_t n)
{
	if (k->fd < 0)
		return;
	k->have += (int64_t)n;
	if (fd_write_all(k->fd, bytes, n) < 0)
		pull_kept_drop(k);
}

void pull_kept_drop(struct pull_kept *k)
{
	if (k->fd >= 0)
		(void)unlinkat(k->dir_fd, k->name, 0); /* a collection may have been faster */
	pull_kept_close(k);
}

void pull_kept_close(struct pull_kept *k)
{
	fd_close(take_fd(&k->fd));
	k->have = 0;
}

int pull_kept_fits(int dir_fd, int64_t rest)
{
	struct statvfs s;

	return fstatvfs(dir_fd, &s) < 0 ||
	       (int64_t)(s.f_bavail * s.f_frsize) > rest * UNPACKED + FREE_MIN;
}

/* ---- the engine's side ----------------------------------------------------------------------- */

void pull_kept_prepare(struct engine *en)
{
	(void)mkdirat(en->graph_fd, PULL_KEPT_DIR, 0700); /* mostly it is there */
}

void pull_kept_collect(struct engine *en, int64_t seconds)
{
	int fd = openat(en->graph_fd, PULL_KEPT_DIR,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(fd);
		return;
	}
	for (struct dirent *de; (de = readdir(d));) {
		struct stat st;
		int lock;

		if (de->d_name[0] == '.' ||
		    fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    time(NULL) - st.st_mtime < seconds)
			continue;
		lock = pull_lock_try(en, de->d_name);
		if (lock < 0)
			continue;
		(void)unlinkat(dirfd(d), de->d_name, 0); /* the next collection tries again */
		pull_lock_end(en, de->d_name, lock);
	}
}

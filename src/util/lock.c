/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "src/util/scoped.h"

int lock_file(int dir_fd, const char *name, enum lock_mode mode, int wait, struct err *e)
{
	for (;;) {
		scoped(fd) int fd =
			openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		struct stat mine, now;
		int r;

		if (fd < 0)
			return err_sys(e, "open lock %s", name);
		do
			r = flock(fd,
				  (mode == LOCK_SHARED ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB));
		while (r < 0 && errno == EINTR);
		if (r < 0)
			return err_sys(e, "lock %s", name);
		if (fstat(fd, &mine) == 0 &&
		    fstatat(dir_fd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
		    mine.st_ino == now.st_ino && mine.st_dev == now.st_dev)
			return take_fd(&fd);
	}
}

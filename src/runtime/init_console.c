/* SPDX-License-Identifier: Apache-2.0 */
/* The container's terminal: of its own devpts, never one of the caller's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <termios.h>
#include <unistd.h>

#include "src/runtime/init.h"
#include "src/util/path.h"
#include "userns/mount.h"

/* The slave of MASTER: TIOCGPTPEER is Linux 4.13 and needs no path at all. */
static int open_slave(struct init *in, int master)
{
	char path[32];
	int n = 0, fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 || (errno != ENOTTY && errno != EINVAL))
		return fd < 0 ? -errno : fd;
	if (ioctl(master, TIOCGPTN, &n) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/dev/pts/%d", n);
	return path_open_in(in->root_fd, path, O_RDWR | O_NOCTTY, 0);
}

int init_open_console(struct init *in, struct err *e)
{
	scoped(fd) int master = path_open_in(in->root_fd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0);
	scoped(fd) int slave = -EBADF;
	struct winsize size = { .ws_row = in->plan->rows, .ws_col = in->plan->columns };
	struct statfs fs;
	int unlock = 0, r;

	if (master < 0)
		return err_errno(e, master, "open /dev/pts/ptmx of the container");
	/* What the image has there may be anything else. */
	if (fstatfs(master, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(e, -EPERM, "/dev/pts/ptmx of the container is not in a devpts");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, "unlock the terminal");
	slave = open_slave(in, master);
	if (slave < 0)
		return err_errno(e, slave, "open the terminal");
	if (fstatfs(slave, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC || !isatty(slave))
		return err_set(e, -EPERM, "the terminal of the container is none");
	if (size.ws_row && ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_sys(e, "set the terminal's size");
	if (in->dev_fd >= 0) {
		scoped(fd) int target = openat(in->dev_fd, "console",
					       O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (target < 0)
			return err_sys(e, "make /dev/console");
		r = mount_bind(slave, target, 0, 0, 0, 0, NULL, e);
		if (r < 0)
			return err_in(e, "/dev/console");
	}
	r = sync_send(in->sync, 'c', master);
	if (r < 0)
		return err_errno(e, r, "hand over the terminal");
	in->console_fd = take_fd(&slave);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* /dev of the container: nodes bound from the host, links, and the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "src/runtime/init.h"
#include "src/util/path.h"
#include "userns/mount.h"

/* A node of the host, bound: mknod of a device is not for user namespaces. */
static int bind_node(struct init *in, const char *name, struct err *e)
{
	char host[32];
	scoped(fd) int source = -EBADF;
	scoped(fd) int target = -EBADF;

	(void)snprintf(host, sizeof(host), "/dev/%s", name);
	source = open(host, O_PATH | O_CLOEXEC);
	if (source < 0)
		return err_sys(e, "open %s of the host", host);
	target = openat(in->dev_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			0666);
	if (target < 0 && errno == EEXIST) /* a mount of the user's is there already */
		return 0;
	if (target < 0)
		return err_sys(e, "make /dev/%s", name);
	return mount_bind(source, target, 0, 0, 0, 0, NULL, e) < 0 ? err_in(e, "/dev/%s", name) : 0;
}

int init_make_dev(struct init *in, struct err *e)
{
	static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
	static const char *const links[][2] = {
		{ "/proc/self/fd", "fd" },	 { "/proc/self/fd/0", "stdin" },
		{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
		{ "pts/ptmx", "ptmx" },		 { "/proc/kcore", "core" }
	};
	if (in->dev_fd < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		int r = bind_node(in, nodes[i], e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlinkat(links[i][0], in->dev_fd, links[i][1]) < 0 && errno != EEXIST)
			return err_sys(e, "make link /dev/%s", links[i][1]);
	return 0;
}

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
	int unlock = 0, r;

	if (master < 0)
		return err_errno(e, master, "open /dev/pts/ptmx of the container");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, "unlock the terminal");
	slave = open_slave(in, master);
	if (slave < 0)
		return err_errno(e, slave, "open the terminal");
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

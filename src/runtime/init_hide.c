/* SPDX-License-Identifier: Apache-2.0 */
/* What is hidden of the container's mounts: masked and read-only paths, and a read-only root.
 *
 * Whatever is hidden is opened once, below the root, and covered as a descriptor: a name that is
 * exchanged meanwhile changes nothing.  What covers it comes from the host, not from the
 * container's /dev, whose null may be anything. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "src/runtime/init.h"
#include "src/util/path.h"
#include "userns/mount.h"

int init_open_null(struct init *in, struct err *e)
{
	struct stat st;

	in->null_fd = open("/dev/null", O_PATH | O_CLOEXEC);
	if (in->null_fd < 0 || fstat(in->null_fd, &st) < 0)
		return err_sys(e, "open /dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(e, -EPERM, "/dev/null of the host is not the null device");
	return 0;
}

static int mask(struct init *in, const char *path, struct err *e)
{
	scoped(fd) int fd = path_open_in(in->root_fd, path, O_PATH, 0);
	struct stat st;

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, fd < 0 ? fd : errno, "open %s", path);
	if (!S_ISDIR(st.st_mode))
		return mount_bind(in->null_fd, fd, 0, 0, 0, 0, NULL, e);
	if (in->empty_fd >= 0)
		return mount_bind(in->empty_fd, fd, 0, MS_RDONLY, 0, 0, NULL, e);
	return mount_fs(fd, "tmpfs", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			"size=0,mode=555", &in->empty_fd, e);
}

static int make_readonly(struct init *in, const char *path, struct err *e)
{
	scoped(fd) int fd = path_open_in(in->root_fd, path, O_PATH, 0);

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES)
		return 0;
	if (fd < 0)
		return err_errno(e, fd, "open %s", path);
	return mount_bind(fd, fd, 1, MS_RDONLY, 0, 0, NULL, e);
}

/* While it can be made; what stands in its way is told when it is entered. */
static int close_root(struct init *in, struct err *e)
{
	scoped(fd) int cwd =
		in->o->make_cwd ? path_mkdirs_in(in->root_fd, in->plan->cwd, 0755) : -EBADF;

	(void)cwd;
	return mount_add_flags(in->root_fd, MS_RDONLY, 0, e) < 0
		       ? err_in(e, "make the root read-only")
		       : 0;
}

int init_hide_paths(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;
	int r = 0;

	for (size_t i = 0; p->readonly && p->readonly[i] && r == 0; i++)
		if (make_readonly(in, p->readonly[i], e) < 0)
			r = err_in(e, "make %s read-only", p->readonly[i]);
	for (size_t i = 0; p->masked && p->masked[i] && r == 0; i++)
		if (mask(in, p->masked[i], e) < 0)
			r = err_in(e, "mask %s", p->masked[i]);
	return r == 0 && p->rootfs_readonly ? close_root(in, e) : r;
}

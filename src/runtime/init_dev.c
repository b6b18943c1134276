/* SPDX-License-Identifier: Apache-2.0 */
/* /dev of the container: nodes, made where we may and bound from the host where not, and links. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "src/runtime/init.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "userns/mount.h"

int init_is_dev(const struct plan_mount *m)
{
	scoped(mem) char *clean = path_clean(m->target);
	return clean && strcmp(clean, "/dev") == 0;
}

/* A node of the host, bound: mknod of a device is not for user namespaces. */
static int bind_node(int dir, const char *name, const struct plan_device *d, struct err *e)
{
	scoped(fd) int source = open(d->path, O_PATH | O_CLOEXEC);
	scoped(fd) int target = -EBADF;
	struct stat st;

	if (source < 0 || fstat(source, &st) < 0)
		return err_sys(e, "open %s of the host", d->path);
	if ((st.st_mode & S_IFMT) != d->type || (d->type != S_IFIFO && st.st_rdev != d->rdev))
		return err_set(e, -EPERM,
			       "%s of the host is another device, and only root can make a new one",
			       d->path);
	target = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (target < 0)
		return err_sys(e, "make it");
	return mount_bind(source, target, 0, 0, 0, 0, NULL, e);
}

/* Owner and mode through the descriptor of what was made. */
static int finish_node(int dir, const char *name, const struct plan_device *d, struct err *e)
{
	scoped(fd) int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char proc[32];

	if (fd < 0)
		return err_sys(e, "open it");
	if (chmod(fd_proc_path(fd, proc), d->mode) < 0)
		return err_sys(e, "set its mode");
	return chown(proc, d->uid, d->gid) < 0 ? err_sys(e, "set its owner") : 0;
}

/* config-linux.md: a file that is there already stays when it is the same device. */
static int is_same_node(int dir, const char *name, const struct plan_device *d)
{
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & S_IFMT) == d->type && (d->type == S_IFIFO || st.st_rdev == d->rdev);
}

static int make_node(int dir, const char *name, const struct plan_device *d, struct err *e)
{
	if (mknodat(dir, name, d->type | (d->mode & 0777), d->rdev) == 0)
		return finish_node(dir, name, d, e);
	if (errno == EEXIST)
		return is_same_node(dir, name, d) ? 0 : err_sys(e, "make it");
	if (errno != EPERM && errno != EACCES)
		return err_sys(e, "make it");
	return bind_node(dir, name, d, e);
}

/* One of linux.devices: anywhere in the container. */
static int make_device(struct init *in, const struct plan_device *d, struct err *e)
{
	scoped(mem) char *clean = path_clean(d->path);
	char *name = clean ? strrchr(clean, '/') : NULL;
	scoped(fd) int dir = -EBADF;

	if (!name || !name[1])
		return err_errno(e, name ? EINVAL : ENOMEM, "device %s", d->path);
	/* That is always the one of the container's own devpts (config-linux.md, "Default
	 * Devices"). */
	if (strcmp(clean, "/dev/ptmx") == 0)
		return 0;
	*name++ = '\0';
	dir = path_mkdirs_in(in->root_fd, *clean ? clean : "/", 0755);
	if (dir < 0)
		return err_errno(e, dir, "make directory %s", clean);
	return make_node(dir, name, d, e) < 0 ? err_in(e, "device %s", d->path) : 0;
}

/* config-linux.md, "Default Devices".  What a mount of the user's has put there stays. */
static int make_defaults(struct init *in, struct err *e)
{
	static const struct {
		const char *name;
		unsigned major, minor;
	} nodes[] = { { "null", 1, 3 },	  { "zero", 1, 5 },    { "full", 1, 7 },
		      { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };
	static const char *const links[][2] = {
		{ "/proc/self/fd", "fd" },	 { "/proc/self/fd/0", "stdin" },
		{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
		{ "pts/ptmx", "ptmx" },		 { "/proc/kcore", "core" }
	};
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		char path[32];
		struct plan_device d = { .path = path,
					 .type = S_IFCHR,
					 .rdev = makedev(nodes[i].major, nodes[i].minor),
					 .mode = 0666 };
		(void)snprintf(path, sizeof(path), "/dev/%s", nodes[i].name);
		if (fstatat(in->dev_fd, nodes[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (make_node(in->dev_fd, nodes[i].name, &d, e) < 0)
			return err_in(e, "%s", path);
	}
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlinkat(links[i][0], in->dev_fd, links[i][1]) < 0 && errno != EEXIST)
			return err_sys(e, "make link /dev/%s", links[i][1]);
	return 0;
}

/* The mount on /dev, or NULL. */
static const struct plan_mount *dev_mount(const struct plan *p)
{
	const struct plan_mount *found = NULL;
	for (size_t i = 0; i < p->n_mounts; i++)
		if (init_is_dev(&p->mount[i]))
			found = &p->mount[i];
	return found;
}

int init_make_dev(struct init *in, struct err *e)
{
	const struct plan_mount *m = dev_mount(in->plan);
	int r = 0;

	if (!m && in->dev_fd < 0)
		in->dev_fd = path_mkdirs_in(in->root_fd, "/dev", 0755);
	/* A /dev that is bound from elsewhere is complete, or not ours to fill. */
	if (in->dev_fd >= 0)
		r = make_defaults(in, e);
	for (size_t i = 0; i < in->plan->n_devices && r == 0; i++)
		r = make_device(in, &in->plan->device[i], e);
	return r;
}

int init_close_dev(struct init *in, struct err *e)
{
	const struct plan_mount *m = dev_mount(in->plan);

	return in->dev_fd >= 0 && m && (m->flags & MS_RDONLY)
		       ? mount_add_flags(in->dev_fd, MS_RDONLY, 0, e)
		       : 0;
}

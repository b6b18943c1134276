/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/view.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/container/record.h"
#include "src/container/root.h"
#include "src/runtime/init.h"
#include "src/runtime/user.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "userns/join.h"
#include "userns/mount.h"

#define LINKS_MAX 40

void view_done(struct view *v)
{
	fd_close(v->helper_fd);
	proc_end(&v->helper);
	fd_close(v->pidfd);
	fd_close(v->lock);
	free(v->user);
	(void)container_spec_free(v->spec);
	(void)container_free(v->c);
	*v = (struct view)VIEW_NONE;
}

/* ---- a container that does not run ----------------------------------------------------------- */

static int has_option(json_object *mount, const char *option)
{
	json_object *list = json_get(mount, "options");

	for (size_t i = 0; i < json_len(list); i++)
		if (json_str_at(list, i) && strcmp(json_str_at(list, i), option) == 0)
			return 1;
	return 0;
}

/* A bind or a volume of the spec, as a start would mount it: what is not there is made. */
static int mount_one(int root, json_object *m, struct err *e)
{
	const char *source = json_get_str(m, "source"), *target = json_get_str(m, "destination");
	scoped(fd) int from = -EBADF;
	scoped(fd) int to = -EBADF;
	struct stat st;
	int r = 0;

	if (!source || !target ||
	    !str_in_words(json_get_str(m, "type"), strlen(json_get_str(m, "type")), "bind|volume"))
		return 0;
	from = open(source, O_PATH | O_CLOEXEC);
	if (from < 0 || fstat(from, &st) < 0)
		return err_sys(e, "open %s", source);
	to = S_ISDIR(st.st_mode) ? path_mkdirs_in(root, target, 0755)
				 : path_mkfile_in(root, target, 0644);
	if (to < 0)
		return err_errno(e, to, "open %s in the container", target);
	if (has_option(m, "cove.fill") || has_option(m, "cove.fill.content"))
		r = init_fill_volume(from, to, !has_option(m, "cove.fill"), e);
	if (r == 0)
		r = mount_bind(from, to, 1, has_option(m, "ro") ? MS_RDONLY : 0, 1, MS_PRIVATE,
			       NULL, e);
	return r < 0 ? err_in(e, "mount %s on %s", source, target) : 0;
}

static int depth(json_object *m)
{
	const char *s = json_get_str(m, "destination");
	int n = 0;

	for (; s && *s; s++)
		n += *s == '/';
	return n;
}

/* Outer ones first. */
static int mount_volumes(const struct container_spec *spec, int root, struct err *e)
{
	size_t n = json_len(spec->mounts), done = 0;
	int r = 0;

	for (int level = 0; done < n && level < PATH_MAX; level++)
		for (size_t i = 0; i < n && r == 0; i++) {
			json_object *m = json_object_array_get_idx(spec->mounts, i);
			if (depth(m) != level)
				continue;
			done++;
			r = mount_one(root, m, e);
		}
	return r;
}

static int mount_root(const struct engine *en, const struct view *v, int *ret, struct err *e)
{
	scoped(root_overlay) struct root_overlay paths = { 0 };
	scoped(fd) int dir = -EBADF;
	int r;

	if (v->spec->rootfs && !v->spec->rootfs_overlay) {
		dir = open(v->spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return dir < 0 ? err_sys(e, "open %s", v->spec->rootfs)
			       : mount_bind(dir, dir, 1, 0, 0, MS_PRIVATE, ret, e);
	}
	r = root_overlay(en, v->c->id, v->spec, &paths, e);
	return r < 0 ? r : runtime_mount_overlay(&paths.overlay, !userns_is_host_root(), ret, e);
}

static int make_mounts(const struct engine *en, const struct view *v, struct err *e)
{
	scoped(fd) int root = -EBADF;
	int r = 0;

	(void)umask(022);
	if (userns_is_root()) {
		if (unshare(CLONE_NEWNS) < 0)
			return err_sys(e, "make a mount namespace");
		r = mount_propagation("/", MS_SLAVE, e);
	} else {
		r = userns_enter(en->run_fd, e);
	}
	if (r == 0)
		r = mount_root(en, v, &root, e);
	if (r == 0)
		r = mount_volumes(v->spec, root, e);
	return r < 0 ? r : mount_pivot(root, e);
}

static void __attribute__((noreturn))
help(const struct engine *en, const struct view *v, pid_t parent, int report, int wait)
{
	const int keep[] = { report < wait ? report : wait, report < wait ? wait : report };
	struct err e;
	char c;

	err_clear(&e);
	if (make_mounts(en, v, &e) < 0) {
		(void)err_send(report, &e);
		_exit(1);
	}
	/* Asked for behind the change of credentials, which takes it away (prctl(2)). */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	(void)fd_close_from(3, keep, 2);
	(void)close(report);
	while (read(wait, &c, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int start_helper(const struct engine *en, struct view *v, struct err *e)
{
	scoped(fd) int told = -EBADF;
	scoped(fd) int tell = -EBADF;
	scoped(fd) int wait = -EBADF;
	scoped(fd) int hold = -EBADF;
	pid_t parent = getpid();
	int r = fd_pipe(&told, &tell, e);

	if (r == 0)
		r = fd_pipe(&wait, &hold, e);
	if (r == 0)
		r = proc_fork(&v->helper, e);
	if (r < 0)
		return r;
	if (r == 0) {
		fd_close(hold); /* ours alone: its end is the helper's */
		help(en, v, parent, tell, wait);
	}
	fd_close(take_fd(&tell));
	r = err_recv(told, e);
	if (r < 0)
		return r;
	v->helper_fd = take_fd(&hold);
	v->pid = v->helper.pid;
	return 0;
}

/* ---- any container --------------------------------------------------------------------------- */

static int open_still(struct engine *en, struct view *v, struct err *e)
{
	scoped(container) struct container *now = NULL;
	int r = record_lock(en, v->c->id, 30000, &v->lock, e);

	if (r == -EAGAIN)
		return err_set(e, -EBUSY, "container %s is in use by another command", v->c->name);
	if (r == 0) /* it may have been removed while we waited */
		r = container_find(en, v->c->id, &now, e);
	engine_store_close(en);
	return r < 0 ? r : start_helper(en, v, e);
}

int view_open(struct engine *en, const char *ref, struct view *ret, struct err *e)
{
	int r = container_find(en, ref, &ret->c, e);

	if (r == 0)
		r = container_spec_decode(ret->c->spec, &ret->spec, e);
	if (r < 0)
		return r;
	ret->user = root_user(en, ret->spec);
	if (!ret->user)
		return err_errno(e, ENOMEM, "look into a container");
	if (ret->spec->userns_mode && strcmp(ret->spec->userns_mode, "keep-id") == 0) {
		ret->self_uid = en->uid;
		ret->self_gid = en->gid;
	}
	if (ret->c->state == CONTAINER_RUNNING)
		ret->pid = record_live_pid(en, ret->c->id, &ret->pidfd);
	return ret->pid > 0 ? 0 : open_still(en, ret, e);
}

static int open_ns(const struct view *v, const char *name, struct err *e)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)v->pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s", path) : fd;
}

int view_enter(void *view, struct err *e)
{
	const struct view *v = view;
	scoped(fd) int mounts = open_ns(v, "mnt", e);
	scoped(fd) int user = mounts < 0 ? -EBADF : open_ns(v, "user", e);
	scoped(fd) int outer = -EBADF;

	if (mounts < 0 || user < 0)
		return e->code;
	/* The process whose namespaces were opened is still the one we mean. */
	if (v->pidfd >= 0 && proc_pidfd_kill(v->pidfd, 0) == -ESRCH)
		return err_set(e, -ESRCH, "the container has just stopped");
	if (userns_is_root())
		return take_fd(&mounts);
	if (!v->helper.pid) {
		/* Linux 4.9.  Not the container's own, in which its processes have power over us.
		 */
		outer = ioctl(user, NS_GET_PARENT);
		if (outer < 0)
			return err_sys(e, "find the container's user namespace");
	}
	if (setns(outer >= 0 ? outer : user, CLONE_NEWUSER) < 0)
		return err_sys(e, "enter the container's user namespace");
	return take_fd(&mounts);
}

/* ---- look ------------------------------------------------------------------------------------ */

/* A link to nowhere at PATH: where it leads, in PATH.  0 when there is no link. */
static int follow(int root, int fds, char path[PATH_MAX])
{
	char dir[PATH_MAX], target[PATH_MAX], number[16];
	scoped(fd) int parent = -EBADF;
	char *slash;
	ssize_t n;
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	slash = strrchr(path, '/');
	(void)snprintf(dir, sizeof(dir), "%.*s/", slash ? (int)(slash - path) : 0, path);
	parent = path_open_in(root, dir, O_PATH | O_DIRECTORY, 0);
	if (parent < 0)
		return parent;
	n = readlinkat(parent, slash ? slash + 1 : path, target, sizeof(target) - 1);
	if (n < 0)
		return 0;
	target[n] = '\0';
	(void)snprintf(number, sizeof(number), "%d", parent);
	n = target[0] == '/' ? 0 : readlinkat(fds, number, dir, sizeof(dir) - 1);
	if (n < 0)
		return -errno;
	dir[n] = '\0';
	n = snprintf(path, PATH_MAX, "%s/%s", dir, target);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 1;
}

/* FDS is our own /proc/self/fd: the container's /proc does not have us. */
static int look(int root, int fds, const char *path, struct view_look *ret)
{
	scoped(fd) int fd = -EBADF;
	char number[16];
	struct stat st;
	ssize_t n;
	int r = 1;

	if (snprintf(ret->path, sizeof(ret->path), "%s", path) >= (int)sizeof(ret->path))
		return -ENAMETOOLONG;
	fd = path_open_in(root, ret->path, O_PATH, 0);
	for (int links = 0; fd == -ENOENT && r == 1 && links < LINKS_MAX; links++) {
		r = follow(root, fds, ret->path);
		if (r == 1)
			fd = path_open_in(root, ret->path, O_PATH, 0);
	}
	if (fd < 0)
		return fd;
	(void)snprintf(number, sizeof(number), "%d", fd);
	n = readlinkat(fds, number, ret->path, sizeof(ret->path) - 1);
	if (n < 0 || fstat(fd, &st) < 0)
		return -errno;
	ret->path[n] = '\0';
	ret->mode = st.st_mode;
	return 1;
}

static int look_inside(struct view *v, const char *path, struct view_look *ret, struct err *e)
{
	scoped(fd) int mounts = view_enter(v, e);
	scoped(fd) int fds = -EBADF;
	scoped(fd) int root = -EBADF;
	struct user user;

	if (mounts < 0)
		return mounts;
	fds = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fds < 0 || setns(mounts, CLONE_NEWNS) < 0)
		return err_sys(e, "enter the container's mounts");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open the container's root");
	ret->found = look(root, fds, path, ret);
	if (ret->found == 1 && user_resolve(root, v->user, NULL, &user, &ret->user) == 0) {
		ret->uid = user.uid;
		ret->gid = user.gid;
		err_clear(&ret->user);
	}
	return 0;
}

int view_look(struct view *v, const char *path, struct view_look *ret, struct err *e)
{
	struct answer {
		struct err e;
		struct view_look look;
	};
	scoped(child) struct child c = CHILD_NONE;
	scoped(mem) struct answer *a = calloc(1, sizeof(*a));
	scoped(fd) int in = -EBADF;
	scoped(fd) int out = -EBADF;
	int r = a ? fd_pipe(&in, &out, e) : err_errno(e, ENOMEM, "look into a container");

	if (r == 0)
		r = proc_fork(&c, e);
	if (r < 0)
		return r;
	if (r == 0) {
		err_clear(&a->e);
		(void)look_inside(v, path, &a->look, &a->e);
		_exit(fd_write_all(out, a, sizeof(*a)) < 0);
	}
	fd_close(take_fd(&out));
	if (fd_read_full(in, a, sizeof(*a)) != (ssize_t)sizeof(*a))
		return err_set(e, -EIO, "look into the container: no answer");
	if (a->e.code < 0) {
		*e = a->e;
		return e->code;
	}
	*ret = a->look;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "userns/join.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/path.h"
#include "userns/caps.h"
#include "userns/holder.h"
#include "userns/idmap.h"

int userns_is_root(void)
{
	return geteuid() == 0 && caps_have_effective(CAP_SYS_ADMIN);
}

int userns_is_host_root(void)
{
	scoped(idmap) struct idmap ids = IDMAP_NONE;
	struct err ignored;

	/* user_namespaces(7): the initial one maps all ids but the last, which is none. */
	return userns_is_root() && idmap_read(0, "uid_map", &ids, &ignored) == 0 &&
	       idmap_total(&ids) == UINT32_MAX;
}

/* No holder may live here: a namespace for this process alone, mapped by a child that stayed
 * outside. */
static int make_own(int run_fd, struct err *e)
{
	scoped(idmap) struct idmap uids = IDMAP_NONE;
	scoped(idmap) struct idmap gids = IDMAP_NONE;
	scoped(child) struct child mapper = CHILD_NONE;
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	pid_t self = getpid();
	int r;
	char go = 'u';

	r = idmap_of_user(run_fd, getuid(), getgid(), &uids, &gids, e);
	if (r < 0)
		return r;
	r = fd_pair(SOCK_STREAM, &ours, &theirs, e);
	if (r == 0)
		r = proc_fork(&mapper, e);
	if (r < 0)
		return r;
	if (r == 0) {
		fd_close(ours);
		if (read(theirs, &go, 1) != 1)
			_exit(1);
		err_clear(e);
		if (idmap_write_helpers(self, &uids, &gids, e) < 0)
			(void)err_send(theirs, e);
		_exit(0);
	}
	fd_close(take_fd(&theirs));
	if (unshare(CLONE_NEWUSER) < 0) {
		(void)err_sys(e, "make a user namespace");
		return err_hint(e, "'cove doctor' names the setting that forbids it");
	}
	if (write(ours, &go, 1) != 1)
		return err_sys(e, "ask for the id map");
	return err_recv(ours, e);
}

int userns_join(int run_fd, int *ret_lease, struct err *e)
{
	int r;

	*ret_lease = -EBADF;
	if (userns_is_root())
		return 0;
	if (!getenv("COVE_NO_HOLDER")) {
		r = holder_join(run_fd, ret_lease, e);
		/* No range and no helper are the same without a holder. */
		if (r >= 0 || r == -ENOENT || r == -EPERM)
			return r;
		dbg("no holder: %s", e->text);
		err_clear(e);
	}
	return make_own(run_fd, e);
}

int userns_enter(int run_fd, struct err *e)
{
	int lease = -EBADF, r;

	if (userns_is_root())
		return 0;
	r = userns_join(run_fd, &lease, e);
	if (r < 0)
		return r;
	fd_close(lease); /* we are a member now: that alone keeps the namespace */
	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(e, "make a mount namespace");
	if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(e, "make all mounts slaves");
	return 0;
}

/* The child of userns_spawn_with(): its pid is the one the caller waits for. */
static void __attribute__((noreturn))
enter_and_exec(const struct proc_options *o, userns_enter_fn *enter, void *arg, pid_t parent,
	       int report)
{
	struct proc_options own = *o;
	struct proc_fd fds[8];
	struct err e;
	int r;

	err_clear(&e);
	if (o->die_with_us && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(1);
	report = fcntl(report, F_DUPFD_CLOEXEC, 256);
	r = o->n_fds <= ARRAY_LEN(fds) ? enter(arg, &e) : err_errno(&e, EINVAL, "descriptors");
	if (r >= 0) {
		for (size_t i = 0; i < o->n_fds; i++)
			fds[i] = o->fds[i];
		if (o->n_fds)
			fds[o->n_fds - 1].from = r;
		own.fds = fds;
		(void)proc_exec(&own, report, &e);
	}
	(void)err_send(report, &e);
	_exit(127);
}

int userns_spawn_with(const struct proc_options *o, userns_enter_fn *enter, void *arg,
		      struct child *ret, struct err *e)
{
	scoped(child) struct child c = CHILD_NONE;
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	pid_t parent = getpid();
	int r = fd_pipe(&ours, &theirs, e);

	if (r == 0)
		r = proc_fork(&c, e);
	if (r < 0)
		return r;
	if (r == 0)
		enter_and_exec(o, enter, arg, parent, theirs);
	fd_close(take_fd(&theirs));
	r = err_recv(ours, e);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct child)CHILD_NONE;
	return 0;
}

struct plain_enter {
	int run_fd, last_fd;
};

static int enter_plainly(void *arg, struct err *e)
{
	const struct plain_enter *p = arg;
	int r = userns_enter(p->run_fd, e);
	return r < 0 ? r : p->last_fd;
}

int userns_spawn(int run_fd, const struct proc_options *o, struct child *ret, struct err *e)
{
	struct plain_enter p = { run_fd, o->n_fds ? o->fds[o->n_fds - 1].from : 0 };

	if (userns_is_root())
		return proc_spawn(o, ret, e);
	return userns_spawn_with(o, enter_plainly, &p, ret, e);
}

int userns_do(int run_fd, userns_do_fn *fn, void *arg, struct err *e)
{
	scoped(child) struct child c = CHILD_NONE;
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	int r = fd_pipe(&ours, &theirs, e);

	if (r == 0)
		r = proc_fork(&c, e);
	if (r < 0)
		return r;
	if (r == 0) {
		err_clear(e);
		r = userns_enter(run_fd, e);
		if (r == 0)
			r = fn(arg, e);
		if (r < 0)
			(void)err_send(theirs, e);
		_exit(0);
	}
	fd_close(take_fd(&theirs));
	return err_recv(ours, e);
}

struct tree {
	int dir_fd;
	const char *name;
};

static int rmtree(void *arg, struct err *e)
{
	const struct tree *t = arg;
	int r = path_rmtree(t->dir_fd, t->name);

	return r < 0 ? err_errno(e, r, "remove %s", t->name) : 0;
}

int userns_rmtree(int run_fd, int dir_fd, const char *name, struct err *e)
{
	struct tree t = { .dir_fd = dir_fd, .name = name };
	int r = path_rmtree(dir_fd, name);

	if (r == 0)
		return 0;
	if ((r != -EACCES && r != -EPERM) || userns_is_root())
		return err_errno(e, r, "remove %s", name);
	return userns_do(run_fd, rmtree, &t, e);
}

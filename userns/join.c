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

int userns_spawn(int run_fd, const struct proc_options *o, struct child *ret, struct err *e)
{
	scoped(child) struct child c = CHILD_NONE;
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	pid_t parent = getpid();
	int r;

	if (userns_is_root())
		return proc_spawn(o, ret, e);
	r = fd_pipe(&ours, &theirs, e);
	if (r == 0)
		r = proc_fork(&c, e);
	if (r < 0)
		return r;
	if (r == 0) {
		/* The fork enters, then becomes the program: its pid is the one the caller waits
		 * for. */
		err_clear(e);
		if (o->die_with_us && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
			_exit(1);
		theirs = fcntl(theirs, F_DUPFD_CLOEXEC, 256);
		if (userns_enter(run_fd, e) == 0)
			(void)proc_exec(o, theirs, e);
		(void)err_send(theirs, e);
		_exit(127);
	}
	fd_close(take_fd(&theirs));
	r = err_recv(ours, e);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct child)CHILD_NONE;
	return 0;
}

int userns_rmtree(int run_fd, int dir_fd, const char *name, struct err *e)
{
	scoped(child) struct child c = CHILD_NONE;
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	int r = path_rmtree(dir_fd, name);

	if (r == 0)
		return 0;
	if ((r != -EACCES && r != -EPERM) || userns_is_root())
		return err_errno(e, r, "remove %s", name);
	r = fd_pipe(&ours, &theirs, e);
	if (r == 0)
		r = proc_fork(&c, e);
	if (r < 0)
		return r;
	if (r == 0) {
		err_clear(e);
		r = userns_enter(run_fd, e);
		if (r == 0)
			r = path_rmtree(dir_fd, name);
		if (r < 0) {
			if (!e->code)
				(void)err_errno(e, r, "remove %s", name);
			(void)err_send(theirs, e);
		}
		_exit(0);
	}
	fd_close(take_fd(&theirs));
	return err_recv(ours, e);
}

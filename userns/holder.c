/* SPDX-License-Identifier: Apache-2.0 */
#include "userns/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/lock.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"
#include "userns/idmap.h"

static int state_dir(int run_fd, struct err *e)
{
	int fd = openat(run_fd, "userns", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(run_fd, "userns", 0700) < 0 && errno != EEXIST)
			return err_sys(e, "make directory userns in the runtime directory");
		fd = openat(run_fd, "userns", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	}
	return fd < 0 ? err_sys(e, "open userns in the runtime directory") : fd;
}

/* Is somebody holding `alive`? */
static int is_alive(int dir)
{
	scoped(fd) int fd = openat(dir, "alive", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int living_pid(int dir)
{
	scoped(mem) char *text = NULL;
	struct err ignored;

	if (!is_alive(dir) || path_read(dir, "pid", 32, &text, NULL, &ignored) < 0)
		return 0;
	return (int)strtol(text, NULL, 10);
}

int holder_pid(int run_fd)
{
	struct err ignored;
	scoped(fd) int dir = state_dir(run_fd, &ignored);
	return dir < 0 ? 0 : living_pid(dir);
}

/* 1: joined, 0: there is no holder, or the error. */
static int join_living(int dir, struct err *e)
{
	char path[64];
	scoped(fd) int ns = -EBADF;
	int pid = living_pid(dir);

	if (pid <= 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open %s", path);
	/* Still the process that holds the lock: so the descriptor is its namespace. */
	if (living_pid(dir) != pid)
		return 0;
	if (setns(ns, CLONE_NEWUSER) < 0)
		return err_sys(e, "enter the user namespace of process %d", pid);
	return 1;
}

/* In the new process: make the user namespace, tell, wait until it is mapped, become cove-holder.
 * Returns only when something failed. */
static int become_holder(int dir, int sock, struct err *e)
{
	scoped(mem) char *program = proc_role_path("cove-holder");
	int keep[2] = { dir < sock ? dir : sock, dir < sock ? sock : dir }, null, alive, users;
	char go = 'u';

	(void)setsid(); /* a fork's child leads no group */
	/* The starter's locks and its end of the pair are not ours: when it is killed, they must go
	 * with it, and our read below must end. */
	(void)fd_close_from(3, keep, 2);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* Waits for another one that has lost its starter and is about to end. */
	alive = lock_file(dir, "alive", LOCK_EXCLUSIVE, 1, e);
	if (alive < 0)
		return alive;
	users = openat(dir, "users", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (users < 0 || null < 0 || !program || chdir("/") < 0)
		return err_sys(e, "prepare the holder");
	if (unshare(CLONE_NEWUSER) < 0) {
		(void)err_sys(e, "make a user namespace");
		return err_hint(e, "'cove doctor' names the setting that forbids it");
	}
	if (write(sock, &go, 1) != 1 || read(sock, &go, 1) != 1)
		_exit(1); /* the starter is gone */
	/* The exact descriptors, and no other. */
	sock = fcntl(sock, F_DUPFD_CLOEXEC, 16);
	alive = fcntl(alive, F_DUPFD_CLOEXEC, 16);
	users = fcntl(users, F_DUPFD_CLOEXEC, 16);
	dir = fcntl(dir, F_DUPFD_CLOEXEC, 16);
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	if (dup2(alive, HOLDER_FD_ALIVE) < 0 || dup2(users, HOLDER_FD_USERS) < 0 ||
	    dup2(dir, HOLDER_FD_DIR) < 0 || fd_close_from(HOLDER_FD_DIR + 1, &sock, 1) < 0)
		return err_sys(e, "place the holder's descriptors");
	(void)execle(program, "cove-holder", (char *)NULL, (char *[]){ NULL });
	return err_sys(e, "execute %s", program);
}

/* Fork twice, so that the holder is nobody's child. */
static int fork_holder(int dir, int sock, pid_t *ret_pid, struct err *e)
{
	int p[2];
	pid_t pid;
	ssize_t n;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	pid = fork();
	if (pid == 0) {
		pid = fork();
		if (pid == 0) {
			err_clear(e);
			(void)become_holder(dir, sock, e);
			(void)err_send(sock, e);
			_exit(1);
		}
		_exit(fd_write_all(p[1], &pid, sizeof(pid)) < 0);
	}
	(void)close(p[1]);
	n = pid < 0 ? 0 : fd_read_full(p[0], ret_pid, sizeof(*ret_pid));
	(void)close(p[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return n == sizeof(*ret_pid) && *ret_pid > 0
		       ? 0
		       : err_set(e, -EAGAIN, "the holder could not be forked");
}

static int start_mapped(int dir, int sock, pid_t pid, const struct idmap *uids,
			const struct idmap *gids, struct err *e)
{
	char text[32], go = 0;
	ssize_t n = read(sock, &go, 1);
	int r;

	if (n != 1 || go != 'u') {
		/* The first byte of a struct err instead: no errno's low byte is 'u' (it would be
		 * 139). */
		struct err told;
		char *p = (char *)&told;
		p[0] = go;
		if (n == 1 &&
		    fd_read_full(sock, p + 1, sizeof(told) - 1) == (ssize_t)sizeof(told) - 1) {
			*e = told;
			return e->code < 0 ? e->code : -EIO;
		}
		return err_set(e, -EIO, "the holder ended before it was mapped");
	}
	r = idmap_write_helpers(pid, uids, gids, e);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%d\n", (int)pid);
	r = path_replace(dir, "pid", text, strlen(text), 0600, 0, e);
	if (r < 0)
		return r;
	if (write(sock, "g", 1) != 1)
		return err_sys(e, "let the holder go on");
	return err_recv(sock, e); /* end of file: it is cove-holder now */
}

static int start(int run_fd, int dir, struct err *e)
{
	scoped(idmap) struct idmap uids = IDMAP_NONE;
	scoped(idmap) struct idmap gids = IDMAP_NONE;
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	pid_t pid = 0;
	int r;

	r = idmap_of_user(run_fd, getuid(), getgid(), &uids, &gids, e);
	if (r < 0)
		return r;
	r = fd_pair(SOCK_STREAM, &ours, &theirs, e);
	if (r == 0)
		r = fork_holder(dir, theirs, &pid, e);
	if (r < 0)
		return r;
	fd_close(take_fd(&theirs));
	r = start_mapped(dir, ours, pid, &uids, &gids, e);
	if (r < 0)
		(void)kill(pid, SIGKILL); /* it may have gone by itself */
	return r;
}

int holder_join(int run_fd, int *ret_lease, struct err *e)
{
	scoped(fd) int dir = state_dir(run_fd, e);
	scoped(fd) int lease = -EBADF;
	scoped(fd) int start_lock = -EBADF;
	int r;

	if (dir < 0)
		return dir;
	lease = lock_file(dir, "users", LOCK_SHARED, 1, e);
	if (lease < 0)
		return lease;
	r = join_living(dir, e);
	if (r == 0) {
		start_lock = lock_file(dir, "start", LOCK_EXCLUSIVE, 1, e);
		if (start_lock < 0)
			return start_lock;
		r = join_living(dir, e);
		if (r == 0) {
			r = start(run_fd, dir, e);
			if (r < 0)
				return r;
			r = join_living(dir, e);
		}
	}
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, -ESRCH, "the holder of the user namespace is gone again");
	*ret_lease = take_fd(&lease);
	return 0;
}

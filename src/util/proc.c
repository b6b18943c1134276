/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/strbuf.h"

int proc_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : fd;
#else
	(void)pid;
	return -ENOSYS;
#endif
}

int proc_pidfd_kill(int pidfd, int sig)
{
#ifdef SYS_pidfd_send_signal
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
#else
	(void)pidfd;
	(void)sig;
	return -ENOSYS;
#endif
}

static void adopt(struct child *c, pid_t pid)
{
	c->pid = pid;
	c->pidfd = proc_pidfd(pid);
	if (c->pidfd < 0)
		c->pidfd = -EBADF;
}

int proc_fork(struct child *ret, struct err *e)
{
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(e, "fork");
	if (pid == 0)
		return 0;
	adopt(ret, pid);
	return 1;
}

/* Descriptors that are wanted elsewhere are first moved above all targets, so that no dup2()
 * overwrites a source. */
static int place_fds(const struct proc_options *o)
{
	int high = 3, moved[32];

	if (o->n_fds > ARRAY_LEN(moved))
		return -EINVAL;
	for (size_t i = 0; i < o->n_fds; i++)
		if (o->fds[i].to >= high)
			high = o->fds[i].to + 1;
	for (size_t i = 0; i < o->n_fds; i++) {
		moved[i] = fcntl(o->fds[i].from, F_DUPFD_CLOEXEC, high);
		if (moved[i] < 0)
			return -errno;
	}
	for (int fd = 0; fd < 3 && o->null_stdio; fd++) {
		int null = open("/dev/null", O_RDWR);
		if (null < 0)
			return -errno;
		if (null != fd && dup2(null, fd) < 0)
			return -errno;
		if (null > 2)
			(void)close(null);
	}
	for (size_t i = 0; i < o->n_fds; i++)
		if (dup2(moved[i], o->fds[i].to) < 0) /* clears CLOEXEC */
			return -errno;
	return 0;
}

int proc_exec(const struct proc_options *o, int report_fd, struct err *e)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;
	int r;

	if (o->new_session)
		(void)setsid(); /* a fork's child is no group leader */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)sigaction(SIGPIPE, &dfl, NULL);
	(void)sigaction(SIGCHLD, &dfl, NULL);
	/* The report must not lie in the way of a target. */
	for (size_t i = 0; i < o->n_fds; i++)
		if (o->fds[i].to == report_fd)
			return err_set(e, -EINVAL, "the report descriptor is in the way");
	r = place_fds(o);
	if (r < 0)
		return err_errno(e, r, "give descriptors to %s", o->path);
	if (o->cwd && chdir(o->cwd) < 0)
		return err_sys(e, "change directory to %s", o->cwd);
	/* The memory may be the parent's (vfork): nothing of it may change here. */
	execvpe(o->path, o->argv, o->env ? o->env : environ);
	return err_sys(e, "execute %s", o->path);
}

static void __attribute__((noreturn))
exec_child(const struct proc_options *o, pid_t parent, int report)
{
	struct err e;

	err_clear(&e);
	if (o->die_with_us) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
		if (getppid() != parent)
			_exit(1);
	}
	report = fcntl(report, F_DUPFD_CLOEXEC, 256);
	(void)proc_exec(o, report, &e);
	(void)err_send(report, &e);
	_exit(127);
}

/* vfork: no page tables are copied; the child only makes system calls before its exec.  In a
 * function of its own, because nothing may live in the registers of a frame that returns twice. */
static __attribute__((noinline)) pid_t start(const struct proc_options *o, int report)
{
	pid_t parent = getpid(),
	      pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): as said */
	if (pid == 0)
		exec_child(o, parent, report);
	return pid;
}

int proc_spawn(const struct proc_options *o, struct child *ret, struct err *e)
{
	scoped(fd) int r = -EBADF;
	scoped(fd) int w = -EBADF;
	int bad;
	pid_t pid;

	bad = fd_pipe(&r, &w, e);
	if (bad < 0)
		return bad;
	pid = start(o, w);
	if (pid < 0)
		return err_sys(e, "start %s", o->path);
	fd_close(take_fd(&w));
	bad = err_recv(r, e);
	if (bad < 0) {
		(void)waitpid(pid, NULL, 0);
		return bad;
	}
	adopt(ret, pid);
	return 0;
}

int proc_wait(struct child *c)
{
	int st;
	if (c->pid <= 0)
		return -ECHILD;
	while (waitpid(c->pid, &st, 0) < 0)
		if (errno != EINTR)
			return -errno;
	fd_close(c->pidfd);
	c->pid = 0;
	c->pidfd = -EBADF;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

int proc_kill(const struct child *c, int sig)
{
	if (c->pid <= 0)
		return -ESRCH;
	if (c->pidfd >= 0)
		return proc_pidfd_kill(c->pidfd, sig);
	return kill(c->pid, sig) < 0 ? -errno : 0;
}

void proc_end(struct child *c)
{
	if (c->pid <= 0)
		return;
	(void)proc_kill(c, SIGKILL);
	(void)proc_wait(c);
}

unsigned long long proc_start_time(pid_t pid)
{
	char path[64], buf[1024], *p;
	scoped(fd) int fd = -EBADF;
	unsigned long long t = 0;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = fd_read_full(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	p = strrchr(buf, ')'); /* the name before it may hold anything */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p)
		t = strtoull(p + 1, NULL, 10);
	return t;
}

void proc_set_title(const char *name)
{
	char buf[2048], *p;
	scoped(fd) int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : fd_read_full(fd, buf, sizeof(buf) - 1);
	unsigned long long start, end;
	char *title;

	(void)prctl(PR_SET_NAME, name, 0, 0, 0); /* cuts at 15 bytes by itself */
	if (n <= 0)
		return;
	buf[n] = '\0';
	p = strrchr(buf, ')');
	/* proc(5): fields 48 and 49 are where the arguments begin and end in our memory
	 * (Linux 3.5). */
	for (int field = 2; p && field < 48; field++)
		p = strchr(p + 1, ' ');
	start = p ? strtoull(p + 1, &p, 10) : 0;
	end = p ? strtoull(p + 1, NULL, 10) : 0;
	if (!start || end <= start)
		return;
	/* The kernel says where. NOLINTNEXTLINE(performance-no-int-to-ptr) */
	title = (char *)(uintptr_t)start;
	memset(title, 0, end - start);
	strncpy(title, name, end - start - 1);
}

char *proc_find_program(const char *name)
{
	const char *path = getenv("PATH");

	for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
		size_t n = strcspn(p, ":");
		scoped(mem) char *full = str_printf("%.*s/%s", (int)n, p, name);
		if (full && full[0] == '/' && access(full, X_OK) == 0)
			return take_ptr(&full);
		p += n + (p[n] == ':');
	}
	return NULL;
}

char *proc_role_path(const char *name)
{
	const char *dir = getenv("COVE_LIBEXEC_DIR");
	char self[PATH_MAX], *slash;
	scoped(mem) char *p = NULL;
	ssize_t n;

	if (dir)
		return str_printf("%s/%s", dir, name);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			*slash = '\0';
			p = str_printf("%s/%s", self, name);
			if (p && access(p, X_OK) == 0)
				return take_ptr(&p);
			free(p);
			/* A copied installation: PREFIX/bin beside PREFIX/libexec/cove. */
			p = str_printf("%s/../libexec/cove/%s", self, name);
			if (p && access(p, X_OK) == 0)
				return take_ptr(&p);
		}
	}
	return str_printf("%s/%s", LIBEXEC_DIR, name);
}

int proc_capture(char *const *argv, size_t limit, char **ret_out, struct err *e)
{
	scoped(child) struct child c = CHILD_NONE;
	scoped(strbuf) struct strbuf out = STRBUF_INIT;
	scoped(fd) int r = -EBADF;
	scoped(fd) int w = -EBADF;
	struct proc_fd fds[1];
	struct proc_options o = { .path = argv[0],
				  .argv = argv,
				  .fds = fds,
				  .n_fds = 1,
				  .null_stdio = 1,
				  .die_with_us = 1 };
	int bad = fd_pipe(&r, &w, e);

	if (bad < 0)
		return bad;
	fds[0] = (struct proc_fd){ w, 1 };
	bad = proc_spawn(&o, &c, e);
	if (bad < 0)
		return bad;
	fd_close(take_fd(&w));
	strbuf_init(&out, limit);
	bad = fd_read_all(r, &out);
	if (bad < 0)
		return err_errno(e, bad, "read the output of %s", argv[0]);
	*ret_out = strbuf_take(&out);
	if (!*ret_out)
		return err_errno(e, ENOMEM, "read the output of %s", argv[0]);
	return proc_wait(&c);
}

static void __attribute__((noreturn)) call_and_tell(proc_fn *fn, void *arg, int sock)
{
	int fds[PROC_CALL_FDS_MAX], r;
	size_t n = 0;
	struct err e;

	err_clear(&e);
	r = fn(arg, fds, &n, &e);
	_exit(fd_send(sock, &e, sizeof(e), fds, r < 0 ? 0 : n) < 0);
}

int proc_call(proc_fn *fn, void *arg, int *fds, size_t n, const char *what, struct err *e)
{
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	scoped(child) struct child c = CHILD_NONE;
	struct err answer;
	size_t got = n;
	int r = fd_pair(SOCK_SEQPACKET, &ours, &theirs, e);

	if (r == 0)
		r = proc_fork(&c, e);
	if (r < 0)
		return r;
	if (r == 0)
		call_and_tell(fn, arg, theirs);
	fd_close(take_fd(&theirs));
	if (fd_recv(ours, &answer, sizeof(answer), fds, &got) != (ssize_t)sizeof(answer))
		return err_set(e, -EIO, "%s", what);
	if (answer.code < 0)
		*e = answer;
	else if (got != n)
		return err_set(e, -EIO, "%s", what);
	return answer.code;
}

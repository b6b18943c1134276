/* SPDX-License-Identifier: Apache-2.0 */
/* The order: namespaces need CAP_SYS_ADMIN, which goes last of the capabilities; seccomp comes when
 * nothing of this is left to do.  Every role that is locked in has its caller at descriptor 3. */
#include "overlay/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/scoped.h"

#ifndef SYS_open_tree
#define SYS_open_tree  428
#define SYS_move_mount 429
#endif
#define TREE_CLONE	 1U	   /* OPEN_TREE_CLONE */
#define TREE_RECURSIVE	 0x8000U   /* AT_RECURSIVE */
#define TREE_CLOEXEC	 O_CLOEXEC /* OPEN_TREE_CLOEXEC */
#define MOVE_EMPTY_PATHS 0x44U	   /* MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH */

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

static void caps_done(cap_t c)
{
	if (c)
		(void)cap_free(c); /* only fails for what is no cap_t */
}
DEFINE_SCOPED(caps, cap_t, caps_done);

static int limits(const struct sandbox *s, struct err *e)
{
	struct rlimit core = { 0, 0 }, files = { 64, 64 }, data = { s->memory, s->memory };

	if (setrlimit(RLIMIT_CORE, &core) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0)
		return err_sys(e, "set resource limits");
#ifndef WITH_ASAN /* its shadow memory is terabytes */
	if (setrlimit(RLIMIT_DATA, &data) < 0)
		return err_sys(e, "limit memory");
#else
	(void)data;
#endif
	return 0;
}

static int own_namespaces(struct err *e)
{
	int flags = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

	if (unshare(flags) == 0)
		return 0;
	if (errno != EPERM)
		return err_sys(e, "make namespaces for a role");
	/* Not in a user namespace of ours: one without any mapping is enough to be locked in. */
	if (unshare(flags | CLONE_NEWUSER) == 0)
		return 0;
	(void)err_sys(e, "make a user namespace for a role");
	return err_hint(e, "'cove doctor' names the setting that forbids it");
}

/* A descriptor stands in the mount namespace it was opened in, and only mounts of our own one can
 * be cloned or bound.  Ours is a copy of the caller's, so that the same path leads to the same
 * directory: go there by the path, and believe it when device and inode are those of the
 * descriptor. */
static int enter_fd(int root_fd, struct err *e)
{
	char proc[32], path[PATH_MAX];
	struct stat want, got;
	scoped(fd) int fd = -EBADF;
	ssize_t n = readlink(fd_proc_path(root_fd, proc), path, sizeof(path) - 1);

	if (n < 0 || fstat(root_fd, &want) < 0)
		return err_sys(e, "find a role's root");
	path[n] = '\0';
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &got) < 0)
		return err_sys(e, "open a role's root %s", path);
	if (got.st_dev != want.st_dev || got.st_ino != want.st_ino)
		return err_set(e, -ESTALE, "a role's root %s is another directory here", path);
	return fchdir(fd) < 0 ? err_sys(e, "enter a role's root") : 0;
}

/* The working directory as a mount of its own (pivot_root(2) wants one), and the process in it. */
static int mount_cwd(int recursive, struct err *e)
{
	char cwd[PATH_MAX];
	scoped(fd) int fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Linux 5.2. */
	scoped(fd) int tree = (int)syscall(SYS_open_tree, fd, "",
					   TREE_CLONE | TREE_CLOEXEC | AT_EMPTY_PATH |
						   (recursive ? TREE_RECURSIVE : 0));

	if (tree >= 0) {
		if (syscall(SYS_move_mount, tree, "", fd, "", MOVE_EMPTY_PATHS) < 0)
			return err_sys(e, "mount a role's root");
		return fchdir(tree) < 0 ? err_sys(e, "enter a role's root") : 0;
	}
	if (errno != ENOSYS && errno != EPERM)
		return err_sys(e, "open a role's root");
	/* Before: by path, which then names the mount on top. */
	if (!getcwd(cwd, sizeof(cwd)) ||
	    mount(cwd, cwd, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL) < 0 || chdir(cwd) < 0)
		return err_sys(e, "mount a role's root");
	return 0;
}

/* Any directory can carry the empty one; /proc is everywhere. */
static int mount_empty_root(struct err *e)
{
	if (mount("none", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=4k,mode=555") < 0 ||
	    chdir("/proc") < 0)
		return err_sys(e, "mount an empty root for a role");
	return 0;
}

/* A copy: what is mounted there from now on, and by whom, is not our matter. */
static int enter_mount_ns(const struct sandbox *s, struct err *e)
{
	scoped(fd) int fd = -EBADF;

	if (setns(s->root_fd, CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0)
		return err_sys(e, "enter a container's mounts");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make mounts private");
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fchdir(fd) < 0 || dup3(fd, s->root_fd, O_CLOEXEC) < 0)
		return err_sys(e, "enter a container's root");
	return 0;
}

static int open_elsewhere(const struct sandbox *s, struct err *e)
{
	for (size_t i = 0; i < s->n_elsewhere; i++) {
		scoped(fd) int fd = -EBADF;
		scoped(fd) int tree = -EBADF;

		if (!s->elsewhere[i])
			continue;
		fd = open(s->elsewhere[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "open %s", s->elsewhere[i]);
		tree = (int)syscall(SYS_open_tree, fd, "",
				    TREE_CLONE | TREE_CLOEXEC | AT_EMPTY_PATH);
		if (tree < 0 && errno != ENOSYS && errno != EPERM)
			return err_sys(e, "open %s", s->elsewhere[i]);
		s->elsewhere_fds[i] = tree >= 0 ? take_fd(&tree) : take_fd(&fd);
	}
	return 0;
}

static int own_root(const struct sandbox *s, struct err *e)
{
	scoped(fd) int fd = -EBADF;
	int r;

	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make mounts private");
	r = open_elsewhere(s, e);
	if (r == 0 && s->root_fd >= 0)
		r = enter_fd(s->root_fd, e);
	if (r == 0)
		r = s->root_fd >= 0 ? mount_cwd(s->recursive, e) : mount_empty_root(e);
	if (r < 0)
		return r;
	/* pivot_root(2), "new_root and put_old may be the same directory": the old root ends up on
	 * top. */
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(e, "make the root of a role");
	if (s->root_fd < 0)
		return 0;
	/* The caller's descriptor still stands in the old mount: ".." from there leads out. */
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || dup3(fd, s->root_fd, O_CLOEXEC) < 0)
		return err_sys(e, "open the root of a role");
	return 0;
}

static int drop_caps(const struct sandbox *s, struct err *e)
{
	scoped(caps) cap_t c = cap_init();

	if (!c)
		return err_sys(e, "drop capabilities");
	for (size_t i = 0; i < s->n_keep_caps; i++) {
		cap_value_t v = s->keep_caps[i];
		if (cap_set_flag(c, CAP_PERMITTED, 1, &v, CAP_SET) < 0 ||
		    cap_set_flag(c, CAP_EFFECTIVE, 1, &v, CAP_SET) < 0)
			return err_sys(e, "drop capabilities");
	}
	for (cap_value_t v = 0; v < cap_max_bits(); v++)
		(void)cap_drop_bound(v); /* without CAP_SETPCAP nothing can be gained by an exec
					    anyway: no_new_privs */
	if (cap_set_proc(c) < 0)
		return err_sys(e, "drop capabilities");
	return 0;
}

/* A change of credentials takes the parent-death signal away (prctl(2)), so that it is asked for
 * last; who was late finds the caller's end of descriptor 3 closed. */
static int die_with_caller(struct err *e)
{
	struct pollfd control = { .fd = 3 };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_sys(e, "ask for the parent's death");
	if (poll(&control, 1, 0) < 0)
		return err_sys(e, "look at the caller");
	if (control.revents & (POLLHUP | POLLERR | POLLNVAL))
		return err_set(e, -EPIPE, "the caller is gone");
	return 0;
}

int sandbox_is_real_root(void)
{
	scoped(file) FILE *f = fopen("/proc/self/uid_map", "re");
	char line[128] = "", *p;
	long long inside, outside, n;

	if (geteuid() != 0 || !f || !fgets(line, sizeof(line), f))
		return 0;
	inside = strtoll(line, &p, 10);
	outside = strtoll(p, &p, 10);
	n = strtoll(p, &p, 10);
	return inside == 0 && outside == 0 && n == UINT32_MAX;
}

int sandbox_enter(const struct sandbox *s, struct err *e)
{
	const int keep[] = { 3, 4, s->keep_fd };
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(e, "become non-dumpable");
	r = fd_close_from(3, keep, s->keep_fd > 0 ? 3 : 2);
	if (r < 0)
		return err_errno(e, r, "close descriptors");
	r = own_namespaces(e);
	if (r == 0)
		r = s->is_mount_ns ? enter_mount_ns(s, e) : own_root(s, e);
	if (r == 0)
		r = limits(s, e);
	if (r == 0)
		r = drop_caps(s, e);
	return r < 0 ? r : die_with_caller(e);
}

static void filter_done(scmp_filter_ctx f)
{
	if (f)
		seccomp_release(f);
}
DEFINE_SCOPED(seccomp, scmp_filter_ctx, filter_done);

int sandbox_seal(const struct sandbox *s, struct err *e)
{
	scoped(seccomp) scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int r = 0;

	if (!f)
		return err_errno(e, ENOMEM, "make a seccomp filter");
	for (size_t i = 0; r == 0 && i < s->n_syscalls; i++)
		if (s->syscalls[i] >= 0)
			r = seccomp_rule_add(f, SCMP_ACT_ALLOW, s->syscalls[i], 0);
#ifdef WITH_ASAN /* what its runtime does when threads come and go, and before it reports */
	static const int sanitizer[] = { SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigaction),
					 SCMP_SYS(prctl),	SCMP_SYS(prlimit64),
					 SCMP_SYS(readlink),	SCMP_SYS(sched_getaffinity) };
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(sanitizer); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, sanitizer[i], 0);
#endif
	if (r == 0 && s->threads)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0)
		r = seccomp_load(f);
	return r < 0 ? err_errno(e, r, "put on the seccomp filter") : 0;
}

int sandbox_deny(struct err *e)
{
	static const int refused[] = {
#ifndef WITH_ASAN /* which looks for leaks with it */
		SCMP_SYS(ptrace),
#endif
		/* other processes, other users' files */
		SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp),
		SCMP_SYS(pidfd_getfd), SCMP_SYS(process_madvise), SCMP_SYS(open_by_handle_at),
		SCMP_SYS(name_to_handle_at),
		/* the kernel's own machines */
		SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
		SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
		SCMP_SYS(add_key), SCMP_SYS(keyctl), SCMP_SYS(request_key), SCMP_SYS(fanotify_init),
		SCMP_SYS(uselib), SCMP_SYS(vmsplice), SCMP_SYS(modify_ldt),
		/* the machine */
		SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
		SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon),
		SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(syslog),
		SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(adjtimex),
		SCMP_SYS(clock_adjtime), SCMP_SYS(ioperm), SCMP_SYS(iopl), SCMP_SYS(vhangup),
		SCMP_SYS(lookup_dcookie)
	};
	scoped(seccomp) scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int r = 0;

	if (!f)
		return err_errno(e, ENOMEM, "make a seccomp filter");
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(refused); i++)
		if (refused[i] >= 0) /* this architecture has it */
			r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
	if (r == 0)
		r = seccomp_load(f); /* sets no_new_privs, too */
	return r < 0 ? err_errno(e, r, "put on the seccomp filter") : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How the role net shuts itself in. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netns/net_role.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "userns/caps.h"
#include "userns/mount.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64) /* Linux 6.6 */
#endif

#define RESOLV_MAX (1U << 20)

static int write_file(int root, const char *name, const char *text, struct err *e)
{
	scoped(fd) int fd = openat(root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
	return r < 0 ? err_errno(e, r, "write %s of the empty root", name) : 0;
}

/* A root with nothing in it but /etc/resolv.conf, where libslirp looks for the host's name servers.
 */
int net_empty_root(struct err *e)
{
	scoped(mem) char *resolv = NULL;
	scoped(fd) int root = -EBADF;
	struct err ignored;
	int r;

	(void)path_read(AT_FDCWD, "/etc/resolv.conf", RESOLV_MAX, &resolv, NULL,
			&ignored); /* no name servers then */
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return err_sys(e, "make a mount namespace");
	r = mount_propagation("/", MS_PRIVATE, e);
	if (r < 0)
		return r;
	/* On /proc, a directory that every host has. */
	if (mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=2m,mode=755") <
	    0)
		return err_sys(e, "mount the empty root");
	root = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open the empty root");
	if (mkdirat(root, "etc", 0755) < 0)
		return err_sys(e, "fill the empty root");
	r = write_file(root, "etc/resolv.conf", resolv ? resolv : "", e);
	if (r < 0)
		return r;
	if (mount("none", "/proc", NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_sys(e, "make the empty root read-only");
	return mount_pivot(root, e);
}

static const int packets[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(listen),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(shutdown),
	SCMP_SYS(fcntl),
	SCMP_SYS(ioctl),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(stat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(lseek),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
};

static const int relaying[] = {
	SCMP_SYS(read),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(close),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(accept4),
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getpeername),
	SCMP_SYS(pipe2),
	SCMP_SYS(splice),
	SCMP_SYS(fcntl),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
};

static const int accelerating[] = {
	SCMP_SYS(read),
	SCMP_SYS(close),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(listen),
	SCMP_SYS(shutdown),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(accept4),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(fcntl),
	SCMP_SYS(setitimer),
	SCMP_SYS(alarm),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
};

static void filter_release(scmp_filter_ctx c)
{
	if (c)
		seccomp_release(c);
}
DEFINE_SCOPED(filter, scmp_filter_ctx, filter_release);

/* The N calls of ALLOWED; memory never executable; sockets only of the Internet. */
static int begin_filter(scmp_filter_ctx ctx, const int *allowed, size_t n)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int r = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	for (size_t i = 0; i < ARRAY_LEN(families) && r == 0; i++)
		r = seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, (scmp_datum_t)families[i]));
	return r;
}

static int give_up(uint64_t keep, struct err *e)
{
	const struct caps caps = { .effective = keep, .permitted = keep };
	int r = caps_limit_bounding(0, e);

	if (r == 0)
		r = caps_apply(&caps, e);
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = err_sys(e, "become undumpable");
	return r;
}

static int load_filter(scmp_filter_ctx ctx, int r, struct err *e)
{
	if (r == 0)
		r = seccomp_load(ctx); /* sets no_new_privs as well */
	return r < 0 ? err_errno(e, r, "load the seccomp filter") : 0;
}

int net_shut_in(struct err *e)
{
	scoped(filter) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = give_up(0, e);

	if (r < 0)
		return r;
	r = begin_filter(ctx, packets, ARRAY_LEN(packets));
	/* Files only for reading. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDONLY));
	return load_filter(ctx, r, e);
}

int relay_shut_in(struct err *e)
{
	scoped(filter) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = give_up(1ULL << CAP_NET_RAW, e);

	if (r < 0)
		return r;
	return load_filter(ctx, begin_filter(ctx, relaying, ARRAY_LEN(relaying)), e);
}

int accel_shut_in(struct err *e)
{
	static const unsigned long calls[] = { SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND,
					       SECCOMP_IOCTL_NOTIF_ID_VALID,
					       SECCOMP_IOCTL_NOTIF_ADDFD,
					       SECCOMP_IOCTL_NOTIF_SET_FLAGS };
	scoped(filter) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = give_up(1ULL << CAP_SYS_PTRACE | 1ULL << CAP_DAC_READ_SEARCH, e);

	if (r < 0)
		return r;
	r = begin_filter(ctx, accelerating, ARRAY_LEN(accelerating));
	for (size_t i = 0; i < ARRAY_LEN(calls) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, calls[i]));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDONLY));
	return load_filter(ctx, r, e);
}

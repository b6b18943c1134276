/* SPDX-License-Identifier: Apache-2.0 */
/* All of it happens in a child: a process that has joined a namespace cannot always go back. */
#include "netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

int netns_loopback_up(struct err *e)
{
	struct ifreq ifr;
	scoped(fd) int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, "lo", 3);
	ifr.ifr_flags = IFF_UP | IFF_RUNNING;
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
		return err_sys(e, "bring up the loopback interface");
	return 0;
}

/* FDS gets the namespace (when it is new) and the tap (when one is wanted). */
static int set_up(pid_t pid, const struct tap_config *tap, int *fds, size_t *n, struct err *e)
{
	char path[64];
	int fd, r = 0;

	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0)
			return err_sys(e, "make a network namespace");
		r = netns_loopback_up(e);
		fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "open the network namespace");
		fds[(*n)++] = fd;
	} else {
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
			return err_sys(e, "enter the container's network");
		fd_close(fd);
	}
	if (r < 0 || !tap)
		return r;
	r = tap_open(tap, e);
	if (r < 0)
		return r;
	fds[(*n)++] = r;
	return 0;
}

static void __attribute__((noreturn)) child_main(pid_t pid, const struct tap_config *tap, int sock)
{
	int fds[2];
	size_t n = 0;
	struct err e;

	err_clear(&e);
	if (set_up(pid, tap, fds, &n, &e) < 0)
		n = 0;
	_exit(fd_send(sock, &e, sizeof(e), fds, n) < 0);
}

static int ask_child(pid_t pid, const struct tap_config *tap, int *fds, size_t n, struct err *e)
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
		child_main(pid, tap, theirs);
	fd_close(take_fd(&theirs));
	if (fd_recv(ours, &answer, sizeof(answer), fds, &got) != (ssize_t)sizeof(answer))
		return err_set(e, -EIO, "the container's network could not be set up");
	if (answer.code < 0)
		*e = answer;
	else if (got != n)
		return err_set(e, -EIO, "the container's network could not be set up");
	return answer.code;
}

int netns_make(const struct tap_config *tap, int *ret_netns, int *ret_tap, struct err *e)
{
	int fds[2] = { -EBADF, -EBADF };
	int r = ask_child(0, tap, fds, tap ? 2 : 1, e);

	if (r < 0)
		return r;
	*ret_netns = fds[0];
	*ret_tap = fds[1];
	return 0;
}

int netns_add_tap(pid_t pid, const struct tap_config *tap, int *ret_tap, struct err *e)
{
	return ask_child(pid, tap, ret_tap, 1, e);
}

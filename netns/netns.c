/* SPDX-License-Identifier: Apache-2.0 */
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

static int enter(int netns, int *fds, size_t *n, struct err *e)
{
	int fd;

	if (netns >= 0)
		return setns(netns, CLONE_NEWNET) < 0 ? err_sys(e, "enter the network namespace")
						      : 0;
	if (unshare(CLONE_NEWNET) < 0)
		return err_sys(e, "make a network namespace");
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open the network namespace");
	fds[(*n)++] = fd;
	return netns_loopback_up(e);
}

struct inside {
	int netns;
	proc_fn *fn;
	void *arg;
};

static int enter_and_call(void *arg, int *fds, size_t *n, struct err *e)
{
	const struct inside *in = arg;
	int r = enter(in->netns, fds, n, e);

	return r == 0 && in->fn ? in->fn(in->arg, fds, n, e) : r;
}

int netns_call(int netns, proc_fn *fn, void *arg, int *fds, size_t n, struct err *e)
{
	struct inside in = { netns, fn, arg };
	return proc_call(enter_and_call, &in, fds, n, "the network could not be set up", e);
}

int netns_of(pid_t pid, struct err *e)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	fd = open(pid ? path : "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open the container's network") : fd;
}

static int add_tap(void *arg, int *fds, size_t *n, struct err *e)
{
	int fd = tap_open(arg, e);

	if (fd < 0)
		return fd;
	fds[(*n)++] = fd;
	return 0;
}

int netns_make(const struct tap_config *tap, int *ret_netns, int *ret_tap, struct err *e)
{
	int fds[2] = { -EBADF, -EBADF };
	int r = netns_call(-EBADF, tap ? add_tap : NULL, (void *)tap, fds, tap ? 2 : 1, e);

	if (r < 0)
		return r;
	*ret_netns = fds[0];
	*ret_tap = fds[1];
	return 0;
}

int netns_add_tap(pid_t pid, const struct tap_config *tap, int *ret_tap, struct err *e)
{
	scoped(fd) int netns = netns_of(pid, e);

	return netns < 0 ? netns : netns_call(netns, add_tap, (void *)tap, ret_tap, 1, e);
}

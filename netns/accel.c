/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's side of the role accel. */
#include "netns/accel.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netns/accel_protocol.h"
#include "netns/netns.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"
#include "userns/landlock.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

static int netns_cookie(int sock, uint64_t *ret)
{
	socklen_t n = sizeof(*ret);

	return getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, ret, &n) < 0 ? -errno : 0;
}

int accel_check(struct err *e)
{
	uint32_t action = SECCOMP_RET_USER_NOTIF;
	scoped(fd) int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t cookie;

	if (sock < 0 || netns_cookie(sock, &cookie) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0 ||
	    !landlock_has_connect())
		return err_set(
			e, -ENOTSUP,
			"the private network's option \"accel\" takes Linux 6.7 with Landlock "
			"and seccomp notification");
	return 0;
}

int accel_start(struct net *ret, struct err *e)
{
	return net_spawn("cove-accel", 0, "start the network's accelerator", ret, e);
}

static int make_socket(void *arg, int *fds, size_t *n, struct err *e)
{
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)arg;
	if (sock < 0)
		return err_sys(e, "make a socket in the container's network");
	fds[(*n)++] = sock;
	return 0;
}

static int find_netns(int netns, uint64_t *ret, struct err *e)
{
	scoped(fd) int sock = -EBADF;
	int r = netns < 0 ? err_set(e, -ENOTSUP, "this kernel does not tell where a tap device is")
			  : netns_call(netns, make_socket, NULL, &sock, 1, e);

	if (r == 0) {
		r = netns_cookie(sock, ret);
		if (r < 0)
			(void)err_errno(e, r, "tell sockets of the container's network");
	}
	return r;
}

int accel_connect(struct net *n, const struct net_config *c, int netns, int accept_fd,
		  struct err *e)
{
	struct accel_hello hello;
	struct net_answer a;
	int r;

	memset(&hello, 0, sizeof(hello));
	hello.version = ACCEL_VERSION;
	hello.addresses = *c->addresses;
	(void)snprintf(hello.outbound, sizeof(hello.outbound), "%s",
		       c->outbound ? c->outbound : "");
	(void)snprintf(hello.outbound6, sizeof(hello.outbound6), "%s",
		       c->outbound6 ? c->outbound6 : "");
	r = find_netns(netns, &hello.netns, e);
	if (r < 0)
		return r;
	r = fd_send(n->control, &hello, sizeof(hello), &accept_fd, 1);
	if (r < 0)
		return err_errno(e, r, "reach the network's accelerator");
	memset(&a, 0, sizeof(a));
	if (fd_recv(n->control, &a, sizeof(a), NULL, NULL) != (ssize_t)sizeof(a))
		return err_set(e, -EIO, "the network's accelerator ended before it was ready");
	if (a.err.code == 0)
		return 0;
	*e = a.err;
	e->text[sizeof(e->text) - 1] = e->hint[sizeof(e->hint) - 1] = '\0';
	return e->code < 0 ? e->code : -EPROTO;
}

int accel_share(int sock, int socket, int container_port, struct err *e)
{
	struct accel_port_message m;
	int r;

	memset(&m, 0, sizeof(m));
	m.type = 'P';
	m.container_port = (uint16_t)container_port;
	r = fd_send(sock, &m, sizeof(m), &socket, 1);
	return r < 0 ? err_errno(e, r, "give a port to the network's accelerator") : 0;
}

int accel_give(int sock, int listener, struct err *e)
{
	int r = listener < 0 ? -EBADF : fd_send(sock, "L", 1, &listener, 1);

	return r < 0 ? err_errno(e, r, "give connect(2) to the network's accelerator") : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's side of the role net. */
#include "netns/net.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "netns/net_protocol.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

const struct net_addresses net_private = {
	.v4 = { "10.0.2.0", NET_PREFIX, NET_GATEWAY, NET_DNS, NET_ADDRESS },
	.v6 = { "fd00::", NET_PREFIX6, NET_GATEWAY6, "fd00::3", NET_ADDRESS6 },
	.mtu = NET_MTU,
};

int net_spawn(const char *name, int outlive, const char *start, struct net *ret, struct err *e)
{
	scoped(mem) char *program = proc_role_path(name);
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	char *argv[] = { program, NULL };
	char *env[] = { NULL };
	struct proc_fd fds[1];
	struct proc_options o = { .path = program,
				  .argv = argv,
				  .env = env,
				  .fds = fds,
				  .n_fds = 1,
				  .null_stdio = 1,
				  .die_with_us = !outlive };
	int r;

	if (!program)
		return err_errno(e, ENOMEM, "%s", start);
	r = fd_pair(SOCK_SEQPACKET, &ours, &theirs, e);
	if (r < 0)
		return r;
	fds[0] = (struct proc_fd){ theirs, NET_CONTROL_FD };
	r = proc_spawn(&o, &ret->child, e);
	if (r < 0)
		return err_in(e, "%s", start);
	ret->control = take_fd(&ours);
	return 0;
}

int net_start(const struct net_config *c, struct net *ret, struct err *e)
{
	scoped(mem) struct net_hello *hello = NULL;
	size_t size = sizeof(*hello) + c->n_forwards * sizeof(*c->forward);
	int r;

	if (c->n_forwards > NET_FORWARDS_MAX)
		return err_set(e, -E2BIG, "%zu published ports are more than the %d that can be",
			       c->n_forwards, NET_FORWARDS_MAX);
	hello = calloc(1, size);
	if (!hello)
		return err_errno(e, ENOMEM, "start the network");
	hello->version = 3;
	hello->addresses = *c->addresses;
	(void)snprintf(hello->outbound, sizeof(hello->outbound), "%s",
		       c->outbound ? c->outbound : "");
	(void)snprintf(hello->outbound6, sizeof(hello->outbound6), "%s",
		       c->outbound6 ? c->outbound6 : "");
	hello->allow_host_loopback = c->allow_host_loopback;
	hello->n_forwards = (int)c->n_forwards;
	if (c->n_forwards)
		memcpy(hello->forward, c->forward, c->n_forwards * sizeof(*c->forward));
	r = net_spawn("cove-net", c->outlive, "start the network", ret, e);
	if (r < 0)
		return r;
	r = fd_send(ret->control, hello, size, NULL, 0);
	return r < 0 ? err_errno(e, r, "start the network") : 0;
}

int net_connect(struct net *n, int tap_fd, struct err *e)
{
	struct net_answer a;
	ssize_t got;
	int r;

	if (tap_fd < 0)
		return err_set(e, -EBADF, "the container has no tap device");
	r = fd_send(n->control, "T", 1, &tap_fd, 1);
	if (r < 0)
		return err_errno(e, r, "give the tap device to the network process");
	memset(&a, 0, sizeof(a));
	got = fd_recv(n->control, &a, sizeof(a), NULL, NULL);
	if (got != (ssize_t)sizeof(a))
		return err_set(e, -EIO, "the network process ended before it was ready");
	if (a.err.code == 0)
		return 0;
	*e = a.err;
	e->text[sizeof(e->text) - 1] = e->hint[sizeof(e->hint) - 1] = '\0';
	return e->code < 0 ? e->code : -EPROTO;
}

int net_next_shared(struct net *n, int *ret, int *ret_container_port, struct err *e)
{
	uint16_t port = 0;
	size_t n_fds = 1;
	int fd = -EBADF;

	if (fd_recv(n->control, &port, sizeof(port), &fd, &n_fds) != (ssize_t)sizeof(port))
		return err_set(e, -EIO, "the network process ended before it was ready");
	if (n_fds == 0)
		return 0;
	*ret = fd;
	*ret_container_port = port;
	return 1;
}

void net_stop(struct net *n)
{
	char c;
	ssize_t r;

	if (n->control < 0)
		return;
	if (shutdown(n->control, SHUT_WR) == 0)
		while ((r = recv(n->control, &c, 1, 0)) > 0 || (r < 0 && errno == EINTR))
			;
	fd_close(take_fd(&n->control));
	fd_close(take_fd(&n->child.pidfd));
	n->child.pid = 0; /* whoever reaps orphans reaps it */
}

void net_end(struct net *n)
{
	fd_close(take_fd(&n->control));
	proc_end(&n->child);
}

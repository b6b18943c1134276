/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/publish.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/net_protocol.h"
#include "netns/netns.h"
#include "netns/port.h"
#include "src/util/fd.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

static int bind_family(struct publisher *p, const struct net_forward *f, int family)
{
	int fd = port_bind(f, family);

	if (fd < 0)
		return fd;
	p->port[p->n++] = (struct relay_port){ fd, family, f->container_port, f->udp, f->shared };
	return 0;
}

static int bind_port(struct publisher *p, const struct net_forward *f, struct err *e)
{
	int v6 = strchr(f->host_ip, ':') != NULL;
	int r = bind_family(p, f, v6 ? AF_INET6 : AF_INET);

	/* Every address: IPv6 too, where the host has it. */
	if (r == 0 && !f->host_ip[0]) {
		int r6 = bind_family(p, f, AF_INET6);
		if (r6 == -EADDRINUSE)
			r = r6;
	}
	if (r == 0)
		return 0;
	(void)err_errno(e, r, "publish port %s%s%s:%d/%s", v6 ? "[" : "",
			f->host_ip[0] ? f->host_ip : "0.0.0.0", v6 ? "]" : "", f->host_port,
			f->udp ? "udp" : "tcp");
	if (r == -EACCES)
		return err_hint(e, "ports below the sysctl net.ipv4.ip_unprivileged_port_start are "
				   "root's: take a higher one, or "
				   "ask your administrator to lower it");
	return r;
}

int publish_bind(struct publisher *p, const struct net_forward *f, size_t n, struct err *e)
{
	int r = 0;

	(void)fd_raise_limit();
	p->port = calloc(2 * n + 1, sizeof(*p->port));
	if (!p->port)
		return err_errno(e, ENOMEM, "publish ports");
	for (size_t i = 0; i < n && r == 0; i++)
		r = bind_port(p, &f[i], e);
	return r;
}

int publish_start(struct publisher *p, const struct net_addresses *a, int close_fd, struct err *e)
{
	scoped(fd) int theirs = -EBADF;
	struct child child = CHILD_NONE;
	int r;

	if (!p->n)
		return 0;
	relay_at_make(a, &p->at);
	r = fd_pair(SOCK_SEQPACKET, &p->relay, &theirs, e);
	if (r < 0)
		return r;
	r = proc_fork(&child, e);
	if (r < 0)
		return err_in(e, "publish ports");
	if (r == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)prctl(PR_SET_NAME, "cove-net-relay", 0, 0, 0);
		fd_close(close_fd);
		(void)close(p->relay);
		_exit(relay_main(a, p->port, p->n, theirs));
	}
	fd_close(child.pidfd); /* it ends when our end of the socket does */
	for (size_t i = 0; i < p->n; i++)
		if (!p->port[i].shared)
			fd_close(take_fd(&p->port[i].listener));
	return 0;
}

int publish_share(struct publisher *p, int sock)
{
	uint16_t number = 0;
	int any = 0, r = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (!p->port[i].shared)
			continue;
		any = 1;
		number = (uint16_t)p->port[i].container_port;
		if (r == 0)
			r = fd_send(sock, &number, sizeof(number), &p->port[i].listener, 1);
		fd_close(take_fd(&p->port[i].listener));
	}
	number = 0;
	return any && r == 0 ? fd_send(sock, &number, sizeof(number), NULL, 0) : r;
}

int publish_connect(const struct publisher *p, int netns, struct err *e)
{
	struct net_answer a;
	int r;

	if (p->relay < 0)
		return 0;
	r = fd_send(p->relay, "T", 1, &netns, 1);
	if (r < 0)
		return err_errno(e, r, "publish ports");
	if (recv(p->relay, &a, sizeof(a), 0) != (ssize_t)sizeof(a))
		return err_set(e, -EIO, "publish ports: the relay has ended");
	*e = a.err;
	return a.err.code;
}

struct move {
	struct publisher *p;
	struct relay_at at;
};

/* In the container's namespace. */
static int set_routes(void *arg, int *fds, size_t *n, struct err *e)
{
	struct move *m = arg;

	(void)fds;
	(void)n;
	return relay_routes_set(&m->at, &m->p->at, m->p->port, m->p->n, e);
}

int publish_move(struct publisher *p, const struct net_addresses *a, int netns, struct err *e)
{
	struct move m = { .p = p };
	struct net_answer answer;
	int r;

	if (p->relay < 0)
		return 0;
	relay_at_make(a, &m.at);
	r = netns_call(netns, set_routes, &m, NULL, 0, e);
	if (r < 0)
		return err_in(e, "publish ports");
	p->at = m.at;
	r = fd_send(p->relay, &m.at, sizeof(m.at), NULL, 0);
	if (r < 0)
		return err_errno(e, r, "publish ports");
	return recv(p->relay, &answer, sizeof(answer), 0) == (ssize_t)sizeof(answer)
		       ? 0
		       : err_set(e, -EIO, "publish ports: the relay has ended");
}

void publish_end(struct publisher *p)
{
	char c;

	if (p->relay >= 0 && shutdown(p->relay, SHUT_WR) == 0)
		while (recv(p->relay, &c, 1, 0) > 0)
			;
	fd_close(take_fd(&p->relay));
	free(p->port);
	p->port = NULL;
	p->n = 0;
}

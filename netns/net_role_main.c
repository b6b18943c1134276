/* SPDX-License-Identifier: Apache-2.0 */
/* cove-net: the role net.  Descriptor 3 is its socket to the engine (net_protocol.h); it has
 * nothing else. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/net_role.h"
#include "netns/port.h"
#include "netns/relay.h"
#include "src/util/fd.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

#define HELLO_MAX (sizeof(struct net_hello) + NET_FORWARDS_MAX * sizeof(struct net_forward))
#define PORTS_MAX (2UL * NET_FORWARDS_MAX) /* in both families */

struct role {
	struct stack *stack;
	struct relay_port *port; /* the TCP ones; the relay's once that runs */
	size_t n_ports;
	int relay; /* socket to it, or negative: none */
	struct net_addresses addresses;
};

static void end_texts(struct net_family *f)
{
	f->network[sizeof(f->network) - 1] = f->host[sizeof(f->host) - 1] =
		f->dns[sizeof(f->dns) - 1] = f->container[sizeof(f->container) - 1] = '\0';
}

static int receive_hello(struct net_hello *c, struct err *e)
{
	ssize_t n = recv(NET_CONTROL_FD, c, HELLO_MAX, 0);

	if (n < (ssize_t)sizeof(*c) || c->version != 2 || c->n_forwards < 0 ||
	    c->n_forwards > NET_FORWARDS_MAX ||
	    n != (ssize_t)(sizeof(*c) + (size_t)c->n_forwards * sizeof(c->forward[0])))
		return err_set(e, -EPROTO, "the engine's first message is not understood");
	end_texts(&c->addresses.v4);
	end_texts(&c->addresses.v6);
	if (c->addresses.v4.prefix < 1 || c->addresses.v4.prefix > 30)
		return err_set(e, -EPROTO, "the engine's first message is not understood");
	for (int i = 0; i < c->n_forwards; i++)
		c->forward[i].host_ip[sizeof(c->forward[i].host_ip) - 1] = '\0';
	return 0;
}

static int publish_family(struct role *o, const struct net_forward *f, int family)
{
	int fd;

	if (f->udp)
		return stack_forward(o->stack, f, family);
	fd = port_bind(f, family);
	if (fd < 0)
		return fd;
	o->port[o->n_ports++] = (struct relay_port){ fd, family, f->container_port };
	return 0;
}

static int publish(struct role *o, const struct net_forward *f, struct err *e)
{
	int v6 = strchr(f->host_ip, ':') != NULL;
	int r = publish_family(o, f, v6 ? AF_INET6 : AF_INET);

	/* Every address: IPv6 too, where the host has it. */
	if (r == 0 && !f->host_ip[0]) {
		int r6 = publish_family(o, f, AF_INET6);
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

static int start_relay(struct role *o, struct err *e)
{
	scoped(fd) int theirs = -EBADF;
	struct child child = CHILD_NONE;
	int r = fd_pair(SOCK_SEQPACKET, &o->relay, &theirs, e);

	if (r < 0)
		return r;
	r = proc_fork(&child, e);
	if (r < 0)
		return err_in(e, "publish ports");
	if (r == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)prctl(PR_SET_NAME, "cove-net-relay", 0, 0, 0);
		(void)close(NET_CONTROL_FD);
		(void)close(o->relay);
		_exit(relay_main(&o->addresses, o->port, o->n_ports, theirs));
	}
	fd_close(child.pidfd); /* it ends when our end of the socket does */
	for (size_t i = 0; i < o->n_ports; i++)
		(void)close(o->port[i].listener);
	return 0;
}

static int prepare(struct role *o, struct err *e)
{
	scoped(mem) struct net_hello *c = calloc(1, HELLO_MAX);
	int r;

	o->port = calloc(PORTS_MAX, sizeof(*o->port));
	r = c && o->port ? receive_hello(c, e) : err_errno(e, ENOMEM, "start the network");
	if (r == 0) {
		o->addresses = c->addresses;
		r = stack_new(c, &o->stack, e);
	}
	for (int i = 0; r == 0 && i < c->n_forwards; i++)
		r = publish(o, &c->forward[i], e);
	if (r == 0)
		r = net_empty_root(e);
	if (r == 0 && o->n_ports)
		r = start_relay(o, e);
	if (r == 0)
		r = net_shut_in(e);
	(void)malloc_trim(0); /* what making the filter took */
	return r;
}

/* Give the relay the tap, which tells it the container's namespace, and hear what comes of it. */
static int connect_relay(const struct role *o, int tap, struct err *e)
{
	struct net_answer a;
	int r = fd_send(o->relay, "T", 1, &tap, 1);

	if (r < 0)
		return err_errno(e, r, "publish ports");
	if (recv(o->relay, &a, sizeof(a), 0) != (ssize_t)sizeof(a))
		return err_set(e, -EIO, "publish ports: the relay has ended");
	*e = a.err;
	return a.err.code;
}

/* The ports are free when this returns. */
static void end_relay(const struct role *o)
{
	char c;

	if (o->relay < 0 || shutdown(o->relay, SHUT_WR) < 0)
		return;
	while (recv(o->relay, &c, 1, 0) > 0)
		;
}

int main(void)
{
	struct role o = { .relay = -EBADF };
	struct net_answer a;
	size_t n_fds = 1;
	int tap = -EBADF, r;
	char go = 0;

	/* A peer that closes while we write is everyday business. */
	(void)signal(SIGPIPE, SIG_IGN);
	/* libslirp allocates two buffers for each connection and frees them again: without these
	 * the heap grows and shrinks by a system call each time, and connections take twice as
	 * long. */
	(void)mallopt(M_TRIM_THRESHOLD, 8 << 20);
	(void)mallopt(M_TOP_PAD, 512 << 10);
	(void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
	/* The engine leaves nothing open; this makes sure. */
	(void)fd_close_from(NET_CONTROL_FD + 1, NULL, 0);
	memset(&a, 0, sizeof(a));
	r = prepare(&o, &a.err);
	/* The answer waits for the tap even when it is bad news: the engine sends first. */
	if (fd_recv(NET_CONTROL_FD, &go, 1, &tap, &n_fds) != 1)
		return 0; /* the container did not come to be */
	if (r == 0 && (go != 'T' || n_fds != 1))
		r = err_set(&a.err, -EPROTO, "the engine sent no tap device");
	if (r == 0 && o.relay >= 0)
		r = connect_relay(&o, tap, &a.err);
	if (fd_send(NET_CONTROL_FD, &a, sizeof(a), NULL, 0) < 0 || r < 0)
		return 125;
	r = stack_run(o.stack, tap, NET_CONTROL_FD, o.relay, &a.err);
	(void)stack_free(o.stack); /* the ports are free now, and our end of file says so */
	end_relay(&o);
	(void)close(NET_CONTROL_FD);
	_exit(r < 0);
}

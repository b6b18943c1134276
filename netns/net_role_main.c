/* SPDX-License-Identifier: Apache-2.0 */
/* cove-net: the role net.  Descriptor 3 is its socket to the engine (net_protocol.h); it has
 * nothing else. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/net_role.h"
#include "netns/publish.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

#define HELLO_MAX (sizeof(struct net_hello) + NET_FORWARDS_MAX * sizeof(struct net_forward))

struct role {
	struct stack *stack;
	struct publisher ports;
};

static void end_texts(struct net_family *f)
{
	f->network[sizeof(f->network) - 1] = f->host[sizeof(f->host) - 1] =
		f->dns[sizeof(f->dns) - 1] = f->container[sizeof(f->container) - 1] = '\0';
}

static int receive_hello(struct net_hello *c, struct err *e)
{
	ssize_t n = recv(NET_CONTROL_FD, c, HELLO_MAX, 0);

	if (n < (ssize_t)sizeof(*c) || c->version != 3 || c->n_forwards < 0 ||
	    c->n_forwards > NET_FORWARDS_MAX ||
	    n != (ssize_t)(sizeof(*c) + (size_t)c->n_forwards * sizeof(c->forward[0])))
		return err_set(e, -EPROTO, "the engine's first message is not understood");
	end_texts(&c->addresses.v4);
	end_texts(&c->addresses.v6);
	c->outbound[sizeof(c->outbound) - 1] = c->outbound6[sizeof(c->outbound6) - 1] = '\0';
	if (c->addresses.mtu < 68 || c->addresses.mtu > NET_MTU || c->addresses.v4.prefix < 1 ||
	    c->addresses.v4.prefix > 30)
		return err_set(e, -EPROTO, "the engine's first message is not understood");
	for (int i = 0; i < c->n_forwards; i++)
		c->forward[i].host_ip[sizeof(c->forward[i].host_ip) - 1] = '\0';
	return 0;
}

static int prepare(struct role *o, struct err *e)
{
	scoped(mem) struct net_hello *c = calloc(1, HELLO_MAX);
	int r;

	r = c ? receive_hello(c, e) : err_errno(e, ENOMEM, "start the network");
	if (r == 0)
		r = stack_new(c, &o->stack, e);
	if (r == 0)
		r = publish_bind(&o->ports, c->forward, (size_t)c->n_forwards, e);
	if (r == 0)
		r = net_empty_root(e);
	if (r == 0)
		r = publish_start(&o->ports, &c->addresses, NET_CONTROL_FD, e);
	if (r == 0)
		r = net_shut_in(e);
	(void)malloc_trim(0); /* what making the filter took */
	return r;
}

int main(void)
{
	struct role o = { .ports = PUBLISHER_NONE };
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
	if (r == 0)
		r = publish_connect(&o.ports, tap, &a.err);
	if (fd_send(NET_CONTROL_FD, &a, sizeof(a), NULL, 0) < 0 || r < 0 ||
	    publish_share(&o.ports, NET_CONTROL_FD) < 0)
		return 125;
	r = stack_run(o.stack, tap, NET_CONTROL_FD, o.ports.relay, &a.err);
	(void)stack_free(o.stack);
	publish_end(&o.ports); /* the ports are free now, and our end of file says so */
	(void)close(NET_CONTROL_FD);
	_exit(r < 0);
}

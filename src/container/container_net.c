/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/container_net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netns/accel.h"
#include "netns/member.h"
#include "netns/netns.h"
#include "netns/pasta.h"
#include "src/container/container.h"
#include "src/container/cut_off.h"
#include "src/container/event.h"
#include "src/container/networks.h"
#include "src/util/fd.h"
#include "src/util/strbuf.h"

#define TAP_NAME      "tap0"
#define AGAIN_WAIT_NS 20000000 /* 20 ms */
#define AGAIN_TRIES   100

/* The container may listen by itself on those that it is reached by in one way only. */
static int mark_shared(const struct container_net *n, struct net_forward *f, size_t count)
{
	int shares = 0;

	for (size_t i = 0; n->own.accel_ports && i < count; i++) {
		size_t same = 0;
		for (size_t k = 0; k < count; k++)
			same += !f[k].udp && f[k].container_port == f[i].container_port;
		if (f[i].udp || same != 1)
			continue;
		f[i].shared = n->netns >= 0 ? FORWARD_AGAIN : FORWARD_SHARED;
		shares++;
	}
	return shares;
}

static int start_private(struct container_net *n, struct err *e)
{
	scoped(mem) struct net_forward *f = net_forwards(n->spec->ports);
	struct net_config c = { .forward = f,
				.n_forwards = json_len(n->spec->ports),
				.addresses = &n->own.addresses,
				.outbound = n->own.outbound,
				.outbound6 = n->own.outbound6,
				.allow_host_loopback = n->own.allow_host_loopback,
				.outlive = n->netns >= 0 };

	if (!f)
		return err_errno(e, ENOMEM, "start the network");
	n->shares = mark_shared(n, f, c.n_forwards);
	return net_start(&c, &n->net, e);
}

static int connect_pasta(struct container_net *n, int netns, struct err *e)
{
	scoped(mem) struct net_forward *f = net_forwards(n->spec->ports);
	scoped(mem) char *point = str_printf("%s/c/%s/netns", n->en->runroot, n->id);

	return f && point ? pasta_start(netns, point, n->spec->network_options, f,
					json_len(n->spec->ports), &n->net.child, e)
			  : err_errno(e, ENOMEM, "start pasta");
}

/* The addresses are there before the container, for its files. */
static int start_member(struct container_net *n, struct err *e)
{
	scoped(json) json_object *networks = NULL;
	int r = networks_of(n->en, n->spec, n->id, n->name, &networks, e);

	json_free(n->status);
	n->status = NULL;
	return r < 0 ? r
		     : networks_start(n->en, n->id, n->name, networks, n->spec->ports,
				      n->netns >= 0, &n->net, &n->status, e);
}

static int start(struct container_net *n, struct err *e)
{
	return n->is_private ? start_private(n, e) : n->is_bridge ? start_member(n, e) : 0;
}

static int same_port(json_object *a, json_object *b)
{
	const char *ip = json_get_str(a, "host_ip"), *other = json_get_str(b, "host_ip"),
		   *proto = json_get_str(a, "protocol"), *theirs = json_get_str(b, "protocol");

	return json_get_int(a, "host_port", 0) == json_get_int(b, "host_port", -1) &&
	       strcmp(proto ? proto : "tcp", theirs ? theirs : "tcp") == 0 &&
	       (!ip || !*ip || !other || !*other || strcmp(ip, other) == 0);
}

/* A port that is in use may be another container's: E gets a hint that names it. */
static void name_holder(const struct container_net *n, struct err *e)
{
	struct container **list = NULL;
	size_t count = 0;
	struct err ignored;

	if (e->code != -EADDRINUSE || e->hint[0] ||
	    container_list(n->en, 0, &list, &count, &ignored) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < json_len(list[i]->ports); k++)
			for (size_t m = 0; m < json_len(n->spec->ports); m++)
				if (strcmp(list[i]->id, n->id) != 0 && !e->hint[0] &&
				    same_port(json_object_array_get_idx(list[i]->ports, k),
					      json_object_array_get_idx(n->spec->ports, m)))
					(void)err_hint(e, "container %s has it", list[i]->name);
	container_list_free(list, count);
}

int container_net_start(struct container_net *n, struct engine *en, const struct container_spec *s,
			const char *id, const char *name, struct err *e)
{
	int r;

	*n = (struct container_net){ .en = en,
				     .spec = s,
				     .id = id,
				     .name = name,
				     .is_private = strcmp(s->network, "private") == 0,
				     .is_bridge = strcmp(s->network, "bridge") == 0,
				     .is_pasta = strcmp(s->network, "pasta") == 0,
				     .net = NET_NONE,
				     .netns = -EBADF };
	if (n->is_private && private_network_parse(s->network_options, &n->own, e) < 0)
		return e->code;
	r = start(n, e);
	if (r < 0)
		name_holder(n, e);
	return r;
}

const struct tap_config *container_net_tap(const struct container_net *n, struct tap_config *buf)
{
	const struct net_addresses *a = &n->own.addresses;

	if (!n->is_private)
		return NULL;
	*buf = (struct tap_config){ .name = TAP_NAME,
				    .mtu = a->mtu,
				    .address = a->v4.container,
				    .prefix = a->v4.prefix,
				    .gateway = a->v4.host,
				    .address6 = a->v6.network[0] ? a->v6.container : NULL,
				    .prefix6 = a->v6.prefix,
				    .gateway6 = a->v6.host };
	return buf;
}

int container_net_connect(struct container_net *n, int fd, struct err *e)
{
	int r;

	if (!n->is_private && !n->is_bridge && !n->is_pasta)
		return 0;
	/* For the day when it dies; an old kernel cannot tell a tap's. */
	n->netns = n->is_private ? tap_netns(fd) : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	r = n->is_pasta ? connect_pasta(n, fd, e) : net_connect(&n->net, fd, e);
	if (r < 0)
		name_holder(n, e);
	return r;
}

int container_net_share(struct container_net *n, int sock, struct err *e)
{
	int port, r = n->shares > 0;

	while (r > 0) {
		scoped(fd) int listener = -EBADF;
		r = net_next_shared(&n->net, &listener, &port, e);
		/* Where nobody takes it, the relay has it, as without. */
		if (r > 0 && accel_share(sock, listener, port, e) < 0 && listen(listener, 4096) < 0)
			r = err_sys(e, "publish ports");
	}
	return r;
}

static int share_again(struct container_net *n, struct err *e)
{
	char path[128];
	scoped(fd) int dir = -EBADF;
	scoped(fd) int sock = -EBADF;

	(void)snprintf(path, sizeof(path), "c/%s", n->id);
	dir = openat(n->en->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	sock = dir < 0 ? -EBADF : fd_connect_at(dir, "accel", SOCK_SEQPACKET);
	return container_net_share(n, sock, e);
}

/* The old tap went with the process that had it. */
static int make_tap(void *arg, int *fds, size_t *n_fds, struct err *e)
{
	const struct container_net *n = arg;
	struct tap_config c;
	int fd = tap_open(container_net_tap(n, &c), e);

	if (fd < 0)
		return fd;
	fds[(*n_fds)++] = fd;
	return 0;
}

static int try_again(struct container_net *n, struct err *e)
{
	scoped(fd) int tap = -EBADF;
	int r;

	net_end(&n->net);
	n->net = (struct net)NET_NONE;
	if (n->is_pasta)
		return connect_pasta(n, n->netns, e);
	r = start(n, e);
	if (r == 0 && n->is_private)
		r = netns_call(n->netns, make_tap, n, &tap, 1, e);
	if (r == 0)
		r = net_connect(&n->net, n->is_private ? tap : n->netns, e);
	if (r == 0 && n->shares)
		r = share_again(n, e);
	if (r < 0)
		net_end(&n->net);
	return r;
}

int container_net_watch(const struct container_net *n)
{
	return n->is_pasta ? n->net.child.pidfd : n->net.control;
}

/* For the log, of each network that it is on. */
static void tell(const struct container_net *n, const char *status, const char *error)
{
	json_object *networks = n->spec->networks;

	for (size_t i = 0; n->is_bridge && i < json_len(networks); i++)
		container_event_network(
			n->en, n->id, n->name, status,
			json_get_str(json_object_array_get_idx(networks, i), "name"), error);
	if (!n->is_bridge)
		container_event_network(n->en, n->id, n->name, status, n->spec->network, error);
}

/* The dead one's relay may still be on its way out, with the ports; and the kernel takes a moment
 * to unregister a tap. */
static int persist(struct container_net *n, struct err *e)
{
	const struct timespec moment = { .tv_nsec = AGAIN_WAIT_NS };
	int r = -EAGAIN;

	if (n->netns < 0)
		return err_set(e, -ENOTSUP,
			       "the container's network has ended, and this kernel does not tell "
			       "where it was");
	for (int i = 0; i < AGAIN_TRIES && r < 0; i++) {
		if (i)
			(void)nanosleep(&moment, NULL);
		err_clear(e);
		r = try_again(n, e);
	}
	return r;
}

int container_net_again(struct container_net *n, int times, struct err *e)
{
	const char *program = n->is_private ? "cove-net" : n->is_bridge ? "cove-member" : "pasta";
	scoped(mem) char *why = str_printf("%s has ended unexpectedly", program);
	int r;

	cut_off_note(n->en->run_fd, n->id, 1);
	tell(n, "disconnect", why);
	r = times < CONTAINER_NET_AGAIN_MAX
		    ? persist(n, e)
		    : err_set(e, -ELOOP, "%s, for the %dth time", why ? why : program, times);
	engine_store_close(n->en);
	if (r < 0)
		return r;
	cut_off_note(n->en->run_fd, n->id, 0);
	tell(n, "connect", NULL);
	return 0;
}

void container_net_done(struct container_net *n)
{
	net_end(&n->net);
	fd_close(take_fd(&n->netns));
	json_free(n->status);
	n->status = NULL;
}

/* pasta has no socket that ends it: it dies with who started it, which the monitor watches. */
static void __attribute__((noreturn)) stay_with_pasta(struct container_net *n)
{
	scoped(fd) int self = proc_pidfd(getpid());

	const char kind = CONTAINER_NET_STAYS;

	(void)fd_send(CONTAINER_NET_FD_ANSWER, &kind, 1, &self,
		      self >= 0); /* the monitor may have gone */
	fd_close(CONTAINER_NET_FD_ANSWER);
	(void)proc_wait(&n->net.child);
	_exit(0);
}

int container_net_main(struct engine *en, char *const *args, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(container_spec) struct container_spec *spec = NULL;
	struct container_net n = { .net = NET_NONE, .netns = -EBADF };
	const char socket = CONTAINER_NET_SOCKET;
	int r;

	if (strv_len(args) != 2)
		return err_set(e, -EINVAL, "this command is for the monitor only");
	r = container_find(en, args[0], &c, e);
	if (r == 0)
		r = container_spec_decode(c->spec, &spec, e);
	if (r != 0)
		return r;
	n.is_private = strcmp(spec->network, "private") == 0;
	n.is_bridge = strcmp(spec->network, "bridge") == 0;
	n.is_pasta = strcmp(spec->network, "pasta") == 0;
	if (n.is_private && private_network_parse(spec->network_options, &n.own, e) < 0)
		return e->code;
	n.en = en;
	n.spec = spec;
	n.id = c->id;
	n.name = c->name;
	n.netns = CONTAINER_NET_FD_NETNS;
	r = container_net_again(&n, (int)strtol(args[1], NULL, 10), e);
	if (r == 0 && n.is_pasta)
		stay_with_pasta(&n);
	else if (r == 0) /* the process stays, its socket is the monitor's */
		r = fd_send(CONTAINER_NET_FD_ANSWER, &socket, 1, &n.net.control, 1);
	return r < 0 ? r : 0;
}

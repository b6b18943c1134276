/* SPDX-License-Identifier: Apache-2.0 */
/* cove-member: the role member (member.h). */
#include "netns/member.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns/link.h"
#include "netns/message.h"
#include "netns/net_protocol.h"
#include "netns/netns.h"
#include "netns/publish.h"
#include "netns/resolver.h"
#include "netns/rtnl.h"
#include "netns/switch.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define RETRY_MS	500 /* after a switch could not be had */
#define FIRST_METRIC	100
#define MEMBERSHIPS_MAX 64

/* On one network. */
struct membership {
	json_object *wanted; /* of "networks" */
	json_object *status; /* what the switch said of it */
	int lease;	     /* socket to the switch; negative: it has ended */
	struct membership *next;
};

struct member {
	json_object *hello;
	struct membership *first;
	int netns; /* of the container, once it is there */
	int listener;
	struct publisher ports;
	struct resolver resolver;
};

static const char *network_name(const struct membership *m)
{
	const char *name = json_get_str(json_get(m->wanted, "network"), "name");
	return name ? name : "";
}

static const char *interface_of(const struct membership *m)
{
	const char *name = json_get_str(m->wanted, "interface");
	return name && *name ? name : "eth0";
}

/* ---- switches ------------------------------------------------------------------------------- */

/* runroot/n/ID of the network: made by whoever comes first. */
static int network_dir(const struct membership *m, struct err *e)
{
	const char *id = json_get_str(json_get(m->wanted, "network"), "id");
	char path[64];
	int fd;

	if (!id || strlen(id) < 12 || strspn(id, "0123456789abcdef") != strlen(id))
		return err_set(e, -EINVAL, "network %s has no id", network_name(m));
	(void)snprintf(path, sizeof(path), "n/%.12s", id);
	if ((mkdirat(MEMBER_FD_RUN, "n", 0700) < 0 && errno != EEXIST) ||
	    (mkdirat(MEMBER_FD_RUN, path, 0700) < 0 && errno != EEXIST))
		return err_sys(e, "make the network's directory");
	fd = openat(MEMBER_FD_RUN, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, "open the network's directory") : fd;
}

static int start_switch(const struct membership *m, int dir, struct err *e)
{
	scoped(mem) char *program = proc_role_path("cove-switch");
	scoped(json) json_object *hello = json_object_new_object();
	scoped(json) json_object *answer = NULL;
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	scoped(fd) int listener = -EBADF;
	struct child child = CHILD_NONE;
	char *argv[] = { program, NULL };
	struct proc_fd fds[3];
	struct proc_options o = { .path = program,
				  .argv = argv,
				  .fds = fds,
				  .n_fds = 3,
				  .null_stdio = 1,
				  .new_session = 1,
				  .cwd = "/" };
	int r;

	if (!program || !hello)
		return err_errno(e, ENOMEM, "start the network");
	json_put(hello, "network", json_object_get(json_get(m->wanted, "network")));
	(void)unlinkat(dir, "sock", 0); /* of one that was killed */
	listener = fd_listen_at(dir, "sock", SOCK_SEQPACKET, 64);
	if (listener < 0)
		return err_errno(e, listener, "listen for the network's members");
	r = fd_pair(SOCK_SEQPACKET, &ours, &theirs, e);
	if (r < 0)
		return r;
	fds[0] = (struct proc_fd){ listener, SWITCH_FD_LISTEN };
	fds[1] = (struct proc_fd){ dir, SWITCH_FD_DIR };
	fds[2] = (struct proc_fd){ theirs, SWITCH_FD_STARTER };
	r = proc_spawn(&o, &child, e);
	if (r < 0)
		return r;
	fd_close(child.pidfd); /* it lives as long as it has members */
	fd_close(take_fd(&theirs));
	return message_ask(ours, hello, -EBADF, &answer, e);
}

/* A connection to the network's switch, which is started where there is none. */
static int connect_switch(const struct membership *m, struct err *e)
{
	scoped(fd) int dir = network_dir(m, e);
	scoped(fd) int lock = -EBADF;
	int sock, r;

	if (dir < 0)
		return dir;
	lock = lock_file(dir, "lock", LOCK_EXCLUSIVE, 1, e);
	if (lock < 0)
		return lock;
	sock = fd_connect_at(dir, "sock", SOCK_SEQPACKET);
	if (sock >= 0)
		return sock;
	if (sock != -ENOENT && sock != -ECONNREFUSED)
		return err_errno(e, sock, "reach the network");
	r = start_switch(m, dir, e);
	if (r < 0)
		return r;
	sock = fd_connect_at(dir, "sock", SOCK_SEQPACKET);
	return sock < 0 ? err_errno(e, sock, "reach the network") : sock;
}

/* ---- memberships ---------------------------------------------------------------------------- */

/* The addresses and the MAC address that it has, or else that it asked for. */
static json_object *reservation(const struct member *o, const struct membership *m)
{
	json_object *q = json_object_new_object(), *had = json_get(m->status, "addresses"),
		    *mac = json_get(m->status, "mac");

	json_put_str(q, "op", "reserve");
	json_put_str(q, "id", json_get_str(o->hello, "id"));
	json_put_str(q, "name", json_get_str(o->hello, "name"));
	json_put(q, "names", json_object_get(json_get(m->wanted, "names")));
	json_put(q, "addresses", json_object_get(had ? had : json_get(m->wanted, "addresses")));
	json_put(q, "mac", json_object_get(mac ? mac : json_get(m->wanted, "mac")));
	return q;
}

static int reserve(const struct member *o, struct membership *m, struct err *e)
{
	scoped(json) json_object *q = reservation(o, m);
	scoped(json) json_object *answer = NULL;
	scoped(fd) int sock = -EBADF;
	int r;

	/* A switch that was about to leave may have gone meanwhile: once more. */
	for (int i = 0; i < 2; i++) {
		fd_close(take_fd(&sock));
		sock = connect_switch(m, e);
		if (sock < 0)
			return err_in(e, "network %s", network_name(m));
		r = message_ask(sock, q, -EBADF, &answer, e);
		if (r != -EPIPE)
			break;
	}
	if (r < 0)
		return r;
	json_free(m->status);
	m->status = take_ptr(&answer);
	m->lease = take_fd(&sock);
	return 0;
}

static int attach(const struct member *o, struct membership *m, unsigned metric, struct err *e)
{
	scoped(json) json_object *q = json_object_new_object();
	scoped(json) json_object *answer = NULL;
	int r;

	json_put_str(q, "op", "attach");
	json_put_str(q, "interface", interface_of(m));
	json_put_int(q, "metric", metric);
	r = message_ask(m->lease, q, o->netns, &answer, e);
	if (r < 0) {
		fd_close(take_fd(&m->lease));
		return err_in(e, "network %s", network_name(m));
	}
	/* The MAC address is known now. */
	json_free(m->status);
	m->status = take_ptr(&answer);
	return 0;
}

static unsigned metric_of(const struct member *o, const struct membership *m)
{
	unsigned metric = FIRST_METRIC;

	for (const struct membership *i = o->first; i && i != m; i = i->next)
		metric++;
	return metric;
}

static struct membership *add_membership(struct member *o, json_object *wanted)
{
	struct membership *m = calloc(1, sizeof(*m)), **at = &o->first;

	if (!m)
		return NULL;
	m->wanted = json_object_get(wanted);
	m->lease = -EBADF;
	while (*at)
		at = &(*at)->next;
	*at = m;
	return m;
}

static void remove_membership(struct member *o, struct membership *m)
{
	for (struct membership **at = &o->first; *at; at = &(*at)->next)
		if (*at == m) {
			*at = m->next;
			break;
		}
	if (m->lease >= 0) /* the relay, which was forked, has it too */
		(void)shutdown(m->lease, SHUT_RDWR);
	fd_close(m->lease);
	json_free(m->wanted);
	json_free(m->status);
	free(m);
}

/* The name servers of its networks, those of internal ones first: they say no at once. */
static json_object *servers_of(const struct member *o, size_t *ret_networks)
{
	json_object *list = json_object_new_array();

	*ret_networks = 0;
	for (int internal = 1; internal >= 0; internal--)
		for (const struct membership *m = o->first; m; m = m->next) {
			json_object *servers = json_get(m->status, "nameservers");
			if (json_get_bool(json_get(m->wanted, "network"), "internal", 0) !=
				    internal ||
			    json_len(servers) == 0)
				continue;
			++*ret_networks;
			for (size_t i = 0; i < json_len(servers); i++)
				(void)json_object_array_add(
					list, json_object_new_string(json_str_at(servers, i)));
		}
	return list;
}

/* What /etc/resolv.conf is to name. */
static json_object *nameservers(const struct member *o)
{
	size_t networks;
	scoped(json) json_object *list = servers_of(o, &networks);
	json_object *own;

	if (networks < 2)
		return take_ptr(&list);
	own = json_object_new_array();
	(void)json_object_array_add(own, json_object_new_string(RESOLVER_ADDRESS));
	return own;
}

/* A name server of the container's own, where it is on several networks that have one. */
static int renew_resolver(struct member *o, struct err *e)
{
	size_t networks;
	scoped(json) json_object *list = servers_of(o, &networks);

	resolver_end(&o->resolver);
	return networks < 2 ? 0 : resolver_start(&o->resolver, o->netns, list, e);
}

/* {"networks": {NAME: status}, "nameservers": [...]}, for the engine and for network.json. */
static json_object *describe(const struct member *o)
{
	json_object *answer = json_object_new_object(), *all = json_object_new_object();

	for (const struct membership *m = o->first; m; m = m->next) {
		json_object *one = NULL;
		if (json_object_deep_copy(m->status, &one, NULL) < 0)
			continue;
		json_put_str(one, "interface", interface_of(m));
		json_put(all, network_name(m), one);
	}
	json_put(answer, "networks", all);
	json_put(answer, "nameservers", nameservers(o));
	return answer;
}

static void write_state(const struct member *o)
{
	scoped(json) json_object *all = describe(o);
	scoped(mem) char *text = json_text(all);
	struct err ignored;

	if (!text || path_replace(MEMBER_FD_STATE, "network.json", text, strlen(text), 0600, 0,
				  &ignored) < 0)
		dbg("the network's state could not be written");
}

/* ---- the container comes -------------------------------------------------------------------- */

/* Where the relay reaches the container: its first addresses. */
static void relay_addresses(const struct member *o, struct net_addresses *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (const struct membership *m = o->first; m; m = m->next) {
		json_object *addresses = json_get(m->status, "addresses"),
			    *gateways = json_get(m->status, "gateways");
		for (size_t i = 0; i < json_len(addresses); i++) {
			const char *a = json_str_at(addresses, i), *g = json_str_at(gateways, i);
			struct net_family *f = a && strchr(a, ':') ? &ret->v6 : &ret->v4;
			if (!a || !*a || f->container[0])
				continue;
			(void)snprintf(f->container, sizeof(f->container), "%s", a);
			(void)snprintf(f->network, sizeof(f->network), "%s", a);
			(void)snprintf(f->host, sizeof(f->host), "%s", g && *g ? g : a);
		}
	}
}

static int prepare(struct member *o, struct err *e)
{
	json_object *wanted, *ports;
	scoped(mem) struct net_forward *f = NULL;
	struct net_addresses a;
	int r = message_receive(MEMBER_FD_CONTROL, &o->hello, NULL, e);

	if (r <= 0)
		return r < 0 ? r : err_set(e, -EPROTO, "the engine says nothing");
	wanted = json_get(o->hello, "networks");
	ports = json_get(o->hello, "ports");
	if (json_len(wanted) == 0 || json_len(wanted) > MEMBERSHIPS_MAX ||
	    json_len(ports) > NET_FORWARDS_MAX)
		return err_set(e, -EINVAL, "a container is on 1 to %d networks", MEMBERSHIPS_MAX);
	f = net_forwards(ports);
	r = f ? publish_bind(&o->ports, f, json_len(ports), e)
	      : err_errno(e, ENOMEM, "publish ports");
	for (size_t i = 0; i < json_len(wanted) && r == 0; i++) {
		struct membership *m = add_membership(o, json_object_array_get_idx(wanted, i));
		r = m ? reserve(o, m, e) : err_errno(e, ENOMEM, "join a network");
	}
	if (r < 0)
		return r;
	relay_addresses(o, &a);
	return publish_start(&o->ports, &a, MEMBER_FD_CONTROL, e);
}

static int meet_container(struct member *o, struct err *e)
{
	int r = 0;

	for (struct membership *m = o->first; m && r == 0; m = m->next)
		r = attach(o, m, metric_of(o, m), e);
	if (r == 0)
		r = publish_connect(&o->ports, o->netns, e);
	if (r == 0)
		r = renew_resolver(o, e);
	if (r < 0)
		return r;
	(void)unlinkat(MEMBER_FD_STATE, "net", 0);
	o->listener = fd_listen_at(MEMBER_FD_STATE, "net", SOCK_SEQPACKET, 8);
	if (o->listener < 0)
		return err_errno(e, o->listener, "listen for changes of the network");
	write_state(o);
	return 0;
}

/* ---- while it runs -------------------------------------------------------------------------- */

static struct membership *find(const struct member *o, const char *name)
{
	struct membership *m = o->first;

	while (m && (!name || strcmp(network_name(m), name) != 0))
		m = m->next;
	return m;
}

static int do_connect(struct member *o, json_object *q, struct err *e)
{
	struct membership *m;
	const char *name = json_get_str(json_get(q, "network"), "name");
	int r;

	if (find(o, name))
		return err_set(e, -EEXIST, "container is already connected to network %s", name);
	m = add_membership(o, q);
	r = m ? reserve(o, m, e) : err_errno(e, ENOMEM, "join a network");
	if (r == 0)
		r = attach(o, m, metric_of(o, m), e);
	if (r < 0 && m)
		remove_membership(o, m);
	return r;
}

/* In the container's namespace. */
static int drop_interface(void *arg, int *fds, size_t *n, struct err *e)
{
	int sock = rtnl_open();
	int r = sock < 0 ? sock : link_delete(sock, arg);

	(void)fds;
	(void)n;
	fd_close(sock);
	return r < 0 ? err_errno(e, r, "remove an interface") : 0;
}

/* The switch would remove the interface, too, but when it comes to it: one with the same name can
 * be made at once. */
static int do_disconnect(struct member *o, json_object *q, struct err *e)
{
	const char *name = json_get_str(q, "name");
	struct membership *m = find(o, name);
	char interface[32];

	if (!m)
		return err_set(e, -ENOENT, "container is not connected to network %s",
			       name ? name : "");
	(void)snprintf(interface, sizeof(interface), "%s", interface_of(m));
	if (netns_call(o->netns, drop_interface, interface, NULL, 0, e) < 0) {
		dbg("%s", e->text);
		err_clear(e);
	}
	remove_membership(o, m);
	return 0;
}

/* Published ports lead to the addresses that it has now. */
static int move_ports(struct member *o, struct err *e)
{
	struct net_addresses a;

	relay_addresses(o, &a);
	if (!a.v4.container[0] && !a.v6.container[0]) /* on no network: ports lead nowhere */
		return 0;
	return publish_move(&o->ports, &a, o->netns, e);
}

/* One request of the engine: network connect or disconnect. */
static void serve_request(struct member *o)
{
	scoped(fd) int sock = accept4(o->listener, NULL, NULL, SOCK_CLOEXEC);
	scoped(json) json_object *q = NULL;
	scoped(json) json_object *answer = NULL;
	const char *op;
	struct err e;

	err_clear(&e);
	if (sock < 0 || message_receive(sock, &q, NULL, &e) <= 0)
		return;
	op = json_get_str(q, "op");
	if (op && strcmp(op, "connect") == 0)
		(void)do_connect(o, q, &e);
	else if (op && strcmp(op, "disconnect") == 0)
		(void)do_disconnect(o, q, &e);
	else
		(void)err_set(&e, -EPROTO, "unknown request");
	if (e.code == 0)
		(void)renew_resolver(o, &e);
	if (e.code == 0)
		(void)move_ports(o, &e);
	write_state(o);
	answer = e.code < 0 ? message_of_err(&e) : describe(o);
	(void)message_send(sock, answer, -EBADF, &e); /* it may have gone */
}

/* A switch has ended: the container's interface went with it.  Another one is made with the same
 * addresses.  1: try again later. */
static int mend(struct member *o, struct membership *m)
{
	struct err e;

	err_clear(&e);
	fd_close(take_fd(&m->lease));
	if (reserve(o, m, &e) == 0 && attach(o, m, metric_of(o, m), &e) == 0) {
		write_state(o);
		return 0;
	}
	fd_close(take_fd(&m->lease));
	dbg("%s", e.text);
	return 1;
}

static int loop(struct member *o)
{
	for (;;) {
		struct pollfd p[MEMBERSHIPS_MAX + 4] = { { MEMBER_FD_CONTROL, POLLIN, 0 },
							 { o->listener, POLLIN, 0 },
							 { o->ports.relay, POLLIN, 0 },
							 { o->resolver.control, POLLIN, 0 } };
		struct membership *of[MEMBERSHIPS_MAX + 4] = { NULL };
		struct err ignored;
		nfds_t n = 4;
		int broken = 0;
		for (struct membership *m = o->first; m && n < ARRAY_LEN(p); m = m->next) {
			of[n] = m;
			broken |= m->lease < 0;
			p[n++] = (struct pollfd){ m->lease, POLLIN, 0 };
		}
		if (poll(p, n, broken ? RETRY_MS : -1) < 0 && errno != EINTR)
			return 1;
		if (p[0].revents) /* the engine has gone: so has the container */
			return 0;
		if (p[2].revents)
			return 1;
		if (p[3].revents)
			(void)renew_resolver(o, &ignored); /* it was killed */
		for (nfds_t i = 4; i < n; i++)
			if (p[i].revents || of[i]->lease < 0)
				(void)mend(o, of[i]);
		if (p[1].revents)
			serve_request(o);
	}
}

int main(void)
{
	struct member o = { .netns = -EBADF,
			    .listener = -EBADF,
			    .ports = PUBLISHER_NONE,
			    .resolver = RESOLVER_NONE };
	scoped(json) json_object *answer = NULL;
	struct net_answer a;
	size_t n_fds = 1;
	struct err e;
	char go = 0;
	int r;

	err_clear(&e);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)fd_close_from(MEMBER_FD_STATE + 1, NULL, 0);
	for (int fd = MEMBER_FD_CONTROL; fd <= MEMBER_FD_STATE; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	r = prepare(&o, &e);
	answer = r < 0 ? message_of_err(&e) : describe(&o);
	if (!answer || message_send(MEMBER_FD_CONTROL, answer, -EBADF, &e) < 0 || r < 0)
		_exit(125);
	if (fd_recv(MEMBER_FD_CONTROL, &go, 1, &o.netns, &n_fds) != 1)
		_exit(0); /* the container did not come to be */
	memset(&a, 0, sizeof(a));
	if (go != 'T' || n_fds != 1)
		r = err_set(&a.err, -EPROTO, "the engine sent no namespace");
	else
		r = meet_container(&o, &a.err);
	if (fd_send(MEMBER_FD_CONTROL, &a, sizeof(a), NULL, 0) < 0 || r < 0)
		_exit(125);
	r = loop(&o);
	publish_end(&o.ports); /* the ports are free now, and our end of file says so */
	_exit(r);
}

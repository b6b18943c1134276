/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/switch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/dns.h"
#include "netns/message.h"
#include "netns/netns.h"
#include "netns/rtnl.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

/* ---- inside the network's namespace --------------------------------------------------------- */

static int set_sysctl(const char *path, const char *value)
{
	scoped(fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd_write_all(fd, value, strlen(value));
}

/* The gateway passes on what goes out, and tells nobody of a shorter way: there is none. */
static void set_forwarding(void)
{
	static const char *const on[][2] = {
		{ "/proc/sys/net/ipv4/conf/all/send_redirects", "0" },
		{ "/proc/sys/net/ipv4/conf/default/send_redirects", "0" },
		{ "/proc/sys/net/ipv6/conf/default/accept_ra", "0" },
		{ "/proc/sys/net/ipv4/ip_forward", "1" },
		{ "/proc/sys/net/ipv6/conf/all/forwarding", "1" },
	};
	for (size_t i = 0; i < ARRAY_LEN(on); i++)
		if (set_sysctl(on[i][0], on[i][1]) < 0)
			dbg("%s could not be set", on[i][0]); /* a kernel without IPv6 */
}

static const struct subnet *first_of(const struct net_switch *s, int family)
{
	for (size_t i = 0; i < s->n_subnets; i++)
		if (s->subnet[i].base.family == family)
			return &s->subnet[i];
	return NULL;
}

static int open_dns(const struct net_switch *s, int *fds, size_t *n, struct err *e)
{
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const struct subnet *net = first_of(s, families[i]);
		int udp, tcp;
		if (!net)
			continue;
		udp = dns_listen(&net->gateway, SOCK_DGRAM);
		tcp = dns_listen(&net->gateway, SOCK_STREAM);
		if (udp < 0 || tcp < 0)
			return err_errno(e, udp < 0 ? udp : tcp, "listen for names");
		fds[(*n)++] = udp;
		fds[(*n)++] = tcp;
	}
	return 0;
}

/* The tap, a port of the bridge. */
static int add_way_out(void *arg, int *fds, size_t *n, struct err *e)
{
	const struct net_switch *s = arg;
	struct tap_config tap = { .name = SWITCH_TAP, .mtu = s->mtu };
	scoped(fd) int sock = rtnl_open();
	scoped(fd) int fd = tap_open(&tap, e);
	int r;

	if (fd < 0)
		return fd;
	r = sock < 0 ? sock : link_set_master(sock, SWITCH_TAP, SWITCH_BRIDGE);
	if (r < 0)
		return err_errno(e, r, "connect the way out");
	fds[(*n)++] = take_fd(&fd);
	return 0;
}

static int add_bridge(const struct net_switch *s, int sock, struct err *e)
{
	int r = link_add_bridge(sock, SWITCH_BRIDGE, s->mtu);

	if (r == -EOPNOTSUPP) {
		(void)err_set(e, r, "this kernel has no bridges");
		return err_hint(e, "ask your administrator for: modprobe bridge; modprobe veth");
	}
	if (r == 0)
		r = link_up(sock, SWITCH_BRIDGE);
	for (size_t i = 0; i < s->n_subnets && r == 0; i++) {
		const struct subnet *n = &s->subnet[i];
		r = link_add_address(sock, SWITCH_BRIDGE, &n->gateway, n->prefix);
		if (r == 0 && !s->internal) {
			struct addr host = subnet_last(n);
			int bad = link_add_default(sock, SWITCH_BRIDGE, &host, 0);
			r = bad == -EEXIST ? 0 : bad; /* the first subnet of a family has it */
		}
	}
	return r < 0 ? err_errno(e, r, "make the bridge") : 0;
}

static int fill_namespace(void *arg, int *fds, size_t *n, struct err *e)
{
	struct net_switch *s = arg;
	scoped(fd) int sock = rtnl_open();
	int r;

	if (sock < 0)
		return err_errno(e, sock, "set up the network");
	if (!s->internal)
		set_forwarding();
	r = add_bridge(s, sock, e);
	if (r < 0)
		return r;
	r = link_shut_link_local(sock);
	if (r < 0)
		return err_errno(e, r, "set up the network");
	fds[(*n)++] = take_fd(&sock);
	r = s->dns ? open_dns(s, fds, n, e) : 0;
	return r < 0 || s->internal ? r : add_way_out(s, fds, n, e);
}

/* ---- the way out ---------------------------------------------------------------------------- */

/* The role net is a host of the network: the last address of each family's first subnet. */
static void set_family(const struct net_switch *s, int family, struct net_family *ret)
{
	const struct subnet *n = first_of(s, family);
	char text[ADDR_TEXT];
	struct addr host;

	if (!n) {
		ret->network[0] = '\0';
		return;
	}
	host = subnet_last(n);
	(void)snprintf(ret->network, sizeof(ret->network), "%s", addr_text(&n->base, text));
	(void)snprintf(ret->host, sizeof(ret->host), "%s", addr_text(&host, text));
	(void)snprintf(ret->dns, sizeof(ret->dns), "%s", text);
	ret->prefix = n->prefix;
	ret->container[0] = '\0';
}

static int start_net(struct net_switch *s, struct err *e)
{
	struct net_addresses a = net_private; /* libslirp wants IPv4 addresses, used or not */
	struct net_config c = { .addresses = &a };

	if (first_of(s, AF_INET))
		set_family(s, AF_INET, &a.v4);
	set_family(s, AF_INET6, &a.v6);
	a.mtu = s->mtu;
	return net_start(&c, &s->net, e);
}

int switch_restart_net(struct net_switch *s, struct err *e)
{
	int tap = -EBADF, r;

	net_end(&s->net);
	(void)link_delete(s->rtnl, SWITCH_TAP); /* it went with the process as a rule */
	r = start_net(s, e);
	if (r == 0)
		r = netns_call(s->netns, add_way_out, s, &tap, 1, e);
	if (r == 0)
		r = net_connect(&s->net, tap, e);
	fd_close(tap);
	return r;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* What the name server has no use for. */
static void give_up_descriptors(struct net_switch *s)
{
	(void)close(SWITCH_FD_LISTEN);
	(void)close(SWITCH_FD_DIR);
	(void)close(SWITCH_FD_STARTER); /* it may be closed already */
	fd_close(s->netns);
	fd_close(s->rtnl);
	fd_close(s->net.control);
	fd_close(s->net.child.pidfd);
	fd_close(s->dns_control);
	for (const struct port *p = s->ports; p; p = p->next)
		fd_close(p->sock);
}

int switch_restart_dns(struct net_switch *s, struct err *e)
{
	scoped(fd) int theirs = -EBADF;
	struct dns_config c = { .udp = s->dns_udp,
				.tcp = s->dns_tcp,
				.n_sockets = 2,
				.internal = s->internal,
				.servers = json_get(s->network, "network_dns_servers") };
	int r;

	proc_end(&s->dns_child);
	fd_close(take_fd(&s->dns_control));
	r = fd_pair(SOCK_SEQPACKET, &s->dns_control, &theirs, e);
	if (r == 0)
		r = proc_fork(&s->dns_child, e);
	if (r < 0)
		return err_in(e, "answer for names");
	if (r == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)prctl(PR_SET_NAME, "cove-switch-dns", 0, 0, 0);
		c.control = theirs;
		give_up_descriptors(s);
		_exit(dns_main(&c));
	}
	for (const struct port *p = s->ports; p; p = p->next)
		switch_tell_dns(s, p, 0);
	return 0;
}

void switch_tell_dns(const struct net_switch *s, const struct port *p, int gone)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *list = json_object_new_array();
	char text[ADDR_TEXT];
	struct err ignored;

	if (s->dns_control < 0 || !p->id)
		return;
	json_put_str(o, "id", p->id);
	for (size_t i = 0; i < s->n_subnets; i++)
		if (p->addr[i].family)
			(void)json_object_array_add(
				list, json_object_new_string(addr_text(&p->addr[i], text)));
	if (gone) {
		json_free(list);
	} else {
		json_put(o, "addresses", list);
		json_put_strv(o, "names", p->names);
	}
	(void)message_send(s->dns_control, o, -EBADF, &ignored); /* its end is seen elsewhere */
}

/* ---- making --------------------------------------------------------------------------------- */

static int read_network(struct net_switch *s, struct err *e)
{
	json_object *subnets = json_get(s->network, "subnets");
	json_object *options = json_get(s->network, "options");
	const char *mtu = json_get_str(options, "mtu"),
		   *no_route = json_get_str(options, "no_default_route");

	if (!mtu)
		mtu = json_get_str(options, "com.docker.network.driver.mtu");
	s->no_default_route =
		no_route && (strcmp(no_route, "1") == 0 || strcmp(no_route, "true") == 0);

	s->internal = json_get_bool(s->network, "internal", 0);
	s->dns = json_get_bool(s->network, "dns_enabled", 0);
	s->mtu = mtu ? (int)strtol(mtu, NULL, 10) : NET_MTU;
	s->n_subnets = json_len(subnets);
	if (s->n_subnets == 0 || s->n_subnets > SWITCH_SUBNETS_MAX)
		return err_set(e, -EINVAL, "a network has 1 to %d subnets", SWITCH_SUBNETS_MAX);
	for (size_t i = 0; i < s->n_subnets; i++) {
		int r = subnet_of_json(json_object_array_get_idx(subnets, i), &s->subnet[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int switch_make(struct net_switch *s, json_object *network, struct err *e)
{
	int fds[PROC_CALL_FDS_MAX], tap = -EBADF, r;
	size_t n = 2, at = 2;

	*s = (struct net_switch){ .network = network,
				  .netns = -EBADF,
				  .rtnl = -EBADF,
				  .net = NET_NONE,
				  .dns_udp = { -EBADF, -EBADF },
				  .dns_tcp = { -EBADF, -EBADF },
				  .dns_child = CHILD_NONE,
				  .dns_control = -EBADF };
	r = read_network(s, e);
	if (r == 0 && !s->internal)
		r = start_net(s, e);
	if (r < 0)
		return r;
	if (s->dns)
		n += (first_of(s, AF_INET) ? 2 : 0) + (first_of(s, AF_INET6) ? 2 : 0);
	r = netns_call(-EBADF, fill_namespace, s, fds, n + !s->internal, e);
	if (r < 0)
		return r;
	s->netns = fds[0];
	s->rtnl = fds[1];
	for (size_t i = 0; at < n; i++) {
		s->dns_udp[i] = fds[at++];
		s->dns_tcp[i] = fds[at++];
	}
	r = s->dns ? switch_restart_dns(s, e) : 0;
	if (r < 0 || s->internal)
		return r;
	tap = fds[at];
	r = net_connect(&s->net, tap, e);
	fd_close(tap);
	return r;
}

/* ---- containers ----------------------------------------------------------------------------- */

struct inside {
	const struct net_switch *s;
	const struct port *p;
	const char *interface;
	unsigned metric;
};

/* In the container's namespace. */
static int configure(void *arg, int *fds, size_t *n, struct err *e)
{
	const struct inside *in = arg;
	const struct net_switch *s = in->s;
	scoped(fd) int sock = rtnl_open();
	char path[128];
	int r = sock < 0 ? sock : 0;

	(void)fds;
	(void)n;
	/* Addresses are given, not heard of. */
	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", in->interface);
	if (set_sysctl(path, "0") < 0)
		dbg("%s could not be set", path);
	if (r == 0)
		r = link_up(sock, in->interface);
	for (size_t i = 0; i < s->n_subnets && r == 0; i++) {
		if (!in->p->addr[i].family)
			continue;
		r = link_add_address(sock, in->interface, &in->p->addr[i], s->subnet[i].prefix);
		if (r == 0 && !s->internal && !s->no_default_route) {
			int bad = link_add_default(sock, in->interface, &s->subnet[i].gateway,
						   in->metric);
			r = bad == -EEXIST ? 0 : bad;
		}
	}
	return r < 0 ? err_errno(e, r, "set up interface %s", in->interface) : 0;
}

int switch_attach(struct net_switch *s, struct port *p, const char *interface, int netns,
		  unsigned metric, struct err *e)
{
	struct inside in = { s, p, interface, metric };
	unsigned number = ++s->last_number;
	char name[16];
	int r;

	if (!p->mac[0] && !p->mac[1]) {
		r = link_random_mac(p->mac);
		if (r < 0)
			return err_errno(e, r, "make an Ethernet address");
	}
	(void)snprintf(name, sizeof(name), "v%u", number);
	r = link_add_veth(s->rtnl, name, s->mtu, interface, p->mac, netns);
	if (r < 0)
		return err_errno(e, r, "make interface %s", interface);
	p->number = number;
	r = link_set_master(s->rtnl, name, SWITCH_BRIDGE);
	if (r == 0)
		r = link_up(s->rtnl, name);
	if (r < 0)
		(void)err_errno(e, r, "connect interface %s", interface);
	else
		r = netns_call(netns, configure, &in, NULL, 0, e);
	if (r < 0)
		switch_detach(s, p);
	return r;
}

void switch_detach(struct net_switch *s, struct port *p)
{
	char name[16];

	if (!p->number)
		return;
	(void)snprintf(name, sizeof(name), "v%u", p->number);
	(void)link_delete(s->rtnl, name); /* gone already when the container is */
	p->number = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/relay_routes.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netns/rtnl.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

#define ROUTE_TABLE   100
#define RULE_PRIORITY 100

/* What is to be changed. */
struct routes {
	const struct relay_at *at;
	const struct relay_port *port;
	size_t n_ports;
	int is_over; /* the rules of AT are deleted, not added */
};

static void put_address(struct rtnl *q, unsigned short type, const union address *a)
{
	if (a->any.sa_family == AF_INET6)
		rtnl_attr(q, type, &a->in6.sin6_addr, 16);
	else
		rtnl_attr(q, type, &a->in.sin_addr, 4);
}

/* Everything that table 100 is asked for is delivered on this machine; as from the container where
 * nothing else is said (a local route would otherwise take the destination for the source). */
static int route_locally(const struct routes *r, int sock, int family)
{
	struct rtnl q;
	struct rtmsg *m = rtnl_begin(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*m));
	unsigned lo = 1; /* the first interface of every network namespace */

	m->rtm_family = (unsigned char)family;
	m->rtm_table = ROUTE_TABLE;
	m->rtm_protocol = RTPROT_BOOT;
	m->rtm_scope = RT_SCOPE_HOST;
	m->rtm_type = RTN_LOCAL;
	rtnl_attr(&q, RTA_OIF, &lo, sizeof(lo));
	put_address(&q, RTA_PREFSRC, &r->at->own[family == AF_INET6]);
	return rtnl_talk(sock, &q);
}

struct rule {
	const struct relay_port *port;	/* NULL: whatever its port */
	const union address *from, *to; /* NULL: any */
	uint32_t priority, table;
	int on_link; /* but for the default route */
};

static int do_rule(int sock, int family, const struct rule *u, int delete)
{
	struct rtnl q;
	struct fib_rule_hdr *m = rtnl_begin(&q, delete ? RTM_DELRULE : RTM_NEWRULE,
					    delete ? 0 : NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));
	uint8_t bits = family == AF_INET6 ? 128 : 32;
	uint32_t none = 0;
	int r;

	m->family = (uint8_t)family;
	m->table = (uint8_t)u->table;
	m->action = FR_ACT_TO_TBL;
	m->src_len = u->from ? bits : 0;
	m->dst_len = u->to ? bits : 0;
	if (u->from)
		put_address(&q, FRA_SRC, u->from);
	if (u->to)
		put_address(&q, FRA_DST, u->to);
	rtnl_attr(&q, FRA_PRIORITY, &u->priority, sizeof(u->priority));
	if (u->on_link)
		rtnl_attr(&q, FRA_SUPPRESS_PREFIXLEN, &none, sizeof(none));
	if (u->port) {
		uint16_t number = (uint16_t)u->port->container_port;
		struct fib_rule_port_range range = { number, number };
		uint8_t protocol = u->port->udp ? IPPROTO_UDP : IPPROTO_TCP;
		rtnl_attr(&q, FRA_IP_PROTO, &protocol, sizeof(protocol));
		rtnl_attr(&q, FRA_SPORT_RANGE, &range, sizeof(range));
	}
	r = rtnl_talk(sock, &q);
	return r == -EEXIST || r == -ENOENT ? 0 : r; /* published twice */
}

/* Answers of a connection have the container's address and the port, and go to the gateway, as whom
 * clients of the host appear, or to where only the default route leads: neighbours on a bridge
 * connect by themselves.  A datagram's source is not chosen yet when its route is, and a server of
 * datagrams may well speak to others from its port: so there only what goes to the gateway comes
 * back to us, and all clients appear as the gateway. */
static int rules_for_answers(const struct routes *r, int sock, int family,
			     const struct relay_port *port)
{
	const union address *own = &r->at->own[family == AF_INET6],
			    *gateway = &r->at->gateway[family == AF_INET6];
	const struct rule host = { port,	port->udp ? NULL : own,
				   gateway,	RULE_PRIORITY,
				   ROUTE_TABLE, 0 },
			  neighbours = { NULL, NULL, NULL, RULE_PRIORITY + 1, RT_TABLE_MAIN, 1 },
			  others = { port, own, NULL, RULE_PRIORITY + 2, ROUTE_TABLE, 0 };
	int bad = do_rule(sock, family, &host, r->is_over);

	if (bad == 0 && !port->udp && !r->is_over)
		bad = do_rule(sock, family, &neighbours, 0);
	return bad == 0 && !port->udp ? do_rule(sock, family, &others, r->is_over) : bad;
}

/* 0 or a negative errno. */
static int do_family(const struct routes *r, int sock, int family)
{
	int bad = 0;

	if (!r->at->own[family == AF_INET6].any.sa_family)
		return -EAFNOSUPPORT;
	if (!r->is_over)
		bad = route_locally(r, sock, family);
	for (size_t i = 0; i < r->n_ports && bad == 0; i++)
		/* Who came by IPv6 may get to a server of IPv4. */
		if (r->port[i].family == family || r->port[i].udp || family == AF_INET)
			bad = rules_for_answers(r, sock, family, &r->port[i]);
	return bad;
}

int relay_routes_set(struct relay_at *at, const struct relay_at *old, const struct relay_port *port,
		     size_t n, struct err *e)
{
	static const int families[] = { AF_INET, AF_INET6 };
	const struct routes before = { old, port, n, 1 }, now = { at, port, n, 0 };
	scoped(fd) int sock = rtnl_open();

	if (sock < 0)
		return err_errno(e, sock, "publish ports: set up routes");
	for (int v6 = 0; v6 < 2; v6++) {
		if (old)
			(void)do_family(&before, sock, families[v6]); /* its addresses are gone */
		at->is_transparent[v6] = do_family(&now, sock, families[v6]) == 0;
	}
	return 0;
}

void relay_at_make(const struct net_addresses *a, struct relay_at *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (a->v4.container[0]) {
		(void)address_make(&ret->own[0], AF_INET, a->v4.container, 0);
		(void)address_make(&ret->gateway[0], AF_INET, a->v4.host, 0);
	}
	if (a->v6.network[0]) {
		(void)address_make(&ret->own[1], AF_INET6, a->v6.container, 0);
		(void)address_make(&ret->gateway[1], AF_INET6, a->v6.host, 0);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cove-switch: the role switch.
 *
 * Its starter, a member that found no switch, holds the lock of the network's directory, made the
 * listening socket there, and tells the network in the first message: {"network": {...}}; the
 * answer says whether all is there.  Members then connect and send
 *
 *	{"op": "reserve", "id": ..., "name": ..., "names": [...], "addresses": [...], "mac": ...}
 *	    answered by {"addresses": [...], "prefixes": [...], "gateways": [...], "mac": ...}
 *	{"op": "attach", "interface": "eth0", "metric": 100}, with the container's namespace
 *
 * and belong to the network until their connection ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/message.h"
#include "netns/switch.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/scoped.h"

#define IDLE_MS	     2000 /* a container that is restarted finds its network still there */
#define RESTARTS_MAX 100
#define PORTS_MAX    4096

/* ---- members -------------------------------------------------------------------------------- */

static void port_free(struct net_switch *s, struct port *p)
{
	switch_tell_dns(s, p, 1);
	switch_detach(s, p);
	fd_close(p->sock);
	free(p->id);
	free(p->name);
	scoped_strv(&p->names);
	free(p);
}

static void remove_port(struct net_switch *s, struct port *p)
{
	for (struct port **at = &s->ports; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	port_free(s, p);
}

/* Of one host: not that of a group, and not all zeros. */
static int parse_mac(const char *text, unsigned char mac[LINK_MAC])
{
	unsigned char any = 0;

	for (size_t i = 0; i < LINK_MAC; i++) {
		char *end;
		unsigned long b = strtoul(text, &end, 16);
		if (end != text + 2 || *end != (i + 1 < LINK_MAC ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (unsigned char)b;
		any |= mac[i];
		text = end + 1;
	}
	return any && !(mac[0] & 1) ? 0 : -EINVAL;
}

static int reserve(struct net_switch *s, struct port *p, json_object *q, struct err *e)
{
	const char *id = json_get_str(q, "id"), *name = json_get_str(q, "name"),
		   *mac = json_get_str(q, "mac");
	int r;

	if (p->id || !id || !name)
		return err_set(e, -EPROTO, "a member has to say once who it is");
	if (mac && *mac && parse_mac(mac, p->mac) < 0)
		return err_set(e, -EINVAL, "invalid MAC address \"%s\"", mac);
	r = switch_reserve(s, p, json_get(q, "addresses"), e);
	if (r < 0)
		return r;
	p->id = strdup(id);
	p->name = strdup(name);
	r = json_to_strv(json_get(q, "names"), &p->names);
	if (!p->id || !p->name || r < 0)
		return err_errno(e, ENOMEM, "take a member in");
	switch_tell_dns(s, p, 0);
	return 0;
}

static int first_of_family(const struct net_switch *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (s->subnet[k].base.family == s->subnet[i].base.family)
			return 0;
	return 1;
}

static json_object *description(const struct net_switch *s, const struct port *p)
{
	json_object *o = json_object_new_object(), *addresses = json_object_new_array(),
		    *prefixes = json_object_new_array(), *gateways = json_object_new_array(),
		    *servers = json_object_new_array();
	char text[ADDR_TEXT];

	for (size_t i = 0; i < s->n_subnets; i++) {
		const struct subnet *n = &s->subnet[i];
		(void)json_object_array_add(addresses,
					    json_object_new_string(addr_text(&p->addr[i], text)));
		(void)json_object_array_add(prefixes, json_object_new_int(n->prefix));
		(void)json_object_array_add(
			gateways,
			json_object_new_string(s->internal ? "" : addr_text(&n->gateway, text)));
	}
	for (size_t i = 0; i < s->n_subnets; i++) {
		/* Where names are asked for: here, or else at the role net's host. */
		struct addr at = s->dns ? s->subnet[i].gateway : subnet_last(&s->subnet[i]);
		if ((s->dns || !s->internal) && first_of_family(s, i))
			(void)json_object_array_add(servers,
						    json_object_new_string(addr_text(&at, text)));
	}
	(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", p->mac[0], p->mac[1],
		       p->mac[2], p->mac[3], p->mac[4], p->mac[5]);
	json_put_str(o, "mac", text);
	json_put(o, "addresses", addresses);
	json_put(o, "prefixes", prefixes);
	json_put(o, "gateways", gateways);
	json_put(o, "nameservers", servers);
	return o;
}

static int attach(struct net_switch *s, struct port *p, json_object *q, int netns, struct err *e)
{
	const char *interface = json_get_str(q, "interface");

	if (!p->id || p->number || !interface || strlen(interface) > 15 || netns < 0)
		return err_set(e, -EPROTO, "a member cannot be connected like that");
	return switch_attach(s, p, interface, netns, (unsigned)json_get_int(q, "metric", 0), e);
}

/* One question of P.  0, or -1: it goes. */
static int serve(struct net_switch *s, struct port *p)
{
	scoped(json) json_object *q = NULL;
	scoped(json) json_object *a = NULL;
	scoped(fd) int fd = -EBADF;
	const char *op;
	struct err e;
	int r;

	err_clear(&e);
	if (message_receive(p->sock, &q, &fd, &e) <= 0)
		return -1;
	op = json_get_str(q, "op");
	if (op && strcmp(op, "reserve") == 0)
		r = reserve(s, p, q, &e);
	else if (op && strcmp(op, "attach") == 0)
		r = attach(s, p, q, fd, &e);
	else
		r = err_set(&e, -EPROTO, "unknown request");
	a = r < 0 ? message_of_err(&e) : description(s, p);
	if (!a || message_send(p->sock, a, -EBADF, &e) < 0)
		return -1;
	return r < 0 ? -1 : 0;
}

static void take_in(struct net_switch *s)
{
	struct port *p = calloc(1, sizeof(*p));
	int sock = accept4(SWITCH_FD_LISTEN, NULL, NULL, SOCK_CLOEXEC);

	if (sock < 0 || !p) {
		fd_close(sock);
		free(p);
		return;
	}
	p->sock = sock;
	p->next = s->ports;
	s->ports = p;
}

/* ---- the loop ------------------------------------------------------------------------------- */

static size_t fill_poll(const struct net_switch *s, struct pollfd *p, struct port **of)
{
	size_t n = 0;

	p[n++] = (struct pollfd){ SWITCH_FD_LISTEN, POLLIN, 0 };
	p[n++] = (struct pollfd){ s->net.control, POLLIN, 0 };
	p[n++] = (struct pollfd){ s->dns_control, POLLIN, 0 };
	for (struct port *q = s->ports; q && n < PORTS_MAX; q = q->next) {
		of[n] = q;
		p[n++] = (struct pollfd){ q->sock, POLLIN, 0 };
	}
	return n;
}

/* Nobody has been here for a while.  A member that is about to connect holds the lock; without it
 * the socket's name goes, and the next one starts a new switch. */
static int may_leave(void)
{
	struct err ignored;
	scoped(fd) int lock = lock_file(SWITCH_FD_DIR, "lock", LOCK_EXCLUSIVE, 0, &ignored);
	struct pollfd p = { SWITCH_FD_LISTEN, POLLIN, 0 };

	if (lock == -EAGAIN || poll(&p, 1, 0) != 0)
		return 0;
	/* Without the directory nobody can find us any more. */
	(void)unlinkat(SWITCH_FD_DIR, "sock", 0);
	return 1;
}

static int loop(struct net_switch *s, struct err *e)
{
	scoped(mem) struct pollfd *p = calloc(PORTS_MAX, sizeof(*p));
	scoped(mem) struct port **of = (struct port **)calloc(PORTS_MAX, sizeof(struct port *));

	if (!p || !of)
		return err_errno(e, ENOMEM, "serve the network");
	for (;;) {
		size_t n = fill_poll(s, p, of);
		int ready = poll(p, n, s->ports ? -1 : IDLE_MS);
		if (ready < 0 && errno != EINTR)
			return err_sys(e, "serve the network");
		if (ready == 0 && may_leave())
			return 0;
		if (ready <= 0)
			continue;
		for (size_t i = 3; i < n; i++)
			if (p[i].revents && serve(s, of[i]) < 0)
				remove_port(s, of[i]);
		if (p[1].revents && (++s->restarts > RESTARTS_MAX || switch_restart_net(s, e) < 0))
			return e->code;
		if (p[2].revents && (++s->restarts > RESTARTS_MAX || switch_restart_dns(s, e) < 0))
			return e->code;
		if (p[0].revents)
			take_in(s);
	}
}

static int start(struct net_switch *s, struct err *e)
{
	scoped(json) json_object *hello = NULL;
	json_object *network;
	int r = message_receive(SWITCH_FD_STARTER, &hello, NULL, e);

	if (r <= 0)
		return r < 0 ? r : err_set(e, -EPROTO, "the starter says nothing");
	network = json_get(hello, "network");
	if (!network)
		return err_set(e, -EPROTO, "the starter names no network");
	return switch_make(s, json_object_get(network), e);
}

int main(void)
{
	struct net_switch s;
	scoped(json) json_object *answer = NULL;
	struct err e;
	int r;

	err_clear(&e);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)fd_close_from(SWITCH_FD_STARTER + 1, NULL, 0);
	for (int fd = SWITCH_FD_LISTEN; fd <= SWITCH_FD_STARTER; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	r = start(&s, &e);
	if (r < 0)
		(void)unlinkat(SWITCH_FD_DIR, "sock", 0);
	answer = message_of_err(&e);
	if (!answer || message_send(SWITCH_FD_STARTER, answer, -EBADF, &e) < 0 || r < 0)
		_exit(125);
	(void)close(SWITCH_FD_STARTER);
	r = loop(&s, &e);
	if (r < 0)
		(void)unlinkat(SWITCH_FD_DIR, "sock", 0); /* members start another */
	net_end(&s.net);
	_exit(r < 0);
}

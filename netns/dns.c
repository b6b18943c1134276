/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "netns/dns_server.h"
#include "netns/message.h"
#include "netns/net_role.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define DNS_PORT   53
#define TTL	   10 /* seconds: containers come and go */
#define ADDRS_MAX  64 /* of one name */
#define TICK_MS	   250
#define RESOLV_MAX (1U << 20)
#define DOMAIN	   ".dns.podman" /* which other engines append */

int64_t dns_now(void)
{
	struct timespec t = { 0 };
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int dns_listen(const struct addr *a, int type)
{
	scoped(fd) int sock = socket(a->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char text[ADDR_TEXT];
	union address at;
	socklen_t n = address_make(&at, a->family, addr_text(a, text), DNS_PORT);
	int on = 1;

	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(sock, &at.any, n) < 0 || (type == SOCK_STREAM && listen(sock, 64) < 0))
		return -errno;
	return take_fd(&sock);
}

/* ---- members -------------------------------------------------------------------------------- */

static void forget(struct dns_server *s, const char *id)
{
	for (struct dns_member **at = &s->members; *at; at = &(*at)->next) {
		struct dns_member *m = *at;
		if (strcmp(m->id, id) != 0)
			continue;
		*at = m->next;
		free(m->id);
		free(m->addr);
		scoped_strv(&m->names);
		free(m);
		return;
	}
}

static void learn(struct dns_server *s, json_object *o)
{
	const char *id = json_get_str(o, "id");
	json_object *addresses = json_get(o, "addresses");
	struct dns_member *m;

	if (!id)
		return;
	forget(s, id);
	if (!addresses)
		return;
	m = calloc(1, sizeof(*m));
	if (!m)
		return;
	m->id = strdup(id);
	m->addr = calloc(json_len(addresses) + 1, sizeof(*m->addr));
	if (!m->id || !m->addr || json_to_strv(json_get(o, "names"), &m->names) < 0) {
		free(m->id);
		free(m->addr);
		free(m);
		return;
	}
	for (size_t i = 0; i < json_len(addresses); i++)
		if (json_str_at(addresses, i) &&
		    addr_parse(json_str_at(addresses, i), &m->addr[m->n_addr]) == 0)
			m->n_addr++;
	m->next = s->members;
	s->members = m;
}

/* ---- answers -------------------------------------------------------------------------------- */

static int has_name(const struct dns_member *m, const char *name)
{
	for (char *const *n = m->names; n && *n; n++)
		if (strcasecmp(*n, name) == 0)
			return 1;
	return 0;
}

static size_t find_addresses(const struct dns_server *s, const char *name, int type,
			     struct addr *list, int *known)
{
	size_t n = 0;

	*known = 0;
	for (const struct dns_member *m = s->members; m; m = m->next) {
		if (!has_name(m, name))
			continue;
		*known = 1;
		for (size_t i = 0; i < m->n_addr && n < ADDRS_MAX; i++)
			if (type == DNS_ANY ||
			    m->addr[i].family == (type == DNS_AAAA ? AF_INET6 : AF_INET))
				list[n++] = m->addr[i];
	}
	return n;
}

static void rotate(struct dns_server *s, struct addr *list, size_t n)
{
	for (size_t k = n > 1 ? s->turn++ % n : 0; k > 0; k--) {
		struct addr first = list[0];
		memmove(list, list + 1, (n - 1) * sizeof(*list));
		list[n - 1] = first;
	}
}

static const char *find_name(const struct dns_server *s, const struct addr *a)
{
	for (const struct dns_member *m = s->members; m; m = m->next)
		for (size_t i = 0; i < m->n_addr; i++)
			if (m->addr[i].family == a->family && addr_compare(&m->addr[i], a) == 0 &&
			    m->names && m->names[0])
				return m->names[0];
	return NULL;
}

static long answer_reverse(struct dns_server *s, uint8_t *out, size_t size, const uint8_t *msg,
			   const struct dns_query *q)
{
	struct addr a;
	const char *name = dns_reverse(q->name, &a) == 0 ? find_name(s, &a) : NULL;

	return name ? (long)dns_answer_name(out, size, msg, q, name, TTL) : -1;
}

long dns_local(struct dns_server *s, uint8_t *out, size_t size, const uint8_t *msg, size_t n,
	       int udp)
{
	struct addr list[ADDRS_MAX];
	struct dns_query q;
	size_t len, found;
	int known, r = dns_parse(msg, n, &q);

	if (r == -ENOTSUP)
		return (long)dns_refuse(out, size, msg, n, NULL, DNS_NOT_DONE);
	if (r < 0) /* an answer, or rubbish: who sends that hears nothing */
		return 0;
	if (udp && q.answer_max < size)
		size = q.answer_max;
	if (q.type == DNS_PTR) {
		long got = answer_reverse(s, out, size, msg, &q);
		if (got >= 0)
			return got;
	}
	len = strlen(q.name);
	if (len > strlen(DOMAIN) && strcmp(q.name + len - strlen(DOMAIN), DOMAIN) == 0)
		q.name[len - strlen(DOMAIN)] = '\0';
	found = find_addresses(s, q.name, q.type, list, &known);
	if (known) {
		rotate(s, list, found);
		return (long)dns_answer(out, size, msg, &q, list, found, TTL);
	}
	if (s->c->internal)
		return (long)dns_refuse(out, size, msg, n, &q, DNS_NO_NAME);
	return s->n_servers ? -1 : (long)dns_refuse(out, size, msg, n, &q, DNS_FAILED);
}

/* ---- servers -------------------------------------------------------------------------------- */

static void add_server(struct dns_server *s, const char *text)
{
	union address *a = &s->server[s->n_servers];

	if (s->n_servers < DNS_SERVERS_MAX &&
	    address_make(a, strchr(text, ':') ? AF_INET6 : AF_INET, text, DNS_PORT))
		s->n_servers++;
}

static void read_servers(struct dns_server *s)
{
	scoped(mem) char *text = NULL;
	struct err ignored;
	char *line, *rest;

	for (size_t i = 0; i < json_len(s->c->servers); i++)
		add_server(s, json_str_at(s->c->servers, i));
	if (s->n_servers ||
	    path_read(AT_FDCWD, "/etc/resolv.conf", RESOLV_MAX, &text, NULL, &ignored) < 0)
		return;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *word, *more;
		word = strtok_r(line, " \t", &more);
		if (word && strcmp(word, "nameserver") == 0) {
			word = strtok_r(NULL, " \t", &more);
			if (word)
				add_server(s, word);
		}
	}
}

/* ---- the loop ------------------------------------------------------------------------------- */

void dns_watch(struct dns_server *s, int fd, int events, void *what)
{
	if (fd < 0 || s->n_poll == DNS_POLL_MAX)
		return;
	s->of[s->n_poll] = what;
	s->poll[s->n_poll++] = (struct pollfd){ fd, (short)events, 0 };
}

/* Whose is WHAT? */
static void serve(struct dns_server *s, const struct pollfd *p, void *what)
{
	const struct dns_config *c = s->c;

	for (int i = 0; i < c->n_sockets; i++) {
		if (p->fd == c->udp[i]) {
			dns_udp_clients(s, p->fd);
			return;
		}
		if (p->fd == c->tcp[i]) {
			dns_tcp_accept(s, p->fd);
			return;
		}
	}
	if ((struct dns_pending *)what >= s->pending &&
	    (struct dns_pending *)what < s->pending + DNS_PENDING_MAX)
		dns_udp_answer(s, what);
	else
		dns_tcp_serve(s, what);
}

/* 0: the switch has ended. */
static int hear(struct dns_server *s)
{
	scoped(json) json_object *o = NULL;
	struct err ignored;

	if (message_receive(s->c->control, &o, NULL, &ignored) <= 0)
		return 0;
	learn(s, o);
	return 1;
}

static int loop(struct dns_server *s)
{
	for (;;) {
		size_t busy = 0;
		s->n_poll = 0;
		dns_watch(s, s->c->control, POLLIN, NULL);
		for (int i = 0; i < s->c->n_sockets; i++) {
			dns_watch(s, s->c->udp[i], POLLIN, NULL);
			dns_watch(s, s->c->tcp[i], POLLIN, NULL);
		}
		busy = s->n_poll;
		for (size_t i = 0; i < DNS_PENDING_MAX; i++)
			dns_watch(s, s->pending[i].sock, POLLIN, &s->pending[i]);
		dns_tcp_watch(s);
		if (poll(s->poll, s->n_poll, s->n_poll > busy ? TICK_MS : -1) < 0 && errno != EINTR)
			return 1;
		for (size_t i = 1; i < s->n_poll; i++)
			if (s->poll[i].revents)
				serve(s, &s->poll[i], s->of[i]);
		dns_udp_expire(s);
		dns_tcp_expire(s);
		if (s->poll[0].revents && !hear(s))
			return 0;
	}
}

int dns_main(const struct dns_config *c)
{
	struct dns_server *s = calloc(1, sizeof(*s));
	struct err e;

	err_clear(&e);
	if (!s)
		return 1;
	s->c = c;
	for (size_t i = 0; i < DNS_PENDING_MAX; i++)
		s->pending[i].sock = -EBADF;
	for (size_t i = 0; i < DNS_CLIENTS_MAX; i++)
		s->client[i].fd = s->client[i].upstream = -EBADF;
	read_servers(s);
	if (net_empty_root(&e) < 0 || net_shut_in(&e) < 0) {
		dbg("%s", e.text);
		return 1;
	}
	return loop(s);
}

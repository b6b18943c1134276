/* SPDX-License-Identifier: Apache-2.0 */
/* Questions by UDP.  Each one that is passed on has a socket and an ID of its own: an answer has to
 * come from the server, to that port, with that ID. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/dns_server.h"
#include "src/util/scoped.h"

#define QUESTIONS_A_TURN 64
#define TRY_MS		 2000
#define TRIES		 2 /* of each server */

static void let_go(struct dns_pending *p)
{
	fd_close(take_fd(&p->sock));
	free(p->query);
	p->query = NULL;
}

static int ask_server(struct dns_server *s, struct dns_pending *p)
{
	const union address *to = &s->server[p->server];
	uint8_t id[2];

	fd_close(take_fd(&p->sock));
	p->sock = socket(to->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->sock < 0 || getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return -errno;
	memcpy(p->query, id, 2);
	p->deadline = dns_now() + TRY_MS;
	if (connect(p->sock, &to->any, address_size(to)) < 0 ||
	    send(p->sock, p->query, p->n, 0) < 0)
		return -errno;
	return 0;
}

static void fail(struct dns_server *s, struct dns_pending *p)
{
	struct dns_query q;
	size_t n;

	memcpy(p->query, p->id, 2);
	n = dns_parse(p->query, p->n, &q) < 0
		    ? 0
		    : dns_refuse(s->buffer, DNS_UDP_MAX, p->query, p->n, &q, DNS_FAILED);
	if (n)
		(void)sendto(p->client_sock, s->buffer, n, MSG_DONTWAIT, &p->client.any,
			     address_size(&p->client));
	let_go(p);
}

/* The next server, or the first once more. */
static void try_next(struct dns_server *s, struct dns_pending *p)
{
	while (++p->tries < TRIES * s->n_servers) {
		p->server = (p->server + 1) % s->n_servers;
		if (ask_server(s, p) == 0)
			return;
	}
	fail(s, p);
}

static void pass_on(struct dns_server *s, int sock, const union address *client, size_t n)
{
	struct dns_pending *p = s->pending;

	while (p < s->pending + DNS_PENDING_MAX && p->sock >= 0)
		p++;
	if (p == s->pending + DNS_PENDING_MAX)
		return; /* too many: the client asks again */
	p->query = malloc(n);
	if (!p->query)
		return;
	memcpy(p->query, s->buffer, n);
	memcpy(p->id, s->buffer, 2);
	p->n = n;
	p->client_sock = sock;
	p->client = *client;
	p->server = p->tries = p->refused = 0;
	if (ask_server(s, p) < 0)
		try_next(s, p);
}

void dns_udp_clients(struct dns_server *s, int sock)
{
	for (int i = 0; i < QUESTIONS_A_TURN; i++) {
		uint8_t out[4096];
		union address client;
		socklen_t len = sizeof(client);
		long got;
		ssize_t n;
		memset(&client, 0, sizeof(client));
		n = recvfrom(sock, s->buffer, sizeof(s->buffer), MSG_DONTWAIT, &client.any, &len);
		if (n < 0)
			return;
		got = dns_local(s, out, sizeof(out), s->buffer, (size_t)n, 1);
		if (got < 0)
			pass_on(s, sock, &client, (size_t)n);
		else if (got > 0)
			(void)sendto(sock, out, (size_t)got, MSG_DONTWAIT, &client.any, len);
	}
}

void dns_udp_answer(struct dns_server *s, struct dns_pending *p)
{
	ssize_t n;

	if (p->sock < 0)
		return;
	n = recv(p->sock, s->buffer, sizeof(s->buffer), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) { /* nobody listens there */
		try_next(s, p);
		return;
	}
	if (n < 12 || memcmp(s->buffer, p->query, 2) != 0)
		return; /* not the answer */
	if ((s->buffer[3] & 0x0f) == DNS_NO_NAME && s->c->ask_all && ++p->refused < s->n_servers) {
		try_next(s, p);
		return;
	}
	memcpy(s->buffer, p->id, 2);
	(void)sendto(p->client_sock, s->buffer, (size_t)n, MSG_DONTWAIT, &p->client.any,
		     address_size(&p->client));
	let_go(p);
}

void dns_udp_expire(struct dns_server *s)
{
	int64_t now = dns_now();

	for (struct dns_pending *p = s->pending; p < s->pending + DNS_PENDING_MAX; p++)
		if (p->sock >= 0 && p->deadline < now)
			try_next(s, p);
}

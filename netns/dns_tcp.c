/* SPDX-License-Identifier: Apache-2.0 */
/* Questions by TCP, each with its length in front (RFC 1035, 4.2.2).  With the first one that is
 * not for us the connection is passed on as a whole. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/dns_server.h"
#include "src/util/scoped.h"

#define BUFFER	(DNS_MESSAGE_MAX + 2)
#define IDLE_MS 10000

static void let_go(struct dns_client *c)
{
	fd_close(take_fd(&c->fd));
	fd_close(take_fd(&c->upstream));
	free(c->in);
	free(c->out);
	c->in = c->out = NULL;
	c->n_in = c->n_out = 0;
}

void dns_tcp_accept(struct dns_server *s, int sock)
{
	struct dns_client *c = s->client;
	int fd = accept4(sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	while (c < s->client + DNS_CLIENTS_MAX && c->fd >= 0)
		c++;
	if (c == s->client + DNS_CLIENTS_MAX) {
		(void)close(fd);
		return;
	}
	c->fd = fd;
	c->in = malloc(BUFFER);
	c->out = malloc(BUFFER);
	c->deadline = dns_now() + IDLE_MS;
	if (!c->in || !c->out)
		let_go(c);
}

void dns_tcp_watch(struct dns_server *s)
{
	for (struct dns_client *c = s->client; c < s->client + DNS_CLIENTS_MAX; c++) {
		if (c->fd < 0)
			continue;
		dns_watch(s, c->fd, (c->n_in < BUFFER ? POLLIN : 0) | (c->n_out ? POLLOUT : 0), c);
		dns_watch(s, c->upstream,
			  (c->n_out < BUFFER ? POLLIN : 0) | (c->n_in ? POLLOUT : 0), c);
	}
}

/* 0: fine; -1: the connection has ended or broken. */
static int fill(int fd, uint8_t *buf, size_t *n)
{
	ssize_t got;

	if (*n == BUFFER)
		return 0;
	errno = 0;
	got = recv(fd, buf + *n, BUFFER - *n, MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	*n += (size_t)got;
	return got == 0 ? -1 : 0;
}

static int drain(int fd, uint8_t *buf, size_t *n)
{
	ssize_t put;

	if (!*n)
		return 0;
	put = send(fd, buf, *n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (put < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOTCONN ? 0 : -1;
	memmove(buf, buf + put, *n - (size_t)put);
	*n -= (size_t)put;
	return 0;
}

static int open_upstream(const struct dns_server *s, struct dns_client *c)
{
	const union address *to = &s->server[0];

	c->upstream = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->upstream < 0)
		return -1;
	return connect(c->upstream, &to->any, address_size(to)) < 0 && errno != EINPROGRESS ? -1
											    : 0;
}

/* The whole questions among what has come. */
static int answer(struct dns_server *s, struct dns_client *c)
{
	while (c->upstream < 0 && c->n_in >= 2) {
		size_t n = (size_t)c->in[0] << 8 | c->in[1];
		long got;
		if (c->n_in < n + 2)
			return 0;
		if (BUFFER - c->n_out < 4096)
			return 0; /* the client has to take some first */
		got = dns_local(s, c->out + c->n_out + 2, BUFFER - c->n_out - 2, c->in + 2, n, 0);
		if (got < 0)
			return open_upstream(s, c);
		if (got == 0)
			return -1;
		c->out[c->n_out] = (uint8_t)(got >> 8);
		c->out[c->n_out + 1] = (uint8_t)got;
		c->n_out += (size_t)got + 2;
		c->n_in -= n + 2;
		memmove(c->in, c->in + n + 2, c->n_in);
	}
	return 0;
}

void dns_tcp_serve(struct dns_server *s, struct dns_client *c)
{
	int ended;

	if (c->fd < 0)
		return;
	ended = fill(c->fd, c->in, &c->n_in);
	if (answer(s, c) < 0)
		ended = -1;
	if (c->upstream >= 0 && ended == 0) {
		ended = drain(c->upstream, c->in, &c->n_in);
		if (ended == 0 && fill(c->upstream, c->out, &c->n_out) < 0 && errno != ENOTCONN)
			ended = -1;
	}
	if (drain(c->fd, c->out, &c->n_out) < 0)
		ended = -1;
	c->deadline = dns_now() + IDLE_MS;
	if (ended < 0)
		let_go(c);
}

void dns_tcp_expire(struct dns_server *s)
{
	int64_t now = dns_now();

	for (struct dns_client *c = s->client; c < s->client + DNS_CLIENTS_MAX; c++)
		if (c->fd >= 0 && c->deadline < now)
			let_go(c);
}

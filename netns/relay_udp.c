/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/relay_udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "src/util/scoped.h"

#define DATAGRAM_MAX	 65536
#define DATAGRAMS_A_TURN 64
#define EXPIRE_MS	 10000

struct flow {
	int sock; /* in the container; negative: free */
	const struct relay_port *port;
	union address client;
	union address local; /* where the client sent to: answers come from there */
	time_t used;
};

struct flow_set {
	struct flow *flow;
	size_t max, n;
	flow_make *make;
	void *arg;
	unsigned char datagram[DATAGRAM_MAX];
};

static time_t now(void)
{
	struct timespec t = { 0 };
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

struct flow_set *flows_new(size_t max, flow_make *make, void *arg)
{
	struct flow_set *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->flow = calloc(max, sizeof(*s->flow));
	if (!s->flow) {
		free(s);
		return NULL;
	}
	s->max = max;
	s->make = make;
	s->arg = arg;
	for (size_t i = 0; i < max; i++)
		s->flow[i].sock = -EBADF;
	return s;
}

int flows_has(const struct flow_set *s, const void *what)
{
	return s && (const struct flow *)what >= s->flow &&
	       (const struct flow *)what < s->flow + s->max;
}

static void let_go(struct flow_set *s, struct flow *f)
{
	fd_close(take_fd(&f->sock));
	s->n--;
}

static int same_address(const union address *a, const union address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return 0;
	if (a->any.sa_family == AF_INET6)
		return a->in6.sin6_port == b->in6.sin6_port &&
		       IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
	return a->in.sin_port == b->in.sin_port && a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

/* The flow of CLIENT, made when it is new. */
static struct flow *find(struct flow_set *s, const struct relay_port *port,
			 const union address *client)
{
	struct flow *spare = NULL, *oldest = NULL;
	int sock;

	for (struct flow *f = s->flow; f < s->flow + s->max; f++) {
		if (f->sock < 0) {
			spare = spare ? spare : f;
		} else if (f->port == port && same_address(&f->client, client)) {
			return f;
		} else if (!oldest || f->used < oldest->used) {
			oldest = f;
		}
	}
	if (!spare && oldest) {
		let_go(s, oldest);
		spare = oldest;
	}
	if (!spare)
		return NULL;
	sock = s->make(s->arg, port, client, spare);
	if (sock < 0)
		return NULL;
	spare->sock = sock;
	spare->port = port;
	spare->client = *client;
	s->n++;
	return spare;
}

/* The address that a datagram was sent to (ip(7): IP_PKTINFO, ipv6(7): IPV6_RECVPKTINFO). */
static void local_address(struct msghdr *m, int family, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->any.sa_family = (sa_family_t)family;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct in_pktinfo i4;
		struct in6_pktinfo i6;
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&i4, CMSG_DATA(c), sizeof(i4));
			ret->in.sin_addr = i4.ipi_spec_dst;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&i6, CMSG_DATA(c), sizeof(i6));
			ret->in6.sin6_addr = i6.ipi6_addr;
		}
	}
}

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

void flows_from_client(struct flow_set *s, const struct relay_port *port)
{
	for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
		union control control;
		union address client;
		struct iovec iov = { s->datagram, sizeof(s->datagram) };
		struct msghdr m = { .msg_name = &client,
				    .msg_namelen = sizeof(client),
				    .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = &control,
				    .msg_controllen = sizeof(control) };
		struct flow *f;
		ssize_t n = recvmsg(port->listener, &m, MSG_DONTWAIT);
		if (n < 0)
			return;
		f = find(s, port, &client);
		if (!f)
			continue; /* lost, as datagrams are */
		local_address(&m, port->family, &f->local);
		f->used = now();
		(void)send(f->sock, s->datagram, (size_t)n, MSG_DONTWAIT);
	}
}

static void set_source(struct msghdr *m, union control *control, const union address *local)
{
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	m->msg_control = control;
	m->msg_controllen = sizeof(*control);
	c = CMSG_FIRSTHDR(m);
	if (local->any.sa_family == AF_INET6) {
		struct in6_pktinfo i = { .ipi6_addr = local->in6.sin6_addr };
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(i));
		memcpy(CMSG_DATA(c), &i, sizeof(i));
		m->msg_controllen = CMSG_SPACE(sizeof(i));
	} else {
		struct in_pktinfo i = { .ipi_spec_dst = local->in.sin_addr };
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(i));
		memcpy(CMSG_DATA(c), &i, sizeof(i));
		m->msg_controllen = CMSG_SPACE(sizeof(i));
	}
}

void flows_from_container(struct flow_set *s, void *what)
{
	struct flow *f = what;

	for (int i = 0; i < DATAGRAMS_A_TURN && f->sock >= 0; i++) {
		union control control;
		struct iovec iov = { s->datagram, 0 };
		struct msghdr m = { .msg_name = &f->client,
				    .msg_namelen = address_size(&f->client),
				    .msg_iov = &iov,
				    .msg_iovlen = 1 };
		ssize_t n = recv(f->sock, s->datagram, sizeof(s->datagram), MSG_DONTWAIT);
		if (n < 0)
			return;
		iov.iov_len = (size_t)n;
		set_source(&m, &control, &f->local);
		f->used = now();
		(void)sendmsg(f->port->listener, &m, MSG_DONTWAIT);
	}
}

void flows_forget(struct flow_set *s)
{
	for (size_t i = 0; s && i < s->max; i++)
		if (s->flow[i].sock >= 0)
			let_go(s, &s->flow[i]);
}

int flows_expire(struct flow_set *s)
{
	time_t limit = now() - FLOW_IDLE_S;

	if (!s || !s->n)
		return -1;
	for (struct flow *f = s->flow; f < s->flow + s->max; f++)
		if (f->sock >= 0 && f->used < limit)
			let_go(s, f);
	return s->n ? EXPIRE_MS : -1;
}

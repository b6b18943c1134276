/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the name server: shared by dns.c (names, the loop), dns_udp.c and dns_tcp.c. */
#ifndef COVE_NETNS_DNS_SERVER_H
#define COVE_NETNS_DNS_SERVER_H

#include <poll.h>
#include <stdint.h>

#include "netns/dns.h"
#include "netns/dns_message.h"
#include "netns/port.h"

#define DNS_SERVERS_MAX 16
#define DNS_PENDING_MAX 256
#define DNS_CLIENTS_MAX 64
#define DNS_POLL_MAX	(16 + DNS_PENDING_MAX + 2 * DNS_CLIENTS_MAX)

struct dns_member {
	char *id, **names;
	struct addr *addr;
	size_t n_addr;
	struct dns_member *next;
};

/* A question that was passed on. */
struct dns_pending {
	int sock; /* to the server; negative: free */
	int client_sock;
	union address client;
	uint8_t id[2]; /* the client's */
	uint8_t *query;
	size_t n;
	size_t server, tries;
	size_t refused;	  /* servers that do not know the name */
	int64_t deadline; /* milliseconds */
};

/* A client that asks by TCP. */
struct dns_client {
	int fd;		   /* negative: free */
	int upstream;	   /* once a question was passed on: bytes go through both ways */
	uint8_t *in, *out; /* from the client, and to it; DNS_MESSAGE_MAX + 2 */
	size_t n_in, n_out;
	int64_t deadline;
};

struct dns_server {
	const struct dns_config *c;
	union address server[DNS_SERVERS_MAX];
	size_t n_servers;
	struct dns_member *members;
	struct dns_pending pending[DNS_PENDING_MAX];
	struct dns_client client[DNS_CLIENTS_MAX];
	unsigned turn; /* of addresses that share a name */
	struct pollfd poll[DNS_POLL_MAX];
	void *of[DNS_POLL_MAX]; /* what each is of */
	size_t n_poll;
	uint8_t buffer[DNS_MESSAGE_MAX + 1];
};

int64_t dns_now(void);
/* The answer to MSG that is known here: its length in OUT, 0 for none (the message is no question),
 * or -1: it has to be passed on.  SIZE is what OUT holds. */
long dns_local(struct dns_server *s, uint8_t *out, size_t size, const uint8_t *msg, size_t n,
	       int udp);
void dns_watch(struct dns_server *s, int fd, int events, void *what);

/* dns_udp.c: datagrams at SOCK; an answer for P; what took too long. */
void dns_udp_clients(struct dns_server *s, int sock);
void dns_udp_answer(struct dns_server *s, struct dns_pending *p);
void dns_udp_expire(struct dns_server *s);

/* dns_tcp.c: a client at listener SOCK; events of a client; what took too long. */
void dns_tcp_accept(struct dns_server *s, int sock);
void dns_tcp_watch(struct dns_server *s);
void dns_tcp_serve(struct dns_server *s, struct dns_client *c);
void dns_tcp_expire(struct dns_server *s);

#endif

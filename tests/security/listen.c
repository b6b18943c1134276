/* SPDX-License-Identifier: Apache-2.0 */
/* A program in a container that listens: as servers do, in each way that they have; and as a
 *hostile one does, which wants to listen on a port of the host that is not its own.  Static, so
 *that it runs in any image.
 *
 *	listen serve ADDRESS PORT [WORD...]   answers each client with "SEEN at HERE from CLIENT"
 *	    again      listens once more, with another backlog
 *	    reuse      with SO_REUSEPORT, in two processes
 *	    v6only     with IPV6_V6ONLY
 *	    watched    in an epoll instance before it listens
 *	    short      for one client
 *	    nonblock   with O_NONBLOCK and without FD_CLOEXEC
 *	listen attack OTHER PORT COUNT        says which sockets of the host listen in the end
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/util/scoped.h"

#define OTHER_PORT 7777

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

union place {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static union place place(const char *ip, int port)
{
	union place p;

	memset(&p, 0, sizeof(p));
	if (inet_pton(AF_INET6, ip, &p.in6.sin6_addr) == 1) {
		p.in6.sin6_family = AF_INET6;
		p.in6.sin6_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET, ip, &p.in.sin_addr) == 1) {
		p.in.sin_family = AF_INET;
		p.in.sin_port = htons((uint16_t)port);
	}
	return p;
}

static const char *text_of(const union place *p, char *buf, size_t n)
{
	char ip[INET6_ADDRSTRLEN] = "";
	int v6 = p->any.sa_family == AF_INET6;

	(void)inet_ntop(p->any.sa_family,
			v6 ? (const void *)&p->in6.sin6_addr : (const void *)&p->in.sin_addr, ip,
			sizeof(ip));
	(void)snprintf(buf, n, "%s:%d", ip, ntohs(v6 ? p->in6.sin6_port : p->in.sin_port));
	return buf;
}

static int has_word(char **words, const char *word)
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return 1;
	return 0;
}

static void answer(int server, unsigned seen)
{
	union place here, there;
	socklen_t n = sizeof(here), m = sizeof(there);
	char a[80], b[80], line[200];
	int client;

	memset(&here, 0, sizeof(here));
	memset(&there, 0, sizeof(there));
	client = accept4(server, &there.any, &m, SOCK_CLOEXEC);
	if (client < 0)
		return;
	(void)getsockname(client, &here.any, &n);
	(void)snprintf(line, sizeof(line), "%u at %s from %s\n", seen, text_of(&here, a, sizeof(a)),
		       text_of(&there, b, sizeof(b)));
	(void)!write(client, line, strlen(line));
	(void)close(client);
}

static int open_server(const union place *p, char **words)
{
	int v6 = p->any.sa_family == AF_INET6, on = 1, only = has_word(words, "v6only"),
	    fd = socket(p->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (has_word(words, "reuse"))
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	if (bind(fd, &p->any, v6 ? sizeof(p->in6) : sizeof(p->in)) < 0) {
		perror("bind");
		_exit(1);
	}
	if (has_word(words, "watched")) {
		struct epoll_event want = { .events = EPOLLIN };
		(void)epoll_ctl(epoll_create1(EPOLL_CLOEXEC), EPOLL_CTL_ADD, fd, &want);
	}
	if (has_word(words, "nonblock")) {
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
		(void)fcntl(fd, F_SETFD, 0);
	}
	if (listen(fd, 5) < 0 || (has_word(words, "again") && listen(fd, 50) < 0)) {
		perror("listen");
		_exit(1);
	}
	return fd;
}

static int serve(const union place *p, char **words)
{
	unsigned n = has_word(words, "short") ? 1 : UINT32_MAX;
	int fd, nonblock = has_word(words, "nonblock");

	if (has_word(words, "reuse"))
		(void)fork();
	fd = open_server(p, words);
	if (((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0) != nonblock ||
	    ((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) != nonblock) {
		(void)printf("the descriptor's flags have changed\n");
		return 1;
	}
	(void)fcntl(fd, F_SETFL, 0);
	(void)printf("ready\n");
	for (unsigned i = 0; i < n; i++)
		answer(fd, i);
	return 0;
}

/* ---- attacks --------------------------------------------------------------------------------- */

static uint64_t network_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t n = sizeof(cookie);

	(void)getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &n);
	return cookie;
}

static void tell(const char *what, int r)
{
	(void)printf("%s: %s\n", what, r < 0 ? strerror(errno) : "done");
}

struct race {
	union place published, other;
	int number, host, outgoing;
	uint64_t own; /* network */
};

static int bound(const union place *p)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	(void)bind(fd, &p->any, sizeof(p->in));
	return fd;
}

/* A socket of the published port, of another one, of the host, and one that is not bound. */
static void *flip(void *arg)
{
	const struct race *r = arg;

	for (;;) {
		int a = bound(&r->published), b = bound(&r->other),
		    c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		(void)dup3(a, r->number, O_CLOEXEC);
		(void)close(a);
		(void)dup3(b, r->number, O_CLOEXEC);
		(void)close(b);
		(void)dup3(r->outgoing, r->number, O_CLOEXEC);
		(void)dup3(c, r->number, O_CLOEXEC);
		(void)close(c);
		(void)shutdown(r->host, SHUT_RDWR);
	}
	return NULL;
}

/* Is descriptor NUMBER, which others change, a socket of the host that listens?  Then where, unless
 * that is PORT. */
static void tell_listening(const struct race *r, int number, in_port_t port)
{
	int fd = fcntl(number, F_DUPFD_CLOEXEC, 0);
	union place here;
	socklen_t n = sizeof(int), m = sizeof(here);
	int listens = 0;
	char text[80];

	memset(&here, 0, sizeof(here));
	if (network_of(fd) != r->own &&
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens &&
	    getsockname(fd, &here.any, &m) == 0 && here.in.sin_port != port)
		(void)printf("host: %s\n", text_of(&here, text, sizeof(text)));
	(void)close(fd);
}

/* A socket of the host that did not get through, bound to a port of the host. */
static void bind_and_listen(struct race *r)
{
	r->outgoing = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)connect(r->outgoing, &r->other.any, sizeof(r->other.in));
	(void)printf("outgoing: %s\n", network_of(r->outgoing) == r->own ? "own" : "host");
	r->other.in.sin_addr.s_addr = htonl(INADDR_ANY);
	r->other.in.sin_port = htons(OTHER_PORT);
	tell("bind it", bind(r->outgoing, &r->other.any, sizeof(r->other.in)));
	tell("listen on it", listen(r->outgoing, 1));
}

static int attack(const char *other, int port, int count)
{
	struct race r = { .published = place("0.0.0.0", port), .other = place(other, 1) };
	union place own;
	socklen_t n = sizeof(own);
	pthread_t thread;
	int fresh = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&own, 0, sizeof(own));
	r.own = network_of(fresh);
	bind_and_listen(&r);
	r.host = bound(&r.published);
	tell("listen", listen(r.host, 1));
	tell_listening(&r, r.host, 0);
	(void)getsockname(r.host, &own.any, &n);
	tell("bind again", bind(r.host, &r.other.any, sizeof(r.other.in)));
	tell("connect", connect(r.host, &r.published.any, sizeof(r.published.in)));
	tell("shutdown", shutdown(r.host, SHUT_RDWR));
	tell("listen again", listen(r.host, 1));
	r.number = fcntl(fresh, F_DUPFD_CLOEXEC, 200);
	if (pthread_create(&thread, NULL, flip, &r) != 0)
		return 1;
	for (int i = 0; i < count; i++) {
		(void)listen(r.number, 1);
		tell_listening(&r, r.number, own.in.sin_port);
		(void)listen(r.host, 1);
		tell_listening(&r, r.outgoing, 0);
	}
	(void)printf("raced\n");
	return 0;
}

int main(int argc, char **argv)
{
	union place p;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 4)
		return 2;
	if (strcmp(argv[1], "attack") == 0 && argc == 5)
		return attack(argv[2], (int)strtol(argv[3], NULL, 10),
			      (int)strtol(argv[4], NULL, 10));
	p = place(argv[2], (int)strtol(argv[3], NULL, 10));
	return serve(&p, argv + 4);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A program in a container that connects: as a good one does, with everything set before that it
 * may set, and as a hostile one, which changes what it asked for while the call runs.  Static, so
 * that it runs in any image. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/scoped.h"

union place {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t size_of(const union place *p)
{
	return p->any.sa_family == AF_INET6 ? sizeof(p->in6) : sizeof(p->in);
}

static union place place(const char *ip, const char *port)
{
	union place p;

	memset(&p, 0, sizeof(p));
	if (inet_pton(AF_INET, ip, &p.in.sin_addr) == 1) {
		p.in.sin_family = AF_INET;
		p.in.sin_port = htons((uint16_t)strtol(port, NULL, 10));
	} else if (inet_pton(AF_INET6, ip, &p.in6.sin6_addr) == 1) {
		p.in6.sin6_family = AF_INET6;
		p.in6.sin6_port = htons((uint16_t)strtol(port, NULL, 10));
	}
	return p;
}

static int tcp(const union place *p, int flags)
{
	int fd = socket(p->any.sa_family, SOCK_STREAM | flags, 0);

	if (fd < 0) {
		perror("socket");
		_exit(2);
	}
	return fd;
}

static void tell_name(const char *what, const union place *p)
{
	char ip[INET6_ADDRSTRLEN] = "";

	if (p->any.sa_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &p->in6.sin6_addr, ip, sizeof(ip));
	else
		(void)inet_ntop(AF_INET, &p->in.sin_addr, ip, sizeof(ip));
	(void)printf("%s: %s\n", what, ip);
}

/* Whose socket it is by now, and what comes out of it. */
static int tell(int fd)
{
	union place p;
	socklen_t n = sizeof(p);
	char text[128];
	ssize_t got;

	memset(&p, 0, sizeof(p));
	if (getsockname(fd, &p.any, &n) == 0)
		tell_name("from", &p);
	n = sizeof(p);
	if (getpeername(fd, &p.any, &n) == 0)
		tell_name("to", &p);
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	got = read(fd, text, sizeof(text) - 1);
	text[got > 0 ? got : 0] = '\0';
	(void)printf("read: %s\n", got < 0 ? strerror(errno) : text);
	return 0;
}

static int plain(const union place *p)
{
	int fd = tcp(p, SOCK_CLOEXEC);

	if (connect(fd, &p->any, size_of(p)) < 0) {
		(void)printf("connect: %s\n", strerror(errno));
		return 1;
	}
	return tell(fd);
}

static int nonblocking(const union place *p)
{
	int fd = tcp(p, SOCK_NONBLOCK), code = 0;
	socklen_t n = sizeof(code);
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	if (connect(fd, &p->any, size_of(p)) < 0 && errno != EINPROGRESS) {
		(void)printf("connect: %s\n", strerror(errno));
		return 1;
	}
	(void)printf("nonblocking: %d\n", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	(void)printf("ready: %d\n", poll(&ready, 1, 10000));
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n);
	(void)printf("error: %s\n", code ? strerror(code) : "none");
	if (connect(fd, &p->any, size_of(p)) < 0)
		(void)printf("again: %s\n", strerror(errno));
	return code ? 1 : tell(fd);
}

/* What is set before must be there after. */
static int options(const union place *p)
{
	static const struct {
		int level, option, value;
		const char *name;
	} rows[] = {
		{ SOL_SOCKET, SO_REUSEADDR, 1, "reuseaddr" },
		{ SOL_SOCKET, SO_KEEPALIVE, 1, "keepalive" },
		{ IPPROTO_TCP, TCP_NODELAY, 1, "nodelay" },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 77, "keepidle" },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 7777, "user timeout" },
		{ IPPROTO_IP, IP_TOS, 16, "tos" },
		{ IPPROTO_IPV6, IPV6_V6ONLY, 1, "v6only" },
	};
	struct timeval wait = { .tv_sec = 7 };
	struct linger linger = { 1, 5 };
	int fd = tcp(p, 0), v6 = p->any.sa_family == AF_INET6, value, size = 70000;
	socklen_t n;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((rows[i].level != IPPROTO_IPV6 || v6) &&
		    setsockopt(fd, rows[i].level, rows[i].option, &rows[i].value, sizeof(int)) < 0)
			perror(rows[i].name);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (connect(fd, &p->any, size_of(p)) < 0) {
		(void)printf("connect: %s\n", strerror(errno));
		return 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		n = sizeof(value);
		if ((rows[i].level != IPPROTO_IPV6 || v6) &&
		    (getsockopt(fd, rows[i].level, rows[i].option, &value, &n) < 0 ||
		     value != rows[i].value))
			(void)printf("%s is %d\n", rows[i].name, value);
	}
	n = sizeof(wait);
	if (getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, &n) < 0 || wait.tv_sec != 7)
		(void)printf("rcvtimeo is lost\n");
	n = sizeof(linger);
	if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &n) < 0 || linger.l_linger != 5)
		(void)printf("linger is lost\n");
	n = sizeof(value);
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &n) < 0 || value != 140000)
		(void)printf("sndbuf is %d\n", value);
	(void)printf("cloexec: %d\n", fcntl(fd, F_GETFD) & FD_CLOEXEC);
	return tell(fd);
}

/* Watched before it connects; events must come. */
static int watched(const union place *p)
{
	int fd = tcp(p, SOCK_NONBLOCK), e = epoll_create1(EPOLL_CLOEXEC), n;
	struct epoll_event want = { .events = EPOLLIN }, got = { 0 };

	if (epoll_ctl(e, EPOLL_CTL_ADD, fd, &want) < 0)
		perror("epoll_ctl");
	if (connect(fd, &p->any, size_of(p)) < 0 && errno != EINPROGRESS) {
		(void)printf("connect: %s\n", strerror(errno));
		return 1;
	}
	n = epoll_wait(e, &got, 1, 10000);
	(void)printf("events: %d\n", n);
	return tell(fd);
}

/* Another descriptor of the same socket, which must go on to be the same. */
static int doubled(const union place *p)
{
	int fd = tcp(p, 0), other = dup(fd);

	if (connect(fd, &p->any, size_of(p)) < 0) {
		(void)printf("connect: %s\n", strerror(errno));
		return 1;
	}
	return tell(other);
}

/* Says "served" to whoever comes. */
static int serve(const union place *p)
{
	int on = 1, fd = tcp(p, 0), client;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &p->any, size_of(p)) < 0 || listen(fd, 100) < 0) {
		perror("serve");
		return 1;
	}
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		(void)!write(client, "served", 6);
		(void)close(client);
		(void)printf("came\n");
	}
	return 0;
}

static void wake(int sig)
{
	(void)sig;
}

static void tell_wait(const char *what, const union place *p, int fd)
{
	int r = connect(fd, &p->any, size_of(p));

	(void)printf("%s: %s\n", what, r < 0 ? strerror(errno) : "connected");
	(void)close(fd);
}

/* Signals all the time, by turns on sockets that wait and that do not; each connection must come to
 * be as if there were none. */
static int signals(const union place *p)
{
	struct sigaction again = { .sa_handler = wake, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };

	(void)sigaction(SIGALRM, &again, NULL);
	(void)setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 600; i++) {
		int fd = tcp(p, i & 1 ? SOCK_NONBLOCK : 0);
		if (connect(fd, &p->any, size_of(p)) < 0 && !((i & 1) && errno == EINPROGRESS))
			(void)printf("%s: %s\n", i & 1 ? "nonblocking" : "blocking",
				     strerror(errno));
		(void)close(fd);
	}
	(void)setitimer(ITIMER_REAL, &never, NULL);
	(void)printf("done\n");
	return 0;
}

/* Somebody who does not answer: for as long as it says, until a signal, and on. */
static int patient(const union place *p)
{
	struct sigaction interrupt = { .sa_handler = wake };
	struct timeval limit = { .tv_usec = 300000 };
	int fd = tcp(p, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	tell_wait("limited", p, fd);
	(void)sigaction(SIGALRM, &interrupt, NULL);
	(void)alarm(1);
	tell_wait("signalled", p, tcp(p, 0));
	tell_wait("forever", p, tcp(p, 0));
	return 0;
}

/* A Unix socket of a name without a file: both ends. */
static int local(const union place *p)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0dial" };
	int server = socket(AF_UNIX, SOCK_STREAM, 0), fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)p;
	if (bind(server, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(server, 1) < 0 ||
	    connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		(void)printf("unix: %s\n", strerror(errno));
	else
		(void)printf("unix: %zd\n", write(fd, "x", 1));
	return 0;
}

/* COUNT connections, one after the other. */
static int many(const union place *p, int count)
{
	int good = 0;

	for (int i = 0; i < count; i++) {
		int fd = tcp(p, 0);
		good += connect(fd, &p->any, size_of(p)) == 0;
		(void)close(fd);
	}
	(void)printf("connected: %d\n", good);
	return 0;
}

/* ---- attacks --------------------------------------------------------------------------------- */

struct race {
	union place address; /* what connect(2) is given, changed by others all the time */
	union place good, bad, nothing;
	int fd, host_fd; /* a number that is sometimes one socket, sometimes another */
};

static void *flip(void *arg)
{
	struct race *r = arg;

	for (unsigned i = 0;; i++)
		memcpy(&r->address, i & 1 ? &r->bad : &r->good, sizeof(r->address));
	return NULL;
}

static void *flip_with_unspec(void *arg)
{
	struct race *r = arg;
	const union place *all[] = { &r->good, &r->nothing, &r->bad };

	for (unsigned i = 0;; i++)
		memcpy(&r->address, all[i % 3], sizeof(r->address));
	return NULL;
}

/* The number of a socket that may connect by itself, then of one of the container's network, then
 * of one that was exchanged. */
static void *flip_descriptor(void *arg)
{
	struct race *r = arg;
	int local = socket(AF_UNIX, SOCK_STREAM, 0);

	for (;;) {
		int own = tcp(&r->good, SOCK_NONBLOCK);
		(void)dup2(local, r->fd);
		(void)dup2(r->host_fd, r->fd);
		(void)dup2(own, r->fd);
		(void)dup2(r->host_fd, r->fd);
		(void)close(own);
	}
	return NULL;
}

static void start(void *(*main)(void *), struct race *r)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, main, r) != 0)
		_exit(2);
}

/* Says what it got from whom; who asks knows which text the forbidden one sends. */
static void taste(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[64];
	ssize_t n;

	if (poll(&p, 1, 5) != 1)
		return;
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	if (n <= 0)
		return;
	text[n] = '\0';
	(void)printf("got: %s\n", text);
}

static int race_address(struct race *r, int count)
{
	start(flip, r);
	for (int i = 0; i < count; i++) {
		int fd = tcp(&r->good, SOCK_NONBLOCK);
		(void)connect(fd, &r->address.any, size_of(&r->good));
		taste(fd);
		(void)close(fd);
	}
	return 0;
}

static int race_descriptor(struct race *r, int count)
{
	int held = 0;

	r->host_fd = tcp(&r->good, 0);
	if (connect(r->host_fd, &r->good.any, size_of(&r->good)) < 0)
		return 1;
	r->host_fd = fcntl(r->host_fd, F_DUPFD, 100);
	(void)fcntl(r->host_fd, F_SETFL, O_NONBLOCK);
	r->fd = dup(r->host_fd);
	start(flip_with_unspec, r);
	start(flip_descriptor, r);
	for (int i = 0; i < count; i++) {
		int bad = connect(r->fd, &r->address.any, size_of(&r->good));
		held += bad < 0 && errno == EACCES;
		if (listen(r->host_fd, 1) == 0)
			(void)printf("a socket of the host listens\n");
		if (i % 8 == 0)
			taste(r->host_fd);
	}
	(void)printf("raced\n");
	(void)fprintf(stderr, "held by Landlock: %d\n", held);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const union place *p);
	} rows[] = { { "plain", plain },     { "nonblocking", nonblocking }, { "options", options },
		     { "watched", watched }, { "doubled", doubled },	     { "patient", patient },
		     { "local", local },     { "signals", signals },	     { "serve", serve } };
	struct race race = { .fd = -1 };
	union place p;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 4)
		return 2;
	p = place(argv[2], argv[3]);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(argv[1], rows[i].name) == 0)
			return rows[i].run(&p);
	if (argc == 5 && strcmp(argv[1], "many") == 0)
		return many(&p, (int)strtol(argv[4], NULL, 10));
	if (argc != 7)
		return 2;
	race.good = p;
	race.bad = place(argv[4], argv[5]);
	if (strcmp(argv[1], "race") == 0)
		return race_address(&race, (int)strtol(argv[6], NULL, 10));
	return race_descriptor(&race, (int)strtol(argv[6], NULL, 10));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic to measure a network with, the same program inside and outside of a container.
 *
 *	load serve ADDRESS PORT             answers all that follows, until killed
 *	load up ADDRESS PORT SECONDS        sends; prints Gbit/s
 *	load down ADDRESS PORT SECONDS      receives; prints Gbit/s
 *	load connect ADDRESS PORT SECONDS   connects, gets one byte back, closes; prints connections
 *per second
 *	load pace ADDRESS PORT SECONDS RATE as connect, RATE a second; prints how many were lost
 *	load hold ADDRESS PORT N            opens N, then gets one byte from each; prints how many
 *were lost
 *
 * The first byte that a client sends says what it wants.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUFFER ((size_t)256 * 1024)

enum { SINK = 'u', SOURCE = 'd', ECHO_ONE = 'c' };

static void die(const char *what)
{
	(void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static double now_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
		errno = EINVAL;
		die(host);
	}
	return a;
}

static int connect_to(struct sockaddr_in a)
{
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("connect");
	(void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return s;
}

/* ---- the server: a process for each connection that lasts ----------------------------------- */

static void stream(int s, char *buf, char wanted)
{
	while (wanted == SINK && recv(s, buf, BUFFER, 0) > 0)
		;
	while (wanted == SOURCE && send(s, buf, BUFFER, MSG_NOSIGNAL) > 0)
		;
	(void)close(s);
}

static void serve(const char *host, const char *port)
{
	struct sockaddr_in a = address(host, port);
	char *buf = calloc(1, BUFFER);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!buf || l < 0 || bind(l, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(l, 4096) < 0)
		die("listen");
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		char wanted = 0;
		int s = accept4(l, NULL, NULL, SOCK_CLOEXEC);
		if (s < 0 || recv(s, &wanted, 1, 0) != 1) {
			(void)(s >= 0 && close(s));
			continue;
		}
		if (wanted == ECHO_ONE)
			(void)send(s, &wanted, 1, MSG_NOSIGNAL);
		else if (fork() == 0) {
			stream(s, buf, wanted);
			_exit(0);
		}
		(void)close(s);
	}
}

/* ---- the clients ---------------------------------------------------------------------------- */

static void transfer(struct sockaddr_in a, char wanted, double seconds)
{
	char *buf = calloc(1, BUFFER);
	int s = connect_to(a);
	const struct timeval patience = { 5, 0 };
	double begin, bytes = 0;
	ssize_t n = 1;

	(void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!buf || send(s, &wanted, 1, MSG_NOSIGNAL) != 1)
		die("send");
	begin = now_s();
	while (n > 0 && now_s() - begin < seconds) {
		n = wanted == SINK ? send(s, buf, BUFFER, MSG_NOSIGNAL) : recv(s, buf, BUFFER, 0);
		bytes += n > 0 ? (double)n : 0;
	}
	if (n <= 0)
		die("transfer");
	(void)printf("%.3f\n", bytes * 8 / (now_s() - begin) / 1e9);
}

static void connections(struct sockaddr_in a, double seconds)
{
	double begin = now_s();
	unsigned long n = 0;
	/* Closed by a reset, or the ports would all wait in TIME_WAIT after some seconds. */
	const struct linger reset = { 1, 0 };

	while (now_s() - begin < seconds) {
		char byte = ECHO_ONE;
		int s = connect_to(a);
		if (send(s, &byte, 1, MSG_NOSIGNAL) != 1 || recv(s, &byte, 1, 0) != 1)
			die("echo");
		(void)setsockopt(s, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		(void)close(s);
		n++;
	}
	(void)printf("%.0f\n", (double)n / (now_s() - begin));
}

/* Connect, one byte there and back; 0, or -1: lost. */
static int try_one(struct sockaddr_in a)
{
	const struct linger reset = { 1, 0 };
	const struct timeval patience = { 5, 0 };
	char byte = ECHO_ONE;
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ok;

	(void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ok = s >= 0 && connect(s, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	     send(s, &byte, 1, MSG_NOSIGNAL) == 1 && recv(s, &byte, 1, 0) == 1;
	(void)setsockopt(s, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)close(s);
	return ok ? 0 : -1;
}

static void pace(struct sockaddr_in a, double seconds, double rate)
{
	double begin = now_s();
	unsigned long lost = 0, n = 0;

	for (; (double)n < seconds * rate; n++) {
		double wait = begin + (double)n / rate - now_s();
		if (wait > 0)
			(void)usleep((useconds_t)(wait * 1e6));
		lost += try_one(a) < 0;
	}
	(void)printf("%lu of %lu in %.1f s\n", lost, n, now_s() - begin);
}

static void hold(struct sockaddr_in a, size_t n)
{
	struct rlimit files;
	int *s = calloc(n, sizeof(*s));
	size_t lost = 0;

	if (!s || getrlimit(RLIMIT_NOFILE, &files) < 0)
		die("hold");
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	for (size_t i = 0; i < n; i++)
		s[i] = connect_to(a);
	for (size_t i = 0; i < n; i++) {
		char byte = ECHO_ONE;
		lost += send(s[i], &byte, 1, MSG_NOSIGNAL) != 1 || recv(s[i], &byte, 1, 0) != 1;
	}
	(void)printf("%zu of %zu\n", lost, n);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 3 ? argv[1] : "";

	if (strcmp(verb, "serve") == 0)
		serve(argv[2], argv[3]);
	if (argc > 4 && (strcmp(verb, "up") == 0 || strcmp(verb, "down") == 0))
		return transfer(address(argv[2], argv[3]), verb[0] == 'u' ? SINK : SOURCE,
				strtod(argv[4], NULL)),
		       0;
	if (argc > 5 && strcmp(verb, "pace") == 0)
		return pace(address(argv[2], argv[3]), strtod(argv[4], NULL),
			    strtod(argv[5], NULL)),
		       0;
	if (argc > 4 && strcmp(verb, "hold") == 0)
		return hold(address(argv[2], argv[3]), strtoul(argv[4], NULL, 10)), 0;
	if (argc > 4 && strcmp(verb, "connect") == 0)
		return connections(address(argv[2], argv[3]), strtod(argv[4], NULL)), 0;
	(void)fprintf(
		stderr,
		"usage: load serve ADDRESS PORT | load up|down|connect ADDRESS PORT SECONDS\n");
	return 2;
}

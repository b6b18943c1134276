/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/pasta.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "netns/netns.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "userns/join.h"
#include "userns/mount.h"

#define READY_TRIES 500
#define READY_MS    10
#define SAYS_MAX    4096
#define HELP_MAX    (64U << 10)
#define MAP_GUEST   "--map-guest-addr"

/* ---- the command line ----------------------------------------------------------------------- */

static int has(char *const *v, const char *a, const char *b)
{
	for (; v && *v; v++)
		if (strcmp(*v, a) == 0 || (b && strcmp(*v, b) == 0))
			return 1;
	return 0;
}

static int has_map(void)
{
	char *const argv[] = { (char *)"pasta", (char *)"--help", NULL };
	scoped(mem) char *help = NULL;
	struct err ignored;

	return proc_capture(argv, HELP_MAX, &help, &ignored) == 0 && help &&
	       strstr(help, MAP_GUEST) != NULL;
}

/* What OPTIONS say; "" when they say no, NULL when they do not say. */
static const char *told_host(char *const *options)
{
	const char *told = NULL;
	size_t n = strlen(MAP_GUEST);

	for (; options && *options; options++) {
		const char *value = NULL;
		if (strcmp(*options, MAP_GUEST) == 0)
			value = options[1];
		else if (strncmp(*options, MAP_GUEST "=", n + 1) == 0)
			value = *options + n + 1;
		if (value && !strchr(value, ':')) /* there may be one of IPv6 beside it */
			told = strcmp(value, "none") == 0 ? "" : value;
	}
	return told;
}

const char *pasta_host(char *const *options)
{
	const char *told = told_host(options);

	if (told)
		return *told ? told : NULL;
	return has_map() ? PASTA_HOST : NULL;
}

/* "-t" "127.0.0.1/8080:80" */
static int add_port(char ***v, const struct net_forward *f)
{
	scoped(mem) char *spec = str_printf("%s%s%d:%d", f->host_ip, f->host_ip[0] ? "/" : "",
					    f->host_port, f->container_port);

	return !spec || strv_add(v, f->udp ? "-u" : "-t") < 0 || strv_add(v, spec) < 0 ? -ENOMEM
										       : 0;
}

static int command_line(char ***v, const char *point, char *const *options,
			const struct net_forward *f, size_t n)
{
	static const char *const none[][3] = { { "-t", "--tcp-ports", NULL },
					       { "-u", "--udp-ports", NULL },
					       { "-T", "--tcp-ns", NULL },
					       { "-U", "--udp-ns", NULL } };
	int r = strv_add(v, "pasta") | strv_add(v, "--foreground") | strv_add(v, "--quiet") |
		strv_add(v, "--config-net");
	size_t tcp = 0, udp = 0;

	for (size_t i = 0; i < n; i++) {
		r |= add_port(v, &f[i]);
		*(f[i].udp ? &udp : &tcp) += 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (!has(options, none[i][0], none[i][1]) && !(i == 0 && tcp) && !(i == 1 && udp))
			r |= strv_add(v, none[i][0]) | strv_add(v, "none");
	if (!has(options, "--map-gw", NULL) && !has(options, "--no-map-gw", NULL))
		r |= strv_add(v, "--no-map-gw");
	if (!has(options, "--dns-forward", NULL))
		r |= strv_add(v, "--dns-forward") | strv_add(v, PASTA_DNS);
	if (!told_host(options) && has_map())
		r |= strv_add(v, MAP_GUEST) | strv_add(v, PASTA_HOST);
	for (; options && *options; options++)
		if (strcmp(*options, "--map-gw") != 0) /* the other engine's word: not to say no */
			r |= strv_add(v, *options);
	r |= strv_add(v, "--no-netns-quit") | strv_add(v, "--netns-only") | strv_add(v, "--netns") |
	     strv_add(v, point);
	return r ? -ENOMEM : 0;
}

/* ---- starting it ---------------------------------------------------------------------------- */

struct place {
	int netns, says; /* SAYS takes the place of its stderr */
	const char *point;
};

/* pasta closes what it inherits and opens the namespace by a name of its own. */
static int bind_namespace(void *arg, struct err *e)
{
	const struct place *p = arg;
	char path[32];
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(e, "make a mount namespace");
	r = mount_propagation("/", MS_PRIVATE, e);
	if (r < 0)
		return r;
	if (mount(fd_proc_path(p->netns, path), p->point, NULL, MS_BIND, NULL) < 0)
		return err_sys(e, "show pasta the container's network");
	return p->says;
}

/* In the container's namespace: is there an address beside loopback's? */
static int look_for_address(void *arg, int *fds, size_t *n, struct err *e)
{
	struct ifaddrs *list = NULL;
	int found = 0;

	(void)arg;
	(void)fds;
	(void)n;
	if (getifaddrs(&list) < 0)
		return err_sys(e, "look for pasta's address");
	for (struct ifaddrs *i = list; i; i = i->ifa_next)
		found |= i->ifa_addr && !(i->ifa_flags & IFF_LOOPBACK) &&
			 i->ifa_addr->sa_family != AF_PACKET && (i->ifa_flags & IFF_UP);
	freeifaddrs(list);
	return found ? 0 : err_set(e, -EAGAIN, "pasta gave the container no address");
}

/* What it said before it ended: the first line that is not about its own log. */
static int failure(int says, struct err *e)
{
	char text[SAYS_MAX + 1], *line, *rest;
	ssize_t n = fd_read_full(says, text, SAYS_MAX);

	text[n > 0 ? n : 0] = '\0';
	line = strtok_r(text, "\n", &rest);
	while (line && strstr(line, "to syslog"))
		line = strtok_r(NULL, "\n", &rest);
	return err_set(e, -EIO, "pasta failed: %.300s", line ? line : "it says nothing");
}

static int wait_ready(int netns, int says, struct err *e)
{
	int r = -EAGAIN;

	for (int i = 0; i < READY_TRIES && r == -EAGAIN; i++) {
		struct pollfd p = { says, POLLIN, 0 };
		if (poll(&p, 1, i ? READY_MS : 0) > 0 && (p.revents & POLLHUP))
			return failure(says, e);
		err_clear(e);
		r = netns_call(netns, look_for_address, NULL, NULL, 0, e);
	}
	return r;
}

int pasta_start(int netns, const char *point, char *const *options, const struct net_forward *f,
		size_t n, struct child *ret, struct err *e)
{
	scoped(strv) char **argv = NULL;
	scoped(fd) int says = -EBADF;
	scoped(fd) int theirs = -EBADF;
	scoped(fd) int file = open(point, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct proc_fd fds[1];
	struct place place = { .netns = netns, .point = point };
	struct proc_options o = { .path = "pasta",
				  .fds = fds,
				  .n_fds = 1,
				  .null_stdio = 1,
				  .die_with_us = 1,
				  .cwd = "/" };
	int r;

	if (file < 0)
		return err_sys(e, "start pasta");
	r = command_line(&argv, point, options, f, n);
	if (r < 0)
		return err_errno(e, r, "start pasta");
	r = fd_pipe(&says, &theirs, e);
	if (r < 0)
		return r;
	fds[0] = (struct proc_fd){ theirs, STDERR_FILENO };
	place.says = theirs;
	o.argv = argv;
	r = userns_spawn_with(&o, bind_namespace, &place, ret, e);
	fd_close(take_fd(&theirs));
	if (r == -ENOENT)
		return err_hint(e,
				"--network pasta needs the package passt; --network private does "
				"without");
	if (r == 0)
		r = wait_ready(netns, says, e);
	if (r < 0)
		proc_end(ret);
	return r;
}

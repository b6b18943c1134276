/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/hosts of a container. */
#include "src/container/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "netns/pasta.h"
#include "src/container/root.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define HOSTS_MAX (1U << 20)
static const char HOSTS[] = "/etc/hosts";

static int is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* An address of the host that a container can reach: the first that is neither loopback nor of
 * interface BUT (NULL: of any); "": none. */
static void host_address(const char *but, char ret[INET_ADDRSTRLEN])
{
	struct ifaddrs *list = NULL;

	ret[0] = '\0';
	if (getifaddrs(&list) < 0)
		return;
	for (struct ifaddrs *i = list; i && !*ret; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET &&
		    !(i->ifa_flags & IFF_LOOPBACK) && (i->ifa_flags & IFF_UP) &&
		    !is(but, i->ifa_name))
			(void)inet_ntop(AF_INET,
					&((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, ret,
					INET_ADDRSTRLEN);
	freeifaddrs(list);
}

/* Does a line of TEXT give NAME an address already? */
static int has_name(const char *text, const char *name)
{
	scoped(mem) char *copy = strdup(text ? text : "");
	char *lines = NULL, *words = NULL;

	for (char *line = strtok_r(copy, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		line[strcspn(line, "#")] = '\0';
		(void)strtok_r(line, " \t", &words); /* the address */
		for (char *w = strtok_r(NULL, " \t", &words); w; w = strtok_r(NULL, " \t", &words))
			if (strcmp(w, name) == 0)
				return 1;
	}
	return 0;
}

/* What the container calls itself: not what somebody else is called already.  Owned; "": nothing.
 */
static char *own_names(const struct container_spec *s, const char *name, const char *text)
{
	int host = !has_name(text, s->hostname),
	    own = strcmp(name, s->hostname) != 0 && !has_name(text, name);

	return str_printf("%s%s%s", host ? s->hostname : "", host && own ? " " : "",
			  own ? name : "");
}

/* Those with each address of bridge networks. */
static void put_bridge_hosts(const char *names, json_object *networks, struct strbuf *b)
{
	json_object_object_foreach(json_get(networks, "networks"), key, status)
	{
		json_object *list = json_get(status, "addresses");
		(void)key;
		for (size_t i = 0; i < json_len(list); i++)
			if (*json_str_at(list, i))
				(void)strbuf_printf(b, "%s\t%s\n", json_str_at(list, i), names);
	}
}

/* NULL where there is none. */
static int read_of_image(struct engine *en, const struct container_spec *s, char **ret,
			 struct err *e)
{
	scoped(root) struct root root = ROOT_NONE;
	scoped(root_file) struct root_file file = { 0 };
	int r = s->rootfs ? root_of_directory(s->rootfs, &root, e)
			  : root_of_layers(en, s->layers, &root, e);

	if (r == 0)
		r = root_read(&root, "etc", "hosts", HOSTS_MAX, &file, e);
	*ret = take_ptr(&file.text);
	return r < 0 ? r : 0;
}

/* What the user's own entries are added to. */
static int read_base(struct engine *en, const struct container_spec *s, char **ret, struct err *e)
{
	const char *from = s->hosts_file && *s->hosts_file ? s->hosts_file : HOSTS;
	struct err ignored;

	if (is(from, "none"))
		return 0;
	if (is(from, "image"))
		return read_of_image(en, s, ret, e);
	if (from == HOSTS) {
		(void)path_read(AT_FDCWD, HOSTS, HOSTS_MAX, ret, NULL, &ignored);
		return 0; /* nobody asked for it */
	}
	return path_read(AT_FDCWD, from, HOSTS_MAX, ret, NULL, e);
}

/* That, and localhost in both families whatever it says. */
static int put_base(struct engine *en, const struct container_spec *s, struct strbuf *b,
		    struct err *e)
{
	scoped(mem) char *base = NULL;
	int r = read_base(en, s, &base, e);

	if (r < 0)
		return r;
	if (base)
		(void)strbuf_puts(b, base);
	if (b->len && b->s[b->len - 1] != '\n')
		(void)strbuf_putc(b, '\n');
	if (!base || !strstr(base, "127.0.0.1"))
		(void)strbuf_puts(b, "127.0.0.1\tlocalhost localhost.localdomain localhost4\n");
	if (!base || !strstr(base, "::1"))
		(void)strbuf_puts(b, "::1\tlocalhost localhost.localdomain localhost6\n");
	return 0;
}

static int wants_gateway(const struct container_spec *s)
{
	for (size_t i = 0; s->add_host && s->add_host[i]; i++)
		if (str_ends(s->add_host[i], ":host-gateway"))
			return 1;
	return 0;
}

/* The interface whose addresses pasta copies: the one of OPTIONS, else that of the default route.
 * NULL: it copies none. */
static const char *copied_interface(char *const *options, char buf[IF_NAMESIZE])
{
	scoped(mem) char *routes = NULL;
	char *line, *rest = NULL;
	struct err ignored;

	for (; options && options[0] && options[1]; options++) {
		if (is(options[0], "-a") || is(options[0], "--address"))
			return NULL;
		if (is(options[0], "-i") || is(options[0], "--interface"))
			return options[1];
	}
	if (path_read(AT_FDCWD, "/proc/net/route", HOSTS_MAX, &routes, NULL, &ignored) < 0)
		return NULL;
	/* "eth0\t00000000\t0100A8C0\t...", the interface and where to */
	for (line = strtok_r(routes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		size_t n = strcspn(line, "\t");
		if (n >= IF_NAMESIZE || !str_starts(line + n, "\t00000000\t"))
			continue;
		memcpy(buf, line, n);
		buf[n] = '\0';
		return buf;
	}
	return NULL;
}

/* By pasta: where it translates, or by an address that the container has not itself. */
static const char *host_by_pasta(const struct container_spec *s, char buf[INET_ADDRSTRLEN])
{
	const char *mapped = pasta_host(s->network_options);
	char interface[IF_NAMESIZE];

	if (mapped)
		return mapped;
	host_address(copied_interface(s->network_options, interface), buf);
	return buf;
}

/* Where the host can be reached; "": nowhere.  Behind its gateway's address a private network has
 * the host's loopback, or nothing. */
static const char *host_inside(const struct container_spec *s, const struct private_network *p,
			       char buf[INET_ADDRSTRLEN])
{
	int is_private = is(s->network, "private");

	if (s->host_ip && *s->host_ip)
		return is(s->host_ip, "none") ? "" : s->host_ip;
	if (is_private && p->allow_host_loopback)
		return p->addresses.v4.host;
	if (is(s->network, "pasta"))
		return host_by_pasta(s, buf);
	host_address(NULL, buf);
	return is_private && !*buf ? p->addresses.v4.host : buf;
}

int hosts_make(struct engine *en, const struct container_spec *s, const char *name,
	       json_object *networks, const struct private_network *p, struct strbuf *b,
	       struct err *e)
{
	const struct net_family *own = &p->addresses.v4;
	const char *address = is(s->network, "private") ? own->container : "127.0.1.1";
	scoped(mem) char *names = NULL;
	char buf[INET_ADDRSTRLEN];
	int names_host = networks || is(s->network, "private") || is(s->network, "pasta");
	const char *gateway = names_host || wants_gateway(s) ? host_inside(s, p, buf) : "";

	if (put_base(en, s, b, e) < 0)
		return e->code;
	for (size_t i = 0; s->add_host && s->add_host[i]; i++) {
		size_t n = strcspn(s->add_host[i], ":");
		const char *ip = s->add_host[i] + n + 1;
		scoped(mem) char *list = strndup(s->add_host[i], n); /* "a;b;c" */
		for (char *c = list; c && *c; c++)
			*c = *c == ';' ? ' ' : *c;
		(void)strbuf_printf(b, "%s\t%s\n", is(ip, "host-gateway") ? gateway : ip,
				    list ? list : "");
	}
	if (names_host && *gateway)
		(void)strbuf_printf(b, "%s\thost.containers.internal host.docker.internal\n",
				    gateway);
	names = own_names(s, name, b->s);
	if (!names)
		return err_errno(e, ENOMEM, "write /etc/hosts");
	if (*names && networks)
		put_bridge_hosts(names, networks, b);
	else if (*names && !is(s->network, "host"))
		(void)strbuf_printf(b, "%s\t%s\n", address, names);
	return b->failed ? err_errno(e, ENOMEM, "write /etc/hosts") : 0;
}

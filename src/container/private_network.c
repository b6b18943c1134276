/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/private_network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netns/accel.h"
#include "netns/subnet.h"
#include "src/runtime/connect_filter.h"
#include "src/util/strbuf.h"
#include "userns/join.h"

/* Hosts of the network, as slirp4netns has them. */
enum { HOST_GATEWAY = 2, HOST_DNS = 3, HOST_CONTAINER = 100 };

typedef int set_fn(struct private_network *p, const char *value);

static int parse_bool(const char *value, int *ret)
{
	*ret = strcmp(value, "true") == 0;
	return *ret || strcmp(value, "false") == 0 ? 0 : -EINVAL;
}

static int set_loopback(struct private_network *p, const char *value)
{
	return parse_bool(value, &p->allow_host_loopback);
}

static int set_mtu(struct private_network *p, const char *value)
{
	char *end;
	long mtu = strtol(value, &end, 10);

	if (end == value || *end || mtu < 576 || mtu > NET_MTU)
		return -EINVAL;
	p->addresses.mtu = (int)mtu;
	return 0;
}

static int set_ipv6(struct private_network *p, const char *value)
{
	int on, r = parse_bool(value, &on);

	if (r == 0 && !on)
		p->addresses.v6.network[0] = '\0';
	return r;
}

static void put_host(const struct subnet *s, int n, char *ret, size_t size)
{
	struct addr a = addr_add(&s->base, n);
	char text[ADDR_TEXT];

	(void)snprintf(ret, size, "%s", addr_text(&a, text));
}

static int set_cidr(struct private_network *p, const char *value)
{
	struct net_family *f = &p->addresses.v4;
	struct subnet s;

	if (subnet_parse(value, &s) < 0 || s.base.family != AF_INET || s.prefix > 25)
		return -EINVAL;
	f->prefix = s.prefix;
	put_host(&s, 0, f->network, sizeof(f->network));
	put_host(&s, HOST_GATEWAY, f->host, sizeof(f->host));
	put_host(&s, HOST_DNS, f->dns, sizeof(f->dns));
	put_host(&s, HOST_CONTAINER, f->container, sizeof(f->container));
	return 0;
}

static int set_address(const char *value, int family, char *ret, size_t size)
{
	struct addr a;

	if (addr_parse(value, &a) < 0 || a.family != family)
		return -EINVAL;
	(void)snprintf(ret, size, "%s", value);
	return 0;
}

static int set_outbound(struct private_network *p, const char *value)
{
	return set_address(value, AF_INET, p->outbound, sizeof(p->outbound));
}

static int set_outbound6(struct private_network *p, const char *value)
{
	return set_address(value, AF_INET6, p->outbound6, sizeof(p->outbound6));
}

static int set_handler(struct private_network *p, const char *value)
{
	p->accel_ports = strcmp(value, "accel") == 0;
	p->accel |= p->accel_ports;
	return p->accel_ports || strcmp(value, "rootlesskit") == 0 ||
			       strcmp(value, "slirp4netns") == 0
		       ? 0
		       : -EINVAL;
}

static int set_accel(struct private_network *p, const char *value)
{
	return parse_bool(value, &p->accel);
}

int private_network_is_accel(const struct container_spec *s)
{
	struct private_network p;
	struct err ignored;

	return s->network && strcmp(s->network, "private") == 0 &&
	       private_network_parse(s->network_options, &p, &ignored) == 0 && p.accel;
}

int private_network_check(const struct container_spec *s, struct err *e)
{
	size_t n;

	if (!private_network_is_accel(s))
		return 0;
	if (s->runtime)
		return err_set(e, -ENOTSUP,
			       "the private network's option \"accel\" takes cove's own runtime");
	/* Its capabilities would count for the host's sockets as well. */
	if (userns_is_root())
		return err_set(e, -ENOTSUP,
			       "the private network's option \"accel\" is not for root, whose "
			       "containers have no user namespace");
	if (!connect_filter(&n))
		return err_set(e, -ENOTSUP,
			       "the private network's option \"accel\" is not there for this "
			       "architecture");
	return accel_check(e);
}

int private_network_parse(char *const *options, struct private_network *ret, struct err *e)
{
	static const struct {
		const char *key;
		set_fn *set;
	} rows[] = {
		{ "accel", set_accel },
		{ "allow_host_loopback", set_loopback },
		{ "cidr", set_cidr },
		{ "enable_ipv6", set_ipv6 },
		{ "mtu", set_mtu },
		{ "outbound_addr", set_outbound },
		{ "outbound_addr6", set_outbound6 },
		{ "port_handler", set_handler },
	};

	memset(ret, 0, sizeof(*ret));
	ret->addresses = net_private;
	for (; options && *options; options++) {
		size_t n = strcspn(*options, "="), i = 0;
		while (i < ARRAY_LEN(rows) &&
		       (strlen(rows[i].key) != n || strncmp(rows[i].key, *options, n) != 0))
			i++;
		if (i == ARRAY_LEN(rows))
			return err_set(e, -EINVAL, "unknown option for the private network: \"%s\"",
				       *options);
		if (strcmp(*options, "accel") == 0) {
			ret->accel = 1;
			continue;
		}
		if (!(*options)[n] || rows[i].set(ret, *options + n + 1) < 0)
			return err_set(e, -EINVAL, "invalid option for the private network: \"%s\"",
				       *options);
	}
	return 0;
}

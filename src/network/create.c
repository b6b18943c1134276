/* SPDX-License-Identifier: Apache-2.0 */
/* network create: options to a document. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "netns/subnet.h"
#include "src/network/network.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"

#define SUBNETS_MAX 8

/* Made ones begin at 10.89.0.0/24. */
#define FIRST_NET 89

struct making {
	const struct network_create_options *o;
	json_object *others; /* documents */
	json_object *doc;
};

/* ---- subnets -------------------------------------------------------------------------------- */

static int overlaps_other(const struct making *m, const struct subnet *s)
{
	for (size_t i = 0; i < json_len(m->others); i++) {
		json_object *subnets = json_get(json_object_array_get_idx(m->others, i), "subnets");
		for (size_t k = 0; k < json_len(subnets); k++) {
			struct subnet other;
			const char *text =
				json_get_str(json_object_array_get_idx(subnets, k), "subnet");
			if (text && subnet_parse(text, &other) == 0 && subnet_overlaps(s, &other))
				return 1;
		}
	}
	return 0;
}

/* What the host itself is in: containers could not reach it. */
static int overlaps_host(const struct subnet *s)
{
	struct ifaddrs *list = NULL;
	int found = 0;

	if (getifaddrs(&list) < 0)
		return 0;
	for (struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
		struct addr a = { .family = i->ifa_addr ? i->ifa_addr->sa_family : 0 };
		if (a.family == AF_INET)
			memcpy(a.b, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, 4);
		else if (a.family == AF_INET6)
			memcpy(a.b, &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr, 16);
		else
			continue;
		found = subnet_has(s, &a);
	}
	freeifaddrs(list);
	return found;
}

static json_object *subnet_document(const struct subnet *s)
{
	json_object *o = json_object_new_object();
	char a[ADDR_TEXT], text[ADDR_TEXT + 8];

	(void)snprintf(text, sizeof(text), "%s/%d", addr_text(&s->base, a), s->prefix);
	json_put_str(o, "subnet", text);
	json_put_str(o, "gateway", addr_text(&s->gateway, a));
	return o;
}

static int pick_ipv4(const struct making *m, struct subnet *ret, struct err *e)
{
	char text[32];

	for (int i = FIRST_NET; i < 256; i++)
		for (int k = 0; k < 256; k++) {
			(void)snprintf(text, sizeof(text), "10.%d.%d.0/24", i, k);
			if (subnet_parse(text, ret) == 0 && !overlaps_other(m, ret) &&
			    !overlaps_host(ret))
				return 0;
		}
	return err_set(e, -ENOSPC, "could not find a free subnet from the pools");
}

/* A unique local one (RFC 4193): fd, 40 random bits, subnet 0. */
static int pick_ipv6(const struct making *m, struct subnet *ret, struct err *e)
{
	unsigned char b[5];
	char text[64];

	for (int i = 0; i < 100; i++) {
		if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
			return err_sys(e, "choose a subnet");
		(void)snprintf(text, sizeof(text), "fd%02x:%02x%02x:%02x%02x::/64", b[0], b[1],
			       b[2], b[3], b[4]);
		if (subnet_parse(text, ret) == 0 && !overlaps_other(m, ret))
			return 0;
	}
	return err_set(e, -ENOSPC, "could not find a free IPv6 subnet");
}

/* "10.89.1.0/28" or "10.89.1.10-10.89.1.20" within S. */
static int parse_range(const char *text, const struct subnet *s, struct addr *first,
		       struct addr *last, struct err *e)
{
	const char *dash = strchr(text, '-');
	struct subnet part;
	char begin[ADDR_TEXT] = "";

	if (dash && (size_t)(dash - text) < sizeof(begin)) {
		memcpy(begin, text, (size_t)(dash - text));
		if (addr_parse(begin, first) < 0 || addr_parse(dash + 1, last) < 0)
			return err_set(e, -EINVAL, "invalid ip range \"%s\"", text);
	} else {
		if (subnet_parse(text, &part) < 0)
			return err_set(e, -EINVAL, "invalid ip range \"%s\"", text);
		*first = part.first;
		*last = part.last;
	}
	if (!subnet_has(s, first) || !subnet_has(s, last) || addr_compare(first, last) > 0)
		return err_set(e, -EINVAL, "ip range %s is not in its subnet", text);
	return 0;
}

/* Gateways and ranges belong to subnets by position, as they are given. */
static int add_subnet(struct making *m, json_object *list, size_t i, struct err *e)
{
	const struct network_create_options *o = m->o;
	struct subnet s;
	struct addr first, last;
	json_object *doc, *range;
	char a[ADDR_TEXT];

	if (subnet_parse(o->subnet[i], &s) < 0)
		return err_set(e, -EINVAL, "invalid CIDR address: %s", o->subnet[i]);
	if (overlaps_other(m, &s))
		return err_set(e, -EINVAL,
			       "subnet %s is already used on the host or by another config",
			       o->subnet[i]);
	if (i < strv_len(o->gateway) && o->gateway[i][0]) {
		if (addr_parse(o->gateway[i], &s.gateway) < 0 || !subnet_has(&s, &s.gateway))
			return err_set(e, -EINVAL, "gateway %s not in subnet %s", o->gateway[i],
				       o->subnet[i]);
	}
	doc = subnet_document(&s);
	(void)json_object_array_add(list, doc);
	if (i >= strv_len(o->ip_range) || !o->ip_range[i][0])
		return 0;
	if (parse_range(o->ip_range[i], &s, &first, &last, e) < 0)
		return e->code;
	range = json_object_new_object();
	json_put_str(range, "start_ip", addr_text(&first, a));
	json_put_str(range, "end_ip", addr_text(&last, a));
	json_put(doc, "lease_range", range);
	return 0;
}

static int has_family(json_object *list, int v6)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const char *s = json_get_str(json_object_array_get_idx(list, i), "subnet");
		if (s && (strchr(s, ':') != NULL) == v6)
			return 1;
	}
	return 0;
}

static int set_subnets(struct making *m, struct err *e)
{
	const struct network_create_options *o = m->o;
	json_object *list = json_object_new_array();
	struct subnet s;
	int r = 0;

	json_put(m->doc, "subnets", list);
	if (strv_len(o->subnet) > SUBNETS_MAX)
		return err_set(e, -EINVAL, "a network has at most %d subnets", SUBNETS_MAX);
	if (strv_len(o->gateway) > strv_len(o->subnet))
		return err_set(e, -EINVAL, "cannot set gateway without a subnet for it");
	if (strv_len(o->ip_range) > strv_len(o->subnet))
		return err_set(e, -EINVAL, "cannot set an ip range without a subnet for it");
	for (size_t i = 0; i < strv_len(o->subnet) && r == 0; i++)
		r = add_subnet(m, list, i, e);
	if (r == 0 && !has_family(list, 0) && !(o->ipv6 && has_family(list, 1))) {
		r = pick_ipv4(m, &s, e);
		if (r == 0)
			(void)json_object_array_add(list, subnet_document(&s));
	}
	if (r == 0 && o->ipv6 && !has_family(list, 1)) {
		r = pick_ipv6(m, &s, e);
		if (r == 0)
			(void)json_object_array_add(list, subnet_document(&s));
	}
	return r;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static int set_pairs(json_object *doc, const char *member, char *const *list)
{
	json_object *o = json_object_new_object();

	for (size_t i = 0; list && list[i]; i++) {
		size_t n = strcspn(list[i], "=");
		scoped(mem) char *key = strndup(list[i], n);
		if (!key)
			return -ENOMEM;
		json_put_str(o, key, list[i][n] ? list[i] + n + 1 : "");
	}
	json_put(doc, member, o);
	return 0;
}

static int check_options(json_object *options, struct err *e)
{
	json_object_object_foreach(options, key, value)
	{
		const char *text = json_object_get_string(value);
		if (strcmp(key, "mtu") == 0 || strcmp(key, "com.docker.network.driver.mtu") == 0) {
			char *end;
			long mtu = strtol(text, &end, 10);
			if (!*text || *end || mtu < 68 || mtu > 65520)
				return err_set(e, -EINVAL, "invalid mtu \"%s\": 68 to 65520", text);
		} else if (strcmp(key, "isolate") == 0) {
			if (strcmp(text, "true") != 0 && strcmp(text, "strict") != 0 &&
			    strcmp(text, "false") != 0)
				return err_set(e, -EINVAL, "invalid isolate option \"%s\"", text);
			if (strcmp(text, "false") == 0)
				return err_set(
					e, -ENOTSUP,
					"networks are always isolated from each other: connect "
					"a container to both");
		} else if (!str_starts(key, "com.docker.network.") &&
			   strcmp(key, "no_default_route") != 0) {
			return err_set(e, -EINVAL, "unsupported bridge network option %s", key);
		}
	}
	return 0;
}

static int set_dns(const struct making *m, struct err *e)
{
	const struct network_create_options *o = m->o;
	struct addr a;

	for (size_t i = 0; o->dns && o->dns[i]; i++)
		if (addr_parse(o->dns[i], &a) < 0)
			return err_set(e, -EINVAL, "invalid name server \"%s\"", o->dns[i]);
	json_put_bool(m->doc, "dns_enabled", !o->disable_dns);
	if (strv_len(o->dns))
		json_put_strv(m->doc, "network_dns_servers", o->dns);
	return 0;
}

static int check_name(const char *name, struct err *e)
{
	if (!name_is_valid(name))
		return err_set(e, -EINVAL,
			       "network name %s invalid: names must match "
			       "[a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
			       name);
	if (strcmp(name, "bridge") == 0 || strcmp(name, "none") == 0 || strcmp(name, "host") == 0 ||
	    strcmp(name, "container") == 0 || strcmp(name, "ns") == 0 ||
	    strcmp(name, "private") == 0 || strcmp(name, "default") == 0 ||
	    strcmp(name, "slirp4netns") == 0 || strcmp(name, "pasta") == 0)
		return err_set(e, -EINVAL,
			       "cannot create network with name \"%s\" because it conflicts with a "
			       "valid network mode",
			       name);
	return 0;
}

static int is_used(const struct making *m, const char *name)
{
	for (size_t i = 0; i < json_len(m->others); i++)
		if (strcmp(json_get_str(json_object_array_get_idx(m->others, i), "name"), name) ==
		    0)
			return 1;
	return 0;
}

static int set_identity(struct making *m, struct err *e)
{
	char id[ID_LEN + 1], name[32], when[64];
	struct timespec t;
	struct tm tm;
	int r = id_random(id, ID_LEN);

	if (r < 0)
		return err_errno(e, r, "create a network");
	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)gmtime_r(&t.tv_sec, &tm);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(when + strlen(when), sizeof(when) - strlen(when), ".%09ldZ", t.tv_nsec);
	for (int i = 1; !m->o->name; i++) {
		(void)snprintf(name, sizeof(name), "cove%d", i);
		if (!is_used(m, name))
			break;
	}
	json_put_str(m->doc, "name", m->o->name ? m->o->name : name);
	json_put_str(m->doc, "id", id);
	json_put_str(m->doc, "driver", "bridge");
	json_put_str(m->doc, "network_interface",
		     m->o->interface_name && *m->o->interface_name ? m->o->interface_name : "br0");
	json_put_str(m->doc, "created", when);
	return 0;
}

static int check(const struct network_create_options *o, struct err *e)
{
	if (o->driver && strcmp(o->driver, "bridge") != 0) {
		if (strcmp(o->driver, "macvlan") == 0 || strcmp(o->driver, "ipvlan") == 0)
			return err_set(
				e, -ENOTSUP,
				"%s networks need a device of the host, which takes root: use "
				"a bridge",
				o->driver);
		return err_set(e, -EINVAL, "unsupported driver %s: invalid argument", o->driver);
	}
	if (o->ipam_driver && *o->ipam_driver && strcmp(o->ipam_driver, "host-local") != 0)
		return err_set(e, -ENOTSUP, "unsupported ipam driver \"%s\": host-local only",
			       o->ipam_driver);
	if (strv_len(o->route))
		return err_set(e, -ENOTSUP, "networks have no static routes here: --route");
	return o->name ? check_name(o->name, e) : 0;
}

int network_create(struct engine *en, const struct network_create_options *o, char **ret_name,
		   struct err *e)
{
	struct making m = { .o = o };
	scoped(json) json_object *others = NULL;
	scoped(json) json_object *doc = json_object_new_object();
	scoped(json) json_object *ipam = json_object_new_object();
	int r = check(o, e);

	if (r == 0)
		r = network_list(en, &others, e);
	if (r < 0)
		return r;
	m.others = others;
	m.doc = doc;
	if (o->name && is_used(&m, o->name)) {
		*ret_name = strdup(o->name);
		return o->ignore ? 0
				 : err_set(e, -EEXIST,
					   "network name %s already used: network already exists",
					   o->name);
	}
	r = set_identity(&m, e);
	if (r == 0)
		r = set_subnets(&m, e);
	if (r < 0)
		return r;
	json_put_bool(doc, "ipv6_enabled", has_family(json_get(doc, "subnets"), 1));
	json_put_bool(doc, "internal", o->internal);
	r = set_dns(&m, e);
	if (r == 0 &&
	    (set_pairs(doc, "labels", o->label) < 0 || set_pairs(doc, "options", o->opt) < 0))
		r = err_errno(e, ENOMEM, "create a network");
	if (r == 0)
		r = check_options(json_get(doc, "options"), e);
	json_put_str(ipam, "driver", "host-local");
	json_put(doc, "ipam_options", take_ptr(&ipam));
	if (r == 0)
		r = network_store(en, doc, e);
	if (r == 0)
		*ret_name = strdup(json_get_str(doc, "name"));
	return r < 0 ? r : *ret_name ? 0 : err_errno(e, ENOMEM, "create a network");
}

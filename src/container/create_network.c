/* SPDX-License-Identifier: Apache-2.0 */
/* The network, the other namespaces, and the sysctls that belong to them. */
#include "src/container/creation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/container/create.h"
#include "src/container/private_network.h"
#include "src/network/network.h"
#include "src/util/strbuf.h"

#define HOSTNAME_LEN 64 /* uts_namespaces(7): __NEW_UTS_LEN */

/* "container:REF" with REF's ID, so that it stays right when the other is renamed. */
static int set_other(struct creation *c, char **dst, const char *ref, struct err *e)
{
	scoped(container) struct container *other = NULL;
	scoped(mem) char *mode = NULL;
	int r = container_find(c->en, ref, &other, e);

	if (r < 0)
		return r;
	mode = str_printf("container:%s", other->id);
	return mode ? creation_copy(dst, mode, e) : err_errno(e, ENOMEM, "create a container");
}

static int set_mode(struct creation *c, char **dst, const char *given, const char *fallback,
		    const char *const *known, const char *what, struct err *e)
{
	if (!given || !*given)
		given = fallback;
	for (size_t i = 0; known[i]; i++)
		if (strcmp(given, known[i]) == 0)
			return creation_copy(dst, given, e);
	if (str_starts(given, "container:") && given[10])
		return set_other(c, dst, given + 10, e);
	if (str_starts(given, "ns:") && given[3] == '/')
		return creation_copy(dst, given, e);
	return err_set(e, -EINVAL, "unrecognized %s mode: %s", what, given);
}

/* KEY=VALUE of one network. */
static int set_key(json_object *n, const char *kv, struct err *e)
{
	static const struct {
		const char *key, *member;
		int list;
	} keys[] = {
		{ "ip", "addresses", 1 },
		{ "ip6", "addresses", 1 },
		{ "alias", "aliases", 1 },
		{ "mac", "mac", 0 },
		{ "interface_name", "interface", 0 },
	};
	size_t len = strcspn(kv, "=");

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		json_object *list;
		if (strlen(keys[i].key) != len || strncmp(kv, keys[i].key, len) != 0 || !kv[len])
			continue;
		if (!keys[i].list) {
			json_put_str(n, keys[i].member, kv + len + 1);
			return 0;
		}
		list = json_get(n, keys[i].member);
		return json_object_array_add(list, json_object_new_string(kv + len + 1)) < 0
			       ? err_errno(e, ENOMEM, "--network")
			       : 0;
	}
	return err_set(e, -EINVAL, "unknown bridge network option: %.*s", (int)len, kv);
}

static int add_network(struct creation *c, const char *ref, const char *keys, struct err *e)
{
	scoped(json) json_object *network = NULL;
	scoped(strv) char **kv = strv_split(keys ? keys : "", ',');
	json_object *n = json_object_new_object(), *list = c->spec->networks;
	char interface[16];
	int r = network_find(c->en, strcmp(ref, "bridge") == 0 ? NETWORK_DEFAULT : ref, &network,
			     e);

	(void)json_object_array_add(list, n);
	if (r < 0)
		return r;
	(void)snprintf(interface, sizeof(interface), "eth%zu", json_len(list) - 1);
	json_put_str(n, "name", json_get_str(network, "name"));
	json_put_str(n, "interface", interface);
	json_put_str(n, "mac", "");
	json_put(n, "addresses", json_object_new_array());
	json_put(n, "aliases", json_object_new_array());
	for (size_t i = 0; keys && kv && kv[i] && r == 0; i++)
		if (*kv[i])
			r = set_key(n, kv[i], e);
	return r;
}

static int is_twice(json_object *list)
{
	for (size_t i = 0; i < json_len(list); i++)
		for (size_t k = i + 1; k < json_len(list); k++)
			if (strcmp(json_get_str(json_object_array_get_idx(list, i), "name"),
				   json_get_str(json_object_array_get_idx(list, k), "name")) == 0)
				return 1;
	return 0;
}

/* --ip, --ip6, --mac-address and --network-alias. */
static int add_flags(struct creation *c, struct err *e)
{
	const struct container_create_options *o = c->o;
	json_object *list = c->spec->networks, *first = json_object_array_get_idx(list, 0);
	scoped(mem) char *mac = str_printf("mac=%s", o->mac_address ? o->mac_address : "");
	const char *ips[] = { o->ip, o->ip6 };
	int r = 0;

	if ((o->ip || o->ip6 || o->mac_address) && json_len(list) > 1)
		return err_set(e, -EINVAL, "--%s can only be set for a single network",
			       o->ip	? "ip"
			       : o->ip6 ? "ip6"
					: "mac-address");
	for (size_t i = 0; i < 2 && r == 0; i++) {
		scoped(mem) char *kv = str_printf("ip=%s", ips[i] ? ips[i] : "");
		if (ips[i])
			r = kv ? set_key(first, kv, e) : err_errno(e, ENOMEM, "--ip");
	}
	if (r == 0 && o->mac_address)
		r = mac ? set_key(first, mac, e) : err_errno(e, ENOMEM, "--mac-address");
	for (size_t i = 0; r == 0 && i < json_len(list); i++)
		for (size_t k = 0; o->network_alias && o->network_alias[k] && r == 0; k++) {
			scoped(mem) char *kv = str_printf("alias=%s", o->network_alias[k]);
			r = kv ? set_key(json_object_array_get_idx(list, i), kv, e)
			       : err_errno(e, ENOMEM, "--network-alias");
		}
	return r;
}

/* Names of networks, each with its options; "a,b" is two of them. */
static int set_bridges(struct creation *c, char *const *networks, struct err *e)
{
	int r = creation_copy(&c->spec->network, "bridge", e);

	c->spec->networks = json_object_new_array();
	for (size_t i = 0; networks && networks[i] && r == 0; i++) {
		size_t n = strcspn(networks[i], ":");
		scoped(mem) char *names = strndup(networks[i], n);
		scoped(strv) char **list = strv_split(names ? names : "", ',');
		const char *keys = networks[i][n] ? networks[i] + n + 1 : NULL;
		for (size_t k = 0; list && list[k] && r == 0; k++)
			r = add_network(c, list[k], k == 0 ? keys : NULL, e);
	}
	if (r == 0 && is_twice(c->spec->networks))
		return err_set(e, -EINVAL, "a network was given twice");
	return r < 0 ? r : add_flags(c, e);
}

/* "private" and other engines' words for a network of the container's own, with options behind a
 * colon: 1 when MODE is that. */
static int set_private(struct creation *c, const char *mode, struct err *e)
{
	static const char *const words[] = { "private", "slirp4netns", "default" };
	struct private_network unused;
	size_t n = strcspn(mode, ":"), i = 0;

	while (i < ARRAY_LEN(words) && (strlen(words[i]) != n || strncmp(words[i], mode, n) != 0))
		i++;
	if (i == ARRAY_LEN(words))
		return 0;
	if (mode[n]) {
		c->spec->network_options = strv_split(mode + n + 1, ',');
		if (!c->spec->network_options)
			return err_errno(e, ENOMEM, "--network");
	}
	if (private_network_parse(c->spec->network_options, &unused, e) < 0 ||
	    creation_copy(&c->spec->network, "private", e) < 0)
		return e->code;
	return 1;
}

/* "pasta" with words of its command line behind a colon, likewise. */
static int set_pasta(struct creation *c, const char *mode, struct err *e)
{
	scoped(strv) char **own = NULL;

	if (strcmp(mode, "pasta") != 0 && !str_starts(mode, "pasta:"))
		return 0;
	for (char **o = c->o->pasta_options; o && *o; o++)
		if (strv_add(&c->spec->network_options, *o) < 0)
			return err_errno(e, ENOMEM, "--network");
	own = mode[5] ? strv_split(mode + 6, ',') : NULL;
	for (char **o = own; o && *o; o++)
		if (strv_add(&c->spec->network_options, *o) < 0)
			return err_errno(e, ENOMEM, "--network");
	return creation_copy(&c->spec->network, "pasta", e) < 0 ? e->code : 1;
}

static int set_mode_or_bridges(struct creation *c, struct err *e)
{
	static const char *const modes[] = { "none", "host", NULL };
	const struct container_create_options *o = c->o;
	const char *mode = o->network && o->network[0] ? o->network[0] : "private";
	struct err ignored;
	int r = set_private(c, mode, e);

	if (r == 0)
		r = set_pasta(c, mode, e);
	if (r < 0)
		return r;
	if (r == 0 && str_starts(mode, "container:"))
		r = set_mode(c, &c->spec->network, mode, mode, modes, "network", e);
	else if (r == 0 &&
		 set_mode(c, &c->spec->network, mode, mode, modes, "network", &ignored) < 0)
		return set_bridges(c, o->network, e);
	if (r < 0)
		return r;
	if (o->network && o->network[0] && o->network[1])
		return err_set(e, -EINVAL,
			       "cannot set multiple networks without bridge network mode, selected "
			       "mode %s: invalid argument",
			       mode);
	if (o->ip || o->ip6 || o->mac_address || strv_len(o->network_alias))
		return err_set(
			e, -EINVAL,
			"networks and static ip/mac address can only be used with Bridge mode "
			"networking: invalid argument");
	return 0;
}

/* In either family, an IPv6 one with its zone ("fe80::1%eth0") when WITH_ZONE. */
static int is_address(const char *text, int with_zone)
{
	unsigned char address[sizeof(struct in6_addr)];
	size_t n = with_zone ? strcspn(text, "%") : strlen(text);
	char buf[INET6_ADDRSTRLEN] = "";

	if (n >= sizeof(buf) || creation_has_control(text) || strchr(text, ' '))
		return 0;
	(void)snprintf(buf, sizeof(buf), "%.*s", (int)n, text);
	return inet_pton(AF_INET6, buf, address) == 1 ||
	       (!text[n] && inet_pton(AF_INET, buf, address) == 1);
}

/* --add-host NAME[;NAME...]:IP. */
static int check_host(const char *entry, struct err *e)
{
	const char *colon = strchr(entry, ':');

	if (!colon || colon == entry || creation_has_control(entry) || strchr(entry, ' '))
		return err_set(e, -EINVAL, "bad format for add-host: \"%s\"", entry);
	if (strcmp(colon + 1, "host-gateway") != 0 && !is_address(colon + 1, 0))
		return err_set(e, -EINVAL, "invalid IP address in add-host: \"%s\"", colon + 1);
	return 0;
}

/* What /etc/hosts begins with, by a path that stays right. */
static int set_hosts(struct creation *c, struct err *e)
{
	static const char *const words[] = { "", "none", "image" };
	const char *file = c->o->hosts_file, *ip = c->o->host_ip;
	int is_word = !file;

	if (ip && strcmp(ip, "none") != 0 && !is_address(ip, 0))
		return err_set(e, -EINVAL,
			       "containers.conf: host_containers_internal_ip \"%s\" is not a "
			       "valid IP address",
			       ip);
	for (size_t i = 0; file && i < ARRAY_LEN(words); i++)
		is_word |= strcmp(file, words[i]) == 0;
	if (!is_word) {
		c->spec->hosts_file = realpath(file, NULL);
		if (!c->spec->hosts_file)
			return err_sys(e, "open %s", file);
	} else if (file && *file && creation_copy(&c->spec->hosts_file, file, e) < 0) {
		return e->code;
	}
	return ip ? creation_copy(&c->spec->host_ip, ip, e) : 0;
}

/* Is its way out the container's own, where ports may lead to? */
static int has_way_out(const struct container_spec *s)
{
	return str_in_words(s->network, strlen(s->network), "private|bridge|pasta");
}

/* Ports that lead nowhere are told, and left out. */
static void drop_ports(struct creation *c)
{
	struct container_spec *s = c->spec;
	size_t n = strcspn(s->network, ":"); /* "container:ID", "ns:PATH" */
	scoped(mem) char *text = NULL;

	if (!json_len(s->ports) || has_way_out(s))
		return;
	text = str_printf("Port mappings have been discarded because \"%.*s\" network namespace "
			  "mode does not support them",
			  (int)n, s->network);
	if (c->warn && text)
		c->warn(text);
	json_free(s->ports);
	s->ports = json_object_new_array();
}

int creation_set_network(struct creation *c, struct err *e)
{
	const struct container_create_options *o = c->o;
	struct container_spec *s = c->spec;
	int r = set_mode_or_bridges(c, e);

	if (r < 0)
		return r;
	s->ports = json_object_new_array();
	for (size_t i = 0; o->publish && o->publish[i] && r == 0; i++)
		if (*o->publish[i]) /* -p "$PORT" of a script that has none */
			r = spec_parse_publish(o->publish[i], s->ports, e);
	for (size_t i = 0; o->expose && o->expose[i] && r == 0; i++) {
		scoped(json) json_object *check = json_object_new_array();
		r = spec_parse_publish(o->expose[i], check, e);
		if (r == 0 && strv_add(&s->expose, o->expose[i]) < 0)
			r = err_errno(e, ENOMEM, "--expose");
	}
	if (r == 0 && json_object_is_type(json_get(c->config, "ExposedPorts"), json_type_object)) {
		json_object_object_foreach(json_get(c->config, "ExposedPorts"), key, unused)
		{
			scoped(json) json_object *check = json_object_new_array();
			struct err ignored;
			(void)unused;
			/* What an image says of its ports is shown, and published only with -P. */
			if (spec_parse_publish(key, check, &ignored) == 0 &&
			    strv_add(&s->expose, key) < 0)
				return err_errno(e, ENOMEM, "ports");
		}
	}
	for (size_t i = 0; o->publish_all && s->expose && s->expose[i] && r == 0; i++)
		r = spec_parse_publish(s->expose[i], s->ports, e);
	if (r == 0)
		r = create_pick_ports(s->ports, e);
	if (r == 0)
		drop_ports(c);
	for (size_t i = 0; o->add_host && o->add_host[i] && r == 0; i++)
		r = check_host(o->add_host[i], e);
	for (size_t i = 0; o->dns && o->dns[i] && r == 0; i++)
		if (strcmp(o->dns[i], "none") == 0 &&
		    strv_len(o->dns) + strv_len(o->dns_search) + strv_len(o->dns_option) > 1)
			r = err_set(e, -EINVAL,
				    "--dns none cannot be used together with other --dns, "
				    "--dns-search and --dns-option");
		else if (strcmp(o->dns[i], "none") != 0 && !is_address(o->dns[i], 1))
			r = err_set(e, -EINVAL, "%s is not an ip address", o->dns[i]);
	for (size_t i = 0; o->dns_search && o->dns_search[i] && r == 0; i++)
		if (creation_has_control(o->dns_search[i]) || strchr(o->dns_search[i], ' '))
			r = err_set(e, -EINVAL, "invalid DNS search domain \"%s\"",
				    o->dns_search[i]);
	for (size_t i = 0; o->dns_option && o->dns_option[i] && r == 0; i++)
		if (creation_has_control(o->dns_option[i]))
			r = err_set(e, -EINVAL, "invalid DNS option: it has control characters");
	s->no_hosts = o->no_hosts > 0;
	s->no_hostname = o->no_hostname;
	if (r == 0)
		r = set_hosts(c, e);
	if (r == 0)
		r = creation_copy_list(&s->dns, o->dns, e);
	if (r == 0)
		r = creation_copy_list(&s->dns_search, o->dns_search, e);
	if (r == 0)
		r = creation_copy_list(&s->dns_option, o->dns_option, e);
	return r < 0 ? r : creation_copy_list(&s->add_host, o->add_host, e);
}

/* A container has the user namespace that all share, or with keep-id one of its own, which others
 * cannot have yet: their files would be somebody else's. */
static int check_userns(const struct creation *c, struct err *e)
{
	const char *mode = c->spec->userns_mode;
	scoped(container) struct container *other = NULL;
	scoped(container_spec) struct container_spec *spec = NULL;
	int r;

	if (str_starts(mode, "ns:"))
		return err_set(e, -ENOTSUP, "--userns %s: user namespaces are not joined by path",
			       mode);
	if (!str_starts(mode, "container:"))
		return 0;
	r = container_find(c->en, mode + strlen("container:"), &other, e);
	if (r == 0)
		r = container_spec_decode(other->spec, &spec, e);
	if (r != 0 || !spec)
		return r;
	if (spec->userns_mode && strcmp(spec->userns_mode, "keep-id") == 0) {
		(void)err_set(e, -ENOTSUP, "the user namespace of container %s is its own",
			      other->name);
		return err_hint(e, "--userns keep-id gives another one with the same numbers");
	}
	return 0;
}

int creation_set_namespaces(struct creation *c, struct err *e)
{
	static const char *const pid[] = { "private", "host", NULL }, *const cgroup[] = { "private",
											  "host",
											  NULL };
	static const char *const ipc[] = { "private", "host", "shareable", "none", NULL };
	static const char *const userns[] = { "", "host", "private", "keep-id", NULL };
	const struct container_create_options *o = c->o;
	struct container_spec *s = c->spec;
	const char *h = o->hostname;
	int r = set_mode(c, &s->pid_mode, o->pid, "private", pid, "pid", e);

	if (r == 0)
		r = set_mode(c, &s->ipc_mode, o->ipc, "private", ipc, "ipc", e);
	if (r == 0)
		r = set_mode(c, &s->uts_mode, o->uts, "private", pid, "uts", e);
	if (r == 0)
		r = set_mode(c, &s->cgroup_mode, o->cgroupns, "private", cgroup, "cgroup", e);
	if (r == 0)
		r = set_mode(c, &s->userns_mode, o->userns, "", userns, "user namespace", e);
	if (r == 0)
		r = check_userns(c, e);
	if (r < 0)
		return r;
	if (h && (creation_has_control(h) || !*h || strlen(h) > HOSTNAME_LEN || strpbrk(h, " /")))
		return err_set(e, -EINVAL,
			       "invalid hostname \"%s\": it must have 1 to 64 visible characters",
			       h);
	if (h && strcmp(s->uts_mode, "host") == 0)
		return err_set(e, -EINVAL,
			       "cannot set hostname when running in the host UTS namespace");
	if (!h) {
		char host[HOSTNAME_LEN + 1] = "", id[ID_SHORT_LEN + 1];
		(void)snprintf(id, sizeof(id), "%.12s", c->id);
		if (strcmp(s->uts_mode, "host") == 0 || strcmp(s->network, "host") == 0)
			(void)gethostname(host, sizeof(host) - 1); /* "" then: the short ID */
		return creation_copy(&s->hostname, host[0] ? host : id, e);
	}
	return creation_copy(&s->hostname, h, e);
}

/* Does a sysctl belong to a namespace that is the container's own?  What it is not, or NULL. */
static const char *sysctl_fault(const struct container_spec *s, const char *pair)
{
	static const char *const ipc[] = { "kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue." };
	const char *mode = s->ipc_mode;

	if (!strchr(pair, '='))
		return "it is not of a namespace";
	if (str_starts(pair, "net."))
		return has_way_out(s) || strcmp(s->network, "none") == 0
			       ? NULL
			       : "the network is not the container's own";
	for (size_t i = 0; i < ARRAY_LEN(ipc); i++)
		if (str_starts(pair, ipc[i]))
			return !strcmp(mode, "host") || strchr(mode, ':')
				       ? "the IPC namespace is not the container's own"
				       : NULL;
	return "it is not of a namespace";
}

int creation_set_sysctls(struct creation *c, struct err *e)
{
	c->spec->sysctl = json_object_new_object();
	/* What is meant for all containers is left out where it does not fit. */
	for (char **s = c->o->default_sysctl; s && *s; s++) {
		char *one[] = { *s, NULL };
		if (!sysctl_fault(c->spec, *s) &&
		    creation_add_pairs(c->spec->sysctl, one, "sysctl", e) < 0)
			return e->code;
	}
	for (char **s = c->o->sysctl; s && *s; s++) {
		const char *fault = sysctl_fault(c->spec, *s);
		if (fault)
			return err_set(e, -EINVAL, "sysctl '%s' is not allowed: %s", *s, fault);
	}
	return creation_add_pairs(c->spec->sysctl, c->o->sysctl, "sysctl", e);
}

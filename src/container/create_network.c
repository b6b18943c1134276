/* SPDX-License-Identifier: Apache-2.0 */
/* The network, the other namespaces, and the sysctls that belong to them. */
#include "src/container/creation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/container/create.h"
#include "src/util/strbuf.h"

#define HOSTNAME_LEN 64 /* uts_namespaces(7): __NEW_UTS_LEN */

static int set_mode(char **dst, const char *given, const char *fallback, const char *const *known,
		    const char *what, struct err *e)
{
	if (!given || !*given)
		given = fallback;
	for (size_t i = 0; known[i]; i++)
		if (strcmp(given, known[i]) == 0)
			return creation_copy(dst, given, e);
	if ((str_starts(given, "ns:") && given[3] == '/') ||
	    (str_starts(given, "container:") && given[10]))
		return creation_copy(dst, given, e);
	return err_set(e, -EINVAL, "unrecognized %s mode: %s", what, given);
}

int creation_set_network(struct creation *c, struct err *e)
{
	static const char *const modes[] = { "private", "none", "host", NULL };
	const struct container_create_options *o = c->o;
	struct container_spec *s = c->spec;
	const char *mode = o->network && o->network[0] ? o->network[0] : "private";
	int r = 0;

	if (o->network && o->network[0] && o->network[1])
		return err_set(e, -ENOTSUP,
			       "a container is on one network: --network was given twice");
	/* Other engines' words for a network of the container's own. */
	if (strcmp(mode, "default") == 0 || strcmp(mode, "slirp4netns") == 0)
		mode = "private";
	r = set_mode(&s->network, mode, mode, modes, "network", e);
	if (r < 0)
		return err_hint(e, "networks here: private, none, host, container:NAME, ns:PATH");
	s->ports = json_object_new_array();
	for (size_t i = 0; o->publish && o->publish[i] && r == 0; i++)
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
	if (r == 0 && json_len(s->ports) && strcmp(s->network, "private") != 0) {
		if (c->warn)
			c->warn("Port mappings have been discarded because \"host\", \"none\" and "
				"joined network "
				"namespaces have no use for them");
		json_free(s->ports);
		s->ports = json_object_new_array();
	}
	for (size_t i = 0; o->add_host && o->add_host[i] && r == 0; i++)
		if (!strchr(o->add_host[i], ':') || creation_has_control(o->add_host[i]) ||
		    strchr(o->add_host[i], ' '))
			r = err_set(e, -EINVAL, "invalid host entry \"%s\": must be NAME:IP",
				    o->add_host[i]);
	for (size_t i = 0; o->dns && o->dns[i] && r == 0; i++)
		if (creation_has_control(o->dns[i]) ||
		    strspn(o->dns[i], "0123456789abcdefABCDEF.:%") != strlen(o->dns[i]))
			r = err_set(e, -EINVAL, "%s is not an ip address", o->dns[i]);
	for (size_t i = 0; o->dns_search && o->dns_search[i] && r == 0; i++)
		if (creation_has_control(o->dns_search[i]) || strchr(o->dns_search[i], ' '))
			r = err_set(e, -EINVAL, "invalid DNS search domain \"%s\"",
				    o->dns_search[i]);
	for (size_t i = 0; o->dns_option && o->dns_option[i] && r == 0; i++)
		if (creation_has_control(o->dns_option[i]))
			r = err_set(e, -EINVAL, "invalid DNS option: it has control characters");
	s->no_hosts = o->no_hosts;
	if (r == 0)
		r = creation_copy_list(&s->dns, o->dns, e);
	if (r == 0)
		r = creation_copy_list(&s->dns_search, o->dns_search, e);
	if (r == 0)
		r = creation_copy_list(&s->dns_option, o->dns_option, e);
	return r < 0 ? r : creation_copy_list(&s->add_host, o->add_host, e);
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
	int r = set_mode(&s->pid_mode, o->pid, "private", pid, "pid", e);

	if (r == 0)
		r = set_mode(&s->ipc_mode, o->ipc, "private", ipc, "ipc", e);
	if (r == 0)
		r = set_mode(&s->uts_mode, o->uts, "private", pid, "uts", e);
	if (r == 0)
		r = set_mode(&s->cgroup_mode, o->cgroupns, "private", cgroup, "cgroup", e);
	if (r == 0)
		r = set_mode(&s->userns_mode, o->userns, "", userns, "user namespace", e);
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

int creation_set_sysctls(struct creation *c, struct err *e)
{
	static const char *const prefixes[] = { "kernel.msg", "kernel.sem", "kernel.shm",
						"fs.mqueue.", "net." };
	c->spec->sysctl = json_object_new_object();
	for (size_t i = 0; c->o->sysctl && c->o->sysctl[i]; i++) {
		size_t k;
		for (k = 0; k < ARRAY_LEN(prefixes); k++)
			if (str_starts(c->o->sysctl[i], prefixes[k]))
				break;
		if (k == ARRAY_LEN(prefixes) || !strchr(c->o->sysctl[i], '='))
			return err_set(e, -EINVAL,
				       "sysctl '%s' is not allowed: it is not of a namespace",
				       c->o->sysctl[i]);
		if (k == 4 && strcmp(c->spec->network, "host") == 0)
			return err_set(e, -EINVAL,
				       "sysctl '%s' is not allowed with the host's network",
				       c->o->sysctl[i]);
	}
	return creation_add_pairs(c->spec->sysctl, c->o->sysctl, "sysctl", e);
}

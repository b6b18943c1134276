/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "netns/subnet.h"
#include "src/cli/cmd.h"
#include "src/container/networks.h"

struct connect_options {
	char **alias;
	const char *ip, *ip6, *mac;
};

#define AT(f) offsetof(struct connect_options, f)
static const struct opt options[] = {
	CSV(0, "alias", "NAME", AT(alias), "Further name of the container on the network"),
	STR(0, "ip", "ADDRESS", AT(ip), "IPv4 address"),
	STR(0, "ip6", "ADDRESS", AT(ip6), "IPv6 address"),
	STR(0, "mac-address", "MAC", AT(mac), "Ethernet address"),
	END,
};

static int add_address(json_object *list, const char *text, int family, struct err *e)
{
	struct addr a;

	if (!text)
		return 0;
	if (addr_parse(text, &a) < 0 || a.family != family)
		return err_set(e, -EINVAL, "invalid IP address \"%s\"", text);
	return json_object_array_add(list, json_object_new_string(text)) < 0
		       ? err_errno(e, ENOMEM, "connect a network")
		       : 0;
}

static int connect_container(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct connect_options *o = opts;
	scoped(json) json_object *wanted = json_object_new_object();
	json_object *addresses = json_object_new_array();
	int r;

	json_put(wanted, "addresses", addresses);
	json_put_strv(wanted, "aliases", o->alias);
	json_put_str(wanted, "mac", o->mac);
	r = add_address(addresses, o->ip, AF_INET, e);
	if (r == 0)
		r = add_address(addresses, o->ip6, AF_INET6, e);
	return r < 0 ? r : container_network_connect(en, args[0], args[1], wanted, e);
}

const struct cmd cmd_network_connect = {
	.noun = "network",
	.verb = "connect",
	.args = "NETWORK CONTAINER",
	.help = "Connect a container to a network",
	.man = "A running container gets a further interface at once. The container must be on a "
	       "bridge network already.",
	.examples = "cove network connect --alias db back postgres",
	.complete = "network",
	.min_args = 2,
	.max_args = 2,
	.size = sizeof(struct connect_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = connect_container,
};

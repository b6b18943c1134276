/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "netns/subnet.h"
#include "src/cli/cmd.h"
#include "src/network/network.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

struct update_options {
	char **dns_add, **dns_drop;
};

#define AT(f) offsetof(struct update_options, f)
static const struct opt options[] = {
	CSV(0, "dns-add", "ADDRESS", AT(dns_add), "Add a name server"),
	CSV(0, "dns-drop", "ADDRESS", AT(dns_drop), "Take a name server away"),
	END,
};

static int is_in(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return 1;
	return 0;
}

static int update(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct update_options *o = opts;
	scoped(json) json_object *network = NULL;
	scoped(strv) char **servers = NULL;
	scoped(strv) char **kept = NULL;
	struct addr a;
	int r = network_find(en, args[0], &network, e);

	if (r < 0)
		return r;
	if (strcmp(json_get_str(network, "name"), NETWORK_DEFAULT) == 0)
		return err_set(e, -EINVAL, "default network %s cannot be changed", NETWORK_DEFAULT);
	r = json_to_strv(json_get(network, "network_dns_servers"), &servers);
	for (char *const *s = servers; r == 0 && s && *s; s++)
		if (!is_in(o->dns_drop, *s))
			r = strv_add(&kept, *s);
	for (char *const *s = o->dns_add; r == 0 && s && *s; s++) {
		if (addr_parse(*s, &a) < 0)
			return err_set(e, -EINVAL, "invalid name server \"%s\"", *s);
		if (!is_in(kept, *s))
			r = strv_add(&kept, *s);
	}
	if (r < 0)
		return err_errno(e, r, "change the network");
	json_put_strv(network, "network_dns_servers", kept);
	return network_store(en, network, e);
}

const struct cmd cmd_network_update = {
	.noun = "network",
	.verb = "update",
	.args = "NETWORK",
	.help = "Change the name servers of a network",
	.man = "A network that is in use hears of it when its last container has left.",
	.examples = "cove network update --dns-add 192.0.2.53 front",
	.complete = "network",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct update_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = update,
};

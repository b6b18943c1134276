/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/network/prune.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/cli/network/filter.h"
#include "src/cli/prompt.h"
#include "src/container/networks.h"
#include "src/network/network.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

struct prune_options {
	char **filter;
	int force;
};

#define AT(f) offsetof(struct prune_options, f)
static const struct opt options[] = {
	LIST(0, "filter", "KEY=VALUE", AT(filter), "Remove only some",
	     .man = "Keys: label, label!, until."),
	FLAG('f', "force", AT(force), "Do not ask"),
	END,
};

static int check_filters(char *const *filters, struct err *e)
{
	for (; filters && *filters; filters++)
		if (!str_starts(*filters, "label") && !str_starts(*filters, "until="))
			return err_set(e, -EINVAL, "invalid filter \"%.*s\"",
				       (int)strcspn(*filters, "="), *filters);
	return 0;
}

static int prune_one(struct engine *en, json_object *network, char ***deleted, struct err *e)
{
	scoped(strv) char **ids = NULL;
	const char *name = json_get_str(network, "name");
	int r;

	if (strcmp(name, NETWORK_DEFAULT) == 0)
		return 0;
	r = networks_users(en, name, &ids, e);
	if (r < 0 || strv_len(ids))
		return r;
	r = network_forget(en, network, e);
	if (r == 0 && strv_add(deleted, name) < 0)
		r = err_errno(e, ENOMEM, "prune networks");
	return r;
}

int network_prune(struct engine *en, char *const *filters, char ***deleted, struct err *e)
{
	scoped(json) json_object *all = NULL;
	scoped(json) json_object *list = NULL;
	int status = 0, r = check_filters(filters, e);

	if (r == 0)
		r = network_list(en, &all, e);
	if (r == 0)
		r = network_filter(en, all, filters, &list, e);
	for (size_t i = 0; r == 0 && i < json_len(list); i++)
		if (prune_one(en, json_object_array_get_idx(list, i), deleted, e) < 0)
			status = exit_failed(EXIT_ENGINE, status, e);
	return r < 0 ? r : status;
}

static int prune(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct prune_options *o = opts;
	scoped(strv) char **deleted = NULL;
	int r = check_filters(o->filter, e);

	(void)args;
	if (r == 0)
		r = o->force ? 1
			     : prompt_continue("WARNING! This will remove all networks not used by "
					       "at least one container.\n",
					       e);
	if (r <= 0)
		return r;
	r = network_prune(en, o->filter, &deleted, e);
	for (char **name = deleted; name && *name; name++)
		(void)puts(*name);
	return r;
}

const struct cmd cmd_network_prune = {
	.noun = "network",
	.verb = "prune",
	.args = "",
	.help = "Remove networks that no container is on",
	.examples = "cove network prune --force",
	.max_args = 0,
	.size = sizeof(struct prune_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = prune,
};

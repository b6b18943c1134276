/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/container/prune.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/container/filter.h"
#include "src/cli/prompt.h"
#include "src/util/strbuf.h"

struct prune_options {
	int force;
	char **filters;
};

#define AT(f) offsetof(struct prune_options, f)
static const struct opt options[] = {
	LIST(0, "filter", "KEY=VALUE", AT(filters), "Remove only containers for which this holds",
	     .man = PRUNE_FILTER_KEYS),
	FLAG('f', "force", AT(force), "Do not ask"),
	END,
};

int prune_check_filters(char *const *filters, struct err *e)
{
	for (; filters && *filters; filters++) {
		size_t n = strcspn(*filters, "=");
		if (!str_in_words(*filters, n, "label|label!|until"))
			return err_set(e, -EINVAL, "%.*s is an invalid filter", (int)n, *filters);
		if (!(*filters)[n])
			return err_set(e, -EINVAL,
				       "%s: filter must be in the format \"filter=value\"",
				       *filters);
	}
	return 0;
}

struct selection {
	struct engine *en;
	char *const *filters;
};

static int passes(void *arg, const struct container *c, struct err *e)
{
	const struct selection *s = arg;
	return container_passes(s->en, s->filters, c, e);
}

int prune_containers(struct engine *en, char *const *filters, struct prune_result *ret,
		     struct err *e)
{
	struct selection s = { en, filters };
	return container_prune(en, passes, &s, ret, e);
}

static int prune(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct prune_options *o = opts;
	struct prune_result res = { 0 };
	int r = prune_check_filters(o->filters, e);

	(void)args;
	if (r == 0)
		r = o->force ? 1
			     : prompt_continue("WARNING! This will remove all non running "
					       "containers.\n",
					       e);
	if (r <= 0)
		return r;
	r = prune_containers(en, o->filters, &res, e);
	for (char **id = res.deleted; id && *id; id++)
		(void)puts(*id);
	strv_free(res.deleted);
	return r;
}

const struct cmd cmd_container_prune = {
	.noun = "container",
	.verb = "prune",
	.help = "Remove all containers that do not run",
	.examples = "cove container prune --force --filter until=24h",
	.max_args = 0,
	.size = sizeof(struct prune_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = prune,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/volume/prune.h"

#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/prompt.h"
#include "src/cli/volume/filter.h"
#include "src/container/volumes.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

struct prune_options {
	char **filter;
	int all, dry_run, force;
};

#define AT(f) offsetof(struct prune_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Remove those with a name, too",
	     .man = "They are removed anyway; --filter anonymous=true spares them."),
	FLAG(0, "dry-run", AT(dry_run), "Print what would be removed, and remove nothing"),
	LIST(0, "filter", "KEY=VALUE", AT(filter), "Remove only some",
	     .man = "Keys: label, label!, until, after and since (a volume), anonymous, all."),
	FLAG('f', "force", AT(force), "Do not ask"),
	END,
};

/* Names of what would go now. */
static int list_unused(struct engine *en, char *const *filters, char ***ret, struct err *e)
{
	scoped(json) json_object *list = NULL;
	int r = volume_filter(en, filters, 0, &list, e);

	for (size_t i = 0; r == 0 && i < json_len(list); i++) {
		const char *name = json_get_str(json_object_array_get_idx(list, i), "Name");
		scoped(strv) char **users = NULL;
		r = volumes_users(en, name, &users, NULL, e);
		if (r == 0 && !users && strv_add(ret, name) < 0)
			r = err_errno(e, ENOMEM, "prune volumes");
	}
	return r;
}

int volume_prune(struct engine *en, char *const *filters, struct prune_result *ret, struct err *e)
{
	scoped(strv) char **names = NULL;
	int r = list_unused(en, filters, &names, e);

	for (char **name = names; name && *name && r >= 0; name++)
		r = container_prune_volume(en, *name, ret, e);
	return r < 0 ? r : 0;
}

#define WARNING                                                                                    \
	"WARNING! This will remove all volumes not used by at least one container. The following " \
	"volumes will be removed:\n"

static int ask(char *const *names, struct err *e)
{
	scoped(strbuf) struct strbuf text = STRBUF_INIT;

	(void)strbuf_puts(&text, WARNING);
	for (char *const *name = names; *name; name++)
		(void)strbuf_printf(&text, "%s\n", *name);
	return text.failed ? err_errno(e, ENOMEM, "prune volumes") : prompt_continue(text.s, e);
}

static void print(char *const *names)
{
	for (char *const *name = names; name && *name; name++)
		(void)puts(*name);
}

static int prune(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct prune_options *o = opts;
	struct prune_result done = { 0 };
	scoped(strv) char **names = NULL;
	int r = volume_check_prune_filters(o->filter, e);

	(void)args;
	if (r == 0 && (o->dry_run || !o->force))
		r = list_unused(en, o->filter, &names, e);
	if (r == 0 && o->dry_run) {
		print(names);
		return 0;
	}
	if (r == 0 && !o->force && !names) {
		(void)puts(WARNING "No dangling volumes found");
		return 0;
	}
	if (r == 0)
		r = o->force ? 1 : ask(names, e);
	if (r <= 0)
		return r;
	r = volume_prune(en, o->filter, &done, e);
	print(done.deleted);
	strv_free(done.deleted);
	return r;
}

const struct cmd cmd_volume_prune = {
	.noun = "volume",
	.verb = "prune",
	.args = "",
	.help = "Remove volumes that no container has",
	.examples = "cove volume prune --force\ncove volume prune --filter label=scratch",
	.max_args = 0,
	.size = sizeof(struct prune_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = prune,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/image/prune.h"

#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/image/filter.h"
#include "src/cli/prompt.h"
#include "src/image/image_parent.h"
#include "src/image/pull_kept.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct prune_options {
	struct image_prune p;
	int force, build_cache, external;
};

#define AT(f) offsetof(struct prune_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(p.all), "Remove all images that no container uses, named or not"),
	FLAG(0, "build-cache", AT(build_cache), "Remove the build cache, too",
	     .man = "There is none: steps of builds are images."),
	FLAG(0, "external", AT(external), "Remove images that only other programs' containers use",
	     .man = "No other program has containers in this store."),
	LIST(0, "filter", "KEY=VALUE", AT(p.filters), "Remove only images for which this holds",
	     .man = "Keys: containers, dangling, label, label!, until."),
	FLAG('f', "force", AT(force), "Do not ask"),
	END,
};

/* What was used or named just now stays: 0. */
static int prune_one(struct engine *en, const struct image *i, struct image_prune *p, struct err *e)
{
	struct image_remove_result res = { 0 };
	int r = image_remove_unused(en, i->id, !p->all, &res, e);

	if (r == 0)
		r = image_remove_parents(en, i, &res, e);
	for (char **id = res.deleted; id && *id; id++)
		if (strv_add(&p->deleted, *id) < 0)
			r = err_errno(e, ENOMEM, "prune images");
	p->freed += res.freed;
	image_remove_result_done(&res);
	if (r == -EBUSY || r == -EEXIST || r == -ENOENT) {
		err_clear(e);
		r = 0;
	}
	return r;
}

int image_prune(struct engine *en, struct image_prune *p, struct err *e)
{
	struct image **list = NULL;
	size_t n = 0;
	int r = image_list(en, &list, &n, e);

	if (r == 0)
		r = image_filter(en, list, n, p->filters, e);
	if (r >= 0)
		n = (size_t)r;
	for (size_t i = 0; i < n && r >= 0; i++)
		if (!list[i]->store && (p->all || image_is_dangling(list[i])))
			r = prune_one(en, list[i], p, e);
	image_list_free(list, n);
	if (r >= 0)
		pull_kept_collect(en, 0);
	return r < 0 ? r : 0;
}

static int prune(struct engine *en, void *opts, char **args, struct err *e)
{
	struct prune_options *o = opts;
	const char *warning =
		o->p.all ? "WARNING! This command removes all images without at least one "
			   "container associated with them.\n"
			 : "WARNING! This command removes all dangling images.\n";
	int r = o->force ? 1 : prompt_continue(warning, e);

	(void)args;
	if (r <= 0)
		return r;
	r = image_prune(en, &o->p, e);
	for (char **id = o->p.deleted; id && *id; id++)
		(void)puts(*id);
	strv_free(o->p.deleted);
	return r;
}

const struct cmd cmd_image_prune = {
	.noun = "image",
	.verb = "prune",
	.help = "Remove unused images",
	.man = "An image that a container was made from stays, whatever the container does. One "
	       "that "
	       "was pulled by digest counts as named, one that others were made from goes with the "
	       "last of them.",
	.examples = "cove image prune --force\ncove image prune --all --filter until=240h",
	.max_args = 0,
	.size = sizeof(struct prune_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = prune,
};

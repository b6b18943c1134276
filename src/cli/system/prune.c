/* SPDX-License-Identifier: Apache-2.0 */
/* cove system prune: containers first, so that their images and volumes are unused. */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/container/prune.h"
#include "src/cli/image/prune.h"
#include "src/cli/network/prune.h"
#include "src/cli/prompt.h"
#include "src/cli/volume/prune.h"
#include "src/container/record.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

struct prune_options {
	int all, build, external, force, volumes;
	char **filters;
};

#define AT(f) offsetof(struct prune_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Remove all images that no container uses, named or not"),
	FLAG(0, "build", AT(build), "Remove what builds left",
	     .man = "Steps of builds are images without a name, which are removed anyway."),
	FLAG(0, "external", AT(external), "Remove containers that only other programs know",
	     .man = "No other program has containers in this store."),
	LIST(0, "filter", "KEY=VALUE", AT(filters), "Remove only what this holds for",
	     .man = PRUNE_FILTER_KEYS),
	FLAG('f', "force", AT(force), "Do not ask"),
	FLAG(0, "volumes", AT(volumes), "Remove volumes that no container uses, too"),
	EXCLUDES("external", "all"),
	EXCLUDES("external", "volumes"),
	EXCLUDES("external", "filter"),
	END,
};

static char *warning(const struct prune_options *o)
{
	return str_printf("WARNING! This command removes:\n"
			  "\t- all stopped containers\n"
			  "\t- all networks not used by at least one container\n"
			  "%s%s%s\n",
			  o->volumes ? "\t- all volumes not used by at least one container\n" : "",
			  o->all ? "\t- all images without at least one container associated with "
				   "them\n"
				 : "\t- all dangling images\n",
			  o->all ? "\t- all build cache\n" : "\t- all dangling build cache\n");
}

static void print(const char *what, char *const *deleted)
{
	if (!deleted || !deleted[0])
		return;
	(void)printf("Deleted %s\n", what);
	for (; *deleted; deleted++)
		(void)puts(*deleted);
}

static int prune_all(struct engine *en, const struct prune_options *o, struct err *e)
{
	struct prune_result containers = { 0 }, volumes = { 0 };
	struct image_prune images = { .all = o->all, .filters = o->filters };
	scoped(strv) char **networks = NULL;
	char text[UNITS_MAX];
	int status = 0, r = prune_containers(en, o->filters, &containers, e);

	if (r == 0 && o->volumes)
		r = volume_prune(en, o->filters, &volumes, e);
	if (r == 0)
		r = image_prune(en, &images, e);
	if (r == 0)
		r = status = network_prune(en, o->filters, &networks, e);
	if (r > 0)
		r = 0; /* told already */
	print("Containers", containers.deleted);
	print("Volumes", volumes.deleted);
	print("Images", images.deleted);
	print("Networks", networks);
	if (r == 0)
		(void)printf("Total reclaimed space: %s\n",
			     size_human_digits(containers.freed + volumes.freed + images.freed, 4,
					       "", text));
	strv_free(containers.deleted);
	strv_free(volumes.deleted);
	strv_free(images.deleted);
	return r < 0 ? r : status;
}

static int prune(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct prune_options *o = opts;
	scoped(mem) char *text = warning(o);
	int r = text ? prune_check_filters(o->filters, e) : err_errno(e, ENOMEM, "prune");

	(void)args;
	if (r == 0)
		r = o->force ? 1 : prompt_continue(text, e);
	if (r <= 0)
		return r;
	r = prune_all(en, o, e);
	engine_collect(en);
	record_collect(en);
	return r;
}

const struct cmd cmd_system_prune = {
	.noun = "system",
	.verb = "prune",
	.help = "Remove what is not used",
	.man = "Containers that do not run, then images without a name (with --all: without a "
	       "container), networks that no container is on, and with --volumes volumes that none "
	       "has.",
	.examples = "cove system prune\ncove system prune --all --volumes --force",
	.max_args = 0,
	.size = sizeof(struct prune_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = prune,
};

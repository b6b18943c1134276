/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/container/container.h"
#include "src/image/image.h"
#include "src/image/manifest_list.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct rm_image_options {
	int all, force, ignore, no_prune;
};

#define AT(f) offsetof(struct rm_image_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Remove all images"),
	FLAG('f', "force", AT(force),
	     "Remove also with several names, and containers that use the image"),
	FLAG('i', "ignore", AT(ignore), "Do not fail for images that do not exist"),
	FLAG(0, "no-prune", AT(no_prune), "Leave the images that it was made from",
	     .man = "Those without a name, which nothing else needs any more."),
	END,
};

/* What was made from image REF goes first. */
static int rm_containers(struct engine *en, const char *ref, struct err *e)
{
	const struct rm_options o = { .force = 1, .timeout = -1 };
	scoped(image) struct image *i = NULL;
	struct container **list = NULL;
	size_t n = 0;
	int r = image_find(en, ref, &i, e);

	if (r == 0)
		r = container_list(en, 1, &list, &n, e);
	for (size_t k = 0; k < n && r == 0; k++)
		if (list[k]->image_id && strcmp(list[k]->image_id, i->id) == 0) {
			r = container_rm(en, list[k]->id, &o, e);
			if (r == -ENOENT) { /* it went by itself */
				err_clear(e);
				r = 0;
			}
		}
	container_list_free(list, n);
	return r < 0 ? r : 0;
}

static int rm_one(struct engine *en, const char *ref, int flags, struct err *e)
{
	struct image_remove_result res = { 0 };
	int r = image_remove(en, ref, flags, &res, e);

	if (r == -EBUSY && (flags & IMAGE_REMOVE_FORCE)) {
		err_clear(e);
		image_remove_result_done(&res);
		r = rm_containers(en, ref, e);
		if (r == 0)
			r = image_remove(en, ref, flags, &res, e);
	}

	for (char **s = res.untagged; s && *s; s++)
		(void)printf("Untagged: %s\n", *s);
	for (char **s = res.deleted; s && *s; s++)
		(void)printf("Deleted: %s\n", *s);
	image_remove_result_done(&res);
	return r;
}

/* Lists first: they name the others. */
static int rm_lists(struct engine *en, int flags, int status, struct err *e)
{
	scoped(strv) char **ids = NULL;

	if (manifest_list_ids(en, 1, &ids, e) < 0)
		return e->code;
	for (char **id = ids; id && *id; id++)
		if (rm_one(en, *id, flags, e) < 0)
			status = exit_failed(EXIT_OBJECT, status, e);
	return status;
}

static int rm_all(struct engine *en, int flags, struct err *e)
{
	struct image **list = NULL;
	size_t n = 0;
	int status = rm_lists(en, flags, 0, e), r;

	if (status < 0)
		return status;
	r = image_list(en, &list, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		/* By each name, so that several names need no force; then whatever had none. */
		int done = list[i]->store != NULL; /* not ours to remove */
		scoped(strv) char **names = image_all_names(list[i]);
		for (char **name = done ? NULL : names; name && *name && r >= 0; name++, done = 1)
			r = rm_one(en, *name, flags, e);
		if (!done)
			r = rm_one(en, list[i]->id, flags, e);
		if (r == -ENOENT) /* it went with one that was made from it */
			err_clear(e);
		else if (r < 0)
			status = exit_failed(EXIT_OBJECT, status, e);
		r = 0;
	}
	image_list_free(list, n);
	return status;
}

static int rm(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct rm_image_options *o = opts;
	int status = 0;
	int flags =
		(o->force ? IMAGE_REMOVE_FORCE : 0) | (o->no_prune ? IMAGE_REMOVE_KEEP_PARENTS : 0);

	if (o->all && args[0])
		return err_set(
			e, -EINVAL,
			"when using the --all switch, you may not pass any images names or IDs");
	if (!o->all && !args[0])
		return err_set(e, -EINVAL, "image name or ID must be specified");
	if (o->all)
		return rm_all(en, flags, e);
	for (; *args; args++) {
		int r = rm_one(en, *args, flags, e);
		if (r == -ENOENT && (o->ignore || o->force))
			err_clear(e);
		else if (r < 0)
			status = exit_failed(EXIT_OBJECT, status, e);
	}
	return status;
}

const struct cmd cmd_image_rm = {
	.noun = "image",
	.verb = "rm",
	.verbs = "remove",
	.alias = "rmi",
	.args = "IMAGE [IMAGE...]",
	.help = "Remove images",
	.man = "A name of an image that has others is only taken away; with its last name the "
	       "image goes, and "
	       "with it the layers that no other image uses, and the images without a name that "
	       "it was made from.",
	.examples = "cove rmi base:2023\ncove rmi --all",
	.complete = "image",
	.max_args = -1,
	.exit = EXIT_OBJECT,
	.size = sizeof(struct rm_image_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = rm,
};

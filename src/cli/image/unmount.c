/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/container/mount.h"

struct unmount_options {
	int all, force;
};

#define AT(f) offsetof(struct unmount_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Unmount all images"),
	FLAG('f', "force", AT(force), "Unmount although somebody uses it"),
	END,
};

static int unmount_one(struct engine *en, const char *id, int force, struct err *e)
{
	int r = image_unmount(en, id, force, e);

	if (r == 1)
		(void)puts(id);
	return r;
}

static int unmount_all(struct engine *en, int force, struct err *e)
{
	struct image **list = NULL;
	size_t n = 0;
	int r = image_list(en, &list, &n, e);

	for (size_t i = 0; i < n && r >= 0; i++)
		r = unmount_one(en, list[i]->id, force, e);
	image_list_free(list, n);
	return r < 0 ? r : 0;
}

static int unmount(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct unmount_options *o = opts;
	int r = 0;

	if (o->all && args[0])
		return err_set(
			e, -EINVAL,
			"when using the --all switch, you may not pass any images names or IDs");
	if (!o->all && !args[0])
		return err_set(e, -EINVAL, "image name or ID must be specified");
	if (o->all)
		return unmount_all(en, o->force, e);
	for (; *args && r >= 0; args++) {
		scoped(image) struct image *i = NULL;
		r = image_find(en, *args, &i, e);
		if (r == 0)
			r = unmount_one(en, i->id, o->force, e);
	}
	return r < 0 ? r : 0;
}

const struct cmd cmd_image_unmount = {
	.noun = "image",
	.verb = "unmount",
	.verbs = "umount",
	.args = "IMAGE [IMAGE...]",
	.help = "Undo `image mount`",
	.examples = "cove image unmount --all",
	.complete = "image",
	.max_args = -1,
	.size = sizeof(struct unmount_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = unmount,
};

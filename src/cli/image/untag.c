/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"
#include "src/image/manifest_list.h"

static int untag_all(struct engine *en, const char *ref, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(strv) char **names = NULL;
	int r;

	if (manifest_list_is(en, ref))
		return manifest_list_untag(en, ref, NULL, e);
	r = image_find(en, ref, &i, e);

	names = r < 0 ? NULL : image_all_names(i);
	for (char **name = names; name && *name && r >= 0; name++)
		r = image_untag(en, i->id, *name, e);
	return r < 0 ? r : 0;
}

static int untag(struct engine *en, void *opts, char **args, struct err *e)
{
	int r = 0;

	(void)opts;
	if (!args[1])
		return untag_all(en, args[0], e);
	for (char **name = args + 1; *name && r >= 0; name++)
		r = image_untag(en, args[0], *name, e);
	return r < 0 ? r : 0;
}

const struct cmd cmd_image_untag = {
	.noun = "image",
	.verb = "untag",
	.alias = "untag",
	.args = "IMAGE [NAME...]",
	.help = "Take a name away from an image",
	.man = "Without NAME all names go. The image stays.",
	.examples = "cove untag base\ncove untag base registry.example.org/lab/base:2024",
	.complete = "image",
	.min_args = 1,
	.max_args = -1,
	.run = untag,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/image/manifest_list.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

static void complete_image(const struct image *i, const char *prefix)
{
	for (char **name = i->names; name && *name; name++) {
		const char *local = str_starts(*name, "localhost/") ? *name + 10 : NULL;

		if (str_starts(*name, prefix))
			(void)printf("%s\n", *name);
		if (local && str_starts(local, prefix))
			(void)printf("%s\n", local);
	}
	if (*prefix && str_starts(i->id, prefix))
		(void)printf("%.*s\n", ID_SHORT_LEN, i->id);
}

static void complete_lists(struct engine *en, const char *prefix)
{
	scoped(strv) char **ids = NULL;
	struct err ignored = { 0 };

	if (manifest_list_ids(en, 0, &ids, &ignored) < 0)
		return;
	for (char **id = ids; id && *id; id++) {
		scoped(manifest_list) struct manifest_list *l = NULL;
		scoped(image) struct image *i = NULL;

		if (manifest_list_find(en, *id, &l, &ignored) == 0 &&
		    manifest_list_as_image(l, &i, &ignored) == 0)
			complete_image(i, prefix);
	}
}

void complete_images(struct engine *en, const char *prefix)
{
	struct image **list = NULL;
	struct err ignored = { 0 };
	size_t n = 0;

	complete_lists(en, prefix);
	if (image_list(en, &list, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		complete_image(list[i], prefix);
	image_list_free(list, n);
}

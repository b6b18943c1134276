/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/image/image.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"

void complete_images(struct engine *en, const char *prefix)
{
	struct image **list = NULL;
	struct err ignored = { 0 };
	size_t n = 0;

	if (image_list(en, &list, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		for (char **name = list[i]->names; name && *name; name++) {
			const char *local = str_starts(*name, "localhost/") ? *name + 10 : NULL;
			if (str_starts(*name, prefix))
				(void)printf("%s\n", *name);
			if (local && str_starts(local, prefix))
				(void)printf("%s\n", local);
		}
		if (*prefix && str_starts(list[i]->id, prefix))
			(void)printf("%.*s\n", ID_SHORT_LEN, list[i]->id);
	}
	image_list_free(list, n);
}

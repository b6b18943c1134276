/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/util/strbuf.h"
#include "src/volume/volume.h"

void complete_volumes(struct engine *en, const char *prefix)
{
	scoped(strv) char **names = NULL;
	struct err ignored = { 0 };

	if (volume_list(en, &names, &ignored) < 0)
		return;
	for (char **name = names; name && *name; name++)
		if (str_starts(*name, prefix))
			(void)puts(*name);
}

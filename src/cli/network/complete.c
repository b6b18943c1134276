/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/network/network.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

void complete_networks(struct engine *en, const char *prefix)
{
	scoped(json) json_object *list = NULL;
	struct err ignored = { 0 };

	if (network_list(en, &list, &ignored) < 0)
		return;
	for (size_t i = 0; i < json_len(list); i++) {
		const char *name = json_get_str(json_object_array_get_idx(list, i), "name");
		if (str_starts(name, prefix))
			(void)printf("%s\n", name);
	}
}

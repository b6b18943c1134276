/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/secret/secret.h"
#include "src/util/strbuf.h"

void complete_secrets(struct engine *en, const char *prefix)
{
	scoped(secret_list) struct secret_list l = { 0 };
	struct err ignored = { 0 };

	if (secret_list(en, &l, &ignored) < 0)
		return;
	for (size_t i = 0; i < l.n; i++)
		if (str_starts(l.secret[i].name, prefix))
			(void)printf("%s\n", l.secret[i].name);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* passwd, group, "user:group" and --group-add, with NUL between them. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/runtime/user.h"
#include "src/util/scoped.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(mem) char *text = calloc(1, n + 4);
	char *part[4], *extra[2] = { NULL, NULL };
	struct user u;
	struct err e;

	if (!text)
		return 0;
	if (n)
		memcpy(text, bytes, n);
	part[0] = text;
	for (int i = 1; i < 4; i++) /* the four NULs behind end the search */
		part[i] = part[i - 1] + strlen(part[i - 1]) +
			  (part[i - 1] + strlen(part[i - 1]) < text + n);
	extra[0] = *part[3] ? part[3] : NULL;
	if (user_resolve_text(part[0], part[1], part[2], extra, &u, &e) == 0) {
		assert(u.uid != (uid_t)-1 && u.gid != (gid_t)-1 && u.n_groups <= USER_GROUPS_MAX);
		for (size_t i = 0; i < u.n_groups; i++)
			assert(u.groups[i] != (gid_t)-1);
		assert(strlen(u.home) < sizeof(u.home) && strlen(u.name) < sizeof(u.name));
	}
	return 0;
}

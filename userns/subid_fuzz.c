/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of subuid files, nsswitch.conf and uid_map; what uid_map parses to must come back as it
 * was. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/scoped.h"
#include "userns/idmap.h"
#include "userns/subid.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(mem) char *text = malloc(n + 1);
	scoped(idmap) struct idmap m = IDMAP_NONE;
	scoped(idmap) struct idmap again = IDMAP_NONE;
	struct subid_range r[4];
	size_t k;

	if (!text)
		return 0;
	if (n)
		memcpy(text, bytes, n);
	text[n] = '\0';
	k = subid_parse(text, "ann", 1000, r, ARRAY_LEN(r));
	assert(k <= ARRAY_LEN(r));
	for (size_t i = 0; i < k; i++)
		assert(r[i].count && (uint64_t)r[i].first + r[i].count <= UINT32_MAX);
	(void)subid_nss_is_remote(text);
	if (idmap_parse(text, &m) == 0) {
		scoped(mem) char *out = idmap_text(&m);
		assert(!out || (idmap_parse(out, &again) == 0 && idmap_same(&m, &again)));
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "src/image/manifest.h"
#include "src/util/scoped.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(manifest) struct manifest m = { 0 };
	scoped(strv) char **ids = NULL;
	struct platform want;
	struct err e = { 0 };

	platform_from_machine("armv7l", &want);
	if (manifest_parse((const char *)bytes, n, NULL, &m, &e) >= 0) {
		for (size_t i = 0; i < m.n_layers; i++)
			assert(digest_is_valid(m.layers[i].digest) &&
			       (m.is_schema1 ? m.layers[i].size == -1 : m.layers[i].size >= 0));
		if (m.kind == MANIFEST_INDEX)
			(void)manifest_choose(&m, &want, &e);
	}
	if (n)
		(void)config_diff_ids((const char *)bytes + 1, n - 1, bytes[0], &ids, &e);
	return 0;
}

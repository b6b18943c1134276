/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "src/util/scoped.h"
#include "src/util/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(json) json_object *o = NULL;
	struct err e = { 0 };

	(void)toml_parse((const char *)bytes, n, "fuzz", &o, &e);
	return 0;
}

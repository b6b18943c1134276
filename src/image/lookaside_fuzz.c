/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>

#include "src/image/lookaside.h"
#include "src/util/scoped.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(json) json_object *config = json_object_new_object();
	scoped(reference) struct reference ref = { 0 };
	scoped(lookaside) struct lookaside l = { 0 };
	struct err e = { 0 };

	if (lookaside_merge(config, (const char *)bytes, n, &e) < 0) {
		assert(e.code < 0);
		return 0;
	}
	if (reference_parse("r.example:5000/team/app:1", &ref, &e) == 0 &&
	    lookaside_find(config, &ref, "/home/me", &l, &e) == 0)
		assert(*l.read && *l.write);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>

#include "src/image/policy.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(policy) struct policy *p = NULL;
	scoped(reference) struct reference ref = { 0 };
	scoped(strv) char **scopes = NULL;
	struct err e = { 0 };
	json_object *list;

	if (policy_parse((const char *)bytes, n, &p, &e) < 0) {
		assert(e.code < 0);
		return 0;
	}
	if (reference_parse("r.example:5000/team/app:1", &ref, &e) < 0)
		return 0;
	scopes = policy_scopes(&ref);
	list = policy_find(p, "docker", scopes);
	assert(json_len(list) > 0);
	for (size_t i = 0; i < json_len(list); i++) {
		scoped(requirement) struct requirement r = { 0 };
		struct err why = { 0 };

		if (requirement_parse(json_object_array_get_idx(list, i), &r, &why) < 0) {
			assert(why.code == -ENOTSUP);
			continue;
		}
		if (r.kind == REQUIRE_GPG || r.kind == REQUIRE_SIGSTORE) {
			assert(r.key_paths || r.key_data);
			(void)identity_matches(&r, &ref, "r.example:5000/team/app:1", &why);
		}
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "src/image/auth.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(json) json_object *o = NULL;
	scoped(credentials) struct credentials found = { 0 };
	scoped(credentials) struct credentials answer = { 0 };
	scoped(mem) char *helper = NULL;
	scoped(mem) char *basic = NULL;
	struct err e = { 0 };

	if (json_parse((const char *)bytes, n, &o, &e) < 0)
		return 0;
	if (auth_find(o, "r.example:5000", "team/app", &found, &helper, &e) == 1) {
		assert(found.username || found.identity_token);
		basic = credentials_basic(&found);
		assert(basic);
	}
	(void)auth_helper_answer((const char *)bytes, n, &answer, &e);
	return 0;
}

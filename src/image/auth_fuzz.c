/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/auth.h"
#include "src/image/auth_store.h"
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
	if (found.username && found.password) {
		scoped(mem) char *other = NULL;
		scoped(credentials) struct credentials again = { 0 };

		if (auth_document_change(o, "r.example:5000", &found, &other, &e) == 1) {
			assert(auth_find(o, "r.example:5000", "", &again, &other, &e) == 1);
			assert(!strcmp(again.username, found.username));
			assert(auth_document_change(o, "r.example:5000", NULL, &other, &e) == 1);
		}
	}
	(void)auth_helper_answer((const char *)bytes, n, &answer, &e);
	return 0;
}

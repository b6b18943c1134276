/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.json and secretsdata.json: what was read is written so that it reads the same. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/secret/driver.h"
#include "src/secret/index.h"
#include "src/util/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(secret_list) struct secret_list l = { 0 };
	scoped(secret_list) struct secret_list again = { 0 };
	scoped(secret_data) struct secret_data d = { 0 };
	scoped(mem) char *text = NULL;
	const char *s = (const char *)bytes;
	struct err e;

	err_clear(&e);
	if (file_driver_parse(s, n, "a", &d, &e) == 0)
		assert(d.s && d.s[d.n] == '\0');
	if (index_parse(s, n, &l, &e) < 0)
		return 0;
	text = index_text(&l);
	assert(text && index_parse(text, strlen(text), &again, &e) == 0 && again.n == l.n);
	for (size_t i = 0; i < l.n; i++) {
		struct secret *found = NULL;
		assert(index_find(&again, l.secret[i].name, &found, &e) == 0 && found);
		assert(strcmp(found->name, l.secret[i].name) == 0 ||
		       strcmp(found->id, l.secret[i].name) == 0);
		assert(!strchr(l.secret[i].id, '/') && !strchr(l.secret[i].id, '.'));
		assert(name_is_printable(l.secret[i].name));
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A reference that parses must format to one that parses to the same. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "src/image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(mem) char *s = strndup((const char *)bytes, n);
	scoped(mem) char *once = NULL;
	scoped(mem) char *twice = NULL;
	scoped(reference) struct reference r = { 0 };
	scoped(reference) struct reference again = { 0 };
	struct err e = { 0 };

	if (!s || reference_parse(s, &r, &e) < 0)
		return 0;
	once = reference_format(&r);
	assert(once && !strstr(r.repository, "..") && !strstr(r.repository, "//"));
	if (strlen(once) > 400) /* "library/" was added to the longest name */
		return 0;
	if (reference_parse(once, &again, &e) < 0)
		return 0;
	twice = reference_format(&again);
	assert(twice && !strcmp(once, twice));
	return 0;
}

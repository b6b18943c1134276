/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "src/image/registry_challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(const char *s)
{
	for (; s && *s; s++)
		assert((unsigned char)*s >= 0x20 && *s != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct challenge c = { 0 };
	struct err e = { 0 };

	(void)challenge_parse((const char *)bytes, n, &c, &e);
	check(c.realm);
	check(c.service);
	check(c.scope);
	challenge_done(&c);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "src/image/policy.h"
#include "src/image/signature.h"
#include "src/util/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void try_payload(const char *bytes, size_t n, enum payload_type type)
{
	scoped(payload) struct payload p = { 0 };
	struct requirement r = { 0 };
	struct err e = { 0 };

	if (payload_parse(bytes, n, type, &p, &e) < 0)
		return;
	assert(digest_is_valid(p.digest) && *p.name);
	assert(!identity_matches(&r, NULL, p.name, &e));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(sigstore) struct sigstore s = { 0 };
	scoped(mem) unsigned char *key = NULL;
	scoped(mem) unsigned char *plain = NULL;
	const char *text = (const char *)bytes;
	struct err e = { 0 };
	size_t len = 0;

	try_payload(text, n, PAYLOAD_GPG);
	try_payload(text, n, PAYLOAD_SIGSTORE);
	if (sigstore_parse(text, n, &s, &e) == 0)
		try_payload(s.payload, s.payload_len, PAYLOAD_SIGSTORE);
	if (keys_dearmor(text, n, &key, &len, &e) == 0)
		assert(len > 0);
	if (base64_decode(text, n, &plain, &len, &e) == 0) {
		scoped(mem) char *again = base64_encode(plain, len);
		scoped(mem) unsigned char *twice = NULL;
		size_t len2 = 0;

		assert(again && base64_decode(again, strlen(again), &twice, &len2, &e) == 0);
		assert(len == len2 && !memcmp(plain, twice, len));
	}
	return 0;
}

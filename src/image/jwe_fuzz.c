/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger wrote into the annotations of an encrypted layer: a JWE, the annotations
 * themselves, and what the layer's options are once somebody has made a JWE for our key. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "src/image/crypt_test_keys.h"
#include "src/image/jwe.h"
#include "src/image/key_wrap.h"
#include "src/image/layer_cipher.h"
#include "src/util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void try_annotations(const char *text, size_t n, EVP_PKEY *key)
{
	scoped(json) json_object *o = NULL;
	scoped(secret) struct secret s = { 0 };
	const struct unwrap_keys keys = { .keys = &key, .n = 1 };
	struct err e = { 0 };

	if (json_parse(text, n, &o, &e) < 0)
		return;
	if (key_unwrap(&keys, o, &s, &e) < 0)
		assert(e.code < 0);
	else
		assert(s.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const char pem[] = TEST_EC_KEY;
	scoped(cipher_options) struct cipher_options o = { .key = { 0 } };
	scoped(secret) struct secret s = { 0 };
	scoped(pkey) EVP_PKEY *key = NULL;
	const char *text = (const char *)bytes;
	struct err e = { 0 };

	if (pkey_private(pem, strlen(pem), NULL, &key, &e) < 0)
		return 0;
	if (jwe_decrypt(text, n, key, &s, &e) < 0)
		assert(e.code == -EACCES || e.code == -EBADMSG || e.code == -ENOTSUP);
	try_annotations(text, n, key);
	(void)cipher_options_parse(text, n, text, n, &o, &e);
	return 0;
}

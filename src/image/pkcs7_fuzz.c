/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger wrote into the annotation ".keys.pkcs7" of a layer, and certificates. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "src/image/crypt_test_keys.h"
#include "src/image/pkcs7.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const char pem[] = TEST_RSA_KEY;
	scoped(secret) struct secret s = { 0 };
	scoped(pkey) EVP_PKEY *key = NULL;
	scoped(x509) X509 *cert = pkcs7_certificate(bytes, n);
	struct err e = { 0 };

	(void)cert; /* that it was read is the test */
	if (pkey_private(pem, strlen(pem), NULL, &key, &e) < 0)
		return 0;
	if (pkcs7_decrypt(bytes, n, key, &s, &e) < 0)
		assert(e.code == -EACCES || e.code == -EBADMSG || e.code == -ENOTSUP);
	return 0;
}

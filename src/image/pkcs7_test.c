/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pkcs7.h"

#include <string.h>

#include "src/image/crypt_test_keys.h"
#include "src/util/base64.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

/* As ocicrypt makes it for the certificate of the tests. */
static const char of_ocicrypt[] =
	"MIICYwYJKoZIhvcNAQcDoIICVDCCAlACAQAxggFBMIIBPQIBADAnMA8xDTALBgNVBAMMBHRlc3QCFCYDipzj"
	"F8EcyZEhVZ/FNhBWqjzhMAsGCSqGSIb3DQEBAQSCAQCc2/0L2LF+S5AqWakkod/PZbAv0/qmBGW1QQl/Fg1j"
	"bt34gPMaKwZaBlYqsU7O7s/1f70uU31JhWtER4Q/TGoDThdH9lkvgVdanV36nawWpZ+XD/wmiIENeagXjRO5"
	"CS1ZSJD5yF2CYO+qR7g1Y+E50z3FJEU5/X8yPyaVchJx9+K+8vgOmtBhJob3J4mksfcA1KwyIfkSSEsclgkO"
	"korGMXb5Zr8+QNAdB2c4vMU8awpaANZ8Y+nZ0mrd0BGcNifAdyCRc7G/BSNFz++riIECm4ZFaR9j2VAWyJhJ"
	"/y7mfEgDiRFNjUvI04OFSamltKC2zrXyMtA8ImjrCEb7PTvYMIIBBAYJKoZIhvcNAQcBMCAGCWCGSAFlAwQB"
	"BhATMBGEDC8Ax7qi62j83EQB1gIBEKCB1ASB0T9gixANWj6GTPMiohmw1aF9g5/E+84atQbKo4wmbO/MP8ly"
	"Qh26kKuIQafi2C/KC58/baXWXXbqIn0YuSqvKppvKL610ttbP9olZlI3Zf9h83glj8IKo1WCFGmPOI9qqRAi"
	"l2ZMQV7naLUiyTpw3Ox5Ng9HNH9kLdlKvGYmwR1fRfXiReOJ9CUb+zIRhLUvtL7eeVqPIDC69zN53NhXKFS1"
	"aRdx99qENSnDVSwblkwz7fzQCRRnhhPTrENL2W2NJ8Tid5U9et5Yd1ake8WQJSGQ";

static EVP_PKEY *private(const char *pem)
{
	EVP_PKEY *key = NULL;
	struct err e = { 0 };

	CHECK_INT(pkey_private(pem, strlen(pem), NULL, &key, &e), 0);
	return key;
}

TEST(pkcs7_of_ocicrypt_is_read)
{
	scoped(pkey) EVP_PKEY *key = private(TEST_RSA_KEY);
	scoped(pkey) EVP_PKEY *other = private(TEST_EC_KEY);
	scoped(mem) unsigned char *der = NULL;
	scoped(secret) struct secret s = { 0 };
	struct err e = { 0 };
	size_t n = 0;

	CHECK_INT(base64_decode(of_ocicrypt, strlen(of_ocicrypt), &der, &n, &e), 0);
	CHECK_INT(pkcs7_decrypt(der, n, other, &s, &e), -EACCES);
	CHECK_INT(pkcs7_decrypt(der, n, key, &s, &e), 0);
	CHECK(s.bytes && str_starts((char *)s.bytes, "{\"symkey\":\""));
}

#define AUTHENTICATED 209 /* bytes at the end: text and tag */

/* No byte may break the reader. */
TEST(pkcs7_that_is_changed_is_refused)
{
	scoped(pkey) EVP_PKEY *key = private(TEST_RSA_KEY);
	scoped(mem) unsigned char *der = NULL;
	struct err e = { 0 };
	size_t n = 0, opened = 0;

	CHECK_INT(base64_decode(of_ocicrypt, strlen(of_ocicrypt), &der, &n, &e), 0);
	for (size_t i = 0; i < n; i++) {
		scoped(secret) struct secret s = { 0 };
		int rc;

		der[i] ^= 0x10;
		rc = pkcs7_decrypt(der, n, key, &s, &e);
		opened += rc == 0 && i >= n - AUTHENTICATED;
		CHECK(rc == 0 || rc == -EACCES || rc == -EBADMSG || rc == -ENOTSUP);
		der[i] ^= 0x10;
	}
	CHECK_INT(opened, 0);
	for (size_t i = 0; i < n; i += 7) {
		scoped(secret) struct secret s = { 0 };

		CHECK(pkcs7_decrypt(der, i, key, &s, &e) < 0);
	}
}

TEST(pkcs7_goes_round)
{
	static const char pem[] = TEST_CERTIFICATE;
	scoped(pkey) EVP_PKEY *key = private(TEST_RSA_KEY);
	scoped(x509) X509 *cert = pkcs7_certificate(pem, strlen(pem));
	X509 *const certs[] = { cert, cert };
	scoped(mem) unsigned char *der = NULL;
	scoped(secret) struct secret s = { 0 };
	struct err e = { 0 };
	size_t n = 0;

	CHECK(cert != NULL);
	CHECK_INT(pkcs7_encrypt(certs, 2, "secret", 6, &der, &n, &e), 0);
	CHECK_INT(pkcs7_decrypt(der, n, key, &s, &e), 0);
	CHECK_STR((char *)s.bytes, "secret");
	CHECK(pkcs7_certificate("nothing", 7) == NULL);
}

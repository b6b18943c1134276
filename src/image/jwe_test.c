/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/jwe.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "src/image/crypt_test_keys.h"
#include "src/image/jwe_key.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

/* RFC 7516, appendix A.1, in the flattened serialization. */
#define RFC_PROTECTED "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ"
#define RFC_KEY                                                                                \
	"OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr" \
	"05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwa" \
	"m_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv" \
	"0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iG" \
	"dXKHzg"
#define RFC_IV "48V1_ALb6US04U3b"
#define RFC_TEXT \
	"5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A"
#define RFC_TAG	  "XFBoMYUZodetZdvTiFvSkQ"
#define RFC_PLAIN "The true sign of intelligence is not knowledge but imagination."

#define JWE(protected, key, iv, text, tag)                                            \
	"{\"protected\":\"" protected "\",\"encrypted_key\":\"" key "\",\"iv\":\"" iv \
				      "\",\"ciphertext\":\"" text "\",\"tag\":\"" tag "\"}"

/* As ocicrypt makes it, for a key of P-256 and one of RSA. */
static const char of_ocicrypt[] =
	"{\"protected\":\"eyJlbmMiOiJBMjU2R0NNIn0\",\"recipients\":[{\"header\":{\"alg\":\"ECDH-E"
	"S+A256KW\",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"N_XSv8LLvMtflkVyqcnjSYI53Tw"
	"q694HgXBy8ABoDqo\",\"y\":\"udbNICgfvdfpuOD248RGHGSVWALb0Mx1EIgZxlRlcxY\"}},\"encrypted_k"
	"ey\":\"xUbhd4wlUokjx2AzKBmvto24ivU9INMKCFZvZQPo4OcsxDz35zDViw\"},{\"header\":{\"alg\":\""
	"RSA-OAEP\"},\"encrypted_key\":\"aSCFdnnH0LTnFXSvO72l233kyC0VEHo3PQeJc0tttTsxWPDA77uyQGhB"
	"lO0CflwUCegpMDGNMWyITrIwXD78g5ShO7p2UDzDLiEB5Gc_IvmVRv7ujHy0rfr4bd5-iMp1N2bU76_rqMWSYKiK"
	"oxnqg2A_81qpy69tb3xTsuNqZQMqkF5KVerRzXnk-u7otSpqJTrae4t6Wpw3UpFjnP7A-JRNz4zZojw0cityIrG0"
	"EpHz6j_zkN59OeqPolYXiCxUGA1S52wCjcMTwJxtLiqgrMkKFBLKZYikTz_ywF01Sov3qNuk2tUfLGjxLYj5vuU8"
	"UYnlencIZr77UVFUp7qzng\"}],\"encrypted_key\":\"xUbhd4wlUokjx2AzKBmvto24ivU9INMKCFZvZQPo4"
	"OcsxDz35zDViw\",\"iv\":\"p06BWv-H3LRVUNJU\",\"ciphertext\":\"8ZaKqYYHixDx6yiwmBCLagKKaHh"
	"9MdXlaAPqbR5i3qSX0M-k8LvlSeqI8Byv3B0knIOtufDLHCWuQb3cnTioVBOB5KMM6nU2BSiasfJU3-wFrnfBi8w"
	"FbgqI0zCCDvkrfxGci3vGtjcpqkE1Vy-MqKafIJbf0tjjV4fqAtfDmC9i4mSNvEJ1Kif2ZyoD7LKLgU24EUfEMYV"
	"9BecZrnc6croOPhb6bZDiG7tLrDEwrQ9HSSx39_6jb6_UAE3sCp6Pog\",\"tag\":\"WnKLaX4v9mLNrid7Ftml"
	"Ng\"}";

static EVP_PKEY *private(const char *pem)
{
	EVP_PKEY *key = NULL;
	struct err e = { 0 };

	CHECK_INT(pkey_private(pem, strlen(pem), NULL, &key, &e), 0);
	return key;
}

/* What decrypting TEXT with PEM gives: "" or the plain text (owned). */
static int decrypt(const char *text, const char *pem, char **ret)
{
	scoped(pkey) EVP_PKEY *key = private(pem);
	scoped(secret) struct secret s = { 0 };
	struct err e = { 0 };
	int rc = jwe_decrypt(text, strlen(text), key, &s, &e);

	CHECK_INT(rc, e.code);
	*ret = strdup(rc == 0 ? (const char *)s.bytes : "");
	return rc;
}

TEST(jwe_of_rfc_7516_is_read)
{
	scoped(mem) char *plain = NULL;

	CHECK_INT(decrypt(JWE(RFC_PROTECTED, RFC_KEY, RFC_IV, RFC_TEXT, RFC_TAG), TEST_RSA_KEY,
			  &plain),
		  0);
	CHECK_STR(plain, RFC_PLAIN);
}

TEST(jwe_of_ocicrypt_is_read)
{
	scoped(mem) char *plain = NULL;
	scoped(mem) char *none = NULL;

	CHECK_INT(decrypt(of_ocicrypt, TEST_EC_KEY, &plain), 0);
	CHECK(str_starts(plain, "{\"symkey\":\""));
	CHECK_INT(decrypt(of_ocicrypt, TEST_RSA_KEY, &none), -EACCES); /* another one */
}

TEST(jwe_that_is_changed_is_refused)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{ JWE(RFC_PROTECTED, RFC_KEY, RFC_IV, RFC_TEXT, "XFBoMYUZodetZdvTiFvSkA"),
		  -EACCES },
		{ JWE(RFC_PROTECTED, RFC_KEY, "48V1_ALb6US04U3a", RFC_TEXT, RFC_TAG), -EACCES },
		{ JWE(RFC_PROTECTED, RFC_KEY, RFC_IV, "6" RFC_TEXT, RFC_TAG), -EBADMSG },
		{ JWE(RFC_PROTECTED, RFC_KEY, RFC_IV, "", RFC_TAG), -EACCES },
		{ JWE(RFC_PROTECTED, RFC_KEY, "48V1", RFC_TEXT, RFC_TAG), -EBADMSG },
		{ JWE(RFC_PROTECTED, RFC_KEY, RFC_IV, RFC_TEXT, "XFBo"), -EBADMSG },
		{ JWE(RFC_PROTECTED, RFC_KEY "=", RFC_IV, RFC_TEXT, RFC_TAG), -EBADMSG },
		{ JWE(RFC_PROTECTED, "AAAA", RFC_IV, RFC_TEXT, RFC_TAG), -EACCES },
		/* the same header with a blank: it is authenticated */
		{ JWE("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00iIH0", RFC_KEY, RFC_IV, RFC_TEXT,
		      RFC_TAG),
		  -EACCES },
		/* {"alg":"none","enc":"A256GCM"} */
		{ JWE("eyJhbGciOiJub25lIiwiZW5jIjoiQTI1NkdDTSJ9", RFC_KEY, RFC_IV, RFC_TEXT,
		      RFC_TAG),
		  -ENOTSUP },
		/* {"alg":"RSA-OAEP","enc":"A256CBC"} */
		{ JWE("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZDQkMifQ", RFC_KEY, RFC_IV, RFC_TEXT,
		      RFC_TAG),
		  -ENOTSUP },
		/* {"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"} */
		{ JWE("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00iLCJ6aXAiOiJERUYifQ", RFC_KEY,
		      RFC_IV, RFC_TEXT, RFC_TAG),
		  -ENOTSUP },
		{ JWE("", RFC_KEY, RFC_IV, RFC_TEXT, RFC_TAG), -EBADMSG },
		{ "{\"protected\":\"" RFC_PROTECTED "\"}", -EBADMSG },
		{ "[]", -EBADMSG },
		{ "", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(mem) char *plain = NULL;
		int rc = decrypt(rows[i].text, TEST_RSA_KEY, &plain);

		if (rc != rows[i].code)
			TEST_FAIL("row %zu: %d", i, rc);
	}
}

static void go_round(const char *const *publics, const char *const *privates, size_t n)
{
	EVP_PKEY *keys[4] = { NULL };
	scoped(mem) char *text = NULL;
	struct err e = { 0 };

	for (size_t i = 0; i < n; i++)
		keys[i] = pkey_public(publics[i], strlen(publics[i]));
	CHECK_INT(jwe_encrypt(keys, n, "secret", 6, &text, &e), 0);
	for (size_t i = 0; i < n; i++)
		EVP_PKEY_free(keys[i]);
	for (size_t i = 0; text && i < n; i++) {
		scoped(mem) char *plain = NULL;

		CHECK_INT(decrypt(text, privates[i], &plain), 0);
		CHECK_STR(plain, "secret");
	}
}

TEST(jwe_goes_round_for_each_recipient)
{
	static const char *const publics[] = { TEST_RSA_PUBLIC, TEST_EC_PUBLIC };
	static const char *const privates[] = { TEST_RSA_KEY, TEST_EC_KEY };

	go_round(publics, privates, 1);
	go_round(publics + 1, privates + 1, 1);
	go_round(publics, privates, 2);
}

/* A new key pair of the curve NID, there and back. */
static void try_curve(int nid)
{
	scoped(pkey_ctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	scoped(pkey) EVP_PKEY *key = NULL;
	scoped(secret) struct secret got = { 0 };
	scoped(mem) char *text = NULL;
	struct err e = { 0 };

	CHECK(c && EVP_PKEY_keygen_init(c) == 1 &&
	      EVP_PKEY_CTX_set_ec_paramgen_curve_nid(c, nid) == 1 && EVP_PKEY_keygen(c, &key) == 1);
	CHECK_INT(jwe_encrypt(&key, 1, "x", 1, &text, &e), 0);
	CHECK_INT(text ? jwe_decrypt(text, strlen(text), key, &got, &e) : -1, 0);
	CHECK_INT(got.n, 1);
}

TEST(jwe_knows_the_curves_of_the_rfc)
{
	try_curve(NID_X9_62_prime256v1);
	try_curve(NID_secp384r1);
	try_curve(NID_secp521r1);
}

TEST(jwe_refuses_keys_of_other_kinds)
{
	static const char ed25519[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
		"-----END PUBLIC KEY-----\n";
	scoped(pkey) EVP_PKEY *key = pkey_public(ed25519, strlen(ed25519));
	scoped(mem) char *text = NULL;
	struct err e = { 0 };

	CHECK(key != NULL);
	CHECK_INT(jwe_encrypt(&key, 1, "x", 1, &text, &e), -ENOTSUP);
}

/* RFC 7518, appendix C. */
TEST(jwe_concat_kdf_is_that_of_the_rfc)
{
	static const unsigned char z[] = { 158, 86,  217, 29,  129, 113, 53,  211, 114, 131, 66,
					   131, 191, 132, 38,  156, 251, 49,  110, 163, 218, 128,
					   106, 72,  246, 218, 167, 121, 140, 254, 144, 196 };
	unsigned char key[16];
	scoped(mem) char *text = NULL;

	CHECK_INT(jwe_concat_kdf(z, sizeof(z), "A128GCM", (const unsigned char *)"Alice", 5,
				 (const unsigned char *)"Bob", 3, key, sizeof(key)),
		  0);
	text = jwe_b64_encode(key, sizeof(key));
	CHECK_STR(text, "VqqN6vgjbSBcIijNcacQGg");
}

/* KEY as an encrypted file.  Owned. */
static char *encrypted_pem(EVP_PKEY *key, const char *password)
{
	char word[32];
	BIO *out = BIO_new(BIO_s_mem());
	char *bytes = NULL, *copy = NULL;
	long n;

	(void)snprintf(word, sizeof(word), "%s", password);
	CHECK_INT(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), word,
						(int)strlen(word), NULL, NULL),
		  1);
	n = BIO_get_mem_data(out, &bytes);
	copy = strndup(bytes, (size_t)n);
	BIO_free(out);
	return copy;
}

TEST(private_keys_need_their_password)
{
	scoped(pkey) EVP_PKEY *key = private(TEST_EC_KEY);
	scoped(pkey) EVP_PKEY *got = NULL;
	scoped(mem) char *pem = NULL;
	struct err e = { 0 };

	pem = encrypted_pem(key, "word");
	CHECK_INT(pkey_private(pem, strlen(pem), NULL, &got, &e), -EACCES);
	CHECK_STR(e.text, "Missing password for encrypted private key");
	CHECK_INT(pkey_private(pem, strlen(pem), "other", &got, &e), -EACCES);
	CHECK_STR(e.text, "Wrong password: could not decrypt private key");
	CHECK_INT(pkey_private(pem, strlen(pem), "word", &got, &e), 0);
	CHECK(got != NULL);
	CHECK_INT(pkey_private("nothing", 7, NULL, &got, &e), -EBADMSG);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The signature that a manifest of schema 1 must have (RFC 7515, ES256), of a key that only lives
 * for it; the key's ID is made as libtrust makes it. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "src/image/pull_protocol.h"
#include "src/image/reference.h"
#include "src/image/trust_role.h"
#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

#define COORDINATE 32	/* bytes of a number on P-256 */
#define ID_BITS	   240U /* of the key's digest that its ID has */
#define ID_TEXT	   (ID_BITS / 5 / 4 * 5)

static int put_number(json_object *o, const char *name, const unsigned char *bytes, size_t n)
{
	scoped(mem) char *text = base64url_encode(bytes, n);

	json_put_str(o, name, text);
	return text != NULL;
}

static int put_coordinate(json_object *o, EVP_PKEY *key, const char *param, const char *name)
{
	unsigned char bytes[COORDINATE];
	BIGNUM *n = NULL;
	int ok = EVP_PKEY_get_bn_param(key, param, &n) == 1 &&
		 BN_bn2binpad(n, bytes, COORDINATE) == COORDINATE;

	BN_free(n);
	return ok && put_number(o, name, bytes, sizeof(bytes));
}

/* "ABCD:EFGH:...": base32 of the digest of the public key. */
static int put_id(json_object *o, EVP_PKEY *key)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned char hash[EVP_MAX_MD_SIZE], *der = NULL;
	char id[ID_TEXT + 1], *p = id;
	int len = i2d_PUBKEY(key, &der);
	int ok = len > 0 && EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	if (!ok)
		return 0;
	for (size_t bit = 0; bit < ID_BITS; bit += 5) {
		unsigned pair = (unsigned)hash[bit / 8] << 8 | hash[bit / 8 + 1];

		if (bit && bit % 20 == 0)
			*p++ = ':';
		*p++ = digits[pair >> (11 - bit % 8) & 31];
	}
	*p = '\0';
	json_put_str(o, "kid", id);
	return 1;
}

/* r and s beside each other. */
static int put_signature(json_object *o, EVP_PKEY *key, const unsigned char *hash, size_t n)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	unsigned char der[128], raw[2 * COORDINATE];
	const unsigned char *p = der;
	size_t len = sizeof(der);
	ECDSA_SIG *s = NULL;
	int ok = c && EVP_PKEY_sign_init(c) == 1 &&
		 EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) == 1 &&
		 EVP_PKEY_sign(c, der, &len, hash, n) == 1 &&
		 (s = d2i_ECDSA_SIG(NULL, &p, (long)len)) != NULL &&
		 BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, COORDINATE) == COORDINATE &&
		 BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + COORDINATE, COORDINATE) == COORDINATE;

	ECDSA_SIG_free(s);
	EVP_PKEY_CTX_free(c);
	return ok && put_number(o, "signature", raw, sizeof(raw));
}

static void read_hash(const char *hex, unsigned char hash[DIGEST_HEX_LEN / 2])
{
	for (size_t i = 0; i < DIGEST_HEX_LEN; i += 2) {
		int high = OPENSSL_hexchar2int((unsigned char)hex[i]),
		    low = OPENSSL_hexchar2int((unsigned char)hex[i + 1]);
		hash[i / 2] = (unsigned char)(high << 4 | low);
	}
}

int trust_jws(json_object *m, struct err *e)
{
	const char *digest = json_get_str(m, "digest");
	unsigned char hash[DIGEST_HEX_LEN / 2];
	json_object *answer;
	EVP_PKEY *key;
	int ok;

	if (!digest || !digest_is_valid(digest))
		return err_set(e, -EBADMSG, "trust: unexpected message");
	read_hash(digest_hex(digest), hash);
	key = EVP_EC_gen("P-256");
	answer = pull_message("done");
	ok = key && answer && put_id(answer, key) &&
	     put_coordinate(answer, key, OSSL_PKEY_PARAM_EC_PUB_X, "x") &&
	     put_coordinate(answer, key, OSSL_PKEY_PARAM_EC_PUB_Y, "y") &&
	     put_signature(answer, key, hash, sizeof(hash));
	EVP_PKEY_free(key);
	if (ok)
		return pull_send(PULL_SOCKET_FD, answer, e);
	json_free(answer);
	return err_set(e, -EIO, "signing fails");
}

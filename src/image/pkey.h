/* SPDX-License-Identifier: Apache-2.0 */
/* What libcrypto makes lets go of itself, and keys out of files.  For roles only: the engine does
 * not link libcrypto. */
#ifndef COVE_IMAGE_PKEY_H
#define COVE_IMAGE_PKEY_H

#include <openssl/evp.h>
#include <stddef.h>

#include "src/util/err.h"
#include "src/util/scoped.h"

#define KEY_FILE_MAX (64 << 10)

/* Each of them is fine with NULL. */
DEFINE_SCOPED(pkey, EVP_PKEY *, EVP_PKEY_free);
DEFINE_SCOPED(pkey_ctx, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
DEFINE_SCOPED(cipher_ctx, EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free);
DEFINE_SCOPED(md_ctx, EVP_MD_CTX *, EVP_MD_CTX_free);

/* Bytes that nobody shall find afterwards: wiped, then freed. */
struct secret {
	unsigned char *bytes;
	size_t n;
};
void secret_done(struct secret *s);
/* Give it away: *S is empty afterwards. */
static inline struct secret secret_take(struct secret *s)
{
	struct secret given = *s;

	*s = (struct secret){ 0 };
	return given;
}
static inline __attribute__((unused)) void scoped_secret(struct secret *s)
{
	secret_done(s);
}

/* The public key in the N bytes of a file, PEM or DER (SubjectPublicKeyInfo): owned, or NULL. */
EVP_PKEY *pkey_public(const void *bytes, size_t n);
/* The private key in one, PEM or DER (PKCS #8, PKCS #1, SEC 1), with PASSWORD (NULL: none) where it
 * is encrypted: *RET owned.  -EBADMSG when it is no private key, -EACCES for a missing or wrong
 * password. */
int pkey_private(const void *bytes, size_t n, const char *password, EVP_PKEY **ret, struct err *e);

/* With an RSA key: OAEP with MD, or PKCS #1 v1.5 when that is NULL.  *RET owned.  -EIO; -EACCES
 * when it is no RSA key, or not for this one. */
int pkey_rsa_encrypt(EVP_PKEY *key, const EVP_MD *md, const void *plain, size_t n,
		     unsigned char **ret, size_t *ret_n, struct err *e);
int pkey_rsa_decrypt(EVP_PKEY *key, const EVP_MD *md, const unsigned char *text, size_t n,
		     struct secret *ret, struct err *e);

#endif

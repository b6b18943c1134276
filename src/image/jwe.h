/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Web Encryption (RFC 7516, 7518) as layers' keys are wrapped in it: the JSON serialization,
 * general or flattened.  Made with RSA-OAEP or ECDH-ES+A256KW, by the kind of key, and A256GCM;
 * read with those, RSA-OAEP-256 and the other sizes of AES.
 *
 * libjose would do it, but needs libjansson, whose functions have the names of json-c's. */
#ifndef COVE_IMAGE_JWE_H
#define COVE_IMAGE_JWE_H

#include <stddef.h>

#include "src/image/pkey.h"

#define JWE_MAX		   (256 << 10)
#define JWE_RECIPIENTS_MAX 64

/* Encrypt the N bytes of PLAIN for each of the keys.  *RET is the text, owned.  -ENOTSUP for a key
 * of another kind or curve. */
int jwe_encrypt(EVP_PKEY *const *keys, size_t n_keys, const void *plain, size_t n, char **ret,
		struct err *e);
/* Decrypt TEXT with the private key.  -EACCES: it is not for this key; -ENOTSUP: it is made in a
 * way that is not known; -EBADMSG: it is broken. */
int jwe_decrypt(const void *text, size_t n, EVP_PKEY *key, struct secret *ret, struct err *e);

/* Concat KDF of RFC 7518, section 4.6.2, for the algorithm ALG with a key of LEN <= 32 bytes. */
int jwe_concat_kdf(const unsigned char *z, size_t z_len, const char *alg, const unsigned char *apu,
		   size_t apu_len, const unsigned char *apv, size_t apv_len, unsigned char *ret,
		   size_t len);

#endif

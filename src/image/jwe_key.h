/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a JWE, encrypted for one recipient (RFC 7518, section 4), and what both halves of the
 * module need of base64url. */
#ifndef COVE_IMAGE_JWE_KEY_H
#define COVE_IMAGE_JWE_KEY_H

#include <json-c/json_object.h>

#include "src/image/pkey.h"

/* Base64url without padding (RFC 7515, section 2).  Owned; NULL when out of memory.  -EBADMSG. */
char *jwe_b64_encode(const void *bytes, size_t n);
int jwe_b64_decode(const char *text, unsigned char **ret, size_t *ret_n, struct err *e);

/* Encrypt the N bytes of CEK for KEY; HEADER gets "alg" and what else the recipient must know.
 * -ENOTSUP for a key of another kind or curve. */
int jwe_key_wrap(EVP_PKEY *key, const unsigned char *cek, size_t n, json_object *header,
		 unsigned char **ret, size_t *ret_n, struct err *e);

/* What the headers say of a recipient; all borrowed, NULL when missing. */
struct jwe_header {
	const char *alg;
	json_object *epk, *apu, *apv;
};
/* Decrypt it with KEY.  -EACCES: it is not for this key; -ENOTSUP, -EBADMSG. */
int jwe_key_unwrap(EVP_PKEY *key, const struct jwe_header *h, const unsigned char *wrapped,
		   size_t n, struct secret *ret, struct err *e);

#endif

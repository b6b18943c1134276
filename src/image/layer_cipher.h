/* SPDX-License-Identifier: Apache-2.0 */
/* The cipher of encrypted layers, AES_256_CTR_HMAC_SHA256 of the OCI image encryption draft: the
 * stream is encrypted with AES-256-CTR, and the HMAC-SHA256 by the same key is over the ciphertext.
 * What is needed to read a layer again stands in its annotations as two JSON documents:
 *
 *	public	{"cipher","hmac","cipheroptions":{}}
 *	private	{"symkey","digest","cipheroptions":{"nonce"}}	encrypted (key_wrap.h)
 *
 * "digest" is of the layer before; others write that of what they were given, which they may have
 * compressed in another way since, so nobody compares it: the diff ID in the image's config is what
 * holds. */
#ifndef COVE_IMAGE_LAYER_CIPHER_H
#define COVE_IMAGE_LAYER_CIPHER_H

#include "src/image/pkey.h"
#include "src/image/reference.h"

#define CIPHER_KEY   32
#define CIPHER_NONCE 16
#define CIPHER_HMAC  32

struct cipher_options {
	unsigned char key[CIPHER_KEY], nonce[CIPHER_NONCE], hmac[CIPHER_HMAC];
};
/* Wipe it. */
void cipher_options_done(struct cipher_options *o);
static inline __attribute__((unused)) void scoped_cipher_options(struct cipher_options *o)
{
	cipher_options_done(o);
}
/* A new key and nonce. */
int cipher_options_new(struct cipher_options *ret, struct err *e);
/* The documents.  DIGEST is of the plain layer. */
int cipher_options_private(const struct cipher_options *o, const char *digest, struct secret *ret,
			   struct err *e);
char *cipher_options_public(const struct cipher_options *o);
/* Both, read.  -EBADMSG, -ENOTSUP for another cipher. */
int cipher_options_parse(const char *private, size_t private_len, const char *public,
			 size_t public_len, struct cipher_options *ret, struct err *e);

/* Encrypt IN to its end into OUT.  O gets the HMAC, PLAIN and CIPHER the digests of both sides and
 * *RET_SIZE the number of bytes. */
int layer_encrypt(struct cipher_options *o, int in, int out, char plain[DIGEST_LEN + 1],
		  char cipher[DIGEST_LEN + 1], int64_t *ret_size, struct err *e);
/* Decrypt IN, which shall be SIZE bytes with the digest DIGEST, to its end into OUT; IS_PART: what
 * comes behind them is something else.  The last
 * bytes are only written when it is, and the HMAC holds.  -EBADMSG: other bytes; -EACCES: another
 * HMAC. */
int layer_decrypt(const struct cipher_options *o, int in, int out, const char *digest, int64_t size,
		  int is_part, struct err *e);

#endif

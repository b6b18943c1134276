/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/secretbox.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/scoped.h"

#define BLOCK 64

static uint32_t load(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static uint32_t rotate(uint32_t v, int n)
{
	return v << n | v >> (32 - n);
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
	*b ^= rotate(*a + *d, 7);
	*c ^= rotate(*b + *a, 9);
	*d ^= rotate(*c + *b, 13);
	*a ^= rotate(*d + *c, 18);
}

/* Twenty rounds: columns, then rows, ten times. */
static void rounds(uint32_t x[16])
{
	for (int i = 0; i < 10; i++) {
		quarter(&x[0], &x[4], &x[8], &x[12]);
		quarter(&x[5], &x[9], &x[13], &x[1]);
		quarter(&x[10], &x[14], &x[2], &x[6]);
		quarter(&x[15], &x[3], &x[7], &x[11]);
		quarter(&x[0], &x[1], &x[2], &x[3]);
		quarter(&x[5], &x[6], &x[7], &x[4]);
		quarter(&x[10], &x[11], &x[8], &x[9]);
		quarter(&x[15], &x[12], &x[13], &x[14]);
	}
}

/* "expand 32-byte k" on the diagonal, the key round it, 16 bytes of input in the middle. */
static void fill(uint32_t x[16], const unsigned char key[32], const unsigned char in[16])
{
	static const unsigned char sigma[] = "expand 32-byte k";

	for (size_t i = 0; i < 4; i++) {
		x[5 * i] = load(sigma + 4 * i);
		x[1 + i] = load(key + 4 * i);
		x[11 + i] = load(key + 16 + 4 * i);
		x[6 + i] = load(in + 4 * i);
	}
}

static void hsalsa(const unsigned char key[32], const unsigned char in[16], unsigned char out[32])
{
	static const int words[] = { 0, 5, 10, 15, 6, 7, 8, 9 };
	uint32_t x[16];

	fill(x, key, in);
	rounds(x);
	for (size_t i = 0; i < 8; i++)
		store(out + 4 * i, x[words[i]]);
	OPENSSL_cleanse(x, sizeof(x));
}

static void salsa_block(const unsigned char key[32], const unsigned char nonce[8], uint64_t counter,
			unsigned char out[BLOCK])
{
	unsigned char in[16];
	uint32_t x[16], was[16];

	memcpy(in, nonce, 8);
	store(in + 8, (uint32_t)counter);
	store(in + 12, (uint32_t)(counter >> 32));
	fill(x, key, in);
	memcpy(was, x, sizeof(was));
	rounds(x);
	for (size_t i = 0; i < 16; i++)
		store(out + 4 * i, x[i] + was[i]);
	OPENSSL_cleanse(x, sizeof(x));
	OPENSSL_cleanse(was, sizeof(was));
}

static int check_tag(const unsigned char *box, size_t n, const unsigned char key[32], struct err *e)
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_POLY1305, NULL, key, 32);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char tag[SECRETBOX_TAG];
	size_t len = sizeof(tag);
	int ok = k && c && EVP_DigestSignInit(c, NULL, NULL, NULL, k) == 1 &&
		 EVP_DigestSignUpdate(c, box + SECRETBOX_TAG, n - SECRETBOX_TAG) == 1 &&
		 EVP_DigestSignFinal(c, tag, &len) == 1;

	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
	if (!ok)
		return err_set(e, -EIO, "cannot compute Poly1305");
	return CRYPTO_memcmp(tag, box, sizeof(tag)) == 0
		       ? 0
		       : err_set(e, -EACCES, "wrong passphrase, or a key that was changed");
}

int secretbox_open(const unsigned char *box, size_t n, const unsigned char nonce[SECRETBOX_NONCE],
		   const unsigned char key[SECRETBOX_KEY], unsigned char **ret, struct err *e)
{
	unsigned char subkey[32], stream[BLOCK];
	scoped(mem) unsigned char *out = NULL;
	int rc;

	if (n < SECRETBOX_TAG)
		return err_set(e, -EBADMSG, "an encrypted key is too short");
	out = malloc(n - SECRETBOX_TAG + 1);
	if (!out)
		return err_errno(e, ENOMEM, "decrypt a key");
	hsalsa(key, nonce, subkey);
	/* The first 32 bytes of the stream are the key of Poly1305. */
	salsa_block(subkey, nonce + 16, 0, stream);
	rc = check_tag(box, n, stream, e);
	for (size_t i = 0; rc == 0 && i < n - SECRETBOX_TAG; i++) {
		size_t at = i + 32;

		if (i && at % BLOCK == 0)
			salsa_block(subkey, nonce + 16, at / BLOCK, stream);
		out[i] = box[SECRETBOX_TAG + i] ^ stream[at % BLOCK];
	}
	OPENSSL_cleanse(subkey, sizeof(subkey));
	OPENSSL_cleanse(stream, sizeof(stream));
	if (rc == 0)
		*ret = take_ptr(&out);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/aes_gcm.h"

#include <string.h>

static const EVP_CIPHER *cipher_of(size_t key_len)
{
	return key_len == 16   ? EVP_aes_128_gcm()
	       : key_len == 24 ? EVP_aes_192_gcm()
	       : key_len == 32 ? EVP_aes_256_gcm()
			       : NULL;
}

int aes_gcm_seal(const unsigned char *key, size_t key_len, const unsigned char *iv, const char *aad,
		 const void *plain, size_t n, unsigned char *out, unsigned char tag[GCM_TAG])
{
	scoped(cipher_ctx) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	const EVP_CIPHER *cipher = cipher_of(key_len);
	int k, a = (int)strlen(aad);

	return c && cipher && EVP_EncryptInit_ex(c, cipher, NULL, key, iv) == 1 &&
			       (!a || EVP_EncryptUpdate(c, NULL, &k, (const unsigned char *)aad,
							a) == 1) &&
			       EVP_EncryptUpdate(c, out, &k, plain, (int)n) == 1 &&
			       EVP_EncryptFinal_ex(c, out + k, &k) == 1 &&
			       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, GCM_TAG, tag) == 1
		       ? 0
		       : -EIO;
}

int aes_gcm_open(const unsigned char *key, size_t key_len, const unsigned char *iv, const char *aad,
		 const unsigned char *text, size_t n, const unsigned char tag[GCM_TAG],
		 struct secret *ret)
{
	scoped(cipher_ctx) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	scoped(secret) struct secret plain = { malloc(n + 1), n + 1 };
	const EVP_CIPHER *cipher = cipher_of(key_len);
	unsigned char want[GCM_TAG]; /* libcrypto does not say that it leaves it alone */
	int k = 0, last = 0, a = (int)strlen(aad);

	if (!c || !plain.bytes)
		return -ENOMEM;
	memcpy(want, tag, sizeof(want));
	if (!cipher || EVP_DecryptInit_ex(c, cipher, NULL, key, iv) != 1 ||
	    (a && EVP_DecryptUpdate(c, NULL, &k, (const unsigned char *)aad, a) != 1) ||
	    EVP_DecryptUpdate(c, plain.bytes, &k, text, (int)n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, GCM_TAG, want) != 1 ||
	    EVP_DecryptFinal_ex(c, plain.bytes + k, &last) != 1)
		return -EACCES;
	plain.bytes[n] = '\0';
	plain.n = n;
	*ret = secret_take(&plain);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* AES in Galois counter mode, as the documents with layers' keys are encrypted: a nonce of 12
 * bytes, a tag of 16. */
#ifndef COVE_IMAGE_AES_GCM_H
#define COVE_IMAGE_AES_GCM_H

#include "src/image/pkey.h"

#define GCM_IV	12
#define GCM_TAG 16

/* With a key of KEY_LEN bytes (16, 24, 32).  OUT has room for N bytes.  0, or -EIO. */
int aes_gcm_seal(const unsigned char *key, size_t key_len, const unsigned char *iv, const char *aad,
		 const void *plain, size_t n, unsigned char *out, unsigned char tag[GCM_TAG]);
/* A NUL stands behind the bytes of *RET.  -EACCES when the tag does not fit. */
int aes_gcm_open(const unsigned char *key, size_t key_len, const unsigned char *iv, const char *aad,
		 const unsigned char *text, size_t n, const unsigned char tag[GCM_TAG],
		 struct secret *ret);

#endif

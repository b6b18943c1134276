/* SPDX-License-Identifier: Apache-2.0 */
/* Enveloped data of PKCS #7 (RFC 2315), as ocicrypt wraps layers' keys in it: the key for the
 * content is encrypted with RSA (PKCS #1 v1.5), and the content with AES-128-GCM, its tag behind
 * it.  RFC 5084 would have authenticated enveloped data for that, and the nonce without a tag of
 * its own; both ways of writing the nonce are read. */
#ifndef COVE_IMAGE_PKCS7_H
#define COVE_IMAGE_PKCS7_H

#include <openssl/x509.h>

#include "src/image/pkey.h"

#define PKCS7_MAX (256 << 10)

DEFINE_SCOPED(x509, X509 *, X509_free);

/* The certificate in the N bytes of a file, PEM or DER: owned, or NULL. */
X509 *pkcs7_certificate(const void *bytes, size_t n);
/* Encrypt the N bytes of PLAIN for the owners of the certificates.  *RET is DER, owned.  -ENOTSUP
 * for a key that is not of RSA. */
int pkcs7_encrypt(X509 *const *certs, size_t n_certs, const void *plain, size_t n,
		  unsigned char **ret, size_t *ret_n, struct err *e);
/* Decrypt it with a private key; whose it is need not be said.  -EACCES: it is not for this key;
 * -ENOTSUP, -EBADMSG. */
int pkcs7_decrypt(const void *der, size_t n, EVP_PKEY *key, struct secret *ret, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The role `trust` (program cove-trust): signatures are read and checked here, keys for sigstore
 *are used here, and registries.d is read here.  It speaks as the role `pull` does
 *(pull_protocol.h):
 *
 *	engine	{"type":"verify","digest":D,"reference":R or "","signatures":N}
 *		fd 4 holds "requirements", an array of policy.json's, and signature-1... up to N
 *	role	{"type":"done"} or the error: -EACCES with the reasons
 *
 *	engine	{"type":"lookaside","references":[R...],"config_dir","home"}
 *	role	{"type":"done","places":[{"read","write","attachments"}...]}
 *
 *	engine	{"type":"sign","key":PATH,"passphrase_file":PATH or "","payload":TEXT}
 *	role	{"type":"done","signature":BASE64}
 */
#ifndef COVE_IMAGE_TRUST_ROLE_H
#define COVE_IMAGE_TRUST_ROLE_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "src/image/policy.h"
#include "src/util/err.h"

#define TRUST_REQUIREMENTS "requirements"

int role_trust_main(void);

/* What the role's files share. */
int trust_verify(json_object *message, struct err *e);
int trust_sign(json_object *message, struct err *e);
int trust_jws(json_object *message, struct err *e);
/* The payload of the OpenPGP message BYTES, when gpgv finds it signed by a key of KEYRING: *RET is
 * owned.  -EACCES. */
int trust_gpgv(const char *bytes, size_t n, const unsigned char *keyring, size_t keyring_len,
	       char **ret, size_t *ret_len, struct err *e);
/* Is SIGNATURE one of PAYLOAD by the public key in PEM?  0, -EACCES, -EBADMSG for a broken key. */
int trust_check_key(const char *pem, size_t pem_len, const void *payload, size_t payload_len,
		    const unsigned char *signature, size_t signature_len, struct err *e);

/* A private key as cosign keeps it: PEM of an encrypted PKCS #8 key.  *RET is the plain key (owned,
 * to be wiped).  -EACCES for a wrong passphrase. */
int sigstore_key_open(const char *pem, size_t n, const char *passphrase, unsigned char **ret,
		      size_t *ret_len, struct err *e);

#endif

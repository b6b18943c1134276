/* SPDX-License-Identifier: Apache-2.0 */
/* OpenPGP messages are gpg's work: its keyring. */
#ifndef COVE_IMAGE_PGP_H
#define COVE_IMAGE_PGP_H

#include "src/image/pkey.h"

/* The fingerprints of the keys whose user IDs have the name or the address WHO, exactly, from the
 * TEXT of gpg --with-colons (doc/DETAILS of GnuPG); keys that are revoked, expired or disabled are
 * passed over.  Adds to the list *RET.  How many, or -ENOMEM. */
int pgp_fingerprints(const char *text, const char *who, char ***ret);
/* The same from the user's keyring.  -ENOENT. */
int pgp_find(const char *who, char ***ret, struct err *e);
/* Encrypt the N bytes of PLAIN for the keys with these fingerprints.  *RET owned. */
int pgp_encrypt(char *const *fingerprints, const void *plain, size_t n, unsigned char **ret,
		size_t *ret_n, struct err *e);

/* Do the N bytes of a file begin as secret keys do, that gpg has exported (armored or not)? */
int pgp_is_secret_key(const void *bytes, size_t n);
/* Decrypt the message with the secret keys in the file PATH and their PASSWORD (NULL: none), in a
 * home directory for gpg that is gone afterwards.  -EACCES when none of them opens it. */
int pgp_decrypt(const char *path, const char *password, const void *bytes, size_t n,
		struct secret *ret, struct err *e);

#endif

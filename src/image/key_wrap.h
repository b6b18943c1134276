/* SPDX-License-Identifier: Apache-2.0 */
/* Who may read an encrypted layer: the annotations "org.opencontainers.image.enc.keys.SCHEME" of
 * its descriptor hold its private options (layer_cipher.h), encrypted in the way of each scheme:
 * base64, several with commas between them.  For the role `crypt`. */
#ifndef COVE_IMAGE_KEY_WRAP_H
#define COVE_IMAGE_KEY_WRAP_H

#include <json-c/json_object.h>

#include "src/image/pkcs7.h"
#include "src/image/pkey.h"

#define ENC_KEYS    "org.opencontainers.image.enc.keys."
#define ENC_PUBOPTS "org.opencontainers.image.enc.pubopts"

/* Public keys, by scheme. */
struct wrap_keys {
	EVP_PKEY **jwe;
	X509 **pkcs7;
	char **pgp; /* fingerprints */
	size_t n_jwe, n_pkcs7, n_pgp;
};
void wrap_keys_done(struct wrap_keys *k);
static inline __attribute__((unused)) void scoped_wrap_keys(struct wrap_keys *k)
{
	wrap_keys_done(k);
}
/* Read the recipients "SCHEME:WHO" of the array LIST.  -EINVAL, or why a file cannot be read. */
int wrap_keys_read(json_object *list, struct wrap_keys *ret, struct err *e);
/* Add the annotations for the private options PLAIN. */
int key_wrap(const struct wrap_keys *k, const struct secret *plain, json_object *annotations,
	     struct err *e);

/* Private keys, and files with secret keys of OpenPGP. */
struct unwrap_keys {
	EVP_PKEY **keys;
	size_t n;
	struct pgp_file {
		const char *path, *password; /* in the list that was read */
	} * pgp;
	size_t n_pgp;
};
void unwrap_keys_done(struct unwrap_keys *k);
static inline __attribute__((unused)) void scoped_unwrap_keys(struct unwrap_keys *k)
{
	unwrap_keys_done(k);
}
/* Read the files of the array LIST: {"path","password" (missing: none)}.  Certificates may stand
 * among them, and what is neither is passed over, as others do.  LIST stays where it is. */
int unwrap_keys_read(json_object *list, struct unwrap_keys *ret, struct err *e);
/* The private options in a layer's ANNOTATIONS.  -EACCES when no key opens one; -EBADMSG. */
int key_unwrap(const struct unwrap_keys *k, json_object *annotations, struct secret *ret,
	       struct err *e);

#endif

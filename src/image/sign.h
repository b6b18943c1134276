/* SPDX-License-Identifier: Apache-2.0 */
/* Making signatures, and taking them to where a pushed image went. */
#ifndef COVE_IMAGE_SIGN_H
#define COVE_IMAGE_SIGN_H

#include "src/image/image.h"
#include "src/image/reference.h"

struct sign_options {
	const char *by;	   /* key of gpg's, or NULL */
	const char *sq;	   /* fingerprint of a key of Sequoia's, or NULL */
	const char *key;   /* file with a private key for sigstore, or NULL */
	int key_is_params; /* containers-sigstore-signing-params.yaml(5), which names the key */
	const char *passphrase; /* file with the passphrase of the key, or NULL */
};
/* What the options of a push say of it. */
struct sign_options sign_options_of(const struct image_push_options *o);
/* Is any signature asked for? */
int sign_is_asked(const struct image_push_options *o);
/* Can what is asked for be made?  Before anything is sent. */
int sign_check(const struct image_push_options *o, struct err *e);
/* Sign manifest DIGEST as NAME (with registry and tag): the new signatures become files of DIR_FD,
 * behind the *N that are there. */
int sign_manifest(const struct sign_options *o, const struct reference *name, const char *digest,
		  int dir_fd, size_t *n, struct err *e);

/* Add the N signatures in DIR_FD, of REPOSITORY's manifest DIGEST, to the store at URL (which must
 * be file:), as further files; those that it has already are not added again. */
int signatures_to_lookaside(const char *url, const char *repository, const char *digest, int dir_fd,
			    size_t n, struct err *e);

/* A registry to talk to, by registries.conf. */
struct sign_place {
	const struct reference *ref;
	int insecure;
	const char *authfile, *creds, *cert_dir;
	int retries;
	int64_t retry_delay_ms;
};
/* A message of TYPE to the role `pull` that says where P is, and how to talk to it.  Owned. */
json_object *sign_place_message(const struct engine *en, const struct sign_place *p,
				const char *type);
/* Add the sigstore signatures among the N in DIR_FD to those attached to DIGEST in the registry. */
int signatures_attach(struct engine *en, const struct sign_place *p, const char *digest, int dir_fd,
		      size_t n, struct err *e);

struct image_sign_options {
	char *const *references;
	const char *sign_by, *directory;
	const char *authfile, *cert_dir;
	int all; /* every image of an index too */
};
/* Sign images where they are, in registries; signatures go into DIRECTORY or the lookaside store.
 */
int image_sign(struct engine *en, const struct image_sign_options *o, struct err *e);

#endif

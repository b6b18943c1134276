/* SPDX-License-Identifier: Apache-2.0 */
/* Trust, as the engine sees it: the policy decides, and where it wants signatures the role `trust`
 * checks them.
 *
 * The policy is the file of --signature-policy, else policy.json of the user's containers
 * directory, else /etc/containers/policy.json; where there is none, every image is taken. */
#ifndef COVE_IMAGE_TRUST_H
#define COVE_IMAGE_TRUST_H

#include <json-c/json_object.h>

#include "src/image/image.h"
#include "src/image/reference.h"

/* An image that is to be taken. */
struct trust_subject {
	const char *transport;	      /* "docker", "dir", ... */
	const char *shown;	      /* for messages: "docker://registry/repo:tag" */
	const struct reference *name; /* what signatures must be for; NULL: a place without names */
	char *const *scopes;	      /* see policy_find(); NULL: none */
};

enum trust_verdict { TRUST_ACCEPTED, TRUST_NEEDS_SIGNATURES };
/* What the policy (POLICY_PATH, or NULL) says of S.  A verdict, with the requirements in
 * *RET_REQUIREMENTS (owned) when signatures are needed; or the error, -EACCES when it is rejected.
 */
int trust_decide(struct engine *en, const char *policy_path, const struct trust_subject *s,
		 json_object **ret_requirements, struct err *e);
/* Check manifest DIGEST of S by REQUIREMENTS: DIR_FD holds the files signature-1... up to
 * N.  0, or -EACCES "Source image rejected: ...". */
int trust_check(struct engine *en, const struct trust_subject *s, json_object *requirements,
		const char *digest, int dir_fd, size_t n, struct err *e);

/* May I, which is in the store and was pulled once, be used as REF (what the user typed)?  By the
 * policy of now, and the signatures that came with it.  Images that were never pulled may. */
int trust_check_stored(struct engine *en, const char *policy_path, const struct image *i,
		       const char *ref, struct err *e);

/* Where signatures of N references are.  *RET owned: an array of {"read","write","attachments"}. */
int trust_places(struct engine *en, const struct reference *const *list, size_t n,
		 json_object **ret, struct err *e);
/* The same by DIR in place of the user's and the system's registries.d (NULL: by those). */
int trust_places_in(struct engine *en, const char *dir, const struct reference *const *list,
		    size_t n, json_object **ret, struct err *e);

/* Signatures in the store, by the digest of the manifest that they are for. */
int signatures_store(struct engine *en, const char *image_id, const char *digest, int dir_fd,
		     size_t n, struct err *e);
/* Write those of DIGEST into DIR_FD as signature-1...: their number, or the error. */
int signatures_fetch(struct engine *en, const char *digest, int dir_fd, struct err *e);

#endif

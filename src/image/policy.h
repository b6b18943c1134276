/* SPDX-License-Identifier: Apache-2.0 */
/* policy.json (containers-policy.json(5)): which images may be taken.
 *
 * Nothing in it is ignored: a member that is not known, or of the wrong type, makes the whole file
 * an error, so that no typing error opens a door. */
#ifndef COVE_IMAGE_POLICY_H
#define COVE_IMAGE_POLICY_H

#include <json-c/json_object.h>

#include "src/image/reference.h"
#include "src/util/err.h"

#define POLICY_MAX (4 << 20)

struct policy {
	json_object *document;
};
/* Parse and check.  *RET owned.  -EBADMSG. */
int policy_parse(const char *bytes, size_t n, struct policy **ret, struct err *e);
struct policy *policy_free(struct policy *p);
DEFINE_SCOPED(policy, struct policy *, policy_free);

/* The requirements for an image of TRANSPORT ("docker", "dir", ...): of the first of SCOPES (the
 * narrowest first; NULL: none) that the policy has, else of the transport's "", else the default.
 * Borrowed: an array of at least one. */
json_object *policy_find(const struct policy *p, const char *transport, char *const *scopes);

/* Names under which "docker" and registries.d may speak of REF, the narrowest first: with tag or
 * digest, its repository, its parents, its host, and "*.DOMAIN" of the host's parents.  Owned; NULL
 * when out of memory. */
char **policy_scopes(const struct reference *ref);
/* The same of an absolute PATH, and first of all of PATH:NAME (NAME may be NULL: PATH alone). */
char **policy_path_scopes(const char *path, const char *name);

enum requirement_kind {
	REQUIRE_NOTHING,   /* insecureAcceptAnything */
	REQUIRE_REJECTION, /* reject */
	REQUIRE_GPG,	   /* signedBy */
	REQUIRE_SIGSTORE,  /* sigstoreSigned */
};
enum identity_match {
	IDENTITY_REPO_DIGEST_OR_EXACT, /* the default */
	IDENTITY_EXACT,
	IDENTITY_REPOSITORY,
	IDENTITY_EXACT_REFERENCE,
	IDENTITY_EXACT_REPOSITORY,
	IDENTITY_REMAP,
};
/* One requirement.  All owned. */
struct requirement {
	enum requirement_kind kind;
	char **key_paths, **key_data; /* any of them; data in base64 */
	enum identity_match match;
	char *given, *signed_prefix; /* of EXACT_REFERENCE, EXACT_REPOSITORY; REMAP: the prefixes */
};
/* -EBADMSG for what breaks the format, -ENOTSUP for what cannot be checked here. */
int requirement_parse(json_object *o, struct requirement *ret, struct err *e);
void requirement_done(struct requirement *r);
static inline __attribute__((unused)) void scoped_requirement(struct requirement *r)
{
	requirement_done(r);
}

/* Does the name SIGNED ("registry/repository[:tag][@digest]") stand for the image that was asked
 * for as WANTED (NULL: a place without names)?  1, or 0 with the reason in E. */
int identity_matches(const struct requirement *r, const struct reference *wanted,
		     const char *signed_name, struct err *e);

#endif

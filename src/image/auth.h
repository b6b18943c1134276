/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of registries: auth.json (containers-auth.json(5)), docker's config.json, and the
 * programs docker-credential-NAME. */
#ifndef COVE_IMAGE_AUTH_H
#define COVE_IMAGE_AUTH_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "src/util/err.h"

#define AUTH_ANSWER_MAX (1 << 20) /* bytes of a file or of a helper's answer */

/* Owned; wiped before they are freed. */
struct credentials {
	char *username, *password;
	char *identity_token; /* instead of the password: exchanged for access tokens */
};
void credentials_done(struct credentials *c);
static inline __attribute__((unused)) void scoped_credentials(struct credentials *c)
{
	credentials_done(c);
}

/* "user:password" as --creds has it (without ':' the password is empty).  -EINVAL. */
int credentials_parse(const char *s, struct credentials *ret, struct err *e);
/* Base64 of "user:password"; owned. */
char *credentials_basic(const struct credentials *c);

/* Find what one file says of REGISTRY and REPOSITORY: the longest key of "auths" from
 * REGISTRY/REPOSITORY up to REGISTRY, also in the URL forms that docker writes.  1: *RET is filled.
 * 2: *RET_HELPER (owned) is to be asked.  0: nothing.  -EBADMSG for a broken entry. */
int auth_find(json_object *file, const char *registry, const char *repository,
	      struct credentials *ret, char **ret_helper, struct err *e);
/* Parse a helper's answer to "get".  1, or 0 when it says that it has none. */
int auth_helper_answer(const char *bytes, size_t n, struct credentials *ret, struct err *e);

/* A file that the user named (NULL or "": he did not) has to be there, whether or not it will be
 * needed. -ENOENT, ... */
int auth_file_check(const char *authfile, struct err *e);
/* Look in AUTHFILE alone when given (not NULL or ""), else where REGISTRY_AUTH_FILE says, else in
 * $XDG_RUNTIME_DIR/containers/auth.json (without that variable: /run/containers/UID/auth.json),
 * the user's containers/auth.json,
 * $DOCKER_CONFIG or ~/.docker/config.json, ~/.dockercfg; helpers are run.
 * 1: found, 0: none; an AUTHFILE that is not there is -ENOENT. */
int auth_lookup(const char *authfile, const char *registry, const char *repository,
		struct credentials *ret, struct err *e);

#endif

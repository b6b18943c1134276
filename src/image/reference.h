/* SPDX-License-Identifier: Apache-2.0 */
/* Image references and digests, as users and documents write them.
 *
 *	[REGISTRY/]REPOSITORY[:TAG][@DIGEST]
 *
 * The first component is a registry when it holds '.' or ':' or is "localhost"; otherwise the name
 *is short and its registry is NULL until reference_qualify() gives it one (registries.conf says
 *which, see registries.h).  Names of the Hub are kept in their long form, docker.io/library/NAME.
 */
#ifndef COVE_IMAGE_REFERENCE_H
#define COVE_IMAGE_REFERENCE_H

#include "src/util/err.h"
#include "src/util/scoped.h"

#define DIGEST_LEN     71 /* "sha256:" and 64 hex digits */
#define DIGEST_HEX_LEN 64
#define REFERENCE_HUB  "docker.io"

/* All owned. */
struct reference {
	char *registry;	  /* "host[:port]", or NULL for a short name */
	char *repository; /* "path/name", lower case */
	char *tag;	  /* NULL: none was written */
	char *digest;	  /* "sha256:..." or NULL */
};

/* Parse S into *RET (untouched on failure), which reference_done() empties.  -EINVAL for anything
 * that is no reference; grammar: the distribution project's reference, names of at most 255 bytes.
 */
int reference_parse(const char *s, struct reference *ret, struct err *e);
void reference_done(struct reference *r);
int reference_copy(const struct reference *r, struct reference *ret, struct err *e);

/* Give a short name its registry ("localhost", "quay.io", "quay.io/team": what follows the host
 * goes in front of the repository).  On the Hub single names get "library/".  -EINVAL, -ENOMEM. */
int reference_qualify(struct reference *r, const char *registry, struct err *e);

/* Everything that is set: "quay.io/a/b:1@sha256:...".  Owned; NULL when out of memory. */
char *reference_format(const struct reference *r);
/* "registry/repository:tag", the tag "latest" when neither tag nor digest is there; NULL (errno 0)
 * for a reference by digest alone.  What the store keeps as a name.  Owned. */
char *reference_name(const struct reference *r);
/* The name that an image is given: TEXT with "localhost" for a registry where it has none, in the
 * form of reference_name().  *RET is owned.  -EINVAL, also for a name with a digest. */
int reference_new_name(const char *text, char **ret, struct err *e);
/* "registry/repository@DIGEST" for a digest of the caller's.  Owned. */
char *reference_digest_name(const struct reference *r, const char *digest);
/* "registry/repository", or the repository alone of a short name.  Owned. */
char *reference_path(const struct reference *r);

/* Is S exactly "sha256:" and 64 lower-case hex digits?  The one check of digests from outside: a
 * string that did not pass it never becomes a path or an URL. */
int digest_is_valid(const char *s);
/* The hex digits of a valid digest. */
const char *digest_hex(const char *digest);

static inline __attribute__((unused)) void scoped_reference(struct reference *r)
{
	reference_done(r);
}

#endif

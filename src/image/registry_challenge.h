/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate: what a registry asks for (RFC 9110 section 11.6.1; the Bearer parameters are
 * those of the distribution project's token specification). */
#ifndef COVE_IMAGE_REGISTRY_CHALLENGE_H
#define COVE_IMAGE_REGISTRY_CHALLENGE_H

#include <stddef.h>

#include "src/util/err.h"

#define CHALLENGE_HEADER_MAX 16384 /* bytes of one header's value */

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

/* The best offer seen so far; all owned. */
struct challenge {
	enum challenge_scheme scheme;
	char *realm, *service, *scope; /* NULL when absent */
};

/* Read one header value; Bearer is preferred to Basic, other schemes are passed over.  C keeps its
 * better offer when the header has none.  -EBADMSG for a value that breaks the grammar, -E2BIG. */
int challenge_parse(const char *value, size_t n, struct challenge *c, struct err *e);
void challenge_done(struct challenge *c);

static inline __attribute__((unused)) void scoped_challenge(struct challenge *c)
{
	challenge_done(c);
}

#endif

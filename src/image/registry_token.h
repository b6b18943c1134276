/* SPDX-License-Identifier: Apache-2.0 */
/* Answering a registry's challenge: Basic, or a Bearer token fetched from the realm it names. */
#ifndef COVE_IMAGE_REGISTRY_TOKEN_H
#define COVE_IMAGE_REGISTRY_TOKEN_H

#include "src/image/registry.h"

/* Make s->authorization what C asks for and count s->generation up.  -ENODATA when it asks for
 * credentials and there are none. */
int registry_authorize(struct registry_session *s, const struct challenge *c, struct err *e);
/* The token of a token server's answer; owned. */
int registry_token_parse(const char *bytes, size_t n, char **ret, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What to tell the user of an answer that is an error, and of a connection that failed. */
#ifndef COVE_IMAGE_REGISTRY_ERROR_H
#define COVE_IMAGE_REGISTRY_ERROR_H

#include "src/image/registry_http.h"

/* From status and body ({"errors":[{"code","message"}]} of the distribution-spec): -ENOENT for 404,
 * -EACCES for 401 and 403, -EAGAIN for 429, else -EPROTO or -EIO.  Returns the code. */
int registry_error(const struct http_transfer *t, struct err *e);
/* The words for a body and a status, for tests: the text alone. */
void registry_error_text(long status, const char *body, size_t n, struct strbuf *text);
/* No answer came.  CONTACTED: the host has answered before. */
void registry_wire_error(const struct http_transfer *t, const char *host, const char *url,
			 int contacted, struct err *e);
/* Did TLS fail because the other side does not speak it? */
int registry_speaks_plain_http(const struct http_transfer *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_UTIL_BASE64_H
#define COVE_UTIL_BASE64_H

#include <stddef.h>

#include "src/util/err.h"

/* Base64 (RFC 4648, section 4) with or without line breaks.  *RET owned (a NUL stands behind its
 * *RET_LEN bytes).  -EBADMSG for anything else. */
int base64_decode(const char *text, size_t n, unsigned char **ret, size_t *ret_len, struct err *e);
/* Owned; NULL when out of memory. */
char *base64_encode(const void *bytes, size_t n);
/* The same in the alphabet for URLs, without padding (section 5). */
int base64url_decode(const char *text, size_t n, unsigned char **ret, size_t *ret_len,
		     struct err *e);
char *base64url_encode(const void *bytes, size_t n);

#endif

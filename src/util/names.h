/* SPDX-License-Identifier: Apache-2.0 */
/* Names and IDs of objects: the one check that every entry point uses. */
#ifndef COVE_UTIL_NAMES_H
#define COVE_UTIL_NAMES_H

#include <stddef.h>

#include "src/util/strbuf.h"

#define ID_LEN	     64 /* hex digits of an object's ID */
#define ID_SHORT_LEN 12 /* as tables show it */

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255 bytes. */
int name_is_valid(const char *s);
/* Fill BUF (N + 1 bytes) with N random lower-case hex digits and a NUL.  0 or a negative errno. */
int id_random(char *buf, size_t n);
/* Is S 1..64 lower-case hex digits? */
int id_is_prefix(const char *s);
/* Is S UTF-8 without control characters? */
int name_is_printable(const char *s);
/* Append S with control characters (and bytes of broken UTF-8) escaped as \xNN: for what strangers
 * wrote and a terminal will show. */
int name_escape(struct strbuf *b, const char *s);
/* Two words joined with '_', for containers that were given no name.  BUF has room for 64. */
void name_random(char *buf);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* $NAME and ${NAME} in texts. */
#ifndef COVE_UTIL_EXPAND_H
#define COVE_UTIL_EXPAND_H

#include "src/util/strbuf.h"

/* Append what NAME stands for. */
typedef void expand_fn(void *arg, const char *name, struct strbuf *b);
/* TEXT with $NAME and ${NAME} (letters, digits and '_') replaced by what FN appends; any other '$'
 * stays.  Owned, NULL when out of memory. */
char *expand(const char *text, expand_fn *fn, void *arg);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Text in columns. */
#ifndef COVE_UTIL_TABLE_H
#define COVE_UTIL_TABLE_H

#include "src/util/strbuf.h"

#define TABLE_MIN_WIDTH 12 /* of a column with its gap, as Podman's tables have it */
#define TABLE_GAP	2

/* Lines of TEXT hold cells that end with a tab; the last of a line ends with the line and is never
 * padded. Cells of one column in neighbouring lines are made equally wide.  Appends to OUT; 0 or
 * -ENOMEM, -E2BIG. */
int table_align(const char *text, struct strbuf *out);

#endif

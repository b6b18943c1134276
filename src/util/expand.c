/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/expand.h"

#include <string.h>

#include "src/util/scoped.h"

static int is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

char *expand(const char *text, expand_fn *fn, void *arg)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	for (const char *p = text; *p;) {
		const char *from = *p == '$' && p[1] == '{' ? p + 2 : p + 1, *to = from;
		scoped(mem) char *name = NULL;

		while (*p == '$' && is_name_char(*to))
			to++;
		if (to == from || (from == p + 2 && *to != '}')) { /* the adders fail for good */
			(void)strbuf_putc(&b, *p++);
			continue;
		}
		name = strndup(from, (size_t)(to - from));
		if (!name)
			return NULL;
		fn(arg, name, &b);
		p = from == p + 2 ? to + 1 : to;
	}
	return strbuf_take(&b);
}

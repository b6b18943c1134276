/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/system/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* Would the plain text be read as a number, a boolean, null, or as YAML's own signs? */
static int needs_quotes(const char *s)
{
	char *end;

	if (!*s || strchr("-?:,[]{}#&*!|>'\"%@` ", *s) || str_ends(s, " ") || str_ends(s, ":") ||
	    strstr(s, ": ") || strstr(s, " #"))
		return 1;
	for (const char *c = s; *c; c++)
		if ((unsigned char)*c < 0x20)
			return 1;
	(void)strtod(s, &end);
	return !*end ||
	       str_in_words(s, strlen(s),
			    "true|false|null|yes|no|on|off|y|n|~|True|False|Null|Yes|No|On|Off");
}

static void put_scalar(struct strbuf *b, json_object *o)
{
	if (json_object_is_type(o, json_type_string) && !needs_quotes(json_object_get_string(o)))
		(void)strbuf_puts(b, json_object_get_string(o));
	else /* a JSON scalar is a YAML scalar */
		(void)strbuf_puts(
			b, json_object_to_json_string_ext(
				   o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static int is_empty(json_object *o)
{
	if (json_object_is_type(o, json_type_object))
		return json_object_object_length(o) == 0;
	return !json_object_is_type(o, json_type_array) || json_object_array_length(o) == 0;
}

static void put_value(struct strbuf *b, json_object *o, int depth);

static void put_object(struct strbuf *b, json_object *o, int depth, int skip_indent)
{
	json_object_object_foreach(o, key, value)
	{
		(void)strbuf_printf(b, "%*s%s:", skip_indent ? 0 : depth * 2, "", key);
		put_value(b, value, depth);
		skip_indent = 0;
	}
}

/* What stands behind "key:", with its newline. */
static void put_value(struct strbuf *b, json_object *o, int depth)
{
	if (is_empty(o)) {
		(void)strbuf_putc(b, ' ');
		put_scalar(b, o);
		(void)strbuf_putc(b, '\n');
		return;
	}
	(void)strbuf_putc(b, '\n');
	if (json_object_is_type(o, json_type_object)) {
		put_object(b, o, depth + 1, 0);
		return;
	}
	for (size_t i = 0; i < json_len(o); i++) {
		json_object *element = json_object_array_get_idx(o, i);
		(void)strbuf_printf(b, "%*s- ", depth * 2, "");
		if (json_object_is_type(element, json_type_object)) {
			put_object(b, element, depth + 1, 1);
		} else {
			put_scalar(b, element);
			(void)strbuf_putc(b, '\n');
		}
	}
}

int yaml_print(json_object *o, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	put_object(&b, o, 0, 0);
	if (b.failed)
		return err_errno(e, b.failed, "output");
	return b.len && fputs(b.s, stdout) < 0 ? err_sys(e, "write to standard output") : 0;
}

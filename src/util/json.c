/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/json.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json_tokener.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "src/util/scoped.h"
#include "src/util/strbuf.h"

static void tokener_free(struct json_tokener *t)
{
	if (t)
		json_tokener_free(t); /* which does not take NULL before json-c 0.17 */
}
DEFINE_SCOPED(tokener, struct json_tokener *, tokener_free);

/* A tokener has a stack of JSON_DEPTH_MAX levels, which costs more than an empty column of the
 * store is worth. */
static json_object *parse_empty(const char *bytes, size_t n)
{
	if (n != 2)
		return NULL;
	if (memcmp(bytes, "[]", 2) == 0)
		return json_object_new_array();
	return memcmp(bytes, "{}", 2) == 0 ? json_object_new_object() : NULL;
}

static int parse(const char *bytes, size_t n, json_object **ret, struct err *e)
{
	scoped(tokener) struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH_MAX);
	scoped(json) json_object *o = NULL;
	size_t end;

	if (!tok)
		return err_errno(e, ENOMEM, "parse JSON");
	if (n > INT_MAX)
		return err_set(e, -E2BIG, "JSON of %zu bytes is too large", n);
	if (memchr(bytes, '\0', n))
		return err_set(e, -EBADMSG, "JSON has a NUL byte");
	/* Not STRICT alone: json-c's strict mode refuses a trailing newline, which files have; what
	 * follows the value is looked at below instead. */
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	o = json_tokener_parse_ex(tok, bytes, (int)n);
	if (json_tokener_get_error(tok) == json_tokener_continue) /* a number at the very end */
		o = json_tokener_parse_ex(tok, "", 1);
	if (json_tokener_get_error(tok) != json_tokener_success)
		return err_set(e, -EBADMSG, "invalid JSON at byte %zu: %s",
			       json_tokener_get_parse_end(tok),
			       json_tokener_error_desc(json_tokener_get_error(tok)));
	end = json_tokener_get_parse_end(tok);
	for (size_t i = end; i < n; i++)
		if (!isspace((unsigned char)bytes[i]))
			return err_set(e, -EBADMSG,
				       "invalid JSON: something follows the value at byte %zu", i);
	*ret = take_ptr(&o);
	return 0;
}

int json_parse(const char *bytes, size_t n, json_object **ret, struct err *e)
{
	json_object *empty = parse_empty(bytes, n);

	if (!empty)
		return parse(bytes, n, ret, e);
	*ret = empty;
	return 0;
}

static char *text(json_object *o, int flags)
{
	size_t n = 0;
	const char *s =
		json_object_to_json_string_length(o, flags | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
	return s ? strndup(s, n) : NULL;
}

char *json_text(json_object *o)
{
	return text(o, JSON_C_TO_STRING_PLAIN);
}

/* json-c indents by two spaces or a tab and prints empty arrays over two lines; this writes what
 * the ecosystem's tools print. */
static int pretty(json_object *o, struct strbuf *b, int depth)
{
	enum json_type type = json_object_get_type(o);
	const char *sep = "\n";

	if (type == json_type_object && json_object_object_length(o) > 0) {
		(void)strbuf_putc(b, '{');
		json_object_object_foreach(o, key, value)
		{
			scoped(json) json_object *k = json_object_new_string(key);
			(void)strbuf_puts(b, sep);
			(void)strbuf_printf(b, "%*s%s: ", (depth + 1) * 4, "",
					    json_object_to_json_string_ext(
						    k, JSON_C_TO_STRING_PLAIN |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
			(void)pretty(value, b, depth + 1);
			sep = ",\n";
		}
		return strbuf_printf(b, "\n%*s}", depth * 4, "");
	}
	if (type == json_type_array && json_object_array_length(o) > 0) {
		(void)strbuf_putc(b, '[');
		for (size_t i = 0; i < json_object_array_length(o); i++) {
			(void)strbuf_puts(b, sep);
			(void)strbuf_printf(b, "%*s", (depth + 1) * 4, "");
			(void)pretty(json_object_array_get_idx(o, i), b, depth + 1);
			sep = ",\n";
		}
		return strbuf_printf(b, "\n%*s]", depth * 4, "");
	}
	return strbuf_puts(b, json_object_to_json_string_ext(
				      o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

char *json_text_pretty(json_object *o)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	(void)pretty(o, &b, 0); /* failures stick to the buffer */
	(void)strbuf_putc(&b, '\n');
	return strbuf_take(&b);
}

json_object *json_get(json_object *o, const char *name)
{
	json_object *v = NULL;
	if (!json_object_is_type(o, json_type_object))
		return NULL;
	return json_object_object_get_ex(o, name, &v) ? v : NULL;
}

json_object *json_path(json_object *o, ...)
{
	va_list ap;
	va_start(ap, o);
	for (const char *name; o && (name = va_arg(ap, const char *));)
		o = json_get(o, name);
	va_end(ap);
	return o;
}

const char *json_get_str(json_object *o, const char *name)
{
	json_object *v = json_get(o, name);
	return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

int64_t json_get_int(json_object *o, const char *name, int64_t missing)
{
	json_object *v = json_get(o, name);
	return json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : missing;
}

int json_get_bool(json_object *o, const char *name, int missing)
{
	json_object *v = json_get(o, name);
	return json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v) : missing;
}

size_t json_len(json_object *o)
{
	return json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
}

const char *json_str_at(json_object *array, size_t i)
{
	json_object *v = json_object_array_get_idx(array, i);
	return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

void json_put(json_object *o, const char *name, json_object *take_value)
{
	/* json-c ends the process over anything that is no object. */
	if (!json_object_is_type(o, json_type_object) ||
	    json_object_object_add(o, name, take_value) < 0)
		json_free(take_value);
}

void json_put_str(json_object *o, const char *name, const char *s)
{
	json_put(o, name, json_object_new_string(s ? s : ""));
}

void json_put_int(json_object *o, const char *name, int64_t v)
{
	json_put(o, name, json_object_new_int64(v));
}

void json_put_bool(json_object *o, const char *name, int v)
{
	json_put(o, name, json_object_new_boolean(v));
}

json_object *json_strv(char *const *v)
{
	json_object *a = json_object_new_array();
	for (size_t i = 0; a && v && v[i]; i++)
		(void)json_object_array_add(a, json_object_new_string(v[i]));
	return a;
}

void json_put_strv(json_object *o, const char *name, char *const *v)
{
	json_put(o, name, json_strv(v));
}

int json_to_strv(json_object *array, char ***ret)
{
	scoped(strv) char **v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < json_len(array); i++) {
		const char *s = json_str_at(array, i);
		if (!s)
			return -EBADMSG;
		if (strv_add(&v, s) < 0)
			return -ENOMEM;
	}
	*ret = v;
	v = NULL;
	return 0;
}

/* ---- field tables --------------------------------------------------------------------------- */

static int wrong_type(struct err *e, const char *where, const char *name)
{
	return err_set(e, -EBADMSG, "%s: '%s' has the wrong type", where, name);
}

static int decode_one(const struct field *f, json_object *v, void *at, const char *where,
		      struct err *e)
{
	enum json_type type = json_object_get_type(v);

	switch (f->kind) {
	case FIELD_STR:
		if (type != json_type_string)
			return wrong_type(e, where, f->name);
		free(*(char **)at);
		*(char **)at = strdup(json_object_get_string(v));
		return *(char **)at ? 0 : err_errno(e, ENOMEM, "%s", where);
	case FIELD_BOOL:
		if (type != json_type_boolean)
			return wrong_type(e, where, f->name);
		*(int *)at = json_object_get_boolean(v);
		return 0;
	case FIELD_INT:
	case FIELD_I64:
		if (type != json_type_int)
			return wrong_type(e, where, f->name);
		if (f->kind == FIELD_I64)
			*(int64_t *)at = json_object_get_int64(v);
		else if (json_object_get_int64(v) < INT_MIN || json_object_get_int64(v) > INT_MAX)
			return err_set(e, -EBADMSG, "%s: '%s' is out of range", where, f->name);
		else
			*(int *)at = json_object_get_int(v);
		return 0;
	case FIELD_STRV:
		if (type != json_type_array)
			return wrong_type(e, where, f->name);
		strv_free(*(char ***)at);
		*(char ***)at = NULL;
		return json_to_strv(v, (char ***)at) < 0 ? wrong_type(e, where, f->name) : 0;
	case FIELD_JSON:
		json_free(*(json_object **)at);
		*(json_object **)at = json_object_get(v);
		return 0;
	case FIELD_STRUCT:
		if (type != json_type_object)
			return wrong_type(e, where, f->name);
		return field_decode(f->sub, v, at, where, e);
	case FIELD_END:
		break;
	}
	return 0;
}

int field_decode(const struct field *table, json_object *o, void *dst, const char *where,
		 struct err *e)
{
	if (!json_object_is_type(o, json_type_object))
		return err_set(e, -EBADMSG, "%s is no JSON object", where);
	for (const struct field *f = table; f->kind != FIELD_END; f++) {
		json_object *v = json_get(o, f->name);
		int r;
		if (!v) {
			if (f->flags & FIELD_REQUIRED)
				return err_set(e, -EBADMSG, "%s: '%s' is missing", where, f->name);
			continue;
		}
		r = decode_one(f, v, (char *)dst + f->offset, where, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static json_object *encode_one(const struct field *f, const void *at, int *ret_empty)
{
	const char *s;
	char **v;
	json_object *o;

	switch (f->kind) {
	case FIELD_STR:
		s = *(char *const *)at;
		*ret_empty = !s || !*s;
		return json_object_new_string(s ? s : "");
	case FIELD_BOOL:
		*ret_empty = !*(const int *)at;
		return json_object_new_boolean(*(const int *)at);
	case FIELD_INT:
		*ret_empty = !*(const int *)at;
		return json_object_new_int(*(const int *)at);
	case FIELD_I64:
		*ret_empty = !*(const int64_t *)at;
		return json_object_new_int64(*(const int64_t *)at);
	case FIELD_STRV:
		v = *(char **const *)at;
		*ret_empty = strv_len(v) == 0;
		return v ? json_strv(v) : NULL;
	case FIELD_JSON:
		o = *(json_object *const *)at;
		*ret_empty = !o;
		return json_object_get(o);
	case FIELD_STRUCT:
		*ret_empty = 0;
		return field_encode(f->sub, at);
	case FIELD_END:
		break;
	}
	return NULL;
}

json_object *field_encode(const struct field *table, const void *src)
{
	json_object *o = json_object_new_object();
	for (const struct field *f = table; o && f->kind != FIELD_END; f++) {
		int empty = 0;
		json_object *v = encode_one(f, (const char *)src + f->offset, &empty);
		if (empty && (f->flags & FIELD_OMITEMPTY))
			json_free(v);
		else
			json_put(o, f->name, v);
	}
	return o;
}

void field_done(const struct field *table, void *dst)
{
	for (const struct field *f = table; f->kind != FIELD_END; f++) {
		void *at = (char *)dst + f->offset;
		switch (f->kind) {
		case FIELD_STR:
			free(*(char **)at);
			*(char **)at = NULL;
			break;
		case FIELD_STRV:
			strv_free(*(char ***)at);
			*(char ***)at = NULL;
			break;
		case FIELD_JSON:
			json_free(*(json_object **)at);
			*(json_object **)at = NULL;
			break;
		case FIELD_STRUCT:
			field_done(f->sub, at);
			break;
		case FIELD_BOOL:
		case FIELD_INT:
		case FIELD_I64:
		case FIELD_END:
			break;
		}
	}
}

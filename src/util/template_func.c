/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of the template language, and how values print. */
#include <ctype.h>
#include <errno.h>
#include <json-c/json_util.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/template_tree.h"
#include "src/util/units.h"

static int is(const struct value *v, enum json_type type)
{
	return v->o && json_object_is_type(v->o, type);
}

static int bad_arg(struct run *r, const char *function)
{
	return run_fail(r, 0, "error calling %s: wrong type of argument", function);
}

static int keep_text(struct run *r, struct strbuf *b, struct value *ret)
{
	if (b->failed)
		return err_errno(r->e, b->failed, "template: %s", r->t->name);
	return run_keep(r, json_object_new_string_len(b->s ? b->s : "", (int)b->len), b->len, ret);
}

static int keep_bool(struct run *r, int claim, struct value *ret)
{
	return run_keep(r, json_object_new_boolean(claim), sizeof(int), ret);
}

int value_is_true(const struct value *v)
{
	switch (v->o ? json_object_get_type(v->o) : json_type_null) {
	case json_type_null:
		return 0;
	case json_type_boolean:
		return json_object_get_boolean(v->o);
	case json_type_int:
		return json_object_get_int64(v->o) != 0;
	case json_type_double:
		return json_object_get_double(v->o) != 0;
	case json_type_string:
		return json_object_get_string_len(v->o) > 0;
	case json_type_array:
		return json_object_array_length(v->o) > 0;
	case json_type_object:
		return json_object_object_length(v->o) > 0;
	}
	return 0;
}

static int print_double(struct strbuf *b, double d)
{
	char text[40];
	for (int digits = 1; digits <= 17; digits++) { /* the shortest that reads back the same */
		(void)snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	return strbuf_puts(b, text);
}

static int print_string(struct strbuf *b, const struct value *v)
{
	const char *s = json_object_get_string(v->o);
	char text[UNITS_MAX];
	int64_t ns;

	if (v->is_time && time_parse(s, 0, &ns) == 0)
		return strbuf_puts(b, time_long(ns, 0, text));
	return strbuf_add(b, s, (size_t)json_object_get_string_len(v->o));
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "map[a:1 b:2]" in the order of keys, "{1 2}" for what is a struct in Go, in its own order. */
static int print_object(struct run *r, struct strbuf *b, const struct value *v)
{
	size_t n = 0, len = (size_t)json_object_object_length(v->o);
	scoped(mem) const char **keys = calloc(len + 1, sizeof(*keys));

	if (!keys)
		return err_errno(r->e, ENOMEM, "template");
	json_object_object_foreach(v->o, key, value)
	{
		(void)value;
		keys[n++] = key;
	}
	if (v->is_map)
		qsort(keys, n, sizeof(*keys), compare_keys);
	(void)strbuf_puts(b, v->is_map ? "map[" : "{");
	for (size_t i = 0; i < n; i++) {
		struct value member = { 0 };
		(void)json_object_object_get_ex(v->o, keys[i], &member.o);
		member.is_map =
			r->schema && str_in_words(keys[i], strlen(keys[i]), r->schema->maps);
		(void)strbuf_printf(b, "%s%s%s", i ? " " : "", v->is_map ? keys[i] : "",
				    v->is_map ? ":" : "");
		int rc = value_print(r, b, &member);
		if (rc < 0)
			return rc;
	}
	return strbuf_puts(b, v->is_map ? "]" : "}");
}

static int print_array(struct run *r, struct strbuf *b, const struct value *v)
{
	(void)strbuf_putc(b, '[');
	for (size_t i = 0; i < json_object_array_length(v->o); i++) {
		struct value element = { .o = json_object_array_get_idx(v->o, i) };
		int rc;
		if (i)
			(void)strbuf_putc(b, ' ');
		rc = value_print(r, b, &element);
		if (rc < 0)
			return rc;
	}
	return strbuf_putc(b, ']');
}

int value_print(struct run *r, struct strbuf *b, const struct value *v)
{
	if (v->missing)
		return strbuf_puts(b, "<no value>");
	switch (v->o ? json_object_get_type(v->o) : json_type_null) {
	case json_type_null:
		return strbuf_puts(b, v->is_map ? "map[]" : "<nil>");
	case json_type_boolean:
		return strbuf_puts(b, json_object_get_boolean(v->o) ? "true" : "false");
	case json_type_int:
		return strbuf_printf(b, "%lld", (long long)json_object_get_int64(v->o));
	case json_type_double:
		return print_double(b, json_object_get_double(v->o));
	case json_type_string:
		return print_string(b, v);
	case json_type_array:
		return print_array(r, b, v);
	case json_type_object:
		return print_object(r, b, v);
	}
	return 0;
}

static int fn_not(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	(void)n;
	return keep_bool(r, !value_is_true(&args[0]), ret);
}

/* -1, 0, 1, or 2 when the two cannot be compared. */
static int compare(const struct value *a, const struct value *b)
{
	if (is(a, json_type_string) && is(b, json_type_string)) {
		int c = strcmp(json_object_get_string(a->o), json_object_get_string(b->o));
		return (c > 0) - (c < 0);
	}
	if (is(a, json_type_int) && is(b, json_type_int)) {
		int64_t x = json_object_get_int64(a->o), y = json_object_get_int64(b->o);
		return (x > y) - (x < y);
	}
	if ((is(a, json_type_int) || is(a, json_type_double)) &&
	    (is(b, json_type_int) || is(b, json_type_double))) {
		double x = json_object_get_double(a->o), y = json_object_get_double(b->o);
		return (x > y) - (x < y);
	}
	return 2;
}

/* 1, 0, or 2 when the two cannot be compared. */
static int equal(const struct value *a, const struct value *b)
{
	int c = compare(a, b);
	if (c != 2)
		return c == 0;
	if (is(a, json_type_boolean) && is(b, json_type_boolean))
		return json_object_get_boolean(a->o) == json_object_get_boolean(b->o);
	return !a->o || !b->o ? !a->o && !b->o : 2;
}

static int incomparable(struct run *r, const char *function)
{
	return run_fail(r, 0, "error calling %s: incompatible types for comparison", function);
}

static int fn_eq(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	int found = 0;
	for (size_t i = 1; i < n && !found; i++) {
		int c = equal(&args[0], &args[i]);
		if (c == 2)
			return incomparable(r, "eq");
		found = c;
	}
	return keep_bool(r, found, ret);
}

static int fn_ne(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	int c = equal(&args[0], &args[1]);
	(void)n;
	return c == 2 ? incomparable(r, "ne") : keep_bool(r, !c, ret);
}

/* The four orders: which outcomes of compare() are true. */
static int ordered(struct run *r, const struct value *args, const char *name, int less, int same,
		   int more, struct value *ret)
{
	int c = compare(&args[0], &args[1]);
	if (c == 2)
		return incomparable(r, name);
	return keep_bool(r, c < 0 ? less : c == 0 ? same : more, ret);
}

static int fn_lt(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	(void)n;
	return ordered(r, args, "lt", 1, 0, 0, ret);
}

static int fn_le(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	(void)n;
	return ordered(r, args, "le", 1, 1, 0, ret);
}

static int fn_gt(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	(void)n;
	return ordered(r, args, "gt", 0, 0, 1, ret);
}

static int fn_ge(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	(void)n;
	return ordered(r, args, "ge", 0, 1, 1, ret);
}

static int fn_len(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	int64_t len;

	(void)n;
	if (is(&args[0], json_type_string))
		len = json_object_get_string_len(args[0].o);
	else if (is(&args[0], json_type_array))
		len = (int64_t)json_object_array_length(args[0].o);
	else if (is(&args[0], json_type_object))
		len = json_object_object_length(args[0].o);
	else if (!args[0].o && !args[0].missing)
		len = 0;
	else
		return bad_arg(r, "len");
	return run_keep(r, json_object_new_int64(len), sizeof(len), ret);
}

/* Position ARG in something of LEN elements (LEN itself allowed when END). */
static int position(struct run *r, const struct value *arg, size_t len, int end, const char *name,
		    size_t *ret)
{
	int64_t i;
	if (!is(arg, json_type_int))
		return bad_arg(r, name);
	i = json_object_get_int64(arg->o);
	if (i < 0 || (uint64_t)i >= len + (size_t)end)
		return run_fail(r, 0, "error calling %s: index out of range: %lld", name,
				(long long)i);
	*ret = (size_t)i;
	return 0;
}

static int index_one(struct run *r, const struct value *base, const struct value *key,
		     struct value *ret)
{
	json_object *member = NULL;
	size_t i = 0;
	int rc;

	if (is(base, json_type_object) || (!base->o && is(key, json_type_string))) {
		if (!is(key, json_type_string))
			return bad_arg(r, "index");
		if (base->o &&
		    json_object_object_get_ex(base->o, json_object_get_string(key->o), &member)) {
			*ret = (struct value){ .o = member };
			return 0;
		}
		return run_keep(r, json_object_new_string(""), 1, ret); /* Go: the zero value */
	}
	if (is(base, json_type_array)) {
		rc = position(r, key, json_object_array_length(base->o), 0, "index", &i);
		if (rc == 0)
			*ret = (struct value){ .o = json_object_array_get_idx(base->o, i) };
		return rc;
	}
	if (is(base, json_type_string)) {
		rc = position(r, key, (size_t)json_object_get_string_len(base->o), 0, "index", &i);
		return rc < 0 ? rc
			      : run_keep(r,
					 json_object_new_int64(
						 (unsigned char)json_object_get_string(base->o)[i]),
					 sizeof(int64_t), ret);
	}
	return run_fail(r, 0, "error calling index: can't index item of this type");
}

static int fn_index(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	*ret = args[0];
	for (size_t i = 1; i < n; i++) {
		struct value base = *ret;
		int rc = index_one(r, &base, &args[i], ret);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int fn_slice(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	size_t len, from = 0, to;
	json_object *list;
	int rc = 0;

	if (is(&args[0], json_type_string))
		len = (size_t)json_object_get_string_len(args[0].o);
	else if (is(&args[0], json_type_array))
		len = json_object_array_length(args[0].o);
	else
		return bad_arg(r, "slice");
	to = len;
	if (n > 1)
		rc = position(r, &args[1], len, 1, "slice", &from);
	if (n > 2 && rc == 0)
		rc = position(r, &args[2], len, 1, "slice", &to);
	if (rc == 0 && from > to)
		rc = run_fail(r, 0, "error calling slice: invalid slice index: %zu > %zu", from,
			      to);
	if (rc < 0)
		return rc;
	if (is(&args[0], json_type_string))
		return run_keep(r,
				json_object_new_string_len(json_object_get_string(args[0].o) + from,
							   (int)(to - from)),
				to - from, ret);
	list = json_object_new_array();
	for (size_t i = from; list && i < to; i++)
		(void)json_object_array_add(
			list, json_object_get(json_object_array_get_idx(args[0].o, i)));
	return run_keep(r, list, (to - from) * sizeof(void *), ret);
}

/* Operands with spaces between: print leaves them out beside strings. */
static int print_all(struct run *r, const struct value *args, size_t n, int line, struct value *ret)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	for (size_t i = 0; i < n; i++) {
		int rc;
		if (i && (line ||
			  (!is(&args[i], json_type_string) && !is(&args[i - 1], json_type_string))))
			(void)strbuf_putc(&b, ' ');
		rc = value_print(r, &b, &args[i]);
		if (rc < 0)
			return rc;
	}
	if (line)
		(void)strbuf_putc(&b, '\n');
	return keep_text(r, &b, ret);
}

static int fn_print(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	return print_all(r, args, n, 0, ret);
}

static int fn_println(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	return print_all(r, args, n, 1, ret);
}

/* One verb of printf: flags, width and precision as C and Go share them. */
struct verb {
	int minus, plus, zero, width, precision; /* precision -1: none */
	char letter;
};

static const char *parse_verb(const char *s, struct verb *v)
{
	*v = (struct verb){ .precision = -1 };
	for (;; s++) {
		if (*s == '-')
			v->minus = 1;
		else if (*s == '+')
			v->plus = 1;
		else if (*s == '0')
			v->zero = 1;
		else if (*s != ' ' && *s != '#')
			break;
	}
	for (; isdigit((unsigned char)*s); s++)
		v->width = v->width > TEMPLATE_WIDTH_MAX ? v->width : v->width * 10 + (*s - '0');
	if (*s == '.')
		for (s++, v->precision = 0; isdigit((unsigned char)*s); s++)
			v->precision = v->precision > TEMPLATE_WIDTH_MAX
					       ? v->precision
					       : v->precision * 10 + (*s - '0');
	v->letter = *s;
	return *s ? s + 1 : s;
}

static int quote(struct strbuf *b, const char *s)
{
	(void)strbuf_putc(b, '"');
	for (; *s; s++) {
		const char *at = strchr("\a\b\f\n\r\t\v\\\"", *s);
		if (at)
			(void)strbuf_printf(b, "\\%c", "abfnrtv\\\""[at - "\a\b\f\n\r\t\v\\\""]);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			(void)strbuf_printf(b, "\\x%02x", (unsigned char)*s);
		else
			(void)strbuf_putc(b, *s);
	}
	return strbuf_putc(b, '"');
}

/* The text of one argument, before width: 0, 1 when the verb does not fit the value. */
static int verb_text(struct run *r, const struct verb *v, const struct value *arg, struct strbuf *b)
{
	int precision = v->precision < 0 ? 6 : v->precision;

	switch (v->letter) {
	case 'v':
		return value_print(r, b, arg);
	case 's':
		if (is(arg, json_type_int) || is(arg, json_type_boolean) ||
		    is(arg, json_type_double))
			return 1;
		return value_print(r, b, arg);
	case 'q':
		return is(arg, json_type_string) ? quote(b, json_object_get_string(arg->o)) : 1;
	case 't':
		return is(arg, json_type_boolean) ? value_print(r, b, arg) : 1;
	case 'd':
		return is(arg, json_type_int)
			       ? strbuf_printf(b, v->plus ? "%+lld" : "%lld",
					       (long long)json_object_get_int64(arg->o))
			       : 1;
	case 'x':
	case 'X':
		if (is(arg, json_type_int))
			return strbuf_printf(b, v->letter == 'x' ? "%llx" : "%llX",
					     (unsigned long long)json_object_get_int64(arg->o));
		if (!is(arg, json_type_string))
			return 1;
		for (const char *s = json_object_get_string(arg->o); *s; s++)
			(void)strbuf_printf(b, v->letter == 'x' ? "%02x" : "%02X",
					    (unsigned char)*s);
		return 0;
	case 'f':
	case 'g':
	case 'e':
		if (!is(arg, json_type_double))
			return 1;
		if (v->letter == 'g' && v->precision < 0)
			return print_double(b, json_object_get_double(arg->o));
		return strbuf_printf(b,
				     v->letter == 'f'	? "%.*f"
				     : v->letter == 'g' ? "%.*g"
							: "%.*e",
				     precision, json_object_get_double(arg->o));
	default:
		return 1;
	}
}

static const char *go_type(const struct value *v)
{
	static const char *const names[] = { "<nil>", "bool", "float64", "int",
					     "map",   "[]",   "string" };
	return names[v->o ? json_object_get_type(v->o) : json_type_null];
}

static int put_verb(struct run *r, const struct verb *v, const struct value *arg, struct strbuf *b)
{
	scoped(strbuf) struct strbuf text = STRBUF_INIT;
	int rc = verb_text(r, v, arg, &text), pad;
	size_t len;

	if (rc < 0)
		return rc;
	if (rc == 1) {
		(void)strbuf_printf(b, "%%!%c(%s=", v->letter, go_type(arg));
		rc = value_print(r, b, arg);
		return rc < 0 ? rc : strbuf_putc(b, ')');
	}
	len = text.len;
	if ((v->letter == 's' || v->letter == 'v') && v->precision >= 0 &&
	    (size_t)v->precision < len)
		len = (size_t)v->precision;
	pad = (int)((size_t)v->width > len ? (size_t)v->width - len : 0);
	if (!v->minus)
		for (int i = 0; i < pad; i++)
			(void)strbuf_putc(b, v->zero ? '0' : ' ');
	(void)strbuf_add(b, text.s ? text.s : "", len);
	return v->minus ? strbuf_printf(b, "%*s", pad, "") : 0;
}

static int fn_printf(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	size_t next = 1;

	if (!is(&args[0], json_type_string))
		return bad_arg(r, "printf");
	for (const char *s = json_object_get_string(args[0].o); *s;) {
		struct verb v;
		int rc = 0;
		if (*s != '%') {
			(void)strbuf_putc(&b, *s++);
			continue;
		}
		s = parse_verb(s + 1, &v);
		if (v.width > TEMPLATE_WIDTH_MAX || v.precision > TEMPLATE_WIDTH_MAX)
			return run_fail(r, 0, "error calling printf: width is too large");
		if (v.letter == '%')
			(void)strbuf_putc(&b, '%');
		else if (!v.letter)
			(void)strbuf_puts(&b, "%!(NOVERB)");
		else if (next >= n)
			(void)strbuf_printf(&b, "%%!%c(MISSING)", v.letter);
		else
			rc = put_verb(r, &v, &args[next++], &b);
		if (rc < 0)
			return rc;
	}
	for (size_t i = next; i < n; i++) {
		(void)strbuf_printf(&b, "%s%s=", i == next ? "%!(EXTRA " : ", ", go_type(&args[i]));
		int rc = value_print(r, &b, &args[i]);
		if (rc < 0)
			return rc;
	}
	if (next < n)
		(void)strbuf_putc(&b, ')');
	return keep_text(r, &b, ret);
}

static int fn_json(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	scoped(mem) char *text = json_text(args[0].o);
	(void)n;
	if (!text)
		return err_errno(r->e, ENOMEM, "template");
	return run_keep(r, json_object_new_string(text), strlen(text), ret);
}

static int fn_join(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	(void)n;
	if ((args[0].o && !is(&args[0], json_type_array)) || !is(&args[1], json_type_string))
		return bad_arg(r, "join");
	for (size_t i = 0; i < json_len(args[0].o); i++) {
		struct value element = { .o = json_object_array_get_idx(args[0].o, i) };
		int rc;
		if (i)
			(void)strbuf_puts(&b, json_object_get_string(args[1].o));
		rc = value_print(r, &b, &element);
		if (rc < 0)
			return rc;
	}
	return keep_text(r, &b, ret);
}

static int fn_split(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	const char *s, *sep, *end;
	json_object *list;

	(void)n;
	if (!is(&args[0], json_type_string) || !is(&args[1], json_type_string))
		return bad_arg(r, "split");
	s = json_object_get_string(args[0].o);
	sep = json_object_get_string(args[1].o);
	list = json_object_new_array();
	while (list && *sep && (end = strstr(s, sep))) {
		(void)json_object_array_add(list, json_object_new_string_len(s, (int)(end - s)));
		s = end + strlen(sep);
	}
	for (; list && !*sep && *s; s++) /* an empty separator: every byte */
		(void)json_object_array_add(list, json_object_new_string_len(s, 1));
	if (list && *sep)
		(void)json_object_array_add(list, json_object_new_string(s));
	/* An element costs an object of its own. */
	return run_keep(r, list, 100 * json_len(list), ret);
}

static int change_case(struct run *r, const struct value *arg, const char *name, int (*first)(int),
		       int (*rest)(int), struct value *ret)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	int in_word = 0;

	if (!is(arg, json_type_string))
		return bad_arg(r, name);
	for (const char *s = json_object_get_string(arg->o); *s; s++) {
		unsigned char c = (unsigned char)*s;
		int (*change)(int) = in_word ? rest : first;
		(void)strbuf_putc(&b, (char)(change && c < 0x80 ? change(c) : c));
		in_word = isalnum(c) || c == '_' || c == '\'' || c >= 0x80;
	}
	return keep_text(r, &b, ret);
}

static int fn_lower(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	(void)n;
	return change_case(r, args, "lower", tolower, tolower, ret);
}

static int fn_upper(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	(void)n;
	return change_case(r, args, "upper", toupper, toupper, ret);
}

static int fn_title(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	(void)n;
	return change_case(r, args, "title", toupper, NULL, ret);
}

static int fn_pad(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	size_t before = 0, after = 0;

	(void)n;
	if (!is(&args[0], json_type_string))
		return bad_arg(r, "pad");
	if (position(r, &args[1], TEMPLATE_WIDTH_MAX, 0, "pad", &before) < 0 ||
	    position(r, &args[2], TEMPLATE_WIDTH_MAX, 0, "pad", &after) < 0)
		return r->e->code;
	if (json_object_get_string_len(args[0].o) > 0)
		(void)strbuf_printf(&b, "%*s%s%*s", (int)before, "",
				    json_object_get_string(args[0].o), (int)after, "");
	return keep_text(r, &b, ret);
}

static int fn_truncate(struct run *r, const struct value *args, size_t n, struct value *ret)
{
	const char *s;
	int64_t len;

	(void)n;
	if (!is(&args[0], json_type_string) || !is(&args[1], json_type_int))
		return bad_arg(r, "truncate");
	s = json_object_get_string(args[0].o);
	len = json_object_get_int64(args[1].o);
	if (len < 0)
		return run_fail(r, 0, "error calling truncate: negative length");
	if (len >= json_object_get_string_len(args[0].o)) {
		*ret = args[0];
		return 0;
	}
	return run_keep(r, json_object_new_string_len(s, (int)len), (size_t)len, ret);
}

static const struct function functions[] = {
	{ "and", 1, FUNCTION_ARGS_MAX, NULL, 1 },
	{ "eq", 2, FUNCTION_ARGS_MAX, fn_eq, 0 },
	{ "ge", 2, 2, fn_ge, 0 },
	{ "gt", 2, 2, fn_gt, 0 },
	{ "index", 1, FUNCTION_ARGS_MAX, fn_index, 0 },
	{ "join", 2, 2, fn_join, 0 },
	{ "json", 1, 1, fn_json, 0 },
	{ "le", 2, 2, fn_le, 0 },
	{ "len", 1, 1, fn_len, 0 },
	{ "lower", 1, 1, fn_lower, 0 },
	{ "lt", 2, 2, fn_lt, 0 },
	{ "ne", 2, 2, fn_ne, 0 },
	{ "not", 1, 1, fn_not, 0 },
	{ "or", 1, FUNCTION_ARGS_MAX, NULL, 2 },
	{ "pad", 3, 3, fn_pad, 0 },
	{ "print", 0, FUNCTION_ARGS_MAX, fn_print, 0 },
	{ "printf", 1, FUNCTION_ARGS_MAX, fn_printf, 0 },
	{ "println", 0, FUNCTION_ARGS_MAX, fn_println, 0 },
	{ "slice", 1, 3, fn_slice, 0 },
	{ "split", 2, 2, fn_split, 0 },
	{ "title", 1, 1, fn_title, 0 },
	{ "truncate", 2, 2, fn_truncate, 0 },
	{ "upper", 1, 1, fn_upper, 0 },
};

const struct function *function_find(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (strlen(functions[i].name) == n && memcmp(functions[i].name, name, n) == 0)
			return &functions[i];
	return NULL;
}

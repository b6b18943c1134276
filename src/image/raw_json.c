/* SPDX-License-Identifier: Apache-2.0 */
/* Texts are validated by json-c first, so that only strings and brackets need to be told apart
 * here; all the same no step goes behind the end. */
#include "src/image/raw_json.h"

#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/scoped.h"

#define SPACE	    " \t\r\n"
#define TEXT_MAX    (8 << 20)
#define MEMBERS_MAX 1000

void raw_object_done(struct raw_object *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->members[i].name);
		free(o->members[i].value);
	}
	free(o->members);
	*o = (struct raw_object){ 0 };
}

int raw_object_put(struct raw_object *o, const char *name, char *take_value)
{
	size_t cap = o->n < o->cap ? o->cap : o->cap ? 2 * o->cap : 16;
	struct raw_member *p = cap == o->cap ? o->members : realloc(o->members, cap * sizeof(*p));
	char *copy = strdup(name);

	if (p) {
		o->members = p;
		o->cap = cap;
	}
	if (!p || !copy || !take_value) {
		free(copy);
		free(take_value);
		return -ENOMEM;
	}
	p[o->n] = (struct raw_member){ copy, take_value, o->n ? p[o->n - 1].at + 1 : 0 };
	o->n++;
	return 0;
}

void raw_object_drop(struct raw_object *o, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < o->n; i++) {
		if (strcmp(o->members[i].name, name) != 0) {
			o->members[kept++] = o->members[i];
			continue;
		}
		free(o->members[i].name);
		free(o->members[i].value);
	}
	o->n = kept;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* What Go escapes for the sake of HTML and JavaScript at P: its length, 0 for anything else. */
static size_t add_escaped(struct strbuf *b, const char *p, const char *end)
{
	if (*p == '<' || *p == '>' || *p == '&') {
		(void)strbuf_printf(b, "\\u%04x", (unsigned)*p);
		return 1;
	}
	if (end - p >= 3 && (!memcmp(p, "\xe2\x80\xa8", 3) || !memcmp(p, "\xe2\x80\xa9", 3))) {
		(void)strbuf_puts(b, p[2] == '\xa8' ? "\\u2028" : "\\u2029");
		return 3;
	}
	return 0;
}

void raw_string(struct strbuf *b, const char *s, size_t n)
{
	static const char named[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
	const char *end = s + n;

	(void)strbuf_putc(b, '"');
	while (s < end) {
		const char *known = *s ? strchr(named, *s) : NULL;
		size_t k = add_escaped(b, s, end);

		if (k) {
			s += k;
			continue;
		}
		if (known)
			(void)strbuf_printf(b, "\\%c", letters[known - named]);
		else if ((unsigned char)*s < 0x20)
			(void)strbuf_printf(b, "\\u%04x", (unsigned)*s);
		else
			(void)strbuf_putc(b, *s);
		s++;
	}
	(void)strbuf_putc(b, '"');
}

/* The text as it is, without the space between its parts.  Owned. */
static char *compact(const char *p, const char *end)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	int in_string = 0;

	strbuf_init(&b, TEXT_MAX);
	while (p < end) {
		size_t k = add_escaped(&b, p, end);

		if (k) {
			p += k;
			continue;
		}
		if (in_string && *p == '\\' && end - p > 1)
			(void)strbuf_putc(&b, *p++);
		else if (*p == '"')
			in_string = !in_string;
		if (in_string || !strchr(SPACE, *p))
			(void)strbuf_putc(&b, *p);
		p++;
	}
	return strbuf_take(&b);
}

static int by_name(const void *a, const void *b)
{
	const struct raw_member *x = a, *y = b;
	int differ = strcmp(x->name, y->name);

	return differ ? differ : (x->at > y->at) - (x->at < y->at);
}

char *raw_object_text(struct raw_object *o)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	const char *comma = "";

	strbuf_init(&b, TEXT_MAX);
	if (o->n)
		qsort(o->members, o->n, sizeof(*o->members), by_name);
	(void)strbuf_putc(&b, '{');
	for (size_t i = 0; i < o->n; i++) {
		/* Of several members of one name the last. */
		if (i + 1 < o->n && strcmp(o->members[i].name, o->members[i + 1].name) == 0)
			continue;
		(void)strbuf_puts(&b, comma);
		raw_string(&b, o->members[i].name, strlen(o->members[i].name));
		(void)strbuf_putc(&b, ':');
		(void)strbuf_puts(&b, o->members[i].value);
		comma = ",";
	}
	(void)strbuf_putc(&b, '}');
	return strbuf_take(&b);
}

/* ---- reading --------------------------------------------------------------------------------- */

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && strchr(SPACE, *p))
		p++;
	return p;
}

/* Behind the string that begins at P. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\' && end - p > 1)
			p++;
	return p < end ? p + 1 : end;
}

/* Behind the value that begins at P: at the comma or bracket that ends it. */
static const char *skip_value(const char *p, const char *end)
{
	int depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		if (!depth && (*p == ',' || *p == '}'))
			break;
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p++;
	}
	return p;
}

/* The string between P and END, decoded.  Owned; NULL with the error. */
static char *decode_name(const char *p, const char *end, struct err *e)
{
	scoped(json) json_object *o = NULL;
	char *name;

	if (json_parse(p, (size_t)(end - p), &o, e) < 0)
		return NULL;
	if (!json_object_is_type(o, json_type_string) ||
	    strlen(json_object_get_string(o)) != (size_t)json_object_get_string_len(o)) {
		(void)err_set(e, -EBADMSG, "a member has no valid name");
		return NULL;
	}
	name = strdup(json_object_get_string(o));
	if (!name)
		(void)err_errno(e, ENOMEM, "read JSON");
	return name;
}

static int read_members(const char *p, const char *end, struct raw_object *o, struct err *e)
{
	for (p = skip_space(p + 1, end); p < end && *p == '"'; p = skip_space(p + 1, end)) {
		const char *colon = skip_string(p, end), *value;
		scoped(mem) char *name = decode_name(p, colon, e);

		if (!name)
			return e->code;
		value = skip_space(colon, end);
		value = value < end ? value + 1 : end;
		p = skip_value(value, end);
		if (o->n == MEMBERS_MAX)
			return err_set(e, -E2BIG, "it has more than %d members", MEMBERS_MAX);
		if (raw_object_put(o, name, compact(value, p)) < 0)
			return err_errno(e, ENOMEM, "read JSON");
		if (p == end || *p == '}')
			break;
	}
	return 0;
}

int raw_object_parse(const char *text, size_t n, struct raw_object *ret, struct err *e)
{
	scoped(raw_object) struct raw_object o = { 0 };
	scoped(json) json_object *doc = NULL;
	const char *end = text + n, *p = skip_space(text, end);

	if (json_parse(text, n, &doc, e) < 0)
		return e->code;
	if (!json_object_is_type(doc, json_type_object) || p == end || *p != '{')
		return err_set(e, -EBADMSG, "it is no object");
	if (read_members(p, end, &o, e) < 0)
		return e->code;
	*ret = o;
	o = (struct raw_object){ 0 };
	return 0;
}

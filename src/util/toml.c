/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the text with one character of look-ahead; tables under construction live in the
 * JSON tree itself.  What JSON cannot say of a table (written with a header, or closed because it
 * was written inline) is kept in a list beside it. */
#include "src/util/toml.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

enum table_mark {
	MARK_HEADER = 1, /* [name] was seen */
	MARK_CLOSED = 2, /* an inline table or a plain array: nothing may be added */
	MARK_TABLES = 4, /* an array made by [[name]] */
};

struct mark {
	const json_object *o;
	unsigned flags;
};

struct toml {
	const char *p, *end;
	const char *name;
	int line;
	struct mark *marks;
	size_t n_marks, cap_marks;
	struct err *e;
};

static int bad(struct toml *t, const char *what)
{
	return err_set(t->e, -EBADMSG, "%s: line %d: %s", t->name, t->line, what);
}

static int no_memory(struct toml *t)
{
	return err_errno(t->e, ENOMEM, "%s", t->name);
}

static int peek(const struct toml *t)
{
	return t->p < t->end ? (unsigned char)*t->p : -1;
}

static int looking_at(const struct toml *t, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(t->end - t->p) >= n && !memcmp(t->p, s, n);
}

static unsigned marks_of(const struct toml *t, const json_object *o)
{
	for (size_t i = t->n_marks; i-- > 0;)
		if (t->marks[i].o == o)
			return t->marks[i].flags;
	return 0;
}

static int mark(struct toml *t, const json_object *o, unsigned flags)
{
	if (t->n_marks == t->cap_marks) {
		size_t cap = t->cap_marks ? t->cap_marks * 2 : 32;
		struct mark *m = reallocarray(t->marks, cap, sizeof(*m));
		if (!m)
			return no_memory(t);
		t->marks = m;
		t->cap_marks = cap;
	}
	t->marks[t->n_marks++] = (struct mark){ o, flags };
	return 0;
}

static void skip_blank(struct toml *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
		t->p++;
}

static int skip_comment(struct toml *t)
{
	if (peek(t) != '#')
		return 0;
	for (; t->p < t->end && *t->p != '\n'; t->p++)
		if ((unsigned char)*t->p < 0x20 && *t->p != '\t' && *t->p != '\r')
			return bad(t, "control character in a comment");
	return 0;
}

/* Blanks, comments and line ends. */
static int skip_space(struct toml *t)
{
	for (;;) {
		skip_blank(t);
		if (skip_comment(t) < 0)
			return t->e->code;
		if (peek(t) == '\n')
			t->line++;
		else if (peek(t) != '\r' || t->p + 1 >= t->end || t->p[1] != '\n')
			return 0;
		t->p++;
	}
}

static int end_of_line(struct toml *t)
{
	skip_blank(t);
	if (skip_comment(t) < 0)
		return t->e->code;
	if (peek(t) == '\r' && t->p + 1 < t->end && t->p[1] == '\n')
		t->p++;
	if (peek(t) == '\n' || peek(t) < 0)
		return 0;
	return bad(t, "something follows the value");
}

static int add_utf8(struct strbuf *b, uint32_t c)
{
	char s[4];
	size_t n;

	if (c < 0x80) {
		s[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		s[0] = (char)(0xc0 | c >> 6);
		s[1] = (char)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		s[0] = (char)(0xe0 | c >> 12);
		s[1] = (char)(0x80 | (c >> 6 & 0x3f));
		s[2] = (char)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		s[0] = (char)(0xf0 | c >> 18);
		s[1] = (char)(0x80 | (c >> 12 & 0x3f));
		s[2] = (char)(0x80 | (c >> 6 & 0x3f));
		s[3] = (char)(0x80 | (c & 0x3f));
		n = 4;
	}
	return strbuf_add(b, s, n);
}

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int unicode_escape(struct toml *t, struct strbuf *b, int digits)
{
	uint32_t c = 0;

	for (int i = 0; i < digits; i++, t->p++) {
		int v = hex_value(peek(t));
		if (v < 0)
			return bad(t, "bad \\u escape in a string");
		c = c << 4 | (uint32_t)v;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return bad(t, "\\u escape is no character");
	return add_utf8(b, c);
}

/* T is behind the backslash. */
static int escape(struct toml *t, struct strbuf *b, int multi)
{
	static const char from[] = "btnfre\"\\", to[] = "\b\t\n\f\r\033\"\\";
	int c = peek(t);
	const char *at = c > 0 ? strchr(from, c) : NULL;

	if (at) {
		t->p++;
		return strbuf_putc(b, to[at - from]);
	}
	if (c == 'u' || c == 'U') {
		t->p++;
		return unicode_escape(t, b, c == 'u' ? 4 : 8);
	}
	if (multi) { /* a backslash at the end of a line takes the following white space away */
		skip_blank(t);
		if (peek(t) == '\n' || looking_at(t, "\r\n")) {
			while (peek(t) == ' ' || peek(t) == '\t' || peek(t) == '\n' ||
			       peek(t) == '\r') {
				t->line += *t->p == '\n';
				t->p++;
			}
			return 0;
		}
	}
	return bad(t, "unknown escape in a string");
}

/* The text up to the closing quotes; T is behind the opening ones. */
static int string_body(struct toml *t, char quote, int multi, struct strbuf *b)
{
	const char close[] = { quote, quote, quote, '\0' };

	for (;;) {
		int c = peek(t);

		if (c < 0)
			return bad(t, "string without an end");
		if (c == quote && (!multi || looking_at(t, close))) {
			t->p += multi ? 3 : 1;
			for (int extra = 0; multi && extra < 2 && peek(t) == quote; extra++, t->p++)
				(void)strbuf_putc(b, quote);
			return 0;
		}
		if (c == '\n' && !multi)
			return bad(t, "string without an end");
		if (c == '\n')
			t->line++;
		else if ((c < 0x20 && c != '\t' && !(multi && looking_at(t, "\r\n"))) || c == 0x7f)
			return bad(t, "control character in a string");
		t->p++;
		if (c == '\\' && quote == '"') {
			if (escape(t, b, multi) < 0)
				return t->e->code ? t->e->code : no_memory(t);
		} else if (strbuf_putc(b, (char)c) < 0) {
			return no_memory(t);
		}
	}
}

static int string(struct toml *t, int allow_multi, char **ret)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	char quote = *t->p;
	const char open[] = { quote, quote, quote, '\0' };
	int multi = allow_multi && looking_at(t, open);

	t->p += multi ? 3 : 1;
	if (multi) { /* a line end right behind the quotes does not count */
		if (looking_at(t, "\r\n"))
			t->p++;
		if (peek(t) == '\n') {
			t->line++;
			t->p++;
		}
	}
	if (string_body(t, quote, multi, &b) < 0)
		return t->e->code;
	*ret = strbuf_take(&b);
	return *ret ? 0 : no_memory(t);
}

static int is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* One part of a dotted key. */
static int key_part(struct toml *t, char **ret)
{
	const char *start;

	if (peek(t) == '"' || peek(t) == '\'')
		return string(t, 0, ret);
	start = t->p;
	while (is_bare(peek(t)))
		t->p++;
	if (t->p == start)
		return bad(t, "expected a key");
	*ret = strndup(start, (size_t)(t->p - start));
	return *ret ? 0 : no_memory(t);
}

/* a . "b" . c */
static int dotted_key(struct toml *t, char ***ret)
{
	scoped(strv) char **parts = NULL;

	for (;;) {
		scoped(mem) char *part = NULL;

		skip_blank(t);
		if (key_part(t, &part) < 0)
			return t->e->code;
		if (strv_add(&parts, part) < 0)
			return no_memory(t);
		if (strv_len(parts) > TOML_DEPTH_MAX)
			return bad(t, "key has too many parts");
		skip_blank(t);
		if (peek(t) != '.')
			break;
		t->p++;
	}
	*ret = take_ptr(&parts);
	return 0;
}

static int value(struct toml *t, int depth, json_object **ret);

static int put(struct toml *t, json_object *table, const char *key, json_object *take_value)
{
	if (!take_value)
		return no_memory(t);
	if (json_object_object_add(table, key, take_value) < 0) {
		json_free(take_value);
		return no_memory(t);
	}
	return 0;
}

/* The table KEY in TABLE for what is to be put below it: made when missing, the newest one of an
 * array of tables. */
static int step_into(struct toml *t, json_object *table, const char *key, json_object **ret)
{
	json_object *o = json_get(table, key);

	if (!o && json_object_object_get_ex(table, key, NULL))
		return bad(t, "key is not a table");
	if (!o) {
		o = json_object_new_object();
		if (put(t, table, key, o) < 0)
			return t->e->code;
	}
	if (marks_of(t, o) & MARK_CLOSED)
		return bad(t, "an inline table or array cannot be added to");
	if (marks_of(t, o) & MARK_TABLES)
		o = json_object_array_get_idx(o, json_len(o) - 1);
	if (!json_object_is_type(o, json_type_object))
		return bad(t, "key is not a table");
	*ret = o;
	return 0;
}

/* KEY = VALUE below TABLE. */
static int pair(struct toml *t, json_object *table, int depth)
{
	scoped(strv) char **key = NULL;
	json_object *v = NULL;
	size_t n;

	if (dotted_key(t, &key) < 0 || !key)
		return t->e->code;
	if (peek(t) != '=')
		return bad(t, "expected '=' after the key");
	t->p++;
	skip_blank(t);
	n = strv_len(key);
	for (size_t i = 0; i + 1 < n; i++)
		if (step_into(t, table, key[i], &table) < 0)
			return t->e->code;
	if (json_object_object_get_ex(table, key[n - 1], NULL))
		return bad(t, "key is given twice");
	if (value(t, depth, &v) < 0)
		return t->e->code;
	return put(t, table, key[n - 1], v);
}

static int array(struct toml *t, int depth, json_object **ret)
{
	scoped(json) json_object *a = json_object_new_array();

	if (!a)
		return no_memory(t);
	t->p++;
	for (;;) {
		json_object *v = NULL;

		if (skip_space(t) < 0)
			return t->e->code;
		if (peek(t) == ']')
			break;
		if (value(t, depth + 1, &v) < 0)
			return t->e->code;
		if (json_object_array_add(a, v) < 0) {
			json_free(v);
			return no_memory(t);
		}
		if (skip_space(t) < 0)
			return t->e->code;
		if (peek(t) == ',')
			t->p++;
		else if (peek(t) != ']')
			return bad(t, "expected ',' or ']' in the array");
	}
	t->p++;
	if (mark(t, a, MARK_CLOSED) < 0)
		return t->e->code;
	*ret = take_ptr(&a);
	return 0;
}

static int inline_table(struct toml *t, int depth, json_object **ret)
{
	scoped(json) json_object *o = json_object_new_object();

	if (!o)
		return no_memory(t);
	t->p++;
	skip_blank(t);
	while (peek(t) != '}') {
		if (pair(t, o, depth + 1) < 0)
			return t->e->code;
		skip_blank(t);
		if (peek(t) == ',') {
			t->p++;
			skip_blank(t);
			if (peek(t) == '}')
				return bad(t, "expected a key");
		} else if (peek(t) != '}') {
			return bad(t, "expected ',' or '}' in the inline table");
		}
	}
	t->p++;
	if (mark(t, o, MARK_CLOSED) < 0)
		return t->e->code;
	*ret = take_ptr(&o);
	return 0;
}

/* Digits of BASE with single underscores between them, no underscore first or last. */
static int clean_number(const char *s, int base, char *out)
{
	int last_was_digit = 0;
	size_t n = 0;

	for (; *s; s++) {
		if (*s == '_') {
			if (!last_was_digit)
				return -1;
			last_was_digit = 0;
			continue;
		}
		int v = hex_value(*s);
		if (v < 0 || v >= base)
			return -1;
		out[n++] = *s;
		last_was_digit = 1;
	}
	out[n] = '\0';
	return last_was_digit ? 0 : -1;
}

static json_object *integer(const char *s)
{
	char digits[80];
	int base = 10, negative = *s == '-';
	unsigned long long v;

	if (*s == '-' || *s == '+')
		s++;
	else if (s[0] == '0' && s[1] && strchr("xob", s[1]))
		base = s[1] == 'x' ? 16 : s[1] == 'o' ? 8 : 2;
	if (base != 10)
		s += 2;
	if (clean_number(s, base, digits) < 0 || (base == 10 && digits[0] == '0' && digits[1]))
		return NULL;
	errno = 0;
	v = strtoull(digits, NULL, base);
	if (errno || v > (unsigned long long)INT64_MAX + (unsigned)negative)
		return NULL;
	return json_object_new_int64(negative ? (int64_t)(0 - v) : (int64_t)v);
}

/* [+-]digits[.digits][e[+-]digits]; inf and nan have no place in a configuration file. */
static json_object *floating(const char *s)
{
	char digits[80], *end;
	size_t n = 0;
	double v;

	for (const char *p = s; *p; p++) {
		if (*p == '_' && p > s && hex_value(p[-1]) >= 0 && hex_value(p[1]) >= 0)
			continue;
		if (!strchr("0123456789+-.eE", *p))
			return NULL;
		if (*p == '.' && (p == s || hex_value(p[-1]) < 0 || hex_value(p[1]) < 0))
			return NULL;
		digits[n++] = *p;
	}
	digits[n] = '\0';
	v = strtod(digits, &end);
	return *end == '\0' && n ? json_object_new_double(v) : NULL;
}

static int looks_like_time(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return ((n == 4 && s[4] == '-') || (n == 2 && s[2] == ':')) &&
	       s[strspn(s, "0123456789-:.TZtz+ ")] == '\0';
}

static int scalar(struct toml *t, json_object **ret)
{
	char word[72] = "";
	size_t n = 0;

	while (n + 1 < sizeof(word) && t->p + n < t->end && t->p[n] &&
	       (strchr("+-.:_", t->p[n]) || is_bare(t->p[n]))) {
		word[n] = t->p[n];
		n++;
	}
	word[n] = '\0';
	if (!strcmp(word, "true") || !strcmp(word, "false"))
		*ret = json_object_new_boolean(word[0] == 't');
	else if (looks_like_time(word))
		*ret = json_object_new_string(word);
	else
		*ret = integer(word);
	if (!*ret && n)
		*ret = floating(word);
	if (!*ret)
		return bad(t, "expected a value");
	t->p += n;
	return 0;
}

static int value(struct toml *t, int depth, json_object **ret)
{
	scoped(mem) char *s = NULL;

	if (depth > TOML_DEPTH_MAX)
		return bad(t, "nested too deep");
	switch (peek(t)) {
	case '"':
	case '\'':
		if (string(t, 1, &s) < 0)
			return t->e->code;
		*ret = json_object_new_string(s);
		return *ret ? 0 : no_memory(t);
	case '[':
		return array(t, depth, ret);
	case '{':
		return inline_table(t, depth, ret);
	default:
		return scalar(t, ret);
	}
}

/* [[name]]: one more table in the array. */
static int open_array_table(struct toml *t, json_object *table, const char *key, json_object **ret)
{
	json_object *a = json_get(table, key), *o;

	if (json_object_object_get_ex(table, key, NULL) && !(a && (marks_of(t, a) & MARK_TABLES)))
		return bad(t, "key is given twice");
	if (!a) {
		a = json_object_new_array();
		if (put(t, table, key, a) < 0 || mark(t, a, MARK_TABLES) < 0)
			return t->e->code;
	}
	o = json_object_new_object();
	if (!o || json_object_array_add(a, o) < 0) {
		json_free(o);
		return no_memory(t);
	}
	*ret = o;
	return 0;
}

static int header(struct toml *t, json_object *root, json_object **ret)
{
	scoped(strv) char **key = NULL;
	json_object *table = root, *o = NULL;
	int many = looking_at(t, "[[");
	size_t n;

	t->p += many ? 2 : 1;
	if (dotted_key(t, &key) < 0 || !key)
		return t->e->code;
	if (!looking_at(t, many ? "]]" : "]"))
		return bad(t, "table header without an end");
	t->p += many ? 2 : 1;
	n = strv_len(key);
	for (size_t i = 0; i + 1 < n; i++)
		if (step_into(t, table, key[i], &table) < 0)
			return t->e->code;
	if (many)
		return open_array_table(t, table, key[n - 1], ret);
	o = json_get(table, key[n - 1]);
	if (o && (marks_of(t, o) & (MARK_HEADER | MARK_TABLES)))
		return bad(t, "table is given twice");
	if (step_into(t, table, key[n - 1], &o) < 0 || mark(t, o, MARK_HEADER) < 0)
		return t->e->code;
	*ret = o;
	return 0;
}

static int document(struct toml *t, json_object *root)
{
	json_object *table = root;

	if (looking_at(t, "\xef\xbb\xbf")) /* byte order mark */
		t->p += 3;
	for (;;) {
		if (skip_space(t) < 0)
			return t->e->code;
		if (peek(t) < 0)
			return 0;
		if (peek(t) == '[' ? header(t, root, &table) < 0 : pair(t, table, 0) < 0)
			return t->e->code;
		if (end_of_line(t) < 0)
			return t->e->code;
	}
}

int toml_parse(const char *bytes, size_t n, const char *name, json_object **ret, struct err *e)
{
	scoped(json) json_object *root = json_object_new_object();
	struct toml t = { .p = bytes, .end = bytes + n, .name = name, .line = 1, .e = e };
	int rc;

	if (!root)
		return no_memory(&t);
	if (n > TOML_FILE_MAX)
		return err_set(e, -E2BIG, "%s: larger than %d bytes", name, TOML_FILE_MAX);
	rc = document(&t, root);
	free(t.marks);
	if (rc < 0)
		return rc;
	*ret = take_ptr(&root);
	return 0;
}

int toml_read(const char *path, json_object **ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	size_t n = 0;
	int rc = path_read(AT_FDCWD, path, TOML_FILE_MAX, &text, &n, e);

	return rc < 0 ? rc : toml_parse(text, n, path, ret, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From text to tree: a recursive descent over the bytes, one function for each thing the language
 * has. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/template_tree.h"

struct parser {
	struct template *t;
	const char *p; /* the next byte */
	int depth;     /* of blocks and parentheses */
	int in_range;
	int trim; /* the action before ended with -}} */
	struct err *e;
};

/* What ended a list of nodes. */
enum stop { STOP_EOF, STOP_END, STOP_ELSE, STOP_ELSE_IF, STOP_ELSE_WITH };

static int fail(const struct parser *ps, const char *what)
{
	int line = 1;
	for (const char *s = ps->t->text; s < ps->p; s++)
		line += *s == '\n';
	(void)err_set(ps->e, -EINVAL, "template: %s:%d: %s", ps->t->name, line, what);
	return -EINVAL;
}

static int unexpected(const struct parser *ps, const char *where)
{
	char what[64];
	(void)snprintf(what, sizeof(what), "unexpected \"%c\" in %s", *ps->p, where);
	return fail(ps, *ps->p ? what : "unclosed action");
}

/* Zeroed memory (and LITERAL) that lives as long as the template. */
static void *make(struct parser *ps, size_t n, json_object *literal)
{
	struct arena *a = calloc(1, sizeof(*a) + n);
	if (!a) {
		json_free(literal);
		(void)err_errno(ps->e, ENOMEM, "template");
		return NULL;
	}
	a->literal = literal;
	a->next = ps->t->arena;
	ps->t->arena = a;
	return a + 1;
}

static char *make_name(struct parser *ps, const char *s, size_t n)
{
	char *name = make(ps, n + 1, NULL);
	if (name)
		memcpy(name, s, n);
	return name;
}

static struct expr *make_expr(struct parser *ps, enum expr_kind kind, json_object *literal)
{
	struct expr *x = make(ps, sizeof(*x), literal);
	if (x) {
		x->kind = kind;
		x->literal = literal;
		x->at = (size_t)(ps->p - ps->t->text);
	}
	return x;
}

static int is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t name_span(const char *s)
{
	size_t n = 0;
	while (is_name_char(s[n]))
		n++;
	return n;
}

static int skip_space(struct parser *ps)
{
	const char *start = ps->p;
	while (*ps->p && strchr(" \t\r\n", *ps->p))
		ps->p++;
	return ps->p != start;
}

/* At "}}" or " -}}"? */
static int at_end(const struct parser *ps)
{
	return strncmp(ps->p, "}}", 2) == 0 || strncmp(ps->p, "-}}", 3) == 0;
}

static int end_action(struct parser *ps)
{
	(void)skip_space(ps);
	if (!at_end(ps))
		return fail(ps, *ps->p ? "unexpected text in action" : "unclosed action");
	ps->trim = *ps->p == '-';
	ps->p += 2 + ps->trim;
	return 0;
}

/* Is the next word WORD?  Then it is eaten. */
static int eat_word(struct parser *ps, const char *word)
{
	size_t n = strlen(word);
	if (strncmp(ps->p, word, n) != 0 || is_name_char(ps->p[n]))
		return 0;
	ps->p += n;
	return 1;
}

static int hex_digits(const char *s, int n, unsigned *ret)
{
	*ret = 0;
	for (int i = 0; i < n; i++) {
		char c = (char)tolower((unsigned char)s[i]);
		if (!isxdigit((unsigned char)c))
			return -EINVAL;
		*ret = *ret * 16 + (unsigned)(isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
	}
	return 0;
}

static int put_rune(struct strbuf *b, unsigned c)
{
	if (c < 0x80)
		return strbuf_putc(b, (char)c);
	if (c < 0x800)
		(void)strbuf_putc(b, (char)(0xc0 | c >> 6));
	else
		(void)strbuf_putc(b, (char)(0xe0 | c >> 12)),
			(void)strbuf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	return strbuf_putc(b, (char)(0x80 | (c & 0x3f)));
}

/* What stands behind a backslash. */
static int parse_escape(struct parser *ps, struct strbuf *b)
{
	static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
	const char *at = *ps->p ? strchr(from, *ps->p) : NULL;
	unsigned c;

	if (at) {
		ps->p++;
		return strbuf_putc(b, to[at - from]);
	}
	if (*ps->p == 'x' && hex_digits(ps->p + 1, 2, &c) == 0 && c) {
		ps->p += 3;
		return strbuf_putc(b, (char)c);
	}
	if (*ps->p == 'u' && hex_digits(ps->p + 1, 4, &c) == 0 && c) {
		ps->p += 5;
		return put_rune(b, c);
	}
	return fail(ps, "bad escape in string");
}

/* "..." with escapes, `...` without, or 'c' (a number). */
static int parse_quoted(struct parser *ps, struct expr **ret)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	char quote = *ps->p++;
	json_object *o;

	while (*ps->p && *ps->p != quote && (*ps->p != '\n' || quote == '`')) {
		int r = 0;
		if (*ps->p == '\\' && quote != '`') {
			ps->p++;
			r = parse_escape(ps, &b);
		} else {
			(void)strbuf_putc(&b, *ps->p++);
		}
		if (r < 0)
			return r;
	}
	if (*ps->p != quote)
		return fail(ps, "unterminated quoted string");
	ps->p++;
	if (quote == '\'' && b.len != 1)
		return fail(ps, "malformed character constant");
	o = quote == '\'' ? json_object_new_int64((unsigned char)b.s[0])
			  : json_object_new_string_len(b.s ? b.s : "", (int)b.len);
	*ret = o ? make_expr(ps, EXPR_LITERAL, o) : NULL;
	return *ret ? 0 : err_errno(ps->e, ENOMEM, "template");
}

static int parse_number(struct parser *ps, struct expr **ret)
{
	size_t n = strspn(ps->p, "+-0123456789abcdefABCDEFxXoO._");
	char digits[64], *end;
	json_object *o;
	long long v;

	if (n >= sizeof(digits))
		return fail(ps, "bad number syntax");
	memcpy(digits, ps->p, n);
	digits[n] = '\0';
	errno = 0;
	v = strtoll(digits, &end, 0);
	if (*end || errno) {
		double d = strtod(digits, &end);
		if (*end || strpbrk(digits, "xX"))
			return fail(ps, "bad number syntax");
		o = json_object_new_double(d);
	} else {
		o = json_object_new_int64(v);
	}
	ps->p += n;
	*ret = o ? make_expr(ps, EXPR_LITERAL, o) : NULL;
	return *ret ? 0 : err_errno(ps->e, ENOMEM, "template");
}

static int parse_pipe(struct parser *ps, struct pipe **ret);

static int parse_parens(struct parser *ps, struct expr **ret)
{
	struct expr *x = make_expr(ps, EXPR_PIPE, NULL);
	int r;

	if (!x)
		return -ENOMEM;
	if (++ps->depth > TEMPLATE_DEPTH_MAX)
		return fail(ps, "nested too deeply");
	ps->p++;
	r = parse_pipe(ps, &x->pipe);
	if (r < 0)
		return r;
	if (x->pipe->vars[0])
		return fail(ps, "variables cannot be set in parentheses");
	(void)skip_space(ps);
	if (*ps->p != ')')
		return fail(ps, "unclosed left paren");
	ps->p++;
	ps->depth--;
	*ret = x;
	return 0;
}

/* ".A.B" behind BASE. */
static int parse_chain(struct parser *ps, struct expr *base, struct expr **ret)
{
	while (*ps->p == '.') {
		struct expr *x = make_expr(ps, EXPR_FIELD, NULL);
		size_t n = name_span(ps->p + 1);
		if (!x)
			return -ENOMEM;
		if (n == 0)
			return fail(ps, "unexpected <.> in operand");
		x->base = base;
		x->name = make_name(ps, ps->p + 1, n);
		if (!x->name)
			return -ENOMEM;
		ps->p += 1 + n;
		base = x;
	}
	*ret = base;
	return 0;
}

/* A word: true, false, nil or a function. */
static int parse_word(struct parser *ps, struct expr **ret)
{
	size_t n = name_span(ps->p);
	const struct function *f = function_find(ps->p, n);
	json_object *o = NULL;

	if (!f && eat_word(ps, "true"))
		o = json_object_new_boolean(1);
	else if (!f && eat_word(ps, "false"))
		o = json_object_new_boolean(0);
	else if (!f && !eat_word(ps, "nil")) {
		char what[96];
		(void)snprintf(what, sizeof(what), "function \"%.*s\" not defined",
			       (int)(n < 40 ? n : 40), ps->p);
		return fail(ps, what);
	}
	*ret = make_expr(ps, f ? EXPR_CALL : EXPR_LITERAL, o);
	if (!*ret)
		return -ENOMEM;
	if (f) {
		(*ret)->function = f;
		(*ret)->name = f->name;
		ps->p += n;
	}
	return 0;
}

static int parse_operand(struct parser *ps, struct expr **ret)
{
	struct expr *x = NULL;
	char c = *ps->p;
	int r = 0;

	if (c == '"' || c == '`' || c == '\'') {
		r = parse_quoted(ps, &x);
	} else if (isdigit((unsigned char)c) ||
		   ((c == '+' || c == '-') && isdigit((unsigned char)ps->p[1]))) {
		return parse_number(ps, ret);
	} else if (c == '(') {
		r = parse_parens(ps, &x);
	} else if (c == '.') {
		x = make_expr(ps, EXPR_DOT, NULL);
		if (!is_name_char(ps->p[1]))
			ps->p++;
	} else if (c == '$') {
		size_t n = name_span(ps->p + 1);
		x = make_expr(ps, EXPR_VAR, NULL);
		if (x)
			x->name = make_name(ps, ps->p + 1, n);
		ps->p += 1 + n;
	} else if (is_name_char(c)) {
		r = parse_word(ps, &x);
	} else {
		return unexpected(ps, "command");
	}
	if (r < 0)
		return r;
	return x ? parse_chain(ps, x, ret) : -ENOMEM;
}

/* Operands up to "|", ")" or the end: the first is what is called. */
static int parse_command(struct parser *ps, struct expr **ret)
{
	struct expr *first = NULL;

	for (;;) {
		struct expr *x = NULL;
		int spaced = skip_space(ps), r;
		if (at_end(ps) || *ps->p == '|' || *ps->p == ')')
			break;
		if (first && !spaced)
			return unexpected(ps, "operand");
		r = parse_operand(ps, &x);
		if (r < 0)
			return r;
		assert(x);
		if (!first) {
			first = x;
			continue;
		}
		if (first->kind != EXPR_CALL && first->kind != EXPR_FIELD)
			return fail(ps, "can't give argument to non-function");
		if (++first->n_args > FUNCTION_ARGS_MAX - 1)
			return fail(ps, "too many arguments");
		if (first->last_arg)
			first->last_arg->next = x;
		else
			first->args = x;
		first->last_arg = x;
	}
	if (!first)
		return fail(ps, "missing value for command");
	*ret = first;
	return 0;
}

/* "$x :=", "$x =" or "$i, $x :=" at the front, if there is one. */
static int parse_assignment(struct parser *ps, struct pipe *pipe)
{
	const char *start = ps->p;

	for (int i = 0; i < 2 && *ps->p == '$'; i++) {
		size_t n = name_span(ps->p + 1);
		pipe->vars[i] = make_name(ps, ps->p + 1, n);
		if (!pipe->vars[i])
			return -ENOMEM;
		ps->p += 1 + n;
		(void)skip_space(ps);
		if (*ps->p != ',')
			break;
		ps->p++;
		(void)skip_space(ps);
	}
	pipe->declares = ps->p[0] == ':' && ps->p[1] == '=';
	if (pipe->declares || *ps->p == '=') {
		ps->p += 1 + pipe->declares;
		return pipe->vars[0] && pipe->vars[0][0] ? 0 : fail(ps, "bad variable name");
	}
	pipe->vars[0] = pipe->vars[1] = NULL;
	ps->p = start;
	return 0;
}

static int parse_pipe(struct parser *ps, struct pipe **ret)
{
	struct pipe *pipe = make(ps, sizeof(*pipe), NULL);
	int r;

	if (!pipe)
		return -ENOMEM;
	(void)skip_space(ps);
	pipe->at = (size_t)(ps->p - ps->t->text);
	r = parse_assignment(ps, pipe);
	if (r < 0)
		return r;
	for (;;) {
		struct expr *x = NULL;
		r = parse_command(ps, &x);
		if (r < 0)
			return r;
		assert(x);
		if (pipe->last && x->kind != EXPR_CALL && x->kind != EXPR_FIELD)
			return fail(ps, "non executable command in pipeline");
		if (pipe->last)
			pipe->last->next = x;
		else
			pipe->commands = x;
		pipe->last = x;
		if (*ps->p != '|')
			break;
		ps->p++;
	}
	*ret = pipe;
	return 0;
}

static int parse_list(struct parser *ps, struct node **ret, enum stop *stop);

/* The rest of {{if ...}}, {{with ...}} and {{range ...}}: pipeline, body, else, end. */
static int parse_block(struct parser *ps, struct node *n)
{
	enum stop stop = STOP_EOF;
	int r, in_range = ps->in_range;

	if (++ps->depth > TEMPLATE_DEPTH_MAX)
		return fail(ps, "nested too deeply");
	r = parse_pipe(ps, &n->pipe);
	assert(r < 0 || n->pipe);
	if (r == 0 && n->kind != NODE_RANGE && n->pipe->vars[1])
		r = fail(ps, "too many variables");
	if (r == 0)
		r = end_action(ps);
	ps->in_range += n->kind == NODE_RANGE;
	if (r == 0)
		r = parse_list(ps, &n->body, &stop);
	ps->in_range = in_range;
	if (r < 0)
		return r;
	if (stop == STOP_ELSE_IF || stop == STOP_ELSE_WITH) {
		n->otherwise = make(ps, sizeof(*n), NULL);
		if (!n->otherwise)
			return -ENOMEM;
		n->otherwise->kind = stop == STOP_ELSE_IF ? NODE_IF : NODE_WITH;
		r = parse_block(ps, n->otherwise);
	} else if (stop == STOP_ELSE) {
		r = parse_list(ps, &n->otherwise, &stop);
		if (r == 0 && stop != STOP_END)
			r = fail(ps, stop == STOP_EOF ? "unexpected EOF" : "unexpected {{else}}");
	} else if (stop == STOP_EOF) {
		r = fail(ps, "unexpected EOF");
	}
	ps->depth--;
	return r;
}

/* {{else ...}} up to what decides its kind. */
static int parse_else(struct parser *ps, enum stop *stop)
{
	(void)skip_space(ps);
	*stop = eat_word(ps, "if")     ? STOP_ELSE_IF
		: eat_word(ps, "with") ? STOP_ELSE_WITH
				       : STOP_ELSE;
	return *stop == STOP_ELSE ? end_action(ps) : 0;
}

static int parse_comment(struct parser *ps)
{
	const char *end = strstr(ps->p + 2, "*/");
	if (!end)
		return fail(ps, "unclosed comment");
	ps->p = end + 2;
	return end_action(ps);
}

/* One action behind "{{": a node in *RET, or nothing for a comment, or what ends the list in *STOP.
 */
static int parse_action(struct parser *ps, struct node **ret, enum stop *stop)
{
	static const struct {
		const char *word;
		enum node_kind kind;
	} blocks[] = { { "if", NODE_IF }, { "with", NODE_WITH }, { "range", NODE_RANGE } };
	struct node *n;

	(void)skip_space(ps);
	if (strncmp(ps->p, "/*", 2) == 0)
		return parse_comment(ps);
	if (eat_word(ps, "end")) {
		*stop = STOP_END;
		return end_action(ps);
	}
	if (eat_word(ps, "else"))
		return parse_else(ps, stop);
	*ret = n = make(ps, sizeof(*n), NULL);
	if (!n)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		if (eat_word(ps, blocks[i].word)) {
			n->kind = blocks[i].kind;
			return parse_block(ps, n);
		}
	if (eat_word(ps, "break"))
		n->kind = NODE_BREAK;
	else if (eat_word(ps, "continue"))
		n->kind = NODE_CONTINUE;
	else
		n->kind = NODE_PRINT;
	if (n->kind != NODE_PRINT && !ps->in_range)
		return fail(ps, n->kind == NODE_BREAK ? "{{break}} outside {{range}}"
						      : "{{continue}} outside {{range}}");
	if (n->kind == NODE_PRINT) {
		int r = parse_pipe(ps, &n->pipe);
		if (r < 0)
			return r;
		assert(n->pipe);
		if (n->pipe->vars[1])
			return fail(ps, "too many variables");
	}
	return end_action(ps);
}

/* Text up to the next action (or the end), without what trim marks on either side take away. */
static int parse_text(struct parser *ps, struct node **ret)
{
	const char *start = ps->p, *end = strstr(start, "{{");
	struct node *n;

	if (!end)
		end = start + strlen(start);
	ps->p = end;
	if (ps->trim)
		while (start < end && strchr(" \t\r\n", *start))
			start++;
	if (*end && end[2] == '-' && end[3] && strchr(" \t\r\n", end[3]))
		while (end > start && strchr(" \t\r\n", end[-1]))
			end--;
	ps->trim = 0;
	if (start == end)
		return 0;
	*ret = n = make(ps, sizeof(*n), NULL);
	if (!n)
		return -ENOMEM;
	n->kind = NODE_TEXT;
	n->text = start;
	n->len = (size_t)(end - start);
	return 0;
}

static int parse_list(struct parser *ps, struct node **ret, enum stop *stop)
{
	struct node **tail = ret;

	*stop = STOP_EOF;
	while (*ps->p) {
		struct node *n = NULL;
		int r = parse_text(ps, &n);
		if (r < 0)
			return r;
		if (n) {
			*tail = n;
			tail = &n->next;
			n = NULL;
		}
		if (!*ps->p)
			break;
		ps->p += 2;
		if (*ps->p == '-' && ps->p[1] && strchr(" \t\r\n", ps->p[1]))
			ps->p++;
		r = parse_action(ps, &n, stop);
		if (r < 0)
			return r;
		if (n) {
			*tail = n;
			tail = &n->next;
		}
		if (*stop != STOP_EOF)
			return 0;
	}
	return 0;
}

int template_parse(const char *name, const char *text, struct template **ret, struct err *e)
{
	scoped(template) struct template *t = calloc(1, sizeof(*t));
	struct parser ps = { .t = t, .e = e };
	enum stop stop = STOP_EOF;
	int r;

	if (strlen(text) > TEMPLATE_TEXT_MAX)
		return err_set(e, -EINVAL, "template: %s: longer than %d bytes", name,
			       TEMPLATE_TEXT_MAX);
	if (!t || !(t->name = strdup(name)) || !(t->text = strdup(text)))
		return err_errno(e, ENOMEM, "template");
	ps.p = t->text;
	r = parse_list(&ps, &t->root, &stop);
	if (r == 0 && stop != STOP_EOF)
		r = fail(&ps, stop == STOP_END ? "unexpected {{end}}" : "unexpected {{else}}");
	if (r < 0)
		return r;
	*ret = take_ptr(&t);
	return 0;
}

struct template *template_free(struct template *t)
{
	if (!t)
		return NULL;
	for (struct arena *a = t->arena, *next; a; a = next) {
		next = a->next;
		json_free(a->literal);
		free(a);
	}
	free(t->name);
	free(t->text);
	free(t);
	return NULL;
}

int template_wants_list(const char *text)
{
	if (strncmp(text, "{{", 2) != 0)
		return 0;
	text += 2;
	text += *text == '-';
	text += strspn(text, " \t");
	return strncmp(text, "range", 5) == 0 && !is_name_char(text[5]);
}

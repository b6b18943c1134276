/* SPDX-License-Identifier: Apache-2.0 */
/* What template_parse.c makes and template.c evaluates; for these two (and template_func.c) alone.
 */
#ifndef COVE_UTIL_TEMPLATE_TREE_H
#define COVE_UTIL_TEMPLATE_TREE_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "src/util/template.h"

#define TEMPLATE_TEXT_MAX  65536
#define TEMPLATE_DEPTH_MAX 64
#define TEMPLATE_STEPS_MAX 2000000
#define TEMPLATE_TEMP_MAX  (64UL * 1024 * 1024) /* bytes of strings made while evaluating */
#define TEMPLATE_WIDTH_MAX 4096			/* printf and pad */

enum expr_kind {
	EXPR_DOT,     /* . */
	EXPR_VAR,     /* $name; "$" has the empty name */
	EXPR_LITERAL, /* literal (NULL: nil) */
	EXPR_FIELD,   /* base.name, with args when it stands first in a command */
	EXPR_CALL,    /* function name with args */
	EXPR_PIPE,    /* ( ... ): pipe */
};

struct expr {
	enum expr_kind kind;
	const char *name;
	json_object *literal;
	struct expr *base;
	const struct function *function;
	struct expr *args, *last_arg; /* list by next */
	size_t n_args;
	struct pipe *pipe;
	struct expr *next;
	size_t at; /* offset in the text */
};

struct pipe {
	const char *vars[2]; /* $i, $e := ...; names without "$" */
	int declares;	     /* ":=" makes new variables, "=" sets old ones */
	struct expr *commands, *last;
	size_t at;
};

enum node_kind { NODE_TEXT, NODE_PRINT, NODE_IF, NODE_WITH, NODE_RANGE, NODE_BREAK, NODE_CONTINUE };

struct node {
	enum node_kind kind;
	const char *text;
	size_t len;
	struct pipe *pipe;
	struct node *body, *otherwise; /* lists by next */
	struct node *next;
};

struct arena {
	struct arena *next;
	json_object *literal; /* released with the piece */
};

struct template
{
	char *name, *text;
	struct node *root;
	struct arena *arena;
};

/* A value while evaluating: borrowed; what was made on the way lives until the run ends. */
struct value {
	json_object *o; /* NULL: nil */
	int missing;	/* a key that a map has not: "<no value>" */
	int is_map;	/* an object that is a map */
	int is_time;	/* text to be shown as a time */
};

struct run {
	const struct template *t;
	const struct template_schema *schema;
	struct strbuf *out;
	json_object *temps; /* array that owns what was made */
	size_t temp_bytes, steps;
	int depth;
	struct err *e;
};

#define FUNCTION_ARGS_MAX 32

struct function {
	const char *name;
	size_t min_args, max_args;
	/* 0, or a negative errno with r->e filled. */
	int (*call)(struct run *r, const struct value *args, size_t n, struct value *ret);
	int lazy; /* 1: and, 2: or: arguments are evaluated only as far as needed */
};

/* template_func.c */
const struct function *function_find(const char *name, size_t n);
/* Append V as Go's print shows it. */
int value_print(struct run *r, struct strbuf *b, const struct value *v);
int value_is_true(const struct value *v);
/* template.c: hold on to a value that was just made (NULL: out of memory). */
int run_keep(struct run *r, json_object *take_o, size_t bytes, struct value *ret);
int run_fail(struct run *r, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#if defined(__clang_analyzer__) && !defined(COVE_UTIL_TEMPLATE_C)
#define run_fail(...) ((void)run_fail(__VA_ARGS__), -EINVAL)
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating the tree. */
#define COVE_UTIL_TEMPLATE_C
#include "src/util/template.h"

#include <errno.h>
#include <json-c/json_util.h>
#include <json-c/linkhash.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/template_tree.h"

/* Variables form a chain; blocks put theirs in front and take them away again. */
struct variable {
	const char *name;
	struct value value;
	struct variable *next;
};

struct scope {
	struct value dot;
	struct variable *vars;
};

/* How a list of nodes ended. */
enum flow { FLOW_GO_ON, FLOW_BREAK, FLOW_CONTINUE };

int run_fail(struct run *r, size_t at, const char *fmt, ...)
{
	char what[512];
	va_list ap;
	int line = 1;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < at && r->t->text[i]; i++)
		line += r->t->text[i] == '\n';
	(void)err_set(r->e, -EINVAL, "template: %s:%d: %s", r->t->name, line, what);
	return -EINVAL;
}

int run_keep(struct run *r, json_object *take_o, size_t bytes, struct value *ret)
{
	if (!take_o || json_object_array_add(r->temps, take_o) < 0) {
		json_free(take_o);
		return err_errno(r->e, ENOMEM, "template: %s", r->t->name);
	}
	r->temp_bytes += bytes;
	if (r->temp_bytes > TEMPLATE_TEMP_MAX)
		return err_set(r->e, -E2BIG, "template: %s: needs too much memory", r->t->name);
	*ret = (struct value){ .o = take_o };
	return 0;
}

static int step(struct run *r)
{
	if (++r->steps > TEMPLATE_STEPS_MAX)
		return err_set(r->e, -E2BIG, "template: %s: runs too long", r->t->name);
	return 0;
}

static void classify(const struct run *r, const char *name, struct value *v)
{
	if (!r->schema)
		return;
	v->is_map = str_in_words(name, strlen(name), r->schema->maps);
	v->is_time = str_in_words(name, strlen(name), r->schema->times) &&
		     json_object_is_type(v->o, json_type_string);
}

/* Member NAME of BASE; ARG as in {{.Label "k"}} or NULL. */
static int get_member(struct run *r, const struct expr *x, const struct value *base,
		      const char *arg, struct value *ret)
{
	const struct template_schema *s = r->schema;
	json_object *o = NULL;

	*ret = (struct value){ 0 };
	if (json_object_is_type(base->o, json_type_object)) {
		if (!arg && json_object_object_get_ex(base->o, x->name, &o)) {
			ret->o = o;
			classify(r, x->name, ret);
			return 0;
		}
		o = s && s->member && !base->is_map ? s->member(s->ctx, base->o, x->name, arg)
						    : NULL;
		if (o) {
			int rc = run_keep(r, o, 64, ret);
			classify(r, x->name, ret);
			return rc;
		}
		if (arg)
			return run_fail(r, x->at,
					"%s has arguments but cannot be invoked as function",
					x->name);
		if (base->is_map || (s && s->lenient)) {
			ret->missing = 1;
			return 0;
		}
		return run_fail(r, x->at, "can't evaluate field %s", x->name);
	}
	if (base->missing || (!base->o && (base->is_map || (s && s->lenient)))) {
		ret->missing = 1;
		return 0;
	}
	if (!base->o)
		return run_fail(r, x->at, "nil pointer evaluating field %s", x->name);
	return run_fail(r, x->at, "can't evaluate field %s in a %s", x->name,
			json_type_to_name(json_object_get_type(base->o)));
}

static int eval_pipe(struct run *r, const struct pipe *pipe, struct scope *s, struct value *ret);
static int eval(struct run *r, const struct expr *x, struct scope *s, const struct value *final,
		struct value *ret);

static int eval_lazy(struct run *r, const struct expr *x, struct scope *s,
		     const struct value *final, struct value *ret)
{
	int stop_at = x->function->lazy == 2; /* "or" ends at the first true one */

	for (const struct expr *arg = x->args; arg; arg = arg->next) {
		int rc = eval(r, arg, s, NULL, ret);
		if (rc < 0 || value_is_true(ret) == stop_at)
			return rc;
	}
	if (final)
		*ret = *final;
	return 0;
}

static int eval_call(struct run *r, const struct expr *x, struct scope *s,
		     const struct value *final, struct value *ret)
{
	const struct function *f = x->function;
	struct value args[FUNCTION_ARGS_MAX];
	size_t n = 0;

	if (x->n_args + (final != NULL) < f->min_args || x->n_args + (final != NULL) > f->max_args)
		return run_fail(r, x->at, "wrong number of args for %s", f->name);
	if (f->lazy)
		return eval_lazy(r, x, s, final, ret);
	for (const struct expr *arg = x->args; arg; arg = arg->next) {
		int rc = eval(r, arg, s, NULL, &args[n++]);
		if (rc < 0)
			return rc;
	}
	if (final)
		args[n++] = *final;
	return f->call(r, args, n, ret);
}

static int eval_field(struct run *r, const struct expr *x, struct scope *s,
		      const struct value *final, struct value *ret)
{
	struct value base = { 0 }, arg = { 0 };
	int rc = eval(r, x->base, s, NULL, &base);

	if (rc < 0)
		return rc;
	if (x->n_args + (final != NULL) > 1)
		return run_fail(r, x->at, "%s has arguments but cannot be invoked as function",
				x->name);
	if (x->args) {
		rc = eval(r, x->args, s, NULL, &arg);
		if (rc < 0)
			return rc;
	} else if (final) {
		arg = *final;
	} else {
		return get_member(r, x, &base, NULL, ret);
	}
	if (!json_object_is_type(arg.o, json_type_string))
		return run_fail(r, x->at, "wrong type of argument for %s", x->name);
	return get_member(r, x, &base, json_object_get_string(arg.o), ret);
}

static struct variable *find_variable(const struct scope *s, const char *name)
{
	for (struct variable *v = s->vars; v; v = v->next)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

/* FINAL: what the command before in the pipeline gave. */
static int eval(struct run *r, const struct expr *x, struct scope *s, const struct value *final,
		struct value *ret)
{
	struct variable *v;
	int rc = step(r);

	if (rc < 0)
		return rc;
	switch (x->kind) {
	case EXPR_DOT:
		*ret = s->dot;
		return 0;
	case EXPR_VAR:
		v = find_variable(s, x->name);
		if (!v)
			return run_fail(r, x->at, "undefined variable \"$%s\"", x->name);
		*ret = v->value;
		return 0;
	case EXPR_LITERAL:
		*ret = (struct value){ .o = x->literal };
		return 0;
	case EXPR_FIELD:
		return eval_field(r, x, s, final, ret);
	case EXPR_CALL:
		return eval_call(r, x, s, final, ret);
	case EXPR_PIPE:
		return eval_pipe(r, x->pipe, s, ret);
	}
	return run_fail(r, x->at, "unknown expression");
}

static int eval_pipe(struct run *r, const struct pipe *pipe, struct scope *s, struct value *ret)
{
	struct value last = { 0 };

	for (const struct expr *x = pipe->commands; x; x = x->next) {
		int rc = eval(r, x, s, x == pipe->commands ? NULL : &last, ret);
		if (rc < 0)
			return rc;
		last = *ret;
	}
	return 0;
}

static int exec_list(struct run *r, const struct node *n, struct scope *s, enum flow *flow);

/* Evaluate the pipeline and set its variable: VAR is put in front of the scope when it declares
 * one. */
static int eval_assign(struct run *r, const struct pipe *pipe, struct scope *s,
		       struct variable *var, struct value *ret)
{
	struct variable *old;
	int rc = eval_pipe(r, pipe, s, ret);

	if (rc < 0 || !pipe->vars[0])
		return rc;
	if (pipe->declares) {
		*var = (struct variable){ pipe->vars[0], *ret, s->vars };
		s->vars = var;
		return 0;
	}
	old = find_variable(s, pipe->vars[0]);
	if (!old)
		return run_fail(r, pipe->at, "undefined variable \"$%s\"", pipe->vars[0]);
	old->value = *ret;
	return 0;
}

struct range {
	const struct node *n;
	struct scope *outer;
	int go_on;
};

/* One turn of a range. */
static int turn(struct run *r, struct range *g, const struct value *key,
		const struct value *element)
{
	const struct pipe *p = g->n->pipe;
	struct scope s = { .dot = *element, .vars = g->outer->vars };
	struct variable first = { 0 }, second = { 0 };
	enum flow flow = FLOW_GO_ON;
	int rc;

	if (p->vars[0] && p->declares) {
		first = (struct variable){ p->vars[0], p->vars[1] ? *key : *element, s.vars };
		s.vars = &first;
	}
	if (p->vars[1] && p->declares) {
		second = (struct variable){ p->vars[1], *element, s.vars };
		s.vars = &second;
	}
	if (p->vars[0] && !p->declares) {
		struct variable *old = find_variable(&s, p->vars[0]);
		struct variable *other = p->vars[1] ? find_variable(&s, p->vars[1]) : old;
		if (!old || !other)
			return run_fail(r, p->at, "undefined variable \"$%s\"",
					p->vars[old != NULL]);
		old->value = *key;
		other->value = *element;
	}
	rc = exec_list(r, g->n->body, &s, &flow);
	g->go_on = flow != FLOW_BREAK;
	return rc;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Keys in order, borrowed; NULL when out of memory. */
static const char **sorted_keys(json_object *o, size_t *ret_n)
{
	size_t n = 0;
	const char **keys = calloc((size_t)json_object_object_length(o) + 1, sizeof(*keys));
	if (!keys)
		return NULL;
	json_object_object_foreach(o, key, value)
	{
		(void)value;
		keys[n++] = key;
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	*ret_n = n;
	return keys;
}

static int range_object(struct run *r, struct range *g, json_object *o)
{
	size_t n = 0;
	scoped(mem) const char **keys = sorted_keys(o, &n);
	int rc = keys ? 0 : err_errno(r->e, ENOMEM, "template");

	for (size_t i = 0; i < n && rc >= 0 && g->go_on; i++) {
		struct value key, element = { 0 };
		json_object *member = NULL;
		(void)json_object_object_get_ex(o, keys[i], &member);
		element.o = member;
		rc = run_keep(r, json_object_new_string(keys[i]), strlen(keys[i]), &key);
		if (rc >= 0)
			rc = turn(r, g, &key, &element);
	}
	return rc;
}

static int range_array(struct run *r, struct range *g, json_object *o)
{
	int rc = 0;

	for (size_t i = 0; i < json_object_array_length(o) && rc >= 0 && g->go_on; i++) {
		struct value key, element = { .o = json_object_array_get_idx(o, i) };
		rc = run_keep(r, json_object_new_int64((int64_t)i), sizeof(int64_t), &key);
		if (rc >= 0)
			rc = turn(r, g, &key, &element);
	}
	return rc;
}

static int exec_range(struct run *r, const struct node *n, struct scope *s)
{
	struct range g = { .n = n, .outer = s, .go_on = 1 };
	enum flow flow = FLOW_GO_ON;
	struct value v = { 0 };
	int rc = eval_pipe(r, n->pipe, s, &v);

	if (rc < 0)
		return rc;
	if (v.o && !json_object_is_type(v.o, json_type_array) &&
	    !json_object_is_type(v.o, json_type_object))
		return run_fail(r, n->pipe->at, "range can't iterate over a %s",
				json_type_to_name(json_object_get_type(v.o)));
	if (json_object_is_type(v.o, json_type_object) && json_object_object_length(v.o) > 0)
		return range_object(r, &g, v.o);
	if (json_object_is_type(v.o, json_type_array) && json_object_array_length(v.o) > 0)
		return range_array(r, &g, v.o);
	return exec_list(r, n->otherwise, s, &flow);
}

static int exec_print(struct run *r, const struct node *n, struct scope *s)
{
	struct value v = { 0 };
	int rc = eval_pipe(r, n->pipe, s, &v);
	return rc < 0 ? rc : value_print(r, r->out, &v);
}

static int exec_choice(struct run *r, const struct node *n, struct scope *outer, enum flow *flow)
{
	struct scope s = *outer;
	struct variable var = { 0 };
	struct value v = { 0 };
	int rc = eval_assign(r, n->pipe, &s, &var, &v);

	if (rc < 0)
		return rc;
	if (value_is_true(&v)) {
		if (n->kind == NODE_WITH)
			s.dot = v;
		return exec_list(r, n->body, &s, flow);
	}
	return exec_list(r, n->otherwise, &s, flow);
}

/* {{$x := ...}} declares for the rest of its list: the rest runs in here, while the variable lives.
 */
static int exec_declare(struct run *r, const struct node *n, struct scope *outer, enum flow *flow)
{
	struct scope s = *outer;
	struct variable var = { 0 };
	struct value v = { 0 };
	int rc;

	if (++r->depth > TEMPLATE_DEPTH_MAX * 4)
		return run_fail(r, n->pipe->at, "too many variables");
	rc = eval_assign(r, n->pipe, &s, &var, &v);
	if (rc >= 0)
		rc = exec_list(r, n->next, &s, flow);
	r->depth--;
	return rc;
}

static int exec_node(struct run *r, const struct node *n, struct scope *s, enum flow *flow)
{
	struct variable unused;
	struct value v = { 0 };

	switch (n->kind) {
	case NODE_TEXT:
		return strbuf_add(r->out, n->text, n->len);
	case NODE_PRINT:
		return n->pipe->vars[0] ? eval_assign(r, n->pipe, s, &unused, &v)
					: exec_print(r, n, s);
	case NODE_IF:
	case NODE_WITH:
		return exec_choice(r, n, s, flow);
	case NODE_RANGE:
		return exec_range(r, n, s);
	case NODE_BREAK:
		*flow = FLOW_BREAK;
		return 0;
	case NODE_CONTINUE:
		*flow = FLOW_CONTINUE;
		return 0;
	}
	return -EINVAL;
}

static int exec_list(struct run *r, const struct node *n, struct scope *s, enum flow *flow)
{
	for (; n && *flow == FLOW_GO_ON; n = n->next) {
		int rc = step(r);
		if (rc >= 0 && n->kind == NODE_PRINT && n->pipe->vars[0] && n->pipe->declares)
			return exec_declare(r, n, s, flow);
		if (rc >= 0)
			rc = exec_node(r, n, s, flow);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int template_run(const struct template *t, json_object *data, const struct template_schema *schema,
		 struct strbuf *out, struct err *e)
{
	scoped(json) json_object *temps = json_object_new_array();
	struct run r = { .t = t, .schema = schema, .out = out, .temps = temps, .e = e };
	struct variable root = { .name = "", .value = { .o = data } };
	struct scope s = { .dot = root.value, .vars = &root };
	enum flow flow = FLOW_GO_ON;
	int rc;

	if (!temps)
		return err_errno(e, ENOMEM, "template: %s", t->name);
	rc = exec_list(&r, t->root, &s, &flow);
	if (rc >= 0 && out->failed)
		rc = out->failed;
	if (rc < 0 && !e->code)
		return err_errno(e, rc, "template: %s", t->name);
	return rc < 0 ? rc : 0;
}

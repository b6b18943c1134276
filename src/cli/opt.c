/* SPDX-License-Identifier: Apache-2.0 */
/* The option parser: GNU long options, clustered letters, values with or without "=", filled into a
 * struct by the rows' offsets.  Wording of failures follows Podman, whose users grep for it. */
#include "src/cli/opt.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/scoped.h"
#include "src/util/units.h"

#define NS_PER_MS 1000000

/* Where a parse stands. */
struct parse {
	opt_groups groups;
	char *const *argv; /* the next argument */
	void *dst;
	const struct opt_outer *outer; /* or NULL */
	const struct opt **seen;       /* rows given so far, for EXCLUDES */
	size_t n_seen;
};

const struct opt *opt_find(opt_groups groups, const char *name, size_t n, char letter)
{
	each_opt(o, g, groups) {
		if (o->kind == OPT_EXCLUDES)
			continue;
		if (!name && o->letter && o->letter == letter)
			return o;
		if (name && ((strlen(o->name) == n && memcmp(o->name, name, n) == 0) ||
			     str_in_words(name, n, o->spellings)))
			return o;
	}
	return NULL;
}

static int is_boolean(const struct opt *o)
{
	return o->kind == OPT_FLAG || o->kind == OPT_TRI;
}

int opt_wants_value(const struct opt *o)
{
	return !is_boolean(o) && !o->optional && o->kind != OPT_REFUSED;
}

/* "-n, --last" or "--last", as failures name an option. */
static const char *spelled(const struct opt *o, char buf[128])
{
	if (o->letter)
		(void)snprintf(buf, 128, "-%c, --%s", o->letter, o->name);
	else
		(void)snprintf(buf, 128, "--%s", o->name);
	return buf;
}

static int invalid(const struct opt *o, const char *value, const char *why, struct err *e)
{
	char buf[128];
	return err_set(e, -EINVAL, "invalid argument \"%s\" for \"%s\" flag: %s", value,
		       spelled(o, buf), why);
}

static int parse_bool(const char *s, int *ret)
{
	if (str_in_words(s, strlen(s), "1|t|T|true|TRUE|True"))
		*ret = 1;
	else if (str_in_words(s, strlen(s), "0|f|F|false|FALSE|False"))
		*ret = 0;
	else
		return -EINVAL;
	return 0;
}

static int set_int(const struct opt *o, const char *value, int *dst, struct err *e)
{
	char *end, why[128];
	long long v;

	errno = 0;
	v = strtoll(value, &end, 10);
	if (end == value || *end || strchr(" \t\n", *value))
		return invalid(o, value, "not a number", e);
	if (errno || v < o->min || v > o->max) {
		(void)snprintf(why, sizeof(why), "must be between %lld and %lld", o->min, o->max);
		return invalid(o, value, why, e);
	}
	*dst = (int)v;
	return 0;
}

static int set_size(const struct opt *o, const char *value, int64_t *dst, struct err *e)
{
	int64_t v = -1;
	/* -1 stands for "no limit" where the row allows it. */
	int r = o->min < 0 && strcmp(value, "-1") == 0 ? 0 : size_parse(value, &v);

	if (r == -EINVAL)
		return invalid(o, value, "not a size (a number, and b, k, m or g behind it)", e);
	if (r < 0 || v < o->min || v > o->max)
		return invalid(o, value, "out of range", e);
	*dst = v;
	return 0;
}

static int set_duration(const struct opt *o, const char *value, int64_t *dst, struct err *e)
{
	unsigned long long bare;
	int64_t ns;

	if (o->bare_ms && str_to_u64(value, INT_MAX, &bare) == 0) {
		*dst = (int64_t)bare * o->bare_ms;
		return 0;
	}
	if (duration_parse(value, &ns) < 0 || ns < 0)
		return invalid(o, value, "not a duration (like 300ms, 1.5h or 2h45m)", e);
	*dst = ns / NS_PER_MS;
	return 0;
}

static int set_real(const struct opt *o, const char *value, double *dst, struct err *e)
{
	char *end;
	double v;

	if (!*value || strspn(value, "0123456789.") != strlen(value))
		return invalid(o, value, "not a number", e);
	v = strtod(value, &end);
	if (*end)
		return invalid(o, value, "not a number", e);
	*dst = v;
	return 0;
}

int opt_split_csv(const char *s, char ***ret)
{
	do {
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		if (*s == '"') {
			for (s++; *s && (*s != '"' || s[1] == '"'); s++) {
				(void)strbuf_putc(&b, *s);
				s += *s == '"';
			}
			if (*s++ != '"' || (*s && *s != ','))
				return -EINVAL;
		} else {
			size_t n = strcspn(s, ",");
			if (memchr(s, '"', n))
				return -EINVAL;
			(void)strbuf_add(&b, s, n);
			s += n;
		}
		if (b.failed || strv_add(ret, b.s ? b.s : "") < 0)
			return -ENOMEM;
	} while (*s++ == ',');
	return 0;
}

static int set_list(const struct opt *o, const char *value, char ***dst, struct err *e)
{
	int r;

	if (o->kind == OPT_KEYVAL && (!*value || *value == '='))
		return invalid(o, value, "must be KEY=VALUE", e);
	if (o->kind != OPT_CSV)
		r = strv_add(dst, value);
	else
		r = *value ? opt_split_csv(value, dst) : 0;
	if (r == -EINVAL)
		return invalid(o, value, "stray \" in a comma separated list", e);
	return r < 0 ? err_errno(e, r, "--%s", o->name) : 0;
}

int opt_set(const struct opt *o, const char *value, void *dst, struct err *e)
{
	void *at = (char *)dst + o->at;

	if (o->values && !str_in_words(value, strlen(value), o->values)) {
		char why[256];
		(void)snprintf(why, sizeof(why), "must be one of %s", o->values);
		return invalid(o, value, why, e);
	}
	switch (o->kind) {
	case OPT_FLAG:
	case OPT_TRI:
		return parse_bool(value, at) < 0 ? invalid(o, value, "must be true or false", e)
						 : 0;
	case OPT_STR:
		*(const char **)at = value;
		return 0;
	case OPT_INT:
		return set_int(o, value, at, e);
	case OPT_SIZE:
		return set_size(o, value, at, e);
	case OPT_DURATION:
		return set_duration(o, value, at, e);
	case OPT_REAL:
		return set_real(o, value, at, e);
	case OPT_LIST:
	case OPT_CSV:
	case OPT_KEYVAL:
		return set_list(o, value, at, e);
	case OPT_REFUSED:
		return err_set(e, -EINVAL, "--%s: %s", o->name, o->help);
	case OPT_END:
	case OPT_EXCLUDES:
		break;
	}
	return err_set(e, -EINVAL, "--%s is no option", o->name);
}

int opt_init(opt_groups groups, void *dst, struct err *e)
{
	each_opt(o, g, groups) {
		void *at = (char *)dst + o->at;
		int r = 0;
		if (o->def)
			r = opt_set(o, o->def, dst, e);
		else if (o->kind == OPT_TRI)
			*(int *)at = -1;
		else if (o->kind == OPT_INT)
			*(int *)at = (int)o->init;
		else if (o->kind == OPT_SIZE || o->kind == OPT_DURATION)
			*(int64_t *)at = o->init;
		else if (o->kind == OPT_REAL)
			*(double *)at = (double)o->init;
		if (r < 0)
			return r;
	}
	return 0;
}

static void drop_list(const struct opt *o, void *dst)
{
	if (o->kind == OPT_LIST || o->kind == OPT_CSV || o->kind == OPT_KEYVAL) {
		char ***list = (char ***)((char *)dst + o->at);
		strv_free(*list);
		*list = NULL;
	}
}

void opt_done(opt_groups groups, void *dst)
{
	each_opt(o, g, groups)
		drop_list(o, dst);
}

static int was_seen(const struct parse *p, const struct opt *o)
{
	for (size_t i = 0; i < p->n_seen; i++)
		if (p->seen[i] == o)
			return 1;
	return 0;
}

/* The row, and in *DST the struct that it fills. */
static const struct opt *find(const struct parse *p, const char *name, size_t n, char letter,
			      void **dst)
{
	const struct opt *o = opt_find(p->groups, name, n, letter);

	*dst = p->dst;
	/* -h and --help are the command's, whatever is outside. */
	if (o || !p->outer || letter == 'h')
		return o;
	*dst = p->outer->dst;
	return opt_find(p->outer->groups, name, n, letter);
}

/* Store VALUE in DST for a row given on the command line. */
static int give(struct parse *p, const struct opt *o, void *dst, const char *value, struct err *e)
{
	if (!was_seen(p, o)) {
		/* The default's elements do not stay beside given ones; those given outside do. */
		if (dst == p->dst)
			drop_list(o, dst);
		p->seen[p->n_seen++] = o;
	}
	if (o->given)
		*(int *)((char *)dst + o->given - 1) = 1;
	return opt_set(o, value, dst, e);
}

static int parse_long(struct parse *p, const char *arg, struct err *e)
{
	const char *name = arg + 2, *eq = strchr(name, '=');
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	void *dst;
	const struct opt *o = find(p, name, n, 0, &dst);
	const char *value = eq ? eq + 1 : NULL;

	if (n == 0)
		return err_set(e, -EINVAL, "bad flag syntax: %s", arg);
	if (!o && n == 4 && memcmp(name, "help", n) == 0)
		return err_set(e, -ECANCELED, "help");
	if (!o)
		return err_set(e, -EINVAL, "unknown flag: --%.*s", (int)n, name);
	if (!value && opt_wants_value(o)) {
		if (!*p->argv)
			return err_set(e, -EINVAL, "flag needs an argument: --%.*s", (int)n, name);
		value = *p->argv++;
	}
	if (!value)
		value = o->optional ? o->optional : "true";
	return give(p, o, dst, value, e);
}

static int parse_letters(struct parse *p, const char *arg, struct err *e)
{
	for (const char *s = arg + 1; *s; s++) {
		void *dst;
		const struct opt *o = find(p, NULL, 0, *s, &dst);
		int r;
		if (!o && *s == 'h')
			return err_set(e, -ECANCELED, "help");
		if (!o)
			return err_set(e, -EINVAL, "unknown shorthand flag: '%c' in %s", *s, arg);
		if (s[1] == '=')
			return give(p, o, dst, s + 2, e);
		if (opt_wants_value(o)) {
			if (!s[1] && !*p->argv)
				return err_set(e, -EINVAL, "flag needs an argument: '%c' in %s", *s,
					       arg);
			return give(p, o, dst, s[1] ? s + 1 : *p->argv++, e);
		}
		r = give(p, o, dst, o->optional ? o->optional : "true", e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_excludes(const struct parse *p, struct err *e)
{
	each_opt(o, g, p->groups) {
		if (o->kind != OPT_EXCLUDES)
			continue;
		if (was_seen(p, opt_find(p->groups, o->name, strlen(o->name), 0)) &&
		    was_seen(p, opt_find(p->groups, o->arg, strlen(o->arg), 0)))
			return err_set(e, -EINVAL, "--%s and --%s cannot be used together", o->name,
				       o->arg);
	}
	return 0;
}

static int parse_all(struct parse *p, unsigned flags, const char **args, struct err *e)
{
	int r = 0;

	while (*p->argv && r >= 0) {
		const char *arg = *p->argv++;
		if (strcmp(arg, "--") == 0 || arg[0] != '-' || !arg[1]) {
			int rest = arg[0] == '-' && arg[1];
			if (!rest)
				*args++ = arg;
			if (rest || (flags & OPT_STOP_AT_ARG)) {
				while (*p->argv)
					*args++ = *p->argv++;
			}
		} else if (arg[1] == '-') {
			r = parse_long(p, arg, e);
		} else {
			r = parse_letters(p, arg, e);
		}
	}
	*args = NULL;
	return r < 0 ? r : check_excludes(p, e);
}

int opt_parse(opt_groups groups, const char *command, unsigned flags, char *const *argv, void *dst,
	      const char **args, struct err *e)
{
	return opt_parse_within(NULL, groups, command, flags, argv, dst, args, e);
}

int opt_parse_within(const struct opt_outer *outer, opt_groups groups, const char *command,
		     unsigned flags, char *const *argv, void *dst, const char **args, struct err *e)
{
	scoped(mem) const struct opt **seen = NULL;
	struct parse p = { .groups = groups, .argv = argv, .dst = dst, .outer = outer };
	size_t rows = 1;
	int r;

	each_opt(o, g, groups)
		rows++;
	each_opt(o, g, outer ? outer->groups : NULL)
		rows++;
	seen = calloc(rows, sizeof(const struct opt *));
	if (!seen)
		return err_errno(e, ENOMEM, "parse the command line");
	p.seen = seen;
	r = parse_all(&p, flags, args, e);
	if (r < 0 && r != -ECANCELED)
		(void)err_hint(e, "See '%s --help'", command);
	return r;
}

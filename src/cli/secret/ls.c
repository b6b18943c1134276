/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/filter.h"
#include "src/cli/report.h"
#include "src/secret/secret.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

#define NS_PER_S 1000000000

struct ls_options {
	char **filter;
	const char *format;
	int noheading, quiet;
};

#define AT(f) offsetof(struct ls_options, f)
static const struct opt options[] = {
	LIST('f', "filter", "KEY=VALUE", AT(filter), "Show only some",
	     .man = "Keys: id, name; the value is a regular expression."),
	STR(0, "format", "FORMAT", AT(format), "Print as JSON or by a Go template"),
	FLAG('n', "noheading", AT(noheading), "Print no heading"),
	FLAG('q', "quiet", AT(quiet), "Print IDs only"),
	END,
};

/* ---- filters --------------------------------------------------------------------------------- */

static const struct filter {
	const char *key;
	size_t member;
} filters[] = {
	{ "id", offsetof(struct secret, id) },
	{ "name", offsetof(struct secret, name) },
};

static int check_filter(const char *text, struct err *e)
{
	size_t n = strcspn(text, "=");

	if (!text[n])
		return err_set(e, -EINVAL,
			       "filter input must be in the form of filter=value: %s is invalid",
			       text);
	for (size_t i = 0; i < ARRAY_LEN(filters); i++)
		if (strlen(filters[i].key) == n && strncasecmp(text, filters[i].key, n) == 0)
			return 0;
	return err_set(e, -EINVAL, "invalid filter \"%.*s\"", (int)n, text);
}

/* Of one key any is enough, of each key one is needed. */
static int passes(const struct secret *s, char *const *given, struct err *e)
{
	int all = 1;

	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		const char *const *text = (const void *)((const char *)s + filters[i].member);
		size_t n = strlen(filters[i].key);
		int any = 0, one = 0;

		for (char *const *f = given; f && *f; f++) {
			int r = 0;
			if (strncasecmp(*f, filters[i].key, n) != 0 || (*f)[n] != '=')
				continue;
			r = filter_regex(*text, *f + n + 1, e);
			if (r < 0)
				return r;
			any = 1;
			one |= r;
		}
		all = all && (!any || one);
	}
	return all;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void put_age(json_object *row, const char *name, const char *when)
{
	char buf[UNITS_MAX], text[UNITS_MAX + 8];
	int64_t ns = 0;

	if (time_parse(when, 0, &ns) < 0)
		ns = 0; /* whoever wrote that */
	(void)snprintf(text, sizeof(text), "%s ago",
		       duration_human((time_now_ns() - ns) / NS_PER_S, buf));
	json_put_str(row, name, text);
}

static json_object *row_of(const struct secret *s)
{
	json_object *row = json_object_new_object();

	json_put_str(row, "ID", s->id);
	json_put_str(row, "Name", s->name);
	json_put_str(row, "Driver", s->driver);
	put_age(row, "CreatedAt", s->created);
	put_age(row, "UpdatedAt", s->updated);
	return row;
}

static int ls(struct engine *en, void *opts, char **args, struct err *e)
{
	static const struct report_header headers[] = { { "CreatedAt", "CREATED" },
							{ "UpdatedAt", "UPDATED" },
							{ NULL, NULL } };
	const struct ls_options *o = opts;
	struct report report = { .name = "secret ls",
				 .format = o->quiet && !o->format ? "{{.ID}}" : o->format,
				 .headers = headers,
				 .no_heading = o->noheading,
				 .standard = "table {{.ID}}\\t{{.Name}}\\t{{.Driver}}\\t"
					     "{{.CreatedAt}}\\t{{.UpdatedAt}}" };
	scoped(secret_list) struct secret_list l = { 0 };
	scoped(json) json_object *rows = json_object_new_array();
	int r = rows ? 0 : err_errno(e, ENOMEM, "list secrets");

	(void)args;
	for (char *const *f = o->filter; f && *f && r == 0; f++)
		r = check_filter(*f, e);
	if (r == 0)
		r = secret_list(en, &l, e);
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		r = passes(&l.secret[i], o->filter, e);
		if (r > 0)
			(void)json_object_array_add(rows, row_of(&l.secret[i]));
	}
	if (r < 0)
		return r;
	return report_is_json(report.format) ? report_json(rows, e)
					     : report_print(&report, rows, e);
}

const struct cmd cmd_secret_ls = {
	.noun = "secret",
	.verb = "ls",
	.verbs = "list",
	.args = "",
	.help = "List secrets",
	.examples = "cove secret ls\ncove secret ls --filter name=^db --format '{{.Name}}'",
	.max_args = 0,
	.size = sizeof(struct ls_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = ls,
};

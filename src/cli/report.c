/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/report.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/table.h"

#define OUTPUT_MAX (256UL * 1024 * 1024)

int report_is_json(const char *format)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	for (const char *s = format; s && *s; s++)
		if (*s != ' ')
			(void)strbuf_putc(&b, *s);
	return b.s && (strcmp(b.s, "json") == 0 || strcmp(b.s, "{{json.}}") == 0);
}

/* The format as the template wants it: the word "table" gone, \t and \n outside of actions made
 * what they stand for (inside quotes the template language does it itself), and, in a table, spaces
 * made columns. */
static char *normalize(const char *format, int *ret_table)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	int in_action = 0;

	*ret_table = strncmp(format, "table ", 6) == 0;
	if (*ret_table)
		format += 6 + strspn(format + 6, " ");
	for (const char *s = format; *s; s++) {
		if (strncmp(s, "{{", 2) == 0 || strncmp(s, "}}", 2) == 0) {
			in_action = *s == '{';
			(void)strbuf_add(&b, s++, 2);
		} else if (!in_action && *s == '\\' && (s[1] == 't' || s[1] == 'n')) {
			(void)strbuf_putc(&b, *++s == 't' ? '\t' : '\n');
		} else if (!in_action && *ret_table && *s == ' ') {
			(void)strbuf_putc(&b, '\t');
		} else {
			(void)strbuf_putc(&b, *s);
		}
	}
	if (!b.len || b.s[b.len - 1] != '\n')
		(void)strbuf_putc(&b, '\n');
	return strbuf_take(&b);
}

/* "CreatedSince" -> "CREATED SINCE", "RepoTags" -> "REPO TAGS", "ID" -> "ID". */
static json_object *header_words(const char *name)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	for (const char *s = name; *s; s++) {
		int starts = s != name && isupper((unsigned char)*s) &&
			     (!isupper((unsigned char)s[-1]) || islower((unsigned char)s[1]));
		if (starts)
			(void)strbuf_putc(&b, ' ');
		(void)strbuf_putc(&b, (char)toupper((unsigned char)*s));
	}
	return b.failed || !b.s ? NULL : json_object_new_string(b.s);
}

/* In the header line every field is its own heading. */
static json_object *header_member(void *ctx, json_object *o, const char *name, const char *arg)
{
	const struct report_header *h = ctx;

	(void)o;
	for (; h && h->field; h++)
		if (strcmp(h->field, name) == 0)
			return json_object_new_string(h->header);
	return header_words(arg ? arg : name);
}

/* A heading that cannot be made (a template that looks into fields) is left out. */
static void print_header(const struct report *r, const struct template *t, struct strbuf *out)
{
	scoped(json) json_object *o = json_object_new_object();
	scoped(strbuf) struct strbuf line = STRBUF_INIT;
	const struct template_schema schema = { .member = header_member,
						.ctx = (void *)r->headers };
	struct err ignored = { 0 };

	if (o && template_run(t, o, &schema, &line, &ignored) == 0)
		(void)strbuf_puts(out, line.s ? line.s : "");
}

static int put(const struct strbuf *b, struct err *e)
{
	if (b->failed)
		return err_errno(e, b->failed, "output");
	if (b->len && fwrite(b->s, 1, b->len, stdout) != b->len)
		return err_sys(e, "write to standard output");
	return 0;
}

static int is_plain(const char *s)
{
	while ((unsigned char)*s >= ' ' && (unsigned char)*s < 0x7f)
		s++;
	return !*s;
}

static json_object *plain_string(const char *s)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	return name_escape(&b, s) == 0 ? json_object_new_string(b.s ? b.s : "") : NULL;
}

/* O with the control characters of its strings written out: a row says what strangers put into
 * labels and names, and neither moves the terminal's cursor nor makes lines of its own.  A new
 * reference, of O itself where nothing is to be done; NULL when out of memory. */
static json_object *plain(json_object *o)
{
	scoped(json) json_object *copy = NULL;

	switch (json_object_get_type(o)) {
	case json_type_string:
		if (is_plain(json_object_get_string(o)))
			return json_object_get(o);
		return plain_string(json_object_get_string(o));
	case json_type_array:
		copy = json_object_new_array();
		for (size_t i = 0; copy && i < json_len(o); i++) {
			json_object *v = json_object_array_get_idx(o, i), *p = v ? plain(v) : NULL;
			if ((v && !p) || json_object_array_add(copy, p) < 0)
				return NULL;
		}
		return json_object_get(copy);
	case json_type_object:
		copy = json_object_new_object();
		if (!copy)
			return NULL;
		json_object_object_foreach(o, key, value)
		{
			json_object *p = value ? plain(value) : NULL;
			scoped(strbuf) struct strbuf b = STRBUF_INIT;
			if ((value && !p) || name_escape(&b, key) < 0 ||
			    json_object_object_add(copy, b.s ? b.s : "", p) < 0)
				return NULL;
		}
		return json_object_get(copy);
	default:
		return json_object_get(o);
	}
}

int report_print(const struct report *r, json_object *list, struct err *e)
{
	/* A document is asked for by name and shown as it is. */
	scoped(json) json_object *shown = r->documents ? json_object_get(list) : plain(list);
	const char *format = r->format && *r->format ? r->format : r->standard;
	int table = 0, rc;
	scoped(mem) char *text = normalize(format, &table);
	scoped(template) struct template *t = NULL;
	scoped(strbuf) struct strbuf rows = STRBUF_INIT, out = STRBUF_INIT;

	if (!text || !shown)
		return err_errno(e, ENOMEM, "--format");
	rc = template_parse(r->name, text, &t, e);
	if (rc < 0)
		return rc;
	strbuf_init(&rows, OUTPUT_MAX);
	if (!r->documents && template_wants_list(text)) {
		rc = template_run(t, shown, r->schema, &rows, e);
	} else {
		if (table && !r->no_heading)
			print_header(r, t, &rows);
		for (size_t i = 0; i < json_len(shown) && rc == 0; i++)
			rc = template_run(t, json_object_array_get_idx(shown, i), r->schema, &rows,
					  e);
	}
	if (rc < 0)
		return rc;
	if (!table)
		return put(&rows, e);
	if (rows.failed || table_align(rows.s ? rows.s : "", &out) < 0)
		return err_errno(e, ENOMEM, "output");
	return put(&out, e);
}

int report_print_one(const struct report *r, json_object *o, struct err *e)
{
	scoped(json) json_object *list = json_object_new_array();
	struct report one = *r;

	if (!list || json_object_array_add(list, json_object_get(o)) < 0)
		return err_errno(e, ENOMEM, "output");
	one.documents = 1;
	return report_print(&one, list, e);
}

int report_json(json_object *o, struct err *e)
{
	scoped(mem) char *text = json_text_pretty(o);

	if (!text)
		return err_errno(e, ENOMEM, "output");
	return fputs(text, stdout) < 0 ? err_sys(e, "write to standard output") : 0;
}

int report_inspect(const char *format, json_object *list, const struct template_schema *schema,
		   struct err *e)
{
	const struct report r = {
		.name = "inspect", .format = format, .schema = schema, .documents = 1
	};

	if (!format || !*format || strcmp(format, "json") == 0)
		return report_json(list, e);
	return report_print(&r, list, e);
}

json_object *report_any_case(void *ctx, json_object *o, const char *name, const char *arg)
{
	(void)ctx;
	if (arg)
		return NULL;
	json_object_object_foreach(o, key, value)
	{
		if (strcasecmp(key, name) == 0)
			return value ? json_object_get(value) : json_object_new_array();
	}
	return NULL;
}

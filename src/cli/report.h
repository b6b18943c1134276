/* SPDX-License-Identifier: Apache-2.0 */
/* --format: lists as tables, templates or JSON; inspect documents. */
#ifndef COVE_CLI_REPORT_H
#define COVE_CLI_REPORT_H

#include <json-c/json_object.h>

#include "src/util/err.h"
#include "src/util/template.h"

/* What stands above the column of FIELD, where it is not simply the field's words in capitals. */
struct report_header {
	const char *field, *header;
};

struct report {
	const char *name;		     /* in failures: "images" */
	const char *format;		     /* the user's --format; NULL or "": the standard one */
	const char *standard;		     /* "table {{.Repository}}\t{{.Tag}}" */
	const struct report_header *headers; /* ends with a row of NULLs; may be NULL */
	const struct template_schema *schema; /* may be NULL */
	int no_heading;
	int documents; /* even a template that begins with {{range gets one object at a time */
};

/* Is FORMAT "json" (or "{{json .}}", which for a list means the same)? */
int report_is_json(const char *format);
/* Print LIST (an array of objects) to standard output: with "table " in front of the format a
 * header line and aligned columns, else the template once for each object, each on lines of its
 * own; a template that begins with {{range is evaluated once, with the list.  Outside of {{ }}, \t
 * and \n are tab and newline. Nothing is printed when the template fails.  -EINVAL for a bad
 * template. */
int report_print(const struct report *r, json_object *list, struct err *e);
/* Print one document by FORMAT (the template alone, with a newline behind it): version, info. */
int report_print_one(const struct report *r, json_object *o, struct err *e);
/* Print inspect's LIST: the JSON array when FORMAT is NULL, "" or "json", else the template for
 * each. */
int report_inspect(const char *format, json_object *list, const struct template_schema *schema,
		   struct err *e);
/* A template_schema.member: what O has under NAME in other letters, because the fields of the
 * documents that others print templates from are not called as in their JSON (.ID, .OCIRuntime). */
json_object *report_any_case(void *ctx, json_object *o, const char *name, const char *arg);
/* Print O as JSON, indented, to standard output. */
int report_json(json_object *o, struct err *e);

#endif

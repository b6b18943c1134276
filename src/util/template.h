/* SPDX-License-Identifier: Apache-2.0 */
/* The template language of --format (Go's text/template) over JSON values.
 *
 * Understood: text; {{.A.B}}, {{$x}}, {{$x := ...}}, {{$x = ...}}, pipelines, parentheses,
 * literals, comments, trim marks, if / else if / else, range (with else, break, continue, one or
 * two variables), with / else. Functions: and or not, eq ne lt le gt ge, len index slice, print
 * printf println, join json lower upper title split pad truncate.
 *
 * Go's structs refuse fields they have not, its maps answer "<no value>": JSON objects are both, so
 * the caller's schema says which members hold maps.  A template is parsed once and evaluated many
 * times. */
#ifndef COVE_UTIL_TEMPLATE_H
#define COVE_UTIL_TEMPLATE_H

#include <json-c/json_object.h>

#include "src/util/err.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct template;

struct template_schema {
	/* "Labels|Annotations": names of members whose objects are maps (of strings to anything):
	 * printed as map[k:v], and empty for a missing key.  NULL: none. */
	const char *maps;
	/* "Created|StartedAt": names of members that are times: their RFC 3339 text is printed as
	 * Go prints a time.  NULL: none. */
	const char *times;
	/* Asked for member NAME that object O has not; ARG is what stands behind it ({{.Label
	 * "k"}}) or NULL. An owned value, or NULL when there is no such member.  May be NULL
	 * itself. */
	json_object *(*member)(void *ctx, json_object *o, const char *name, const char *arg);
	void *ctx;
	int lenient; /* missing members of any object are "<no value>" */
};

/* Parse TEXT; NAME stands in front of failures ("template: NAME:1: ...").  -EINVAL for a malformed
 * template or one beyond the limits of size and nesting. */
int template_parse(const char *name, const char *text, struct template **ret, struct err *e);
struct template *template_free(struct template *t);
DEFINE_SCOPED(template, struct template *, template_free);
/* Evaluate with DATA as "." and "$", appending to OUT (its limit is kept).  SCHEMA may be NULL.
 * -EINVAL for what the template asks wrongly, -E2BIG for one that runs too long. */
int template_run(const struct template *t, json_object *data, const struct template_schema *schema,
		 struct strbuf *out, struct err *e);
/* Does the template as a whole begin with {{range: does it want the list instead of one object? */
int template_wants_list(const char *text);

#endif

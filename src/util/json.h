/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: strict parsing with limits, typed access, and field tables that decode and encode structs.
 *
 * A wrapper round json-c; what is digested is stored byte for byte and never re-encoded. */
#ifndef COVE_UTIL_JSON_H
#define COVE_UTIL_JSON_H

#include <json-c/json_object.h>
#include <json-c/json_object_iterator.h>
#include <json-c/linkhash.h>
#include <stddef.h>
#include <stdint.h>

#include "src/util/err.h"

#define JSON_DEPTH_MAX 64

/* Parse exactly one value (trailing space allowed).  -EBADMSG for anything else. *RET is owned. */
int json_parse(const char *bytes, size_t n, json_object **ret, struct err *e);
/* Compact text of O in owned memory; NULL when out of memory. */
char *json_text(json_object *o);
/* Indented by four spaces with a newline at the end, as inspect prints it; "/" is not escaped. */
char *json_text_pretty(json_object *o);

/* Borrowed member by name or NULL (also when O is no object). */
json_object *json_get(json_object *o, const char *name);
/* Member by path of names, e.g. json_path(o, "process", "user", NULL). */
json_object *json_path(json_object *o, ...) __attribute__((sentinel));
/* Borrowed string, or NULL when missing or another type. */
const char *json_get_str(json_object *o, const char *name);
int64_t json_get_int(json_object *o, const char *name, int64_t missing);
int json_get_bool(json_object *o, const char *name, int missing);
/* Array length; 0 for anything that is no array. */
size_t json_len(json_object *o);
/* Borrowed array element as string, NULL for another type. */
const char *json_str_at(json_object *array, size_t i);

/* Adders take over VALUE; NULL (out of memory) is stored as null.  Nothing is added to what is no
 * object.  Building blocks for output. */
void json_put(json_object *o, const char *name, json_object *take_value);
void json_put_str(json_object *o, const char *name, const char *s); /* NULL: "" */
void json_put_int(json_object *o, const char *name, int64_t v);
void json_put_bool(json_object *o, const char *name, int v);
void json_put_strv(json_object *o, const char *name, char *const *v); /* NULL: [] */
json_object *json_strv(char *const *v);
/* Owned list of the strings of an array (NULL or no array: empty list). -EBADMSG when an element is
 * no string. */
int json_to_strv(json_object *array, char ***ret);

/* One row of a field table: a JSON member and the place in a struct that it fills. */
enum field_kind {
	FIELD_END,
	FIELD_STR,    /* char *, owned */
	FIELD_BOOL,   /* int */
	FIELD_INT,    /* int */
	FIELD_I64,    /* int64_t */
	FIELD_STRV,   /* char **, owned list; null and missing: NULL */
	FIELD_JSON,   /* json_object *, a reference of one's own */
	FIELD_STRUCT, /* embedded struct, described by sub */
};
#define FIELD_OMITEMPTY 1 /* encode: leave out when NULL, 0, empty */
#define FIELD_REQUIRED	2 /* decode: missing is an error */
struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	unsigned flags;
	const struct field *sub;
};
/* Decode members of O into DST (zeroed or holding defaults).  A known member of the wrong type is
 * -EBADMSG, "WHERE: 'NAME' has the wrong type"; unknown members are ignored (the OCI specs ask so).
 */
int field_decode(const struct field *table, json_object *o, void *dst, const char *where,
		 struct err *e);
/* Encode into a fresh object; NULL when out of memory. */
json_object *field_encode(const struct field *table, const void *src);
/* Free all that the rows own and zero it. */
void field_done(const struct field *table, void *dst);

#endif

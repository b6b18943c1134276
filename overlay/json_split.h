/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of JSON text cut into the objects that lie at one depth of it, so that a list of any
 * length is read with the memory of its largest element. */
#ifndef COVE_OVERLAY_JSON_SPLIT_H
#define COVE_OVERLAY_JSON_SPLIT_H

#include <json-c/json_object.h>

#include "src/util/err.h"
#include "src/util/strbuf.h"

#define JSON_OBJECT_MAX (4 << 20) /* bytes of one object */
#define JSON_REST_MAX	(4 << 20) /* bytes of all that is round them */

/* One object (borrowed).  0, or the error that ends the work. */
typedef int json_each(void *arg, json_object *o, struct err *e);

struct json_split {
	int wanted; /* how many brackets are open round the objects: 0, they follow each other */
	json_each *each;
	void *arg;
	/* its own */
	int depth, in_string, escaped;
	struct strbuf object, rest;
};

void json_split_init(struct json_split *s, int wanted, json_each *each, void *arg);
void json_split_done(struct json_split *s);
static inline __attribute__((unused)) void scoped_json_split(struct json_split *s)
{
	json_split_done(s);
}
/* The next N bytes.  -EBADMSG for what is no JSON, -E2BIG beyond the limits, or what EACH said. */
int json_split_feed(struct json_split *s, const char *bytes, size_t n, struct err *e);
/* The end: nothing may be open.  *RET (owned; NULL for only blanks): what is round the objects, 0
 * in the place of each. */
int json_split_end(struct json_split *s, json_object **ret, struct err *e);

#endif

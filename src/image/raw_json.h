/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text as Go's encoding/json writes it: some IDs are digests of documents that others put
 * together so, from parts that keep their own spelling. */
#ifndef COVE_IMAGE_RAW_JSON_H
#define COVE_IMAGE_RAW_JSON_H

#include <stddef.h>

#include "src/util/err.h"
#include "src/util/strbuf.h"

/* A member of an object: its name, and its value as compact text. */
struct raw_member {
	char *name, *value; /* owned */
	size_t at;	    /* larger than of those that were put in before it */
};
struct raw_object {
	struct raw_member *members;
	size_t n, cap;
};

/* The members of the object TEXT, in its order.  -EBADMSG for what is no JSON object. */
int raw_object_parse(const char *text, size_t n, struct raw_object *ret, struct err *e);
void raw_object_done(struct raw_object *o);
static inline __attribute__((unused)) void scoped_raw_object(struct raw_object *o)
{
	raw_object_done(o);
}
/* Take all members of that name out; and put one in, VALUE (taken over, NULL: out of memory) being
 * JSON. */
void raw_object_drop(struct raw_object *o, const char *name);
int raw_object_put(struct raw_object *o, const char *name, char *take_value);
/* As a Go map is written: sorted by name, of several members of one name the last.  Owned; NULL
 * when out of memory. */
char *raw_object_text(struct raw_object *o);

/* Add the N bytes at S as a string. */
void raw_string(struct strbuf *b, const char *s, size_t n);

#endif

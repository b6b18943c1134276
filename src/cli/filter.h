/* SPDX-License-Identifier: Apache-2.0 */
/* --filter KEY=VALUE of lists of documents, by tables of keys. */
#ifndef COVE_CLI_FILTER_H
#define COVE_CLI_FILTER_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "src/util/err.h"

struct engine;

/* 1 when document O passes VALUE, 0 when not, or the error. */
typedef int filter_fn(struct engine *en, json_object *o, const char *value, struct err *e);
struct filter_key {
	const char *key;
	filter_fn *fn;
	int all; /* each one has to hold, not just one of a key */
};
struct filter_keys {
	const struct filter_key *key;
	size_t n;
	const char *before, *after; /* what is said round a key that is none */
};

/* Are all FILTERS (may be NULL) of KEYS?  -EINVAL. */
int filter_check(const struct filter_keys *keys, char *const *filters, struct err *e);
/* Those of LIST that FILTERS let pass, as a new list (owned).  The same key twice means either
 * unless it says all; different keys mean both.  -EINVAL. */
int filter_list(struct engine *en, const struct filter_keys *keys, json_object *list,
		char *const *filters, json_object **ret, struct err *e);

/* For filter_fn: does TEXT match the regular expression PATTERN? */
int filter_regex(const char *text, const char *pattern, struct err *e);
/* Do LABELS (an object) have VALUE, KEY[=VALUE]? */
int filter_label(json_object *labels, const char *value);

#endif

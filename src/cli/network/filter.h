/* SPDX-License-Identifier: Apache-2.0 */
/* --filter of network ls and prune, and what templates see of a network. */
#ifndef COVE_CLI_NETWORK_FILTER_H
#define COVE_CLI_NETWORK_FILTER_H

#include <json-c/json_object.h>

#include "src/util/err.h"
#include "src/util/template.h"

struct engine;

/* The networks of LIST that FILTERS ("key=value", may be NULL) let pass, as a new list (owned).
 * Keys: id (its beginning), name (a regular expression), driver, label, label!, dangling, until.
 * The same key twice means either, labels mean all.  -EINVAL for another key or a value that cannot
 * be. */
int network_filter(struct engine *en, json_object *list, char *const *filters, json_object **ret,
		   struct err *e);
/* Network REF with its members, as a document (owned).  -ENOENT. */
int network_inspect(struct engine *en, const char *ref, json_object **ret, struct err *e);
/* Document O with the names that templates know: .Name, .ID, .Driver, .Subnets... Owned. */
json_object *network_row(json_object *o);

extern const struct template_schema network_schema;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes as documents, and --filter of volume ls and prune. */
#ifndef COVE_CLI_VOLUME_FILTER_H
#define COVE_CLI_VOLUME_FILTER_H

#include <json-c/json_object.h>

#include "src/util/err.h"
#include "src/util/template.h"

struct engine;

#define VOLUME_FILTER_KEYS                                                                      \
	"name (a regular expression), label, label!, driver, opt, scope, dangling, anonymous, " \
	"until, after and since (a volume)."

/* The document of volume REF, as inspect shows it; FOR_TEMPLATE: with the members that have nothing
 * to say, too.  Owned.  -ENOENT "inspecting object: no such volume REF". */
int volume_inspect(struct engine *en, const char *ref, int for_template, json_object **ret,
		   struct err *e);
/* The documents of those volumes, by name, that FILTERS ("key=value", may be NULL) let pass.
 * Owned.  -EINVAL for another key or a value that cannot be. */
int volume_filter(struct engine *en, char *const *filters, int for_template, json_object **ret,
		  struct err *e);
/* Are these filters that prune knows?  -EINVAL. */
int volume_check_prune_filters(char *const *filters, struct err *e);

extern const struct template_schema volume_schema;

#endif

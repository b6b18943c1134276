/* SPDX-License-Identifier: Apache-2.0 */
/* policy.json shown and changed: `image trust`. */
#ifndef COVE_IMAGE_TRUST_EDIT_H
#define COVE_IMAGE_TRUST_EDIT_H

#include <json-c/json_object.h>

#include "src/store/engine.h"
#include "src/util/err.h"

/* The file that holds now: PATH, else the user's, else the system's.  Owned; NULL: out of memory.
 */
char *trust_policy_path(const struct engine *en, const char *path);
/* Its bytes.  *RET owned. */
int trust_read(const struct engine *en, const char *path, char **ret, struct err *e);
/* A row for each entry: {"transport","name","repo_name","type","gpg_id","sigstore"}.  *RET owned.
 * DIR is read in place of registries.d (NULL: not). */
int trust_list(struct engine *en, const char *path, const char *dir, json_object **ret,
	       struct err *e);

struct trust_change {
	const char
		*path; /* NULL: as trust_policy_path(), but never the system's for ordinary users */
	const char *scope; /* "default", or a name of registry or repository */
	const char *type;  /* of policy.json's, or "accept" */
	char *const *keys; /* files */
};
int trust_set(struct engine *en, const struct trust_change *c, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Writing auth.json (containers-auth.json(5)) and docker's config.json: what login and logout do.
 *
 * Files are replaced whole, mode 0600; members that are not ours stay.  A helper that the file
 * names for the registry ("credHelpers", else "credsStore") is used instead of it. */
#ifndef COVE_IMAGE_AUTH_STORE_H
#define COVE_IMAGE_AUTH_STORE_H

#include <stdlib.h>

#include "src/image/auth.h"

/* Where credentials are kept when no file was named: $REGISTRY_AUTH_FILE,
 * $XDG_RUNTIME_DIR/containers/auth.json, else /run/containers/UID/auth.json.  Owned. */
char *auth_store_path(void);

struct auth_place {
	char *path; /* owned */
	int compat; /* docker's config.json: its name of the Hub, and no namespaces in keys */
};

/* AUTHFILE, or COMPAT, which is of Docker's form, or (both NULL or "") auth_store_path().  -EINVAL
 * for both.
 */
int auth_place_choose(const char *authfile, const char *compat, struct auth_place *ret,
		      struct err *e);
static inline __attribute__((unused)) void scoped_auth_place(struct auth_place *p)
{
	free(p->path);
}

/* Keep C for KEY ("registry" or "registry/namespace").  -EINVAL for a key that the place has no
 * form for, -EBADMSG for a broken file, or the error of file or helper. */
int auth_store_set(const struct auth_place *p, const char *key, const struct credentials *c,
		   struct err *e);
/* 1: removed, 0: there was nothing. */
int auth_store_remove(const struct auth_place *p, const char *key, struct err *e);
/* Everything, also what the helpers of the file's "credHelpers" have. */
int auth_store_remove_all(const struct auth_place *p, struct err *e);

/* The first half: change DOCUMENT.  1: changed, 0: as it was, 2: *RET_HELPER (owned) is to do it.
 * C NULL: remove. */
int auth_document_change(json_object *document, const char *key, const struct credentials *c,
			 char **ret_helper, struct err *e);

#endif

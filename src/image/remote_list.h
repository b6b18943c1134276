/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that registries give: tags of a repository, and results of a search. */
#ifndef COVE_IMAGE_REMOTE_LIST_H
#define COVE_IMAGE_REMOTE_LIST_H

#include <json-c/json_object.h>

#include "src/image/image.h"
#include "src/image/reference.h"

struct remote_options {
	const char *authfile, *creds, *cert_dir; /* as of image_pull_options */
	int tls_verify, retry;
	int64_t retry_delay_ms;
	json_object *decryption_keys; /* artifact_pull(): as of image_pull_options */
};

/* What O says of the registry. */
static inline struct remote_options remote_of_push(const struct image_push_options *o)
{
	return (struct remote_options){ .authfile = o->authfile,
					.creds = o->creds,
					.cert_dir = o->cert_dir,
					.tls_verify = o->tls_verify,
					.retry = o->retry,
					.retry_delay_ms = o->retry_delay_ms };
}

/* The tags of NAME, which has a registry; by registries.conf.  LIMIT 0: all.  *RET owned. */
int remote_tags(struct engine *en, const struct remote_options *o, const struct reference *name,
		int64_t limit, char ***ret, struct err *e);

struct image_search_options {
	struct remote_options remote;
	const char *term; /* "[REGISTRY/]WORD" */
	int limit;	  /* for each registry; 0: 25 */
	char *const *filters;
	int list_tags;
};
/* *RET (owned): an array of {"Index","Name","Description","Stars","Official","Automated","Tag"}.
 * Without a registry in the term all of unqualified-search-registries are asked; one that fails is
 * told through EN->warn when others answer. */
int image_search(struct engine *en, const struct image_search_options *o, json_object **ret,
		 struct err *e);

#endif

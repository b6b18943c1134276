/* SPDX-License-Identifier: Apache-2.0 */
/* registries.conf (containers-registries.conf(5), version 2): where a name may be looked for.
 *
 * Read are the user's containers/registries.conf and its registries.conf.d, else
 * /etc/containers/registries.conf with the drop-ins of /etc and then of the user;
 * $CONTAINERS_REGISTRIES_CONF stands for the main file, with both kinds of drop-ins; and the short
 * names that were chosen before (short-name-aliases.conf of the cache directory). */
#ifndef COVE_IMAGE_REGISTRIES_H
#define COVE_IMAGE_REGISTRIES_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "src/image/reference.h"
#include "src/util/err.h"

enum short_name_mode { SHORT_NAME_PERMISSIVE, SHORT_NAME_ENFORCING, SHORT_NAME_DISABLED };

struct registry_mirror {
	char *location;
	int insecure;
	char *pull_from_mirror; /* "all" (or NULL), "digest-only", "tag-only" */
};

struct registry {
	char *prefix;	/* what a name must begin with; "*.host" for all hosts below it */
	char *location; /* what the prefix is replaced by; NULL: the prefix */
	int insecure, blocked, mirror_by_digest_only;
	struct registry_mirror *mirrors;
	size_t n_mirrors;
};

struct registries {
	char *path;	      /* the main file, for messages */
	char **search;	      /* unqualified-search-registries */
	char **helpers;	      /* credential-helpers; NULL: auth.json alone */
	json_object *aliases; /* short name -> name with registry */
	json_object *origins; /* short name -> the file with its alias */
	struct registry *registries;
	size_t n_registries;
	enum short_name_mode mode;
};

/* CONFIG_DIR: the user's, e.g. ~/.config/containers; CACHE_DIR: ~/.cache/containers; either may be
 * NULL. Missing files are fine, broken ones an error that names file and line. */
int registries_load(const char *config_dir, const char *cache_dir, struct registries **ret,
		    struct err *e);
struct registries *registries_free(struct registries *r);
DEFINE_SCOPED(registries, struct registries *, registries_free);

/* Take one file's document over what was read before. */
int registries_merge(struct registries *r, json_object *document, const char *name, struct err *e);

/* The names with registry that NAME may mean, in the order to try: itself when it has one, else its
 * alias, else one for each search registry.  *RET is owned (reference_list_free()).  -ENOENT when a
 * short name cannot be resolved, -EPERM when the mode wants an answer from a person. */
int registries_candidates(const struct registries *r, const struct reference *name,
			  struct reference **ret, size_t *ret_n, struct err *e);
/* Shall a person say which of the candidates NAME means (a terminal there is)?  registries_all() is
 * registries_candidates() without that question. */
int registries_wants_choice(const struct registries *r, const struct reference *name);
int registries_all(const struct registries *r, const struct reference *name, struct reference **ret,
		   size_t *ret_n, struct err *e);
/* Note in CACHE_DIR that SHORT means TARGET ("registry/repository"). */
int registries_remember(const char *cache_dir, const char *short_name, const char *target,
			struct err *e);
void reference_list_free(struct reference *list, size_t n);

/* A place to fetch from. */
struct registry_source {
	struct reference ref; /* rewritten: registry is the host to talk to */
	int insecure;
};
/* Mirrors in their order, then the place itself.  *RET owned (registry_sources_free()).  -EPERM
 * when the registry is blocked. */
int registries_sources(const struct registries *r, const struct reference *name,
		       struct registry_source **ret, size_t *ret_n, struct err *e);
void registry_sources_free(struct registry_source *list, size_t n);

#endif

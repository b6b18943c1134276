/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogues: what an additional image store has, in a database of ours (schema_catalogue.h), made
 * from what a stranger wrote.  Nothing gets in that is not of the right shape. */
#ifndef COVE_IMAGE_CATALOGUE_H
#define COVE_IMAGE_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "src/util/err.h"

struct store;

struct catalogue_layer {
	const char *path;		   /* of the directory that has diff/ */
	const char *diff_id, *blob_digest; /* the latter may be NULL */
	int64_t blob_size, diff_size, tree_size;
};
/* 1: added, 0: it is of no use (a damaged record, or there already), or the error. */
int catalogue_add_layer(struct store *db, const struct catalogue_layer *l, struct err *e);

struct catalogue_image {
	const char *id, *manifest_digest, *index_digest; /* the last may be NULL */
	int64_t created;
	char *const *names;    /* "registry/repository:tag" or "...@DIGEST" */
	char *const *diff_ids; /* lowest first; layers that were added before */
};
/* As catalogue_add_layer(). */
int catalogue_add_image(struct store *db, const struct catalogue_image *i, struct err *e);
struct catalogue_list {
	const char *id, *digest; /* the latter: of the index */
	int64_t added;		 /* nanoseconds */
	char *const *names;
};
/* As catalogue_add_layer(). */
int catalogue_add_list(struct store *db, const struct catalogue_list *l, struct err *e);
/* Where entry DIGEST of list ID is (see manifest_list_source()). */
int catalogue_add_list_source(struct store *db, const char *id, const char *digest,
			      const char *source, struct err *e);
struct catalogue_artifact {
	const char *id, *name, *digest; /* name: NULL for one that a list has */
	int64_t added;			/* nanoseconds */
};
int catalogue_add_artifact(struct store *db, const struct catalogue_artifact *a, struct err *e);
/* The document or blob DIGEST lies at PATH. */
int catalogue_add_blob(struct store *db, const char *digest, const char *path, struct err *e);

/* TEXT (base64) is a signature of image ID's manifest DIGEST, if the image was added.  Nonsense is
 * left out. */
int catalogue_add_signature(struct store *db, const char *id, const char *digest, int64_t position,
			    const char *text, struct err *e);

/* The store of another cove at ROOT, from the private copy COPY of its database, into DB. */
int catalogue_read_cove(const char *root, const char *copy, struct store *db, struct err *e);

/* The lists of images and layers of a store of Podman's at ROOT (overlay driver), as they were
 * read, into DB.  -EBADMSG for what is no such list; single records that are damaged are left out.
 */
int catalogue_read_podman(const char *root, const char *images, size_t n_images, const char *layers,
			  size_t n_layers, struct store *db, struct err *e);
/* After it, from the same list: signatures, which are read from where they lie. */
int catalogue_read_podman_signatures(const char *root, const char *images, size_t n,
				     struct store *db, struct err *e);
/* Its artifacts, by the index of their layout; what is damaged is left out. */
int catalogue_read_podman_artifacts(const char *root, const char *index, size_t n, struct store *db,
				    struct err *e);
/* The path of document KEY of image ID there.  Owned; NULL when out of memory. */
char *catalogue_podman_document(const char *root, const char *id, const char *key);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Records, blobs and layer directories of images: what image.h's operations share. */
#ifndef COVE_IMAGE_IMAGE_STORE_H
#define COVE_IMAGE_IMAGE_STORE_H

#include "src/image/image.h"

/* The record of exactly ID.  -ENOENT, or -EBADMSG for damaged blobs. */
int image_by_id(struct engine *en, const char *id, struct image **ret, struct err *e);

/* The same of store K alone (image_stores.h), which can be read. */
int image_by_id_in(struct engine *en, size_t k, const char *id, struct image **ret, struct err *e);

/* The first half of image_find(): the ID alone (owned), which works for damaged images too. */
int image_find_id(struct engine *en, const char *ref, char **ret_id, struct err *e);

/* image_find() in store K alone (image_stores.h); lists are not looked into.  When an additional
 * store cannot be read, the error says why. */
int image_find_in(struct engine *en, size_t k, const char *ref, struct image **ret, struct err *e);
/* The names "registry/repository@DIGEST" that image ID was pulled as (not those that follow from
 * its other names, as in struct image).  *RET owned, NULL for none. */
int image_pulled_as(struct engine *en, const char *id, char ***ret, struct err *e);

/* The place on this host that image ID was loaded from, as transport and absolute path: note it,
 * and read it (*RET owned, NULL: none). */
int image_source_note(struct engine *en, const char *id, const char *source, struct err *e);
int image_source_of(struct engine *en, const char *id, char **ret, struct err *e);

/* A document of blobs/sha256, checked against its digest ("sha256:HEX", which must be valid).
 * Owned. */
int image_blob_read(struct engine *en, const char *digest, char **ret, size_t *ret_len,
		    struct err *e);
/* The file of blob DIGEST (valid), whatever store it is in; its bytes are not verified.  A
 * descriptor, or the error: -ENOENT. */
int image_blob_open(struct engine *en, const char *digest, struct err *e);
/* Store a document under DIGEST, which is its own; nothing happens when it is there already. */
int image_blob_write(struct engine *en, const char *digest, const void *bytes, size_t n,
		     struct err *e);

/* Hold this while something is in layers/ or blobs/ that no record names yet: image_collect() then
 * keeps away.  A lock descriptor. */
int image_publish_lock(struct engine *en, struct err *e);

/* Selects the names of all blobs that records name. */
#define IMAGE_BLOBS                                                               \
	"SELECT id FROM image UNION SELECT substr(manifest_digest, 8) FROM image" \
	" UNION SELECT substr(digest, 8) FROM manifest_list"                      \
	" UNION SELECT substr(digest, 8) FROM artifact"                           \
	" UNION SELECT substr(digest, 8) FROM artifact_blob"

/* The sizes of the layer with DIFF_ID as a tar and unpacked, whatever store has it; -ENOENT. */
int image_layer_sizes(struct engine *en, const char *diff_id, int64_t *ret_diff, int64_t *ret_tree,
		      struct err *e);

/* Move the layer directory NAME out of layers/ and delete it.  Failures are left to
 * image_collect(). */
void image_layer_discard(struct engine *en, const char *name);

#endif

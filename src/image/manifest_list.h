/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of images: indexes that are made here, added to and pushed.
 *
 * A list is a record with an index document (OCI image-spec 1.1, "image index") in blobs/.  Its
 * entries name images by the digest of their manifest.  What the store has not is left where it is:
 * the record remembers the repository. */
#ifndef COVE_IMAGE_MANIFEST_LIST_H
#define COVE_IMAGE_MANIFEST_LIST_H

#include "src/image/image.h"
#include "src/image/remote_list.h"

/* All owned. */
struct manifest_list {
	char *id;	  /* 64 hex digits */
	char *digest;	  /* of the index as stored */
	char **names;	  /* sorted */
	int64_t added;	  /* nanoseconds since the epoch */
	json_object *doc; /* the index */
	char *store;	  /* the additional store that has it; NULL: our own */
};
struct manifest_list *manifest_list_free(struct manifest_list *l);
DEFINE_SCOPED(manifest_list, struct manifest_list *, manifest_list_free);

/* Find a list as image_find() finds images.  -ENOENT "REF: image not known"; -EINVAL when REF is an
 * image. */
int manifest_list_find(struct engine *en, const char *ref, struct manifest_list **ret,
		       struct err *e);
/* The same of one that is to be changed: -EROFS for one of an additional store. */
int manifest_list_find_ours(struct engine *en, const char *ref, struct manifest_list **ret,
			    struct err *e);
/* The media type that DOC is pushed as unless told otherwise: Docker's while nothing in it needs
 * OCI's, as Podman has it. */
const char *manifest_list_type(json_object *doc);
/* Is it one? */
int manifest_list_is(struct engine *en, const char *ref);
/* All of them, as owned IDs; OURS: not those of additional stores. */
int manifest_list_ids(struct engine *en, int ours, char ***ret, struct err *e);
/* A list as image listings show it: without config and layers.  *RET owned. */
int manifest_list_as_image(const struct manifest_list *l, struct image **ret, struct err *e);

/* What is added, and how; NULL and empty: as the image says. */
struct manifest_entry_options {
	const char *arch, *os, *variant, *os_version, *artifact_type, *subject;
	char **annotations, **features, **os_features;
};
struct manifest_add_options {
	struct remote_options remote;
	struct manifest_entry_options entry;
	int all; /* every entry of an index, not only that for a platform */
};

/* A new empty list called NAME, then filled with IMAGES.  AMEND: one that is there will do.
 * -EEXIST for a name in use.  *RET_ID owned. */
int manifest_list_create(struct engine *en, const char *name, char *const *images, int amend,
			 const struct manifest_add_options *o, char **ret_id, struct err *e);
/* Add what REF names (in the store, or of a transport) to list NAME.  *RET_ID owned: the list's. */
int manifest_list_add(struct engine *en, const char *name, const char *ref,
		      const struct manifest_add_options *o, char **ret_id, struct err *e);
/* Add the artifact DIGEST, whose manifest the store has. */
int manifest_list_add_artifact(struct engine *en, const char *name, const char *digest,
			       const struct manifest_entry_options *o, char **ret_id,
			       struct err *e);
/* Change the entry that REF (a digest, or an image) names; INDEX: the list itself. */
int manifest_list_annotate(struct engine *en, const char *name, const char *ref, int index,
			   const struct manifest_entry_options *o, char **ret_id, struct err *e);
/* Take the entry DIGEST out. */
int manifest_list_remove_entry(struct engine *en, const char *name, const char *digest,
			       char **ret_id, struct err *e);
/* Remove the list, or only the name of several.  -ENOENT. */
int manifest_list_remove(struct engine *en, const char *name, struct image_remove_result *ret,
			 struct err *e);
/* Give and take names: as image_tag() and image_untag(), -ENOENT when REF is no list. */
int manifest_list_tag(struct engine *en, const char *ref, const char *target, struct err *e);
int manifest_list_untag(struct engine *en, const char *ref, const char *name, struct err *e);
/* The ID of the image in the store that list REF has for PLATFORM (NULL: the host's); -ENOENT.
 * *RET_ID owned. */
int manifest_list_choose(struct engine *en, const char *ref, const char *platform, char **ret_id,
			 struct err *e);
/* The document of list REF, or of a manifest in a registry when there is no such list here. */
int manifest_list_inspect(struct engine *en, const char *ref, const struct remote_options *o,
			  json_object **ret, struct err *e);

struct manifest_push_options {
	const char *list, *destination; /* NULL: where the list's name leads */
	struct image_push_options push; /* how; reference and destination are not used */
	int all;			/* the images, too */
	char *const *add_compression;	/* "gzip", "zstd", ...: each image in these as well */
};
/* Push a list and what it names.  *RET_DIGEST owned. */
int manifest_list_push(struct engine *en, const struct manifest_push_options *o, char **ret_digest,
		       struct err *e);

/* For the files of this module: */
/* Where entry DIGEST is, or NULL.  *RET owned. */
int manifest_list_source(struct engine *en, const char *list_id, const char *digest, char **ret,
			 struct err *e);
/* The image of the store with manifest DIGEST, else that which SOURCE (NULL: none) names; -ENOENT.
 * *RET_ID owned. */
int manifest_list_local(struct engine *en, const char *digest, const char *source, char **ret_id,
			struct err *e);
/* Sources beside repositories: an artifact that this store has, and an image, by its ID: its
 * manifest may be another one by now. */
#define MANIFEST_LIST_ARTIFACT "artifact:"
#define MANIFEST_LIST_IMAGE    "image:"
/* An entry that is to be added, and where it is. */
struct manifest_entry {
	json_object *descriptor; /* owned */
	char *source;		 /* owned; NULL: nowhere */
};
void manifest_entries_free(struct manifest_entry *list, size_t n);
/* Find what REF names.  *RET owned. */
int manifest_entries_find(struct engine *en, const char *ref, const struct manifest_add_options *o,
			  struct manifest_entry **ret, size_t *ret_n, struct err *e);
/* A string or list member of a platform and so on; -EINVAL for a bad annotation. */
int manifest_entry_change(json_object *descriptor, const struct manifest_entry_options *o,
			  struct err *e);
/* The entry DIGEST of an index: borrowed, or NULL. */
json_object *manifest_list_entry(json_object *doc, const char *digest);

#endif

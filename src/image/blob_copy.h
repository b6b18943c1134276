/* SPDX-License-Identifier: Apache-2.0 */
/* Documents and blobs of registries as they are, whatever they hold: lists of images and artifacts
 * go from place to place this way. */
#ifndef COVE_IMAGE_BLOB_COPY_H
#define COVE_IMAGE_BLOB_COPY_H

#include "src/image/pull_call.h"
#include "src/image/remote_list.h"
#include "src/image/sign.h"

/* A place in a registry, found by a name. */
struct blob_place {
	struct reference name; /* as the user means it, with registry */
	struct reference ref;  /* where that is, by registries.conf */
	struct sign_place at;  /* how to talk to it */
};
/* NAME without registry is one of the Hub.  R's strings are borrowed.  -EINVAL, -EPERM. */
int blob_place_find(struct engine *en, const char *name, const struct remote_options *r,
		    struct blob_place *ret, struct err *e);
void blob_place_done(struct blob_place *p);
static inline __attribute__((unused)) void scoped_blob_place(struct blob_place *p)
{
	blob_place_done(p);
}
/* Its tag or digest as requests have it. */
const char *blob_place_tag(const struct blob_place *p);

/* The manifest NAME (a tag or digest) of P.  *RET owned; of a digest the bytes are verified. */
int blob_manifest(struct engine *en, const struct sign_place *p, const char *name, char **ret,
		  size_t *ret_len, struct err *e);

/* Start to get blobs of P into new files of DIR_FD: then blob_get() for each, pull_call_end(). */
int blob_get_start(struct pull_call *c, struct engine *en, const struct sign_place *p, int dir_fd,
		   struct err *e);
/* Blob DIGEST, of SIZE bytes, verified, as file NAME.  -ENOENT, ... */
int blob_get(struct pull_call *c, const char *digest, int64_t size, const char *name,
	     struct err *e);

/* Blobs and then a manifest to one place. */
struct blob_push {
	struct engine *en;
	struct dir_call dir;
};
#define BLOB_PUSH_NONE               \
	{                            \
		.dir = DIR_CALL_NONE \
	}
/* MOUNTS: other repositories there that may have the blobs, or NULL. */
int blob_push_open(struct blob_push *b, struct engine *en, const struct sign_place *p,
		   char *const *mounts, struct err *e);
/* Make the new file NAME of DIR_FD with the bytes of the blob. */
typedef int blob_maker(void *arg, const char *digest, int dir_fd, const char *name, struct err *e);
/* MAKE is called when the blob is not there. */
int blob_push_one(struct blob_push *b, const char *digest, blob_maker *make, void *arg,
		  struct err *e);
/* NAME: a tag or digest. */
int blob_push_manifest(struct blob_push *b, const char *name, const char *media_type,
		       const char *bytes, size_t n, struct err *e);
/* The signatures of manifest DIGEST at P become files of DIR's directory (opened here): *RET_N. */
int blob_signatures(struct engine *en, const struct blob_place *p, const char *digest,
		    struct dir_call *dir, size_t *ret_n, struct err *e);
/* Manifest DIGEST was pushed to P: give it the signatures that it has at FROM (NULL: none) and new
 * ones as O says. */
int blob_sign(struct engine *en, const struct blob_place *p, const struct image_push_options *o,
	      const char *digest, const struct blob_place *from, struct err *e);
static inline __attribute__((unused)) void scoped_blob_push(struct blob_push *b)
{
	dir_call_end(&b->dir);
}

#endif

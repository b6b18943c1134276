/* SPDX-License-Identifier: Apache-2.0 */
/* A push: what is common to registries and directories.
 *
 * A layer is stored as a tree; its tar comes back exactly, the compressed blob that it was pulled
 * as does not.  So a blob that the destination has, or can mount, is used as the manifest names it;
 * what is missing there is fetched once more from where the image was pulled; and where that cannot
 * be, it is compressed anew, and unless that gives the same bytes the manifest is written anew too.
 * What a layer was compressed to is noted beside it (graphroot/layers/NAME/blob.KIND), so that the
 * next push can ask for it before it compresses. */
#ifndef COVE_IMAGE_PUSH_H
#define COVE_IMAGE_PUSH_H

#include <stdlib.h>

#include "src/image/compress.h"
#include "src/image/image.h"
#include "src/image/manifest.h"
#include "src/image/pull_call.h"
#include "src/image/pull_progress.h"

#define DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"

enum push_state {
	PUSH_NEW,
	PUSH_ASKED,  /* is the original blob there? */
	PUSH_KNOWN,  /* is the one there that was made of it before? */
	PUSH_QUEUED, /* the original is to be fetched from where the image was pulled */
	PUSH_FETCHING,
	PUSH_ABSENT, /* to be made */
	PUSH_MAKING,
	PUSH_SENT,
	PUSH_DONE,
};

struct push_layer {
	const struct image_layer *l;
	const struct descriptor *original; /* may be used as it is; NULL: may not */
	size_t same;			   /* the first layer of the image with this diff ID */
	enum push_state state;
	char digest[DIGEST_LEN + 1]; /* of what the destination has; "" so far unknown */
	int64_t size;
	enum compression kind;	      /* of that */
	struct chunked_frames frames; /* in that, where it was made here */
	struct compress_result
		known; /* made of it before, in the way that is wanted; digest "": never */
	struct compress_job job;
	int fd; /* the blob while it is made */
	int encrypts;
	struct pull_call crypt;	  /* encrypts it while it is made */
	json_object *annotations; /* owned: what its descriptor says then */
};

struct push {
	struct engine *en;
	const struct image_push_options *o;
	struct image *image;
	char *manifest, *config; /* as stored */
	size_t manifest_len, config_len;
	struct manifest m;
	struct image_layer *stored;
	struct push_layer *layers;
	size_t n;
	int is_docker;		/* the manifest to be written is Docker's */
	int is_schema1;		/* and of its schema 1: */
	const char *name, *tag; /* what it says of itself (borrowed), NULL: nothing */
	int was_pulled;		/* from a registry: its blobs have names elsewhere */
	int keeps_plain;	/* the destination wants no compression by default */
	struct pull_progress progress;
};

/* Read image, manifest, config and layers, and check the options.  push_done() in any case. */
int push_prepare(struct push *p, struct engine *en, const struct image_push_options *o,
		 struct err *e);
void push_done(struct push *p);
static inline __attribute__((unused)) void scoped_push(struct push *p)
{
	push_done(p);
}
/* Start to make the blob of layer I in the empty file FD (taken over). */
int push_make(struct push *p, size_t i, int take_fd_, struct err *e);
/* Readable when it has ended. */
static inline int push_made_fd(const struct push_layer *l)
{
	return l->encrypts ? l->crypt.socket_fd : l->job.control_fd;
}
/* Its end: digest, size and kind are known then. */
int push_made(struct push *p, size_t i, struct err *e);
/* Layer I is there as it was made before. */
void push_is_known(struct push *p, size_t i);
/* Layer I is there as its manifest says. */
void push_is_there(struct push *p, size_t i);

/* Which layers are to be encrypted: those are used as they are nowhere, and nothing is noted of
 * them. -EINVAL, also for keys that cannot be used. */
int push_plan_encryption(struct push *p, struct err *e);
/* The same as -EINVAL where nothing encrypted can be. */
int push_refuse_encryption(const struct push *p, struct err *e);
/* push_make() and push_made() of such a layer. */
int push_encrypt(struct push *p, struct push_layer *l, struct err *e);
int push_encrypted(struct push_layer *l, struct compress_result *ret, struct err *e);

/* The manifest for what the destination has now: the stored bytes when all of it is as it was. */
struct push_manifest {
	char *bytes; /* owned */
	size_t len;
	char media_type[128];
	char digest[DIGEST_LEN + 1];
};
int push_manifest(const struct push *p, struct push_manifest *ret, struct err *e);
/* Of an image that is, or goes as, one of schema 1 (push_schema1.c): learn what its manifest does
 * not say of the blobs; let it go as an OCI image after all; does it need the blob of steps without
 * files; the manifest, signed. */
int push_schema1_blobs(struct push *p, struct err *e);
void push_no_schema1(struct push *p);
int push_needs_empty(const struct push *p);
int push_schema1_manifest(const struct push *p, struct push_manifest *ret, struct err *e);
void push_say_what(const struct push_manifest *m, struct image_pushed *ret);
static inline __attribute__((unused)) void scoped_push_manifest(struct push_manifest *m)
{
	free(m->bytes);
}
/* What compression layer D has, by its media type and annotations: 1 and *RET, 0: unknown. */
int push_kind_of(const struct descriptor *d, enum compression *ret);
/* The notes about what was made of layers before: that of layer I as it is wanted as KIND; and what
 * was made of it now. */
void push_read_known(struct push *p, size_t i, enum compression kind);
void push_write_known(struct push *p, size_t i, enum compression kind,
		      const struct compress_result *r);

/* To the repository TARGET ("registry/repository[:tag][@digest]"), and into a directory:
 * "dir:PATH", "oci:PATH[:NAME]" behind the colon.  *RET as image_push(). */
int push_to_registry(struct push *p, const char *target, char **ret, struct err *e);
int push_to_dir(struct push *p, const char *path, char **ret, struct err *e);
int push_to_oci(struct push *p, const char *path, char **ret, struct err *e);

struct sign_place;
/* Are new signatures asked for? */
int push_signs(const struct push *p);
/* Then it is an error where there are no names. */
int push_refuse_signing(const struct push *p, struct err *e);
/* Could they be kept, for the image at PLACE?  Before anything is sent. */
int push_check_signing(struct push *p, const struct reference *place, struct err *e);
/* The image's signatures as files of DIR_FD, if they hold for DIGEST (NULL: for what has no
 * digest); else the error says what to do.  *RET_N of them. */
int push_take_signatures(struct push *p, int dir_fd, const char *digest, size_t *ret_n,
			 struct err *e);
/* After the manifest DIGEST was pushed to PLACE as REF: take its signatures there, and make new
 * ones. */
int push_signatures(struct push *p, const struct sign_place *place, const struct reference *ref,
		    const char *digest, struct err *e);
/* The same into the directory DIR (-EBADF: to where no signatures can be); of an image that is one
 * of a list there when the push is by digest. */
int push_signatures_to_dir(struct push *p, int dir, const char *digest, struct err *e);
/* The N signatures of FROM_FD become those of "dir:", of its entry DIGEST unless that is NULL. */
int signatures_to_dir(int from_fd, size_t n, int dir, const char *digest, struct err *e);

#endif

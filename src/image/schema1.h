/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's manifest schema 1 (distribution, "Image Manifest Version 2, Schema 1").
 *
 * It names layers by their compressed bytes, the newest first, and tells of each the configuration
 * of an image of Docker's first format.  There is no config: the one of today's images is put
 * together from that history, the way containers/image does it, so that it has the same digest and
 * the image the same ID.  Signatures of a key that nobody knows stand in the document (JWS in the
 * form of libtrust); its digest is that of the payload, the document without them, which is what
 * the store keeps. */
#ifndef COVE_IMAGE_SCHEMA1_H
#define COVE_IMAGE_SCHEMA1_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "src/image/manifest.h"
#include "src/util/err.h"
#include "src/util/strbuf.h"

#define MEDIA_SCHEMA1	     "application/vnd.docker.distribution.manifest.v1+json"
#define MEDIA_SCHEMA1_SIGNED "application/vnd.docker.distribution.manifest.v1+prettyjws"

/* What stands for a step that changed no files: gzip of an empty tar. */
#define SCHEMA1_EMPTY_DIGEST \
	"sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
#define SCHEMA1_EMPTY_SIZE 32
extern const unsigned char schema1_empty_layer[SCHEMA1_EMPTY_SIZE];

/* A step of the history. */
struct schema1_step {
	const char *blob;    /* valid digest; borrowed from the document */
	const char *text;    /* its configuration as it was written; borrowed from the document */
	json_object *config; /* the same, owned */
	int is_empty;	     /* it changed no files */
};
struct schema1 {
	json_object *doc; /* owned */
	struct schema1_step *steps;
	size_t n; /* the newest first */
};
void schema1_done(struct schema1 *s);
static inline __attribute__((unused)) void scoped_schema1(struct schema1 *s)
{
	schema1_done(s);
}

/* Is DOC of schema 1, or meant to be? */
int schema1_is(json_object *doc);
/* The steps of DOC (it is referenced).  -EBADMSG. */
int schema1_read(json_object *doc, struct schema1 *ret, struct err *e);
int schema1_parse(const char *bytes, size_t n, struct schema1 *ret, struct err *e);
/* The layers of DOC as those of any manifest, lowest first, without the empty ones; nobody knows
 * their sizes: -1. */
int schema1_layers(json_object *doc, struct manifest *m, struct err *e);

/* BYTES without its signatures: *RET owned, NULL when they have none or are of another format,
 * which are to be used as they are. -EBADMSG for signatures that do not fit. */
int schema1_payload(const char *bytes, size_t n, char **ret, size_t *ret_len, struct err *e);
/* The same in place: *BYTES (owned) and *N are replaced. */
int schema1_strip(char **bytes, size_t *n, struct err *e);

/* The image config of the manifest in BYTES, whose layers were found to have DIFF_IDS (lowest
 * first). *RET owned. */
int schema1_config(const char *bytes, size_t n, char *const *diff_ids, char **ret, struct err *e);
/* A step's configuration as Docker from 1.8.3 on would have written it.  *RET owned. */
int schema1_modern(json_object *config, char **ret, struct err *e);
/* Add "created":TIME of a step, as Go writes times. */
int schema1_put_time(struct strbuf *b, json_object *step, struct err *e);

/* A manifest to be written: of an image with that config, or (config NULL) another one like OLD. */
struct schema1_make {
	const char *config; /* as stored */
	size_t config_len;
	const struct schema1 *old;
	const char *const *digests; /* of the blobs, lowest first */
	size_t n;
	const char *name, *tag; /* "" without */
};
/* The payload.  *RET owned.  -EINVAL for an image that cannot be one of schema 1. */
int schema1_make(const struct schema1_make *m, char **ret, struct err *e);
/* Are there steps without files, whose blob a manifest so made names? */
int schema1_has_empty(json_object *config);

/* PAYLOAD with a signature of a key that is made for it by the role `trust` and thrown away.  *RET
 * owned. */
int schema1_sign(const char *payload, size_t n, char **ret, struct err *e);

#endif

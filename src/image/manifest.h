/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests, indexes and image configs of OCI image-spec 1.1 and Docker's schema 2; of schema 1
 * what the others have, too (schema1.h).
 *
 * Callers verify the digest of the bytes first; each document is parsed once, here, into structs
 * whose digests are valid and whose media types are known. */
#ifndef COVE_IMAGE_MANIFEST_H
#define COVE_IMAGE_MANIFEST_H

#include <json-c/json_object.h>
#include <stddef.h>
#include <stdint.h>

#include "src/image/platform.h"
#include "src/image/reference.h"
#include "src/util/err.h"

#define MANIFEST_MAX (4 << 20) /* bytes of a manifest, an index or a config */
#define LAYERS_MAX   500

#define MEDIA_OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_INDEX	      "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_CONFIG      "application/vnd.oci.image.config.v1+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"

enum manifest_kind { MANIFEST_IMAGE, MANIFEST_INDEX };

/* The table of contents of a layer, as annotations tell of it (overlay/toc.h); digest "": none. */
struct descriptor_toc {
	int is_stargz;
	char digest[DIGEST_LEN + 1], place[96], split[96];
};

struct descriptor {
	char media_type[128];
	char digest[DIGEST_LEN + 1];
	int64_t size;
	int has_platform; /* of an index's entry */
	struct platform platform;
	int is_encrypted; /* a layer "+encrypted" (layer_crypt.h); then TOC is none */
	struct descriptor_toc toc;
};

struct manifest {
	enum manifest_kind kind;
	int is_schema1; /* see schema1.h: no config, and sizes of -1 */
	char media_type[128];
	struct descriptor config;  /* MANIFEST_IMAGE */
	struct descriptor *layers; /* MANIFEST_IMAGE: lowest first; MANIFEST_INDEX: its entries */
	size_t n_layers;
};

/* CONTENT_TYPE is what the transport said, or NULL; it must not contradict the document.
 * -EBADMSG for what breaks the format, -ENOTSUP for formats that are refused (artifacts). */
int manifest_parse(const char *bytes, size_t n, const char *content_type, struct manifest *ret,
		   struct err *e);
void manifest_done(struct manifest *m);
static inline __attribute__((unused)) void scoped_manifest(struct manifest *m)
{
	manifest_done(m);
}

/* The media type of the manifest DOC, by what it says. */
const char *manifest_media_type(json_object *doc);
/* {"mediaType","digest","size"}; owned. */
json_object *manifest_descriptor(const char *type, const char *digest, int64_t size);
/* Add "KEY=VALUE"s to an object.  -EINVAL. */
int manifest_annotate(json_object *annotations, char *const *list, struct err *e);

/* The entry of an index for WANT: borrowed.  NULL with -ENOENT in E, which lists what is there. */
const struct descriptor *manifest_choose(const struct manifest *index, const struct platform *want,
					 struct err *e);

/* The diff IDs of an image config, lowest first: owned list of N_LAYERS valid digests, or -EBADMSG.
 */
int config_diff_ids(const char *bytes, size_t n, size_t n_layers, char ***ret, struct err *e);

#endif

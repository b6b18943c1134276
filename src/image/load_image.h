/* SPDX-License-Identifier: Apache-2.0 */
/* One image of an archive or directory, on its way into the store. */
#ifndef COVE_IMAGE_LOAD_IMAGE_H
#define COVE_IMAGE_LOAD_IMAGE_H

#include "src/image/archive.h"
#include "src/image/image.h"
#include "src/image/load.h"
#include "src/image/manifest.h"
#include "src/image/pull_call.h"
#include "src/image/reference.h"
#include "src/util/sha256.h"

/* All owned except what lies in the archive. */
struct load_image {
	const struct image_archive *a;
	const struct load_source *s;
	char *config, *manifest; /* manifest NULL: made from the layers (docker-archive) */
	size_t config_len, manifest_len;
	char manifest_type[128];
	char index_digest[SHA256_TEXT_LEN]; /* "" when it came from no index of its own */
	const struct archive_item *layers[LAYERS_MAX];
	struct descriptor want[LAYERS_MAX]; /* what the manifest says of them; digest "" when it is
					       made here */
	size_t n_layers;
	int is_schema1;		  /* the config is made of what the layers turn out to be */
	struct pull_call *crypts; /* n_layers, who decrypts which; NULL: none is encrypted */
	char **names;		  /* full */
};
void load_image_done(struct load_image *i);
DEFINE_SCOPED(load_image, struct load_image *, load_image_done);

/* Add NAME as the archive has it; short ones belong to REGISTRY. */
int load_image_name(struct load_image *i, const char *name, const char *registry, struct err *e);
/* Unpack the layers, publish, and add names and ID to RET. */
int load_image_store(struct engine *en, struct load_image *i, struct load_result *ret,
		     struct err *e);

#define LOAD_IMAGES_MAX 1000 /* in one archive */

/* The file NAME, or NULL with -EBADMSG in E. */
const struct archive_item *load_need(const struct image_archive *a, const char *name,
				     struct err *e);
/* The formats: MANIFEST is manifest.json of a docker-archive or of a directory, INDEX the
 * index.json of an OCI layout. */
int load_docker(struct engine *en, const struct image_archive *a,
		const struct archive_item *manifest, const struct load_source *s,
		struct load_result *ret, struct err *e);
int load_dir(struct engine *en, const struct image_archive *a, const struct archive_item *manifest,
	     const struct load_source *s, struct load_result *ret, struct err *e);
int load_oci(struct engine *en, const struct image_archive *a, const struct archive_item *index,
	     const struct load_source *s, struct load_result *ret, struct err *e);

#endif

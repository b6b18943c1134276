/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts: files under a name, kept and carried as OCI manifests with an artifactType whose
 * layers are the files (OCI image-spec 1.1, "Guidelines for artifact usage").  Manifest and files
 * lie in blobs/, the record names them. */
#ifndef COVE_IMAGE_ARTIFACT_H
#define COVE_IMAGE_ARTIFACT_H

#include "src/image/image.h"
#include "src/image/remote_list.h"

#define ARTIFACT_TYPE_UNKNOWN "application/vnd.unknown.artifact.v1"
#define ARTIFACT_TITLE	      "org.opencontainers.image.title"
#define ARTIFACT_CREATED      "org.opencontainers.image.created"

/* All owned. */
struct artifact {
	char *id, *name; /* name: NULL for one that a list has */
	char *digest;	 /* of the manifest */
	int64_t added;	 /* nanoseconds since the epoch */
	json_object *manifest;
	int is_elsewhere; /* an additional store has it */
};
struct artifact *artifact_free(struct artifact *a);
DEFINE_SCOPED(artifact, struct artifact *, artifact_free);

struct artifact_options {
	const char *type, *file_type;
	const char *config, *config_type, *subject;
	char *const *annotations; /* of the files, KEY=VALUE */
	int append, replace, no_titles;
};
/* Make the artifact NAME (NULL: one without a name, for a list) of the files PATHS.  -EEXIST.
 * *RET_DIGEST owned. */
int artifact_add(struct engine *en, const char *name, char *const *paths,
		 const struct artifact_options *o, char **ret_digest, struct err *e);
/* By name, or by the beginning of its digest.  -ENOENT. */
int artifact_find(struct engine *en, const char *ref, struct artifact **ret, struct err *e);
/* Those with names, sorted by them; *RET owned (artifact_list_free()). */
int artifact_list(struct engine *en, struct artifact ***ret, size_t *ret_n, struct err *e);
void artifact_list_free(struct artifact **list, size_t n);
/* Bytes of all files. */
int64_t artifact_size(const struct artifact *a);
/* *RET_DIGEST owned: what was removed. */
int artifact_remove(struct engine *en, const char *ref, char **ret_digest, struct err *e);
/* *RET_DIGEST owned. */
int artifact_pull(struct engine *en, const char *ref, const struct remote_options *o,
		  char **ret_digest, struct err *e);
int artifact_push(struct engine *en, const char *ref, const struct image_push_options *o,
		  char **ret_digest, struct err *e);
struct artifact_extract_options {
	const char *digest, *title; /* of one file; NULL: all */
};
/* Into the directory, or of one file to the file, PATH. */
int artifact_extract(struct engine *en, const char *ref, const char *path,
		     const struct artifact_extract_options *o, struct err *e);

#endif

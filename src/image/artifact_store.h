/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of artifacts share. */
#ifndef COVE_IMAGE_ARTIFACT_STORE_H
#define COVE_IMAGE_ARTIFACT_STORE_H

#include "src/image/artifact.h"

/* The name that a user means, in full: localhost/ in front, :latest behind.  *RET owned. */
int artifact_name(const char *text, char **ret, struct err *e);
/* Files "sha256-HEX" of DIR_FD move into blobs/, manifest BYTES with them, and the record NAME
 * (NULL: none) says so; one that was there before is replaced.  *RET_DIGEST owned. */
int artifact_publish(struct engine *en, const char *name, json_object *manifest, const char *bytes,
		     size_t n, int dir_fd, char **ret_digest, struct err *e);
/* Can the files of the manifest BYTES, parsed as MANIFEST, be read with KEYS?  1 when some are
 * encrypted and can, 0 when none is, -EACCES.  The manifest is a file of DIR_FD then. */
int artifact_check_keys(json_object *keys, json_object *manifest, const char *bytes, size_t n,
			int dir_fd, struct err *e);
/* Decrypt them, files of DIR_FD; MANIFEST names what they are then, and *RET is its text, owned. */
int artifact_decrypt(json_object *keys, json_object *manifest, int dir_fd, char **ret,
		     struct err *e);
/* Is a descriptor that of something encrypted? */
int artifact_is_encrypted(json_object *descriptor);
/* Such a file's name for a valid digest, at least 80 bytes. */
const char *artifact_blob_file(const char *digest, char *buf);
/* Config (0) and layers (1...) of a manifest: borrowed, NULL behind the last. */
json_object *artifact_blob(json_object *manifest, size_t i);
/* Blob_makers of what the stores have; ARG is the engine.  The first makes a copy: what lies in
 * another's directory must not be the store's own file. */
int artifact_copy_blob(void *arg, const char *digest, int dir_fd, const char *name, struct err *e);
int artifact_link_blob(void *arg, const char *digest, int dir_fd, const char *name, struct err *e);

#endif

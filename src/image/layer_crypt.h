/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted layers, as the engine and the role `pull` see them: the role `crypt` (crypt_role.h)
 * does all that has to do with keys. */
#ifndef COVE_IMAGE_LAYER_CRYPT_H
#define COVE_IMAGE_LAYER_CRYPT_H

#include <json-c/json_object.h>
#include <stdint.h>

#include "src/image/image.h"
#include "src/image/manifest.h"
#include "src/image/pull_call.h"

#define MEDIA_ENCRYPTED "+encrypted" /* behind the media type of a layer */

/* A layer on its way through the role: PULL_CALL_NONE. */
struct layer_encrypted {
	char digest[DIGEST_LEN + 1]; /* of what was written */
	int64_t size;
	char plain[DIGEST_LEN + 1]; /* of what was read */
	json_object *annotations;   /* owned */
};

/* Can layers be encrypted for RECIPIENTS ("SCHEME:WHO"...)?  -EINVAL, -ENOTSUP... with the reason.
 */
int layer_crypt_recipients(char *const *recipients, struct err *e);
/* Begin to encrypt IN_FD to its end into OUT_FD (both borrowed). */
int layer_encrypt_start(struct pull_call *c, char *const *recipients, int in_fd, int out_fd,
			struct err *e);
int layer_encrypt_finish(struct pull_call *c, struct layer_encrypted *ret, struct err *e);

/* The keys "FILE[:PASSWORD]" of --decryption-key for the role, which has looked at them; passwords
 * are read where they are in files ("file=PATH") or descriptors ("fd=N"); owned.  None is no error,
 * and *RET stays as it is. */
int layer_crypt_keys(char *const *list, json_object **ret, struct err *e);
/* Are layers of M encrypted? */
int layer_crypt_is_needed(const struct manifest *m);
/* -EACCES when layers of M are encrypted: its signatures are of the manifest that goes. */
int layer_crypt_refuse_signed(const struct manifest *m, struct err *e);
/* Can the layers of the manifest in DIR_FD's file PULL_MANIFEST be read with KEYS (NULL: none)?
 * -EACCES. */
int layer_crypt_check(json_object *keys, const struct manifest *m, int dir_fd, struct err *e);
/* Begin to decrypt layer I of that manifest.  IS_PART: what comes behind it from IN_FD is not its.
 */
int layer_decrypt_start(struct pull_call *c, json_object *keys, int dir_fd, size_t i, int in_fd,
			int is_part, int out_fd, struct err *e);
int layer_decrypt_finish(struct pull_call *c, struct err *e);
/* The annotations OLD of a descriptor without those about its encryption; owned, NULL when none are
 * left. */
json_object *layer_crypt_annotations(json_object *old);
/* The manifest BYTES of an image whose LAYERS were decrypted, as it is stored: of what came, the
 * descriptor of what was in it; of what was here, that of the plain tar. */
int layer_crypt_manifest(struct engine *en, const char *bytes, size_t n,
			 const struct image_new_layer *layers, size_t n_layers, char **ret,
			 struct err *e);

#endif

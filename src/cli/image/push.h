/* SPDX-License-Identifier: Apache-2.0 */
/* What the pushes of images, lists and artifacts share. */
#ifndef COVE_CLI_IMAGE_PUSH_H
#define COVE_CLI_IMAGE_PUSH_H

#include <json-c/json_object.h>

#include "src/cli/image/pull.h"
#include "src/image/image.h"

#define PUSH_COMPRESSIONS "gzip|zstd|zstd:chunked"

/* Stands FIRST in the options struct of a command that uses the two groups. */
struct push_settings {
	struct pull_settings s; /* pull_registry_options */
	int force_compression, quiet, remove_signatures, level;
	const char *compression, *digestfile, *format, *sign_by, *sign_sq, *sign_key, *passphrase,
		*sign_params;
};
extern const struct opt push_shared_options[];

/* Without reference and destination. */
void push_settings_take(const struct push_settings *o, struct image_push_options *ret);
/* What containers.conf says of the compression and of trying again, where the options say nothing.
 * *RET_CONFIG (owned) has the strings. */
int push_settings_default(struct engine *en, json_object **ret_config, struct image_push_options *o,
			  struct err *e);
/* --digestfile. */
int push_write_digest(struct engine *en, const char *path, const char *digest, struct err *e);

#endif

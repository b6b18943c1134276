/* SPDX-License-Identifier: Apache-2.0 */
/* Layers in parallel, from the registry through the roles `layer` into directories. */
#ifndef COVE_IMAGE_PULL_LAYERS_H
#define COVE_IMAGE_PULL_LAYERS_H

#include <stddef.h>

#include "src/image/manifest.h"
#include "src/image/registry.h"

#define LAYERS_AT_ONCE 6

struct pull_layers {
	struct registry_session *session;
	int socket_fd; /* the engine's: progress goes there; its end stops the work */
	int dir_fd;    /* "layer-N" are made here; the manifest's file is here */
	int layers_fd; /* the layers of the store, or -EBADF */
	int kept_fd;   /* PULL_KEPT_DIR, or -EBADF */
	const struct manifest *manifest;
	char *const *diff_ids; /* NULL: unknown, and told with the layers */
	json_object *keys;     /* that encrypted layers can be read with, borrowed */
	int progress;
};
/* Fetch, verify and unpack the N layers of WANTED (indexes into the manifest, each once).  On
 * failure what was begun is stopped; half-filled directories stay for the engine to remove. */
int pull_layers(const struct pull_layers *p, const size_t *wanted, size_t n, struct err *e);

#endif

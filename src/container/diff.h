/* SPDX-License-Identifier: Apache-2.0 */
/* What a container or an image changed. */
#ifndef COVE_CONTAINER_DIFF_H
#define COVE_CONTAINER_DIFF_H

#include "src/store/engine.h"
#include "src/util/err.h"

enum diff_of {
	DIFF_ANY, /* a container, else an image */
	DIFF_CONTAINER,
	DIFF_IMAGE,
};
/* What REF has that OTHER has not; OTHER NULL: the image a container was made from, or all but the
 * topmost layer of an image.  *RET (owned): "A/path", "C/path", "D/path" for what was added,
 * changed, deleted, sorted by path.  What the engine itself puts into every container is left out.
 * -ENOENT "REF not found: layer not known". */
int container_diff(struct engine *en, const char *ref, const char *other, enum diff_of of,
		   char ***ret, struct err *e);

#endif

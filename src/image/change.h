/* SPDX-License-Identifier: Apache-2.0 */
/* --change of import and commit. */
#ifndef COVE_IMAGE_CHANGE_H
#define COVE_IMAGE_CHANGE_H

#include <json-c/json_object.h>

#include "src/util/err.h"

/* Apply one Containerfile instruction ("CMD [...]", "ENV A=B", ...) to the member "config" of an
 * image config.  -EINVAL: it is none of those that can be given so, or says nothing. */
int image_change(json_object *config, const char *change, struct err *e);

#endif

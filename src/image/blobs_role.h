/* SPDX-License-Identifier: Apache-2.0 */
/* The role's half of push_source.h (pull_protocol.h: "blobs"). */
#ifndef COVE_IMAGE_BLOBS_ROLE_H
#define COVE_IMAGE_BLOBS_ROLE_H

#include <json-c/json_object.h>

#include "src/util/err.h"

int blobs_role(json_object *first, struct err *e);

#endif

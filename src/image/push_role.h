/* SPDX-License-Identifier: Apache-2.0 */
/* The role's half of a push: looks for blobs at the registry, sends what is missing, then the
 * manifest. */
#ifndef COVE_IMAGE_PUSH_ROLE_H
#define COVE_IMAGE_PUSH_ROLE_H

#include <json-c/json_object.h>

#include "src/util/err.h"

/* Serve the message "push" and what follows it (pull_protocol.h). */
int push_role(json_object *message, struct err *e);

#endif

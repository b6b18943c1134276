/* SPDX-License-Identifier: Apache-2.0 */
/* The role's half of downloads (pull_protocol.h). */
#ifndef COVE_IMAGE_DOWNLOAD_ROLE_H
#define COVE_IMAGE_DOWNLOAD_ROLE_H

#include <json-c/json_object.h>

#include "src/util/err.h"

int download_role(json_object *message, struct err *e);

#endif

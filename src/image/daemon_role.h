/* SPDX-License-Identifier: Apache-2.0 */
/* The role's half of docker-daemon: (pull_protocol.h). */
#ifndef COVE_IMAGE_DAEMON_ROLE_H
#define COVE_IMAGE_DAEMON_ROLE_H

#include <json-c/json_object.h>

#include "src/util/err.h"

int daemon_role(json_object *message, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The role's half of a login: ask the registry's front door with the credentials. */
#ifndef COVE_IMAGE_LOGIN_ROLE_H
#define COVE_IMAGE_LOGIN_ROLE_H

#include <json-c/json_object.h>

#include "src/util/err.h"

/* Serve the message "login" (pull_protocol.h).  -EACCES when the registry refuses. */
int login_role(json_object *message, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a role that answers one message (pull_protocol.h). */
#ifndef COVE_IMAGE_ROLE_SERVE_H
#define COVE_IMAGE_ROLE_SERVE_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "src/util/err.h"

struct role_verb {
	const char *type;
	int (*serve)(json_object *message, struct err *e);
};

/* Lock ourselves in, read a message from PULL_SOCKET_FD and serve it; a failure is told as "error".
 * The exit status. */
int role_serve(const struct role_verb *verbs, size_t n);

#endif

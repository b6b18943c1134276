/* SPDX-License-Identifier: Apache-2.0 */
/* The signatures of an image on their way: from lookaside stores and from the registry itself. */
#ifndef COVE_IMAGE_SIGNATURE_GET_H
#define COVE_IMAGE_SIGNATURE_GET_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "src/image/registry.h"

/* Write the signatures of manifest DIGEST into DIR_FD as signature-1..., and add their number to
 * *N. LOOKASIDE is a URL (file:, http:, https:) or NULL; ATTACHMENTS: those that lie beside the
 * image in the registry, as cosign puts them there. */
int signatures_get(struct registry_session *s, const char *lookaside, int attachments,
		   const char *digest, int dir_fd, size_t *n, struct err *e);

/* "signatures": those of a manifest, their number in the file "list" of fd 4; "manifest": the
 * manifest itself as the file "manifest" (pull_protocol.h). */
int signatures_role(json_object *message, struct err *e);
int manifest_role(json_object *message, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is by its first bytes: the media type that Podman gives files of artifacts, by the
 * signatures of the MIME Sniffing Standard (mimesniff.spec.whatwg.org, 7.1). */
#ifndef COVE_IMAGE_CONTENT_TYPE_H
#define COVE_IMAGE_CONTENT_TYPE_H

#include <stddef.h>

#define CONTENT_TYPE_BYTES 512 /* so many are looked at */
#define CONTENT_TYPE_MAX   64  /* any of the types, and its NUL */

/* The type of what begins with the N (at most CONTENT_TYPE_BYTES) BYTES: one of ours, never NULL;
 * "application/octet-stream" for what nothing fits. */
const char *content_type(const void *bytes, size_t n);

#endif

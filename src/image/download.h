/* SPDX-License-Identifier: Apache-2.0 */
/* Archives that lie on a web server: load and import take their URLs, as Podman's do.  No
 * credentials of registries are involved, and certificates are the system's business. */
#ifndef COVE_IMAGE_DOWNLOAD_H
#define COVE_IMAGE_DOWNLOAD_H

#include "src/store/engine.h"
#include "src/util/err.h"

/* Is PATH (NULL is none) an http:// or https:// URL? */
int download_is_url(const char *path);
/* What URL gives, as an open file without a name: a descriptor, or the error.  The role `pull`
 * fetches it. */
int download_open(struct engine *en, const char *url, struct err *e);

#endif

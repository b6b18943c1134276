/* SPDX-License-Identifier: Apache-2.0 */
/* "containers-storage:NAME", an image of our own store, and "containers-storage:[[DRIVER@]ROOT
 * [+RUNROOT][:OPTION,...]]NAME", one of the store that is named (containers-transports(5)).  Images
 * of other stores are copied, and nothing is used where it lies: that store may be gone tomorrow.
 */
#ifndef COVE_IMAGE_STORAGE_TRANSPORT_H
#define COVE_IMAGE_STORAGE_TRANSPORT_H

#include "src/image/image.h"
#include "src/image/load.h"

/* Have image TEXT (what follows "containers-storage:"), of a store of cove or Podman, in ours: RET.
 * SIGNATURE_POLICY: a policy.json, or NULL for the usual one.  -EINVAL for what is no such
 * reference, -ENOENT. */
int storage_pull(struct engine *en, const char *text, const char *signature_policy,
		 struct load_result *ret, struct err *e);
/* Give image I of ours the name of TEXT; in another store, which is made where there is none, by a
 * copy.  Without a registry the name is one of the Hub's.  -ENOTSUP: the store is Podman's. */
int storage_push(struct engine *en, const struct image *i, const char *text, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* "containers-storage:[[DRIVER@]ROOT[+RUNROOT][:OPTION,...]]NAME": images of a store that is named
 * in the reference (containers-transports(5)).  They are copied, and nothing is used where it lies:
 * the other store may be gone tomorrow. */
#ifndef COVE_IMAGE_OTHER_STORE_H
#define COVE_IMAGE_OTHER_STORE_H

#include "src/image/image.h"
#include "src/image/load.h"

/* TEXT, what follows "containers-storage:", begins with '['. */
int other_store_is(const char *text);
/* Have image TEXT of a store of cove or Podman in ours: RET.  SIGNATURE_POLICY: a policy.json, or
 * NULL for the usual one.  -EINVAL for what is no such reference, -ENOENT. */
int other_store_pull(struct engine *en, const char *text, const char *signature_policy,
		     struct load_result *ret, struct err *e);
/* Have image I of ours in the store of TEXT, which is made where there is none; as NAME.
 * -ENOTSUP: it is Podman's. */
int other_store_push(struct engine *en, const struct image *i, const char *text, struct err *e);
/* NAME as a destination in a store says it: "registry/repository:tag", the Hub's where it names no
 * registry.  Owned, or NULL with *E filled. */
char *other_store_name(const char *name, struct err *e);

#endif

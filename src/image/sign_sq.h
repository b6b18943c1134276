/* SPDX-License-Identifier: Apache-2.0 */
/* OpenPGP signatures by keys of Sequoia's key store, which sq(1) makes. */
#ifndef COVE_IMAGE_SIGN_SQ_H
#define COVE_IMAGE_SIGN_SQ_H

#include "src/image/sign.h"

/* Is FINGERPRINT one, and is there an sq that has a key store?  -EINVAL, -ENOENT. */
int sign_sq_check(const char *fingerprint, struct err *e);
/* What the descriptor IN has, as a message signed by O->sq, to the descriptor OUT. */
int sign_sq(const struct sign_options *o, int in, int out, struct err *e);
/* What sq has written of a failure: the reason in it, which points into TEXT (changed); "" for
 * none. */
const char *sign_sq_reason(char *text);
/* The major version in "sq 1.3.1 ..."; -1 for anything else. */
int sign_sq_version(const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* XSalsa20 and Poly1305 as NaCl's "secretbox" joins them: what private keys for sigstore are
 * encrypted with.  (D. J. Bernstein, "Extending the Salsa20 nonce", 2011; the tag comes first.) */
#ifndef COVE_IMAGE_SECRETBOX_H
#define COVE_IMAGE_SECRETBOX_H

#include <stddef.h>

#include "src/util/err.h"

#define SECRETBOX_KEY	32
#define SECRETBOX_NONCE 24
#define SECRETBOX_TAG	16

/* Open the N bytes at BOX; *RET (owned, N - SECRETBOX_TAG bytes, to be wiped).  -EACCES: another
 * key, or changed. */
int secretbox_open(const unsigned char *box, size_t n, const unsigned char nonce[SECRETBOX_NONCE],
		   const unsigned char key[SECRETBOX_KEY], unsigned char **ret, struct err *e);

#endif

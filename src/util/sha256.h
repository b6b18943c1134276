/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) of documents that are in memory: manifests, configs, cache keys.
 *
 * Plain C, about 250 MB/s: for kilobytes the programs on the hot path then need no libcrypto (1 ms
 * to load).  Streams are hashed in roles, by libcrypto. */
#ifndef COVE_UTIL_SHA256_H
#define COVE_UTIL_SHA256_H

#include <stddef.h>

#define SHA256_TEXT_LEN 72 /* "sha256:", 64 digits, NUL */

/* The digest of N bytes as "sha256:HEX". */
void sha256_text(const void *bytes, size_t n, char ret_text[SHA256_TEXT_LEN]);

#endif

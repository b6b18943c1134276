/* SPDX-License-Identifier: Apache-2.0 */
/* Which images a list shows: --filter and the optional name. */
#ifndef COVE_CLI_IMAGE_FILTER_H
#define COVE_CLI_IMAGE_FILTER_H

#include <stdint.h>

#include "src/image/image.h"

/* Does PATTERN ("busybox", "reg/x:*", "*b*") match one of the image's names, as a whole, without
 * its tag, or from any "/" on? */
int image_filter_reference(const struct image *i, const char *pattern);
/* Keep in LIST (N images; what is dropped is freed) those that all FILTERS ("key=value", may be
 * NULL) let pass, and return how many; the same key twice means either, labels mean all.  -EINVAL
 * for an unknown key or value, -ENOENT for before= and since= of an unknown image; LIST is whole
 * then. */
int image_filter(struct engine *en, struct image **list, size_t n, char *const *filters,
		 struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_VOLUME_MAKE_H
#define COVE_VOLUME_MAKE_H

#include "src/volume/volume.h"

/* A plain one that exists nowhere yet; NULL when out of memory. */
struct volume *volume_new(const char *name, int64_t created_ns);
/* Give it a place; DURABLE: its record is on disk when this returns.  -EEXIST. */
int volume_make(struct engine *en, const struct volume *v, int durable, struct err *e);

#endif

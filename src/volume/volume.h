/* SPDX-License-Identifier: Apache-2.0 */
/* Named and anonymous volumes: graphroot/volumes/NAME/_data. */
#ifndef COVE_VOLUME_VOLUME_H
#define COVE_VOLUME_VOLUME_H

#include <stdint.h>

#include "src/store/engine.h"
#include "src/util/err.h"

/* Have the volume, making it when it is not there.  *RET_DATA (owned) is the path of its data. */
int volume_ensure(struct engine *en, const char *name, char **ret_data, struct err *e);
/* Remove it with all its data.  0 when there is none. */
int volume_remove(struct engine *en, const char *name, struct err *e);
/* Names of all volumes, sorted; *RET owned, NULL when there are none. */
int volume_list(struct engine *en, char ***ret, struct err *e);
/* Sum of the sizes of its files. */
int volume_size(struct engine *en, const char *name, int64_t *ret, struct err *e);

#endif

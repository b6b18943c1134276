/* SPDX-License-Identifier: Apache-2.0 */
/* A container's checkpoint, for its monitor, for start, and for inspect. */
#ifndef COVE_CONTAINER_CHECKPOINT_H
#define COVE_CONTAINER_CHECKPOINT_H

#include <json-c/json_object.h>

#include "src/store/engine.h"

/* The directory of the images; owned, NULL when out of memory. */
char *checkpoint_dir(const struct engine *en, const char *id);
/* Remove it, and that of a pre-checkpoint. */
int checkpoint_forget(struct engine *en, const char *id, struct err *e);
/* Note that the container was restored from it, and with KEEP where what is left lies. */
int checkpoint_note_restore(struct engine *en, const char *id, int keep, struct err *e);
/* Forget what was noted: the container starts from the beginning. */
void checkpoint_note_start(struct engine *en, const char *id);
/* Put what was noted into inspect's State. */
void checkpoint_inspect(struct engine *en, const char *id, json_object *state);
/* Add what criu measured, by its file in DIR, and the time since STARTED (nanoseconds) to LIST. */
int checkpoint_add_stats(json_object *list, const char *id, const char *dir, int restore,
			 int64_t started, struct err *e);

#endif

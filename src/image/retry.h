/* SPDX-License-Identifier: Apache-2.0 */
/* How often and after how long a request that failed is sent again: retry and retry_delay of
 * containers.conf(5), where the command line does not say. */
#ifndef COVE_IMAGE_RETRY_H
#define COVE_IMAGE_RETRY_H

#include <json-c/json_object.h>
#include <stdint.h>

#include "src/store/engine.h"
#include "src/util/err.h"

/* *RETRY stays when it is 0 or more, *DELAY_MS when it is more than 0; they become what CONFIG (all
 * of containers.conf) says, if it says anything.  -EINVAL for what is wrong there. */
int retry_from(json_object *config, int *retry, int64_t *delay_ms, struct err *e);
/* The same with the files read. */
int retry_default(struct engine *en, int *retry, int64_t *delay_ms, struct err *e);

#endif

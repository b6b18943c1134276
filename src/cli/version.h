/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_CLI_VERSION_H
#define COVE_CLI_VERSION_H

#include <json-c/json_object.h>

/* What version and info tell about this program; owned, NULL when out of memory. */
json_object *version_json(void);

#endif

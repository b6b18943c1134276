/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_CLI_SYSTEM_YAML_H
#define COVE_CLI_SYSTEM_YAML_H

#include <json-c/json_object.h>

#include "src/util/err.h"

/* Print O as YAML to standard output; strings that YAML would take for something else are quoted.
 */
int yaml_print(json_object *o, struct err *e);

#endif

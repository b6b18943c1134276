/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_CLI_CONTAINER_INSPECT_H
#define COVE_CLI_CONTAINER_INSPECT_H

#include "src/util/template.h"

/* Which members of a container's document are maps and times. */
extern const struct template_schema container_inspect_schema;

#endif

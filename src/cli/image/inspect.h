/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVE_CLI_IMAGE_INSPECT_H
#define COVE_CLI_IMAGE_INSPECT_H

#include "src/util/template.h"

/* What templates may ask of the documents of image_inspect_json(). */
extern const struct template_schema image_inspect_schema;

#endif

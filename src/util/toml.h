/* SPDX-License-Identifier: Apache-2.0 */
/* TOML 1.0, as the ecosystem's configuration files use it, read into a JSON tree.
 *
 * Tables become objects, arrays arrays; strings, integers, floats and booleans are themselves;
 * dates and times become strings as written.  Errors name the line. */
#ifndef COVE_UTIL_TOML_H
#define COVE_UTIL_TOML_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "src/util/err.h"

#define TOML_FILE_MAX  (1 << 20) /* bytes of one configuration file */
#define TOML_DEPTH_MAX 32	 /* of arrays and inline tables in each other, and of dotted keys */

/* Parse N bytes of a file called NAME in messages.  *RET is owned.  -EBADMSG "NAME: line 3: ...".
 */
int toml_parse(const char *bytes, size_t n, const char *name, json_object **ret, struct err *e);
/* Read and parse the regular file PATH.  -ENOENT stays so, with no text worth showing. */
int toml_read(const char *path, json_object **ret, struct err *e);

#endif

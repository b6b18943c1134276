/* SPDX-License-Identifier: Apache-2.0 */
/* runroot/c/ID/oci: the bundle directory of a running container for whom that is not a matter of
 * our own memory alone, another OCI runtime (--runtime) or hooks. */
#ifndef COVE_CONTAINER_BUNDLE_H
#define COVE_CONTAINER_BUNDLE_H

#include <json-c/json_object.h>

#include "src/container/spec.h"
#include "src/runtime/driver.h"
#include "src/store/engine.h"

/* The driver for container ID, whose spec names a runtime.  The directory is made where it is
 * missing; its path is *RET_DIR (owned), which the driver borrows as it does SPEC and ID. */
int bundle_driver(const struct engine *en, const struct container_spec *spec, const char *id,
		  char **ret_dir, struct driver *ret, struct err *e);
/* Make the directory and write CONFIG there, for hooks. */
int bundle_write(const struct engine *en, const char *id, json_object *config, char **ret_dir,
		 struct err *e);
/* The container has ended: its runtime forgets it, its poststop hooks run.  Failures are only told
 * to the debug log. */
void bundle_end(const struct engine *en, const struct container_spec *spec, const char *id);

#endif

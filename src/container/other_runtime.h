/* SPDX-License-Identifier: Apache-2.0 */
/* A container that another OCI runtime starts (--runtime). */
#ifndef COVE_CONTAINER_OTHER_RUNTIME_H
#define COVE_CONTAINER_OTHER_RUNTIME_H

#include "src/container/spec.h"
#include "src/runtime/driver.h"
#include "src/store/engine.h"

/* The driver for container ID, whose spec names a runtime.  Its directory, runroot/c/ID/oci, is
 * made where it is missing; the path is *RET_DIR (owned), which the driver borrows as it does SPEC
 * and ID. */
int other_runtime(const struct engine *en, const struct container_spec *spec, const char *id,
		  char **ret_dir, struct driver *ret, struct err *e);
/* The container has ended: the runtime forgets it.  Failures are only told to the debug log. */
void other_runtime_forget(const struct engine *en, const struct container_spec *spec,
			  const char *id);

#endif

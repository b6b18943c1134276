/* SPDX-License-Identifier: Apache-2.0 */
/* Files from and to containers. */
#ifndef COVE_CONTAINER_CP_H
#define COVE_CONTAINER_CP_H

#include "src/store/engine.h"
#include "src/util/err.h"

struct cp_options {
	int archive;   /* in a container all belongs to its user; else to whom it did */
	int overwrite; /* a directory may take the place of something else, and be replaced */
};
/* Copy SOURCE to DESTINATION, each [CONTAINER:]PATH, or "-" for a tar stream on standard input or
 * output.  A destination that is a directory gets SOURCE in it; PATH/. means what is in a directory
 * rather than itself.  Files of the user's own side belong to the user. -EINVAL for arguments that
 * make no sense, -ENOENT, -EEXIST without overwrite. */
int container_cp(struct engine *en, const char *source, const char *destination,
		 const struct cp_options *o, struct err *e);

#endif

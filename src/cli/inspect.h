/* SPDX-License-Identifier: Apache-2.0 */
/* inspect, for whatever has the name. */
#ifndef COVE_CLI_INSPECT_H
#define COVE_CLI_INSPECT_H

#include "src/util/err.h"

struct engine;

struct inspect_options {
	const char *format;
	const char *type; /* "all", "container", "image" */
	int latest, size;
};

/* Print the documents of ARGS (or of the newest container); those that are missing are told.  The
 * exit status or a negative errno. */
int inspect_objects(struct engine *en, const struct inspect_options *o, char **args, struct err *e);

#endif

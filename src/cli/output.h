/* SPDX-License-Identifier: Apache-2.0 */
/* Archives that commands write. */
#ifndef COVE_CLI_OUTPUT_H
#define COVE_CLI_OUTPUT_H

#include "src/util/err.h"

struct engine;

/* Writes it to FD. */
typedef int output_fn(struct engine *en, void *arg, int fd, struct err *e);
/* Have WRITE fill the file PATH, or standard output (NULL or "") unless that is a terminal
 * (-EINVAL).  The file has the user's umask and is removed when it could not be finished. */
int output_archive(struct engine *en, const char *path, output_fn *write, void *arg, struct err *e);

#endif

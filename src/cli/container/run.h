/* SPDX-License-Identifier: Apache-2.0 */
/* What run shares with create, start and exec. */
#ifndef COVE_CLI_CONTAINER_RUN_H
#define COVE_CLI_CONTAINER_RUN_H

#include "src/container/container.h"

/* IMAGE COMMAND ARG..., or with --rootfs the command alone. */
int run_arguments(struct container_create_options *o, char **args, const char *verb, struct err *e);
int run_attach(const struct container_create_options *o, struct attach_options *a, struct err *e);
/* The exit status for result R of an operation that starts a program; STAGE as session_failure's.
 */
int run_status(int r, int stage, struct err *e);
/* Were N descriptors from 3 on passed to us?  0 or -EBADF. */
int run_check_fds(int n, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Staying with a process in a container: its terminal, the signals meant for it, its end. */
#ifndef COVE_CLI_RUNTIME_RELAY_H
#define COVE_CLI_RUNTIME_RELAY_H

#include "src/runtime/runtime.h"
#include "src/util/err.h"

struct relay {
	int signals; /* signalfd, or -EBADF */
};

/* Block the signals that are passed on, before the process is made: none is lost meanwhile. */
int relay_open(struct relay *r, struct err *e);
/* Copy between the caller's terminal and P->console (when there is one), pass signals on to P, and
 * wait for its end: its exit status, 128 plus the signal that ended it. */
int relay_run(struct relay *r, struct runtime_process *p, struct err *e);
void relay_done(struct relay *r);

#endif

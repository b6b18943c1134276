/* SPDX-License-Identifier: Apache-2.0 */
/* Exit statuses, and how a failure is told to the user.  No other file knows these numbers. */
#ifndef COVE_CLI_EXIT_H
#define COVE_CLI_EXIT_H

#include "src/util/err.h"

enum exit_rule {
	EXIT_ENGINE, /* any failure is 125 */
	EXIT_OBJECT, /* rm-like verbs: 1 for -ENOENT, 2 for -EBUSY, else 125 */
	EXIT_EXEC,   /* run-like verbs, when the command itself did not start: 127 for -ENOENT, 126
		      * for   -EACCES, -ENOEXEC, -EISDIR, -ELOOP..., else 125 */
};

#define EXIT_STATUS_ENGINE 125

/* Exit status for negative errno CODE. */
int exit_status(enum exit_rule rule, int code);
/* For verbs that work on several objects: the status after one more failed with CODE, where STATUS
 * (0 at first) is what had been so far.  125 beats 2 beats 1. */
int exit_worse(enum exit_rule rule, int status, int code);
/* Print "Error: TEXT" and the hint, if any, to stderr. */
void exit_complain(const struct err *e);
/* Both: complain about E and return the new status, and clear E for the next object. */
int exit_failed(enum exit_rule rule, int status, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the person at the terminal. */
#ifndef COVE_CLI_PROMPT_H
#define COVE_CLI_PROMPT_H

#include <stddef.h>

#include "src/util/err.h"

#define PROMPT_MAX 4096

/* Print TEXT and read a line from standard input, without its newline.  Owned.  -ENODATA at the end
 * of input. */
int prompt_line(const char *text, char **ret, struct err *e);
/* The same from a terminal that does not show what is typed (-ENOTTY when standard input is none).
 * A signal that ends us finds the terminal as it was. */
int prompt_secret(const char *text, char **ret, struct err *e);
/* Print TEXT as a warning and ask whether to go on: 1 for y or yes, 0 for anything else. -ENODATA
 * at the end of input. */
int prompt_continue(const char *text, struct err *e);

/* Print QUESTION and the numbered CHOICES, and read which one it shall be: its index.  -ENODATA at
 * the end of input, -ECANCELED after too many answers that are none. */
int prompt_choice(const char *question, char *const *choices, size_t n, struct err *e);

#endif

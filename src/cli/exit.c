/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/exit.h"

#include <errno.h>
#include <stdio.h>

#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define STATUS_MISSING	   1
#define STATUS_IN_USE	   2
#define STATUS_CANNOT_EXEC 126
#define STATUS_NOT_FOUND   127

int exit_status(enum exit_rule rule, int code)
{
	if (rule == EXIT_OBJECT && code == -ENOENT)
		return STATUS_MISSING;
	if (rule == EXIT_OBJECT && code == -EBUSY)
		return STATUS_IN_USE;
	if (rule != EXIT_EXEC)
		return EXIT_STATUS_ENGINE;
	switch (code) {
	case -ENOENT:
		return STATUS_NOT_FOUND;
	case -EACCES:
	case -EPERM:
	case -ENOEXEC:
	case -EISDIR:
	case -EADDRINUSE: /* of a published port */
	case -EADDRNOTAVAIL:
	case -ENOTDIR:
	case -ELOOP:
	case -ETXTBSY:
	case -ELIBBAD:
	case -E2BIG:
		return STATUS_CANNOT_EXEC;
	default:
		return EXIT_STATUS_ENGINE;
	}
}

int exit_worse(enum exit_rule rule, int status, int code)
{
	int now = exit_status(rule, code);
	return now > status ? now : status;
}

void exit_complain(const struct err *e)
{
	scoped(strbuf) struct strbuf text = STRBUF_INIT;

	(void)fflush(stdout); /* what was done comes before what failed */
	/* It may repeat what an image or a registry said: no control character of theirs reaches
	 * the terminal, and one error stays one line. */
	(void)fprintf(stderr, "Error: %s\n",
		      name_escape(&text, e->text) == 0 && text.s ? text.s : "out of memory");
	if (e->hint[0])
		(void)fprintf(stderr, "%s\n", e->hint);
}

int exit_failed(enum exit_rule rule, int status, struct err *e)
{
	status = exit_worse(rule, status, e->code);
	exit_complain(e);
	err_clear(e);
	return status;
}

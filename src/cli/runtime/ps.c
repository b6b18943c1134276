/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/runtime/verb.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

#define OUTPUT_MAX (64U << 20)

struct ps_options {
	const char *format;
};

#define AT(f) offsetof(struct ps_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Form of the list", .def = "table",
	    .values = "table|json"),
	END,
};

static int print_json(const pid_t *pids, size_t n)
{
	(void)putchar('[');
	for (size_t i = 0; i < n; i++)
		(void)printf("%s%d", i ? "," : "", (int)pids[i]);
	(void)puts("]");
	return 0;
}

static int has_pid(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return 1;
	return 0;
}

/* Where in the header line is the column PID?  -1: nowhere. */
static int pid_column(const char *header)
{
	int column = 0;

	for (const char *p = header; *p && *p != '\n'; column++) {
		size_t n;
		p += strspn(p, " ");
		n = strcspn(p, " \n");
		if (n == 3 && strncmp(p, "PID", 3) == 0)
			return column;
		p += n;
	}
	return -1;
}

static pid_t pid_in(const char *line, int column)
{
	for (; column > 0; column--) {
		line += strspn(line, " ");
		line += strcspn(line, " \n");
	}
	return (pid_t)strtol(line, NULL, 10);
}

/* The lines of ps(1) that are about the container. */
static int print_table(char *const *args, const pid_t *pids, size_t n, struct err *e)
{
	static char *const usual[] = { "ps", "-ef", NULL };
	scoped(strv) char **argv = NULL;
	scoped(mem) char *out = NULL;
	int column, r = strv_add(&argv, "ps");

	for (; *args && r == 0; args++)
		r = strv_add(&argv, *args);
	if (r < 0)
		return err_errno(e, ENOMEM, "ps");
	r = proc_capture(argv[1] ? argv : usual, OUTPUT_MAX, &out, e);
	if (r < 0)
		return r;
	column = pid_column(out);
	if (r > 0 || column < 0)
		return err_set(e, -EINVAL, "ps failed or prints no column PID");
	for (char *line = out; *line;) {
		size_t len = strcspn(line, "\n");
		if (line == out || has_pid(pids, n, pid_in(line, column)))
			(void)printf("%.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
	return 0;
}

static int ps(struct oci *oci, void *opts, char **args, struct err *e)
{
	const struct ps_options *o = opts;
	scoped(state) struct state s = STATE_NONE;
	scoped(mem) pid_t *pids = NULL;
	size_t n = 0;
	int r = oci_open_running(oci, args[0], 1, &s, e);

	if (r == 0)
		r = oci_pids(&s, &pids, &n, e);
	if (r < 0)
		return r;
	return strcmp(o->format, "json") == 0 ? print_json(pids, n)
					      : print_table(args + 1, pids, n, e);
}

const struct verb verb_ps = {
	.name = "ps",
	.args = "CONTAINER [PS OPTIONS]",
	.help = "List the processes of a container",
	.man = "The table is that of ps(1), -ef when no options of it are given; JSON is an array "
	       "of "
	       "pids.",
	.min_args = 1,
	.max_args = -1,
	.stop_at_arg = 1,
	.size = sizeof(struct ps_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = ps,
};

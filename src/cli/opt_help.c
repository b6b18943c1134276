/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/opt_help.h"

#include <stdio.h>
#include <string.h>

/* "-a, --all" or "    --time SECONDS": the left column of one option. */
static int option_text(const struct opt *o, char *buf, size_t n)
{
	const char *arg = o->arg ? o->arg : "";
	const char *open = o->optional ? "[=" : *arg ? " " : "", *close = o->optional ? "]" : "";

	if (o->letter)
		return snprintf(buf, n, "  -%c, --%s%s%s%s", o->letter, o->name, open, arg, close);
	return snprintf(buf, n, "      --%s%s%s%s", o->name, open, arg, close);
}

static void print_option(const struct opt *o, int width)
{
	char left[256];

	(void)option_text(o, left, sizeof(left));
	(void)printf("%-*s  %s", width, left, o->help);
	if (o->values)
		(void)printf(" (%s)", o->values);
	if (o->def && strcmp(o->def, "false") != 0)
		(void)printf(o->kind == OPT_STR ? " (default \"%s\")" : " (default %s)", o->def);
	(void)putchar('\n');
}

/* Rows in the order of their names; tables are short, so each next name is searched for. */
static const struct opt *next_by_name(opt_groups groups, const char *after)
{
	const struct opt *best = NULL;
	each_opt(o, g, groups) {
		if (!o->hidden && (!after || strcmp(o->name, after) > 0) &&
		    (!best || strcmp(o->name, best->name) < 0))
			best = o;
	}
	return best;
}

void opt_help(opt_groups groups)
{
	char left[256];
	int width = 0;

	each_opt(o, g, groups) {
		int n = o->hidden ? 0 : option_text(o, left, sizeof(left));
		width = n > width ? n : width;
	}
	if (!width)
		return;
	(void)printf("\nOptions:\n");
	for (const struct opt *o = next_by_name(groups, NULL); o; o = next_by_name(groups, o->name))
		print_option(o, width);
}

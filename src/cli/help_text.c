/* SPDX-License-Identifier: Apache-2.0 */
/* --help, written from the tables. */
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"

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

static void print_options(opt_groups groups)
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

/* Text line by line, each behind two spaces. */
static void print_indented(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		(void)printf("%s%.*s\n", n ? "  " : "", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

int help_command(const struct cmd *c)
{
	char path[128];

	(void)printf("%s\n", c->help);
	if (c->man) {
		(void)printf("\nDescription:\n");
		print_indented(c->man);
	}
	(void)printf("\nUsage:\n  %s%s%s%s\n", cmd_path(c, path, sizeof(path)),
		     c->groups ? " [options]" : "", c->args ? " " : "", c->args ? c->args : "");
	if (c->examples) {
		(void)printf("\nExamples:\n");
		print_indented(c->examples);
	}
	print_options(c->groups);
	return 0;
}

/* One line "  WORD   HELP" for each alternative in WORDS. */
static void print_command(const char *words, const char *help)
{
	(void)printf("  %-11.*s %s\n", (int)strcspn(words, "|"), words, help);
}

int help_noun(const struct noun *n)
{
	(void)printf("%s\n\nUsage:\n  cove %s [command]\n\nAvailable Commands:\n", n->help,
		     n->name);
	for (const struct cmd *const *c = cmd_list; *c; c++)
		if ((*c)->noun && strcmp((*c)->noun, n->name) == 0 && !((*c)->flags & CMD_HIDDEN))
			print_command((*c)->verb, (*c)->help);
	return 0;
}

int help_top(void)
{
	const char *last = NULL, *best, *text;

	(void)printf("Containers without root\n\n"
		     "Usage:\n  cove [options] [command]\n\nAvailable Commands:\n");
	do { /* the next name in alphabetical order, of commands and nouns alike */
		best = text = NULL;
		for (const struct cmd *const *c = cmd_list; *c; c++) {
			const char *name = (*c)->alias	? (*c)->alias
					   : (*c)->noun ? NULL
							: (*c)->verb;
			if (name && !((*c)->flags & CMD_HIDDEN) &&
			    (!last || strcmp(name, last) > 0) &&
			    (!best || strcmp(name, best) < 0)) {
				best = name;
				text = (*c)->help;
			}
		}
		for (const struct noun *n = noun_list; n->name; n++)
			if ((!last || strcmp(n->name, last) > 0) &&
			    (!best || strcmp(n->name, best) < 0)) {
				best = n->name;
				text = n->help;
			}
		if (best)
			print_command(best, text);
		last = best;
	} while (best);
	print_options(global_groups);
	(void)printf("\nUse \"cove COMMAND --help\" for what a command does and takes.\n");
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* --help, written from the tables. */
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/opt_help.h"

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
	opt_help(c->groups);
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
	opt_help(global_groups);
	(void)printf("\nUse \"cove COMMAND --help\" for what a command does and takes.\n");
	return 0;
}

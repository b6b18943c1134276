/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "src/cli/opt_help.h"

/* Text for roff: backslashes, hyphens that users copy, and dots that would begin a request. */
void opt_man_text(struct strbuf *b, const char *s, size_t n)
{
	int line_start = b->len == 0 || b->s[b->len - 1] == '\n';
	for (size_t i = 0; i < n; i++) {
		if (line_start && (s[i] == '.' || s[i] == '\''))
			(void)strbuf_puts(b, "\\&");
		if (s[i] == '\\')
			(void)strbuf_puts(b, "\\e");
		else if (s[i] == '-')
			(void)strbuf_puts(b, "\\-");
		else
			(void)strbuf_putc(b, s[i]);
		line_start = s[i] == '\n';
	}
}

void opt_man_str(struct strbuf *b, const char *s)
{
	opt_man_text(b, s, strlen(s));
}

/* Paragraphs are parted by empty lines. */
void opt_man_paragraphs(struct strbuf *b, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\n");
		if (n == 0)
			(void)strbuf_puts(b, ".PP\n");
		opt_man_text(b, s, n);
		if (n)
			(void)strbuf_putc(b, '\n');
		s += n + (s[n] == '\n');
	}
}

void opt_man_head(struct strbuf *b, const char *title, const char *name, const char *help)
{
	(void)strbuf_puts(b, ".TH ");
	for (const char *s = title; *s; s++)
		(void)strbuf_putc(b, *s >= 'a' && *s <= 'z' ? (char)(*s - 'a' + 'A') : *s);
	(void)strbuf_printf(b, " 1 \"\" \"cove %s\" \"User Commands\"\n.SH NAME\n",
			    PACKAGE_VERSION);
	opt_man_str(b, name);
	(void)strbuf_puts(b, " \\- ");
	opt_man_str(b, help);
	(void)strbuf_putc(b, '\n');
}

static void put_option(struct strbuf *b, const struct opt *o)
{
	(void)strbuf_puts(b, ".TP\n\\fB");
	if (o->letter)
		(void)strbuf_printf(b, "\\-%c\\fR, \\fB", o->letter);
	(void)strbuf_puts(b, "\\-\\-");
	opt_man_str(b, o->name);
	(void)strbuf_puts(b, "\\fR");
	if (o->arg) {
		(void)strbuf_puts(b, o->optional ? "[=\\fI" : "=\\fI");
		opt_man_str(b, o->arg);
		(void)strbuf_puts(b, o->optional ? "\\fR]" : "\\fR");
	}
	(void)strbuf_putc(b, '\n');
	opt_man_str(b, o->help);
	(void)strbuf_puts(b, ".\n");
	if (o->values) {
		(void)strbuf_puts(b, "One of ");
		opt_man_str(b, o->values);
		(void)strbuf_puts(b, ".\n");
	}
	if (o->def && strcmp(o->def, "false") != 0) {
		(void)strbuf_puts(b, "The default is ");
		opt_man_str(b, o->def);
		(void)strbuf_puts(b, ".\n");
	}
	if (o->kind == OPT_LIST || o->kind == OPT_CSV || o->kind == OPT_KEYVAL)
		(void)strbuf_puts(b, "May be given more than once.\n");
	if (o->man)
		opt_man_paragraphs(b, o->man);
}

void opt_man_options(struct strbuf *b, opt_groups groups)
{
	each_opt(o, g, groups) {
		if (!o->hidden)
			put_option(b, o);
		else if (o->kind == OPT_EXCLUDES) {
			(void)strbuf_puts(b, ".PP\n\\fB\\-\\-");
			opt_man_str(b, o->name);
			(void)strbuf_puts(b, "\\fR and \\fB\\-\\-");
			opt_man_str(b, o->arg);
			(void)strbuf_puts(b, "\\fR exclude each other.\n");
		}
	}
}

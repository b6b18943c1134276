/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages, written from the tables: cove(1), a page for each command, and for each top-level
 * spelling a page that leads to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/opt_help.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

static void put_options(struct strbuf *b, opt_groups groups)
{
	(void)strbuf_puts(b, ".SH OPTIONS\n");
	opt_man_options(b, groups);
	(void)strbuf_puts(b, ".TP\n\\fB\\-\\-help\\fR\nPrint what the command does and takes.\n");
}

static void put_exit_status(struct strbuf *b, enum exit_rule rule)
{
	(void)strbuf_puts(b, ".SH EXIT STATUS\n");
	if (rule == EXIT_EXEC)
		(void)strbuf_puts(
			b,
			"That of the command in the container; 128 plus the signal that killed it; "
			"126 when it cannot be executed, 127 when it is not there, "
			"125 when cove itself failed.\n");
	else if (rule == EXIT_OBJECT)
		(void)strbuf_puts(
			b,
			"0, 1 when an object did not exist and nothing else failed, 2 when one is "
			"in use, 125 for any other failure.\n");
	else
		(void)strbuf_puts(b, "0, or 125 when something failed.\n");
}

static void put_synopsis(struct strbuf *b, const char *words, const struct cmd *c)
{
	(void)strbuf_puts(b, "\\fBcove ");
	opt_man_str(b, words);
	(void)strbuf_puts(b, c->groups ? "\\fR [\\fIoptions\\fR] \\fI" : "\\fR \\fI");
	opt_man_str(b, c->args ? c->args : "");
	(void)strbuf_puts(b, "\\fR\n");
}

static void command_page(struct strbuf *b, const struct cmd *c, const char *page)
{
	char words[128];

	opt_man_head(b, page, page, c->help);
	(void)strbuf_puts(b, ".SH SYNOPSIS\n");
	(void)snprintf(words, sizeof(words), "%s%s%s", c->noun ? c->noun : "", c->noun ? " " : "",
		       c->verb);
	put_synopsis(b, words, c);
	for (const char *s = c->alias; s && *s;) {
		size_t n = strcspn(s, "|");
		(void)snprintf(words, sizeof(words), "%.*s", (int)n, s);
		(void)strbuf_puts(b, ".br\n");
		put_synopsis(b, words, c);
		s += n + (s[n] == '|');
	}
	(void)strbuf_puts(b, ".SH DESCRIPTION\n");
	opt_man_str(b, c->help);
	(void)strbuf_puts(b, ".\n");
	if (c->man) {
		(void)strbuf_puts(b, ".PP\n");
		opt_man_paragraphs(b, c->man);
	}
	put_options(b, c->groups);
	put_exit_status(b, c->exit);
	if (c->examples) {
		(void)strbuf_puts(b, ".SH EXAMPLES\n.nf\n");
		opt_man_str(b, c->examples);
		(void)strbuf_puts(b, "\n.fi\n");
	}
	(void)strbuf_puts(b, ".SH SEE ALSO\n\\fBcove\\fR(1)\n");
}

static void top_page(struct strbuf *b)
{
	opt_man_head(b, "cove", "cove", "run, build and manage containers without root");
	(void)strbuf_puts(
		b,
		".SH SYNOPSIS\n\\fBcove\\fR [\\fIoptions\\fR] \\fICOMMAND\\fR [\\fIarguments\\fR]\n"
		".SH DESCRIPTION\n");
	opt_man_paragraphs(
		b,
		"cove runs OCI and Docker containers for people who are not root. It needs no "
		"daemon and "
		"leaves nothing running when no container runs. Commands, options, output and exit "
		"statuses are those of podman(1).\n");
	put_options(b, global_groups);
	(void)strbuf_puts(b, ".SH COMMANDS\n");
	for (const struct cmd *const *p = cmd_list; *p; p++) {
		const struct cmd *c = *p;
		if (c->flags & CMD_HIDDEN)
			continue;
		(void)strbuf_puts(b, ".TP\n\\fBcove\\-");
		if (c->noun)
			(void)strbuf_printf(b, "%s\\-", c->noun);
		opt_man_str(b, c->verb);
		(void)strbuf_puts(b, "\\fR(1)\n");
		opt_man_str(b, c->help);
		(void)strbuf_puts(b, ".\n");
	}
	(void)strbuf_puts(b, ".SH SEE ALSO\n\\fBsubuid\\fR(5), \\fBnewuidmap\\fR(1), "
			     "\\fBuser_namespaces\\fR(7)\n");
}

static int write_page(int dir_fd, const char *page, struct strbuf *b, struct err *e)
{
	char file[160];

	(void)snprintf(file, sizeof(file), "%s.1", page);
	if (b->failed)
		return err_errno(e, b->failed, "%s", file);
	return path_replace(dir_fd, file, b->s, b->len, 0644, 0, e);
}

static int command_pages(int dir_fd, const struct cmd *c, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	char page[128], other[128];
	int r;

	(void)snprintf(page, sizeof(page), "cove-%s%s%s", c->noun ? c->noun : "",
		       c->noun ? "-" : "", c->verb);
	command_page(&b, c, page);
	r = write_page(dir_fd, page, &b, e);
	for (const char *s = c->alias; r == 0 && s && *s;) {
		scoped(strbuf) struct strbuf link = STRBUF_INIT;
		size_t n = strcspn(s, "|");
		(void)snprintf(other, sizeof(other), "cove-%.*s", (int)n, s);
		(void)strbuf_printf(&link, ".so man1/%s.1\n", page);
		r = write_page(dir_fd, other, &link, e);
		s += n + (s[n] == '|');
	}
	return r;
}

int man_generate(const char *dir, struct err *e)
{
	scoped(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	int r;

	if (fd < 0)
		return err_sys(e, "open %s", dir);
	top_page(&b);
	r = write_page(fd, "cove", &b, e);
	for (const struct cmd *const *c = cmd_list; r == 0 && *c; c++)
		if (!((*c)->flags & CMD_HIDDEN))
			r = command_pages(fd, *c, e);
	return r;
}

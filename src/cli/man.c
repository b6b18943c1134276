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

static const struct {
	const char *names, *text;
} files[] = {
	{ "containers.conf",
	  "Defaults of new containers, see containers.conf(5), whose files and order it has." },
	{ "storage.conf",
	  "Where images and containers are kept, see containers-storage.conf(5).  The first counts "
	  "that is there: $CONTAINERS_STORAGE_CONF, ~/.config/containers/storage.conf, "
	  "/etc/containers/storage.conf, /usr/share/containers/storage.conf; over it are laid the "
	  "files of the directories storage.conf.d beside the last three and then "
	  "$CONTAINERS_STORAGE_CONF_OVERRIDE.\n"
	  "These keys count: graphroot and runroot (from the system's files for root only), "
	  "rootless_storage_path, additionalimagestores.  $HOME, $USER, $UID and other variables "
	  "are replaced in paths.  What is Podman's default place says nothing about cove's, and "
	  "where Podman keeps images already, cove uses a directory of that name inside.  Layers "
	  "are put together by overlay whatever driver is named; its options have no effect." },
	{ "Additional image stores",
	  "Stores of other coves and of Podman (overlay driver), from which images, lists of them "
	  "and artifacts are used where "
	  "they lie and in which nothing is changed.  What is in one is read again when it has "
	  "changed; one that cannot be read costs a line of warning.  What it says of its images "
	  "is believed, apart from manifests and configurations, whose digests are checked, and "
	  "signatures that policy.json asks for.\n"
	  "Its owner does not see who uses it: an image removed there is missing to containers "
	  "made from it here.\n"
	  "Its files must be readable: who shares a store says chmod -R a+rX DIR after each change "
	  "of it.  In one's own store, or where root shares with root, layers are used where they "
	  "lie.  Those of another user are copied into one's own store when a container is made of "
	  "them: else their files would belong to nobody (65534) in it.  The copy is an image "
	  "without a name, which cove image prune removes when no container has it.  Where a layer "
	  "cannot be read as a whole it is used as it lies there: only what everybody may do with "
	  "its files is possible, and in its directories nothing can be made, not even by root of "
	  "the container; directories that a layer made by root replaces as a whole show what was "
	  "below them: overlayfs keeps that mark where only root sees it.\n"
	  "Layers of which Podman keeps owners and modes in attributes (force_mask, "
	  "fuse-overlayfs) "
	  "are copied so, too." },
};

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
	(void)strbuf_puts(b, ".SH FILES\n");
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)strbuf_puts(b, ".SS ");
		opt_man_str(b, files[i].names);
		(void)strbuf_puts(b, "\n");
		opt_man_paragraphs(b, files[i].text);
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

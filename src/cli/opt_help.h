/* SPDX-License-Identifier: Apache-2.0 */
/* What --help and the man pages say of options, written from their rows. */
#ifndef COVE_CLI_OPT_HELP_H
#define COVE_CLI_OPT_HELP_H

#include "src/cli/opt.h"
#include "src/util/strbuf.h"

/* The "Options:" part of --help, in the order of the names, to standard output. */
void opt_help(opt_groups groups);

/* Pieces of a man page, appended to B (whose failure sticks).  Text is escaped for roff. */
void opt_man_text(struct strbuf *b, const char *s, size_t n);
void opt_man_str(struct strbuf *b, const char *s);
/* Paragraphs are parted by empty lines. */
void opt_man_paragraphs(struct strbuf *b, const char *s);
/* .TH and NAME of page TITLE in section 1. */
void opt_man_head(struct strbuf *b, const char *title, const char *name, const char *help);
/* Each row as a tagged paragraph, without a heading. */
void opt_man_options(struct strbuf *b, opt_groups groups);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 128 /* more tabs in one line are left as they are */

struct line {
	const char *text;
	size_t len, tabs;
};

struct align {
	const struct line *lines;
	size_t widths[COLUMNS_MAX], depth; /* of the columns to the left */
	struct strbuf *out;
};

/* Cell COLUMN of LINE and its length. */
static const char *cell(const struct line *line, size_t column, size_t *ret_len)
{
	const char *s = line->text, *end = line->text + line->len, *tab;
	while (column-- > 0)
		s = (const char *)memchr(s, '\t', (size_t)(end - s)) + 1;
	tab = memchr(s, '\t', (size_t)(end - s));
	*ret_len = (size_t)((tab ? tab : end) - s);
	return s;
}

/* Characters, not bytes, of UTF-8. */
static size_t text_width(const char *s, size_t n)
{
	size_t w = 0;
	for (size_t i = 0; i < n; i++)
		w += ((unsigned char)s[i] & 0xc0) != 0x80;
	return w;
}

static void add_spaces(struct strbuf *b, size_t n)
{
	static const char spaces[] = "                                ";
	for (size_t part; n > 0; n -= part) {
		part = n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1;
		(void)strbuf_add(b, spaces, part);
	}
}

/* Lines whose column widths are all known. */
static void write_lines(const struct align *a, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct line *line = &a->lines[i];
		size_t columns = line->tabs < a->depth ? line->tabs : a->depth, n;
		const char *s = line->text;
		for (size_t c = 0; c < columns; c++) {
			s = cell(line, c, &n);
			(void)strbuf_add(a->out, s, n);
			add_spaces(a->out, a->widths[c] - text_width(s, n));
			s += n + 1;
		}
		(void)strbuf_add(a->out, s, (size_t)(line->text + line->len - s));
		(void)strbuf_putc(a->out, '\n');
	}
}

/* Blocks of neighbouring lines that have one more column than those known, each set out by itself.
 */
static void align_block(struct align *a, size_t from, size_t to)
{
	size_t column = a->depth, i = from;

	while (i < to) {
		size_t width = TABLE_MIN_WIDTH, n;
		if (a->lines[i].tabs <= column || column == COLUMNS_MAX) {
			i++;
			continue;
		}
		write_lines(a, from, i);
		from = i;
		for (; i < to && a->lines[i].tabs > column; i++) {
			const char *s = cell(&a->lines[i], column, &n);
			size_t w = text_width(s, n) + TABLE_GAP;
			width = w > width ? w : width;
		}
		a->widths[a->depth++] = width;
		align_block(a, from, i);
		a->depth--;
		from = i;
	}
	write_lines(a, from, to);
}

int table_align(const char *text, struct strbuf *out)
{
	scoped(mem) struct line *lines = NULL;
	struct align a = { .out = out };
	size_t n = 0, max = 1;

	for (const char *s = text; *s; s++)
		max += *s == '\n';
	lines = calloc(max, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	for (const char *s = text; *s; n++) {
		size_t len = strcspn(s, "\n");
		lines[n] = (struct line){ .text = s, .len = len };
		for (size_t i = 0; i < len; i++)
			lines[n].tabs += s[i] == '\t';
		s += len + (s[len] == '\n');
	}
	a.lines = lines;
	align_block(&a, 0, n);
	return out->failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pull_progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define BAR_WIDTH 30

void pull_progress_init(struct pull_progress *p, int quiet)
{
	*p = (struct pull_progress){ .quiet = quiet, .terminal = isatty(STDERR_FILENO) };
}

void pull_progress_done(struct pull_progress *p)
{
	free(p->lines);
	*p = (struct pull_progress){ 0 };
}

void pull_progress_say(struct pull_progress *p, const char *fmt, ...)
{
	va_list ap;

	if (p->quiet)
		return;
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

/* "12.3MB" */
static const char *human(int64_t bytes, char buf[16])
{
	static const char *const units[] = { "b", "kB", "MB", "GB", "TB" };
	double v = (double)bytes;
	size_t u = 0;

	for (; v >= 1000 && u + 1 < ARRAY_LEN(units); u++)
		v /= 1000;
	(void)snprintf(buf, 16, "%.1f%s", v, units[u]);
	return buf;
}

static void draw_line(struct strbuf *b, const struct pull_line *l)
{
	char have[16], all[16];
	int filled =
		l->size > 0 ? (int)((double)l->bytes / (double)l->size * BAR_WIDTH) : BAR_WIDTH;

	(void)strbuf_printf(b, "Copying blob %s ", l->hex);
	if (l->state == LINE_DONE)
		(void)strbuf_puts(b, "done");
	else if (l->state == LINE_SKIPPED)
		(void)strbuf_puts(b, "skipped: already exists");
	else
		(void)strbuf_printf(b, "[%.*s%.*s] %s / %s", filled,
				    "==============================", BAR_WIDTH - filled,
				    "------------------------------", human(l->bytes, have),
				    human(l->size, all));
	(void)strbuf_puts(b, "\033[K\n");
}

static size_t screen_rows(void)
{
	struct winsize w = { 0 };

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 2 ? w.ws_row - 1U : 23;
}

/* All lines in one write; AGAIN: over the ones drawn before.  More layers than the screen has rows:
 * the last ones. */
static void draw(const struct pull_progress *p, int again)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	size_t rows = screen_rows(), from = p->n > rows ? p->n - rows : 0;

	if (again)
		(void)strbuf_printf(&b, "\033[%zuA", p->n - from);
	for (size_t i = from; i < p->n; i++)
		draw_line(&b, &p->lines[i]);
	if (!b.failed)
		(void)fwrite(b.s, 1, b.len, stderr); /* nothing depends on it */
	(void)fflush(stderr);
}

void pull_progress_layers(struct pull_progress *p, const struct manifest *m, const char *wanted)
{
	if (p->quiet || !m->n_layers)
		return;
	if (!p->terminal) {
		for (size_t i = 0; i < m->n_layers; i++)
			pull_progress_say(p, "Copying blob %s%s", m->layers[i].digest,
					  wanted[i] ? "" : " skipped: already exists");
		return;
	}
	p->lines = calloc(m->n_layers, sizeof(*p->lines));
	if (!p->lines) /* then without */
		return;
	p->n = m->n_layers;
	for (size_t i = 0; i < p->n; i++) {
		(void)snprintf(p->lines[i].hex, sizeof(p->lines[i].hex), "%.12s",
			       digest_hex(m->layers[i].digest));
		p->lines[i].size = m->layers[i].size;
		p->lines[i].state = wanted[i] ? LINE_COPYING : LINE_SKIPPED;
	}
	draw(p, 0);
}

void pull_progress_bytes(struct pull_progress *p, size_t layer, int64_t bytes)
{
	if (layer >= p->n)
		return;
	p->lines[layer].bytes = bytes > p->lines[layer].size ? p->lines[layer].size : bytes;
	draw(p, 1);
}

void pull_progress_ready(struct pull_progress *p, size_t layer)
{
	if (layer >= p->n)
		return;
	p->lines[layer].state = LINE_DONE;
	draw(p, 1);
}

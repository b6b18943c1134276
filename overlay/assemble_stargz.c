/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is here saves its gzip members but for the last where the bytes that follow it in the
 * archive are unknown.  Those that were made up are compared with the true ones wherever these come
 * by, so that a layer whose headers are of another make is given up at its first member. */
#include <stdlib.h>
#include <string.h>

#include "overlay/assembly.h"
#include "src/util/tar.h"

#define FOOTER	   51
#define FOOTER_OLD 47
#define INDEX	   "stargz.index.json"
#define INDEX_MAX  (64 << 20)

static int damaged(struct err *e, const char *what)
{
	return err_set(e, -EBADMSG, "the layer's eStargz footer %s", what);
}

/* ---- the table ------------------------------------------------------------------------------- */

/* Sixteen hexadecimal digits and "STARGZ" at P. */
static int read_offset(const char *p, int64_t *ret)
{
	char digits[17], *end;

	memcpy(digits, p, 16);
	digits[16] = '\0';
	if (memcmp(p + 16, "STARGZ", 6) != 0 || strspn(digits, "0123456789abcdef") != 16)
		return 0;
	*ret = (int64_t)(strtoull(digits, &end, 16) & INT64_MAX);
	return 1;
}

/* The footer is an empty gzip member with an extra field that says where the table begins. */
static int read_footer(struct assembly *a, struct toc_range *ret, struct err *e)
{
	const struct toc_range r = { a->o->size - FOOTER, a->o->size };
	char foot[FOOTER];

	if (r.from < 0)
		return damaged(e, "is missing");
	if (a->io->ask(a->io->arg, &r, 1, e) < 0 || assembly_read(a, foot, sizeof(foot), e) < 0)
		return e->code;
	if (!memcmp(foot + 12, "SG", 2) && read_offset(foot + 16, &ret->from))
		ret->to = r.from;
	else if (read_offset(foot + FOOTER - FOOTER_OLD + 12, &ret->from))
		ret->to = a->o->size - FOOTER_OLD;
	else
		return damaged(e, "is missing");
	if (ret->from <= 0 || ret->from >= ret->to || ret->to - ret->from > TOC_MAX)
		return damaged(e, "leads nowhere");
	return 0;
}

static int collect(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct assembly *a = arg;
	int r = strbuf_add(&a->index, bytes, n);

	if (r == -E2BIG)
		return err_set(e, r, "the table of contents is too large");
	return r < 0 ? assembly_no_memory(e) : 0;
}

/* The table among the bytes of its archive's entry. */
static int read_index(struct assembly *a, int64_t end, struct err *e)
{
	const char *block = a->index.s;
	char digits[13];
	long long n;

	if (a->index.len < TAR_BLOCK || strncmp(block, INDEX, sizeof(INDEX)) != 0)
		return damaged(e, "leads to something else");
	memcpy(digits, block + 124, 12);
	digits[12] = '\0';
	n = strtoll(digits, NULL, 8);
	if (n < 0 || (size_t)n > a->index.len - TAR_BLOCK)
		return damaged(e, "leads to something else");
	if (toc_check(block + TAR_BLOCK, (size_t)n, a->o->digest, e) < 0)
		return e->code;
	return toc_read_stargz(block + TAR_BLOCK, (size_t)n, end, &a->toc, e);
}

int stargz_tables(struct assembly *a, int64_t *ret_spent, struct err *e)
{
	struct toc_range r = { 0, 0 };
	int bad = read_footer(a, &r, e);

	if (bad == 0)
		bad = a->io->ask(a->io->arg, &r, 1, e);
	if (bad == 0)
		bad = assembly_part(a, &r, &a->table, &a->table_len, e);
	if (bad < 0)
		return bad;
	*ret_spent = FOOTER + r.to - r.from;
	strbuf_init(&a->index, INDEX_MAX);
	bad = assembly_inflate_bytes(a, a->table, a->table_len, collect, e);
	if (bad == 0)
		bad = read_index(a, r.from, e);
	strbuf_done(&a->index);
	return bad;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static struct toc_range head_of(const struct assembly *a)
{
	return (struct toc_range){ 0, a->toc.files[0].at.from };
}

/* Besides where it has to, what follows the first file is fetched to see how headers are made: that
 * file is one that the tool has added itself. */
static int is_tail_fetched(const struct assembly *a, const struct toc_file *f)
{
	return f == a->toc.files || f->tail.is_unknown;
}

int stargz_plan(struct assembly *a, struct err *e)
{
	struct toc_range head;

	if (!a->toc.n)
		return err_set(e, -ECANCELED, "the layer has no files");
	head = head_of(a);
	if (assembly_need(a, &head, e) < 0)
		return e->code;
	for (size_t i = 0; i < a->toc.n; i++) {
		const struct toc_file *f = &a->toc.files[i];

		if ((!f->local || is_tail_fetched(a, f)) &&
		    assembly_need(a, f->local ? &f->last : &f->at, e) < 0)
			return e->code;
	}
	return 0;
}

/* ---- the stream ------------------------------------------------------------------------------ */

static int is_as_made_up(const struct assembly *a, const char *bytes, size_t n)
{
	const struct toc_tail *t = a->tail;

	return n <= t->len - a->tail_at && !memcmp(a->toc.tails.s + t->at + a->tail_at, bytes, n);
}

/* The true bytes of a tail come by. */
static int tail_piece(struct assembly *a, const char *bytes, size_t n, struct err *e)
{
	struct toc_tail *t = a->tail;

	if (!t->is_unknown && !is_as_made_up(a, bytes, n)) {
		if (!a->is_gnu && a->tail_at == 0) {
			a->is_gnu = 1;
			toc_tail_gnu(a->toc.tails.s + t->at, t->len);
		}
		if (!is_as_made_up(a, bytes, n))
			return err_set(e, -EBADMSG, "the archive has headers of another kind");
	}
	a->tail_at += n;
	return assembly_emit(a, bytes, n, e);
}

/* The end of a file, or all of it, and what follows. */
static int member_piece(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct assembly *a = arg;
	const struct toc_file *f = &a->toc.files[a->next ? a->next - 1 : 0];
	const char *p = bytes;
	int64_t *left = a->skip ? &a->skip : &a->file_left;
	size_t k = *left < (int64_t)n ? (size_t)*left : n;

	if (a->skip) {
		a->skip -= (int64_t)k;
	} else if (k) {
		if (assembly_file_piece(a, p, k, e) < 0 ||
		    (!a->file_left && assembly_file_end(a, f, e) < 0))
			return e->code;
	}
	return n > k ? tail_piece(a, p + k, n - k, e) : 0;
}

/* The members of R, which end with the tail T. */
static int members(struct assembly *a, const struct toc_range *r, struct toc_tail *t, struct err *e)
{
	a->tail = t;
	a->tail_at = 0;
	if (a->is_gnu && t->len)
		toc_tail_gnu(a->toc.tails.s + t->at, t->len);
	if (assembly_inflate(a, r, member_piece, e) < 0)
		return e->code;
	if (a->skip || a->file_left || (!t->is_unknown && a->tail_at != t->len))
		return err_set(e, -EBADMSG, "a gzip member of the layer is too short");
	return 0;
}

static int emit_file(struct assembly *a, struct toc_file *f, struct err *e)
{
	if (!f->local) {
		if (assembly_file_begin(a, f, e) < 0)
			return e->code;
		return members(a, &f->at, &f->tail, e);
	}
	if (assembly_local_file(a, f, e) < 0)
		return e->code;
	if (is_tail_fetched(a, f)) {
		a->skip = f->last_len;
		return members(a, &f->last, &f->tail, e);
	}
	if (a->is_gnu && f->tail.len)
		toc_tail_gnu(a->toc.tails.s + f->tail.at, f->tail.len);
	return f->tail.len ? assembly_emit(a, a->toc.tails.s + f->tail.at, f->tail.len, e) : 0;
}

int stargz_run(struct assembly *a, struct err *e)
{
	const struct toc_range head = head_of(a);

	a->next = 0;
	if (members(a, &head, &a->toc.head, e) < 0)
		return e->code;
	while (a->next < a->toc.n) {
		struct toc_file *f = &a->toc.files[a->next++];

		if (emit_file(a, f, e) < 0)
			return e->code;
	}
	return assembly_inflate_bytes(a, a->table, a->table_len, assembly_emit, e);
}

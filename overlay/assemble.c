/* SPDX-License-Identifier: Apache-2.0 */
/* The blob is walked from its front to its end once: what of it is not needed is not asked for, or
 * read and thrown away where it is too little to be worth another request. */
#include "overlay/assembly.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/json_split.h"
#include "src/util/base64.h"
#include "src/util/json.h"

/* The contents of the next file. */
static int emit_file(struct assembly *a, struct err *e)
{
	const struct toc_file *f = &a->toc.files[a->next++];

	if (f->local)
		return assembly_local_file(a, f, e);
	if (assembly_file_begin(a, f, e) < 0 ||
	    assembly_inflate(a, &f->at, assembly_file_piece, e) < 0)
		return e->code;
	return assembly_file_end(a, f, e);
}

/* ---- with a tar-split ------------------------------------------------------------------------ */

/* Its objects: {"type":1,"size":N} is a file of the archive, {"type":2,"payload":BASE64} bytes of
 * it. */
static int split_entry(void *arg, json_object *o, struct err *e)
{
	struct assembly *a = arg;
	scoped(mem) unsigned char *bytes = NULL;
	const char *payload = json_get_str(o, "payload");
	int64_t type = json_get_int(o, "type", 0), size = json_get_int(o, "size", 0);
	size_t n = 0;

	if (type == 2 && payload) {
		if (base64_decode(payload, strlen(payload), &bytes, &n, e) < 0)
			return e->code;
		return assembly_emit(a, bytes, n, e);
	}
	if (type != 1)
		return err_set(e, -EBADMSG, "the layer's tar-split has an unknown entry");
	if (!size)
		return 0;
	if (a->next == a->toc.n || a->toc.files[a->next].size != size)
		return err_set(e, -EBADMSG, "the layer's tar-split and table do not agree");
	return emit_file(a, e);
}

static int feed(void *arg, const void *bytes, size_t n, struct err *e)
{
	return json_split_feed(arg, bytes, n, e);
}

static int by_split(struct assembly *a, struct err *e)
{
	scoped(json_split) struct json_split s = { 0 };
	scoped(json) json_object *rest = NULL;

	json_split_init(&s, 0, split_entry, a);
	if (toc_inflate(a->split, a->split_len, feed, &s, e) < 0 ||
	    json_split_end(&s, &rest, e) < 0)
		return e->code;
	return a->next == a->toc.n ? 0 : err_set(e, -EBADMSG, "the layer's tar-split is cut short");
}

/* ---- without: what is between the files is fetched --------------------------------------------
 */

/* What comes before file I, or after the last. */
static struct toc_range gap(const struct assembly *a, size_t i)
{
	return (struct toc_range){ i ? a->toc.files[i - 1].at.to : 0,
				   i < a->toc.n ? a->toc.files[i].at.from : a->stream_end };
}

static int by_gaps(struct assembly *a, struct err *e)
{
	for (size_t i = 0;; i++) {
		const struct toc_range r = gap(a, i);

		if (r.from < r.to && assembly_inflate(a, &r, assembly_emit, e) < 0)
			return e->code;
		if (i == a->toc.n)
			return 0;
		if (emit_file(a, e) < 0)
			return e->code;
	}
}

/* ---- the plan -------------------------------------------------------------------------------- */

static int plan(struct assembly *a, struct err *e)
{
	for (size_t i = 0; i <= a->toc.n; i++) {
		const struct toc_range g = gap(a, i);

		if (!a->split && g.from < g.to && assembly_need(a, &g, e) < 0)
			return e->code;
		if (i < a->toc.n && !a->toc.files[i].local &&
		    assembly_need(a, &a->toc.files[i].at, e) < 0)
			return e->code;
	}
	return 0;
}

/* ---- the tables ------------------------------------------------------------------------------ */

/* Ask for table and tar-split and read them; the second comes right behind the first, as a rule. */
static int read_parts(struct assembly *a, const struct toc_range r[2], char **ret, size_t *ret_n,
		      struct err *e)
{
	struct toc_range both[2] = { r[0], r[1] };
	int64_t between = r[1].from - r[0].to;
	size_t n = r[1].to ? 2 : 1;
	int joined = n == 2 && between >= 0 && between < (int64_t)ASSEMBLY_IN;

	if (joined) {
		both[0].to = r[1].to;
		n = 1;
	}
	if (a->io->ask(a->io->arg, both, n, e) < 0 || assembly_part(a, &r[0], ret, ret_n, e) < 0 ||
	    (joined && assembly_read(a, a->in, (size_t)between, e) < 0))
		return e->code;
	return r[1].to ? assembly_part(a, &r[1], &a->split, &a->split_len, e) : 0;
}

/* Table and tar-split.  *RET_SPENT: bytes that were fetched for them. */
static int read_tables(struct assembly *a, int64_t *ret_spent, struct err *e)
{
	const struct assemble_options *o = a->o;
	struct toc_range r[2] = { { 0, 0 }, { 0, 0 } };
	scoped(mem) char *table = NULL;
	size_t n = 0;

	if (toc_place(o->place, o->size, &r[0], e) < 0 ||
	    (o->split && toc_place(o->split, o->size, &r[1], e) < 0) ||
	    read_parts(a, r, &table, &n, e) < 0)
		return e->code;
	*ret_spent = r[0].to - r[0].from + r[1].to - r[1].from;
	/* A skippable frame has 8 bytes in front. */
	a->stream_end = (a->split && r[1].from < r[0].from ? r[1].from : r[0].from) - 8;
	if (toc_check(table, n, o->digest, e) < 0 ||
	    toc_read_zstd(table, n, a->stream_end, &a->toc, e) < 0)
		return e->code;
	if (a->split && *a->toc.split_digest)
		return toc_check(a->split, a->split_len, a->toc.split_digest, e);
	free(a->split); /* nobody vouches for it */
	a->split = NULL;
	return 0;
}

int assemble(const struct assemble_options *o, const struct assemble_io *io, int layers_fd,
	     struct err *e)
{
	__attribute__((cleanup(scoped_assembly))) struct assembly a = { .o = o, .io = io };
	int is_stargz = o->kind == TOC_ESTARGZ;
	int64_t spent = 0;
	int r = assembly_init(&a, e);

	if (r == 0)
		r = is_stargz ? stargz_tables(&a, &spent, e) : read_tables(&a, &spent, e);
	if (r == 0)
		r = local_files_find(&a.local, layers_fd, &a.toc, e);
	if (r == 0)
		r = local_files_moved(&a.local, &a.toc, e);
	if (r == 0)
		r = is_stargz ? stargz_plan(&a, e) : plan(&a, e);
	if (r == 0)
		r = assembly_is_worth_it(&a, spent, e);
	if (r < 0)
		return r;
	a.pos = 0;
	r = is_stargz ? stargz_run(&a, e) : a.split ? by_split(&a, e) : by_gaps(&a, e);
	return r < 0 ? r : assembly_flush(&a, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The blob is walked from its front to its end once: what of it is not needed is not asked for, or
 * read and thrown away where it is too little to be worth another request. */
#include "overlay/assemble.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "overlay/assemble_local.h"
#include "overlay/json_split.h"
#include "src/util/base64.h"
#include "src/util/json.h"

#define IN_SIZE	    ((size_t)128 << 10)
#define OUT_SIZE    ((size_t)256 << 10)
#define WINDOW_BITS 27 /* 128 MiB, as for a whole layer */

struct assembly {
	const struct assemble_options *o;
	const struct assemble_io *io;
	struct toc toc;
	struct local_files local;
	char *split; /* the tar-split, compressed; NULL: none */
	size_t split_len;
	int64_t stream_end; /* where the tar stream's frames end */

	struct toc_range *ranges; /* to be fetched */
	size_t n, cap, asked;
	size_t at;   /* the range that is being read */
	int64_t pos; /* in the blob, of the next byte of it */

	ZSTD_DCtx *z;
	EVP_MD_CTX *hash;
	char *in, *out;
	size_t out_len;
	size_t next;	   /* file of the table */
	int64_t file_left; /* of the one that is fetched */
};

static void assembly_done(struct assembly *a)
{
	toc_done(&a->toc);
	local_files_done(&a->local);
	free(a->split);
	free(a->ranges);
	(void)ZSTD_freeDCtx(a->z);
	EVP_MD_CTX_free(a->hash);
	free(a->in);
	free(a->out);
}

static void scoped_assembly(struct assembly *a)
{
	assembly_done(a);
}

static int no_memory(struct err *e)
{
	return err_errno(e, ENOMEM, "assemble a layer");
}

/* ---- output ---------------------------------------------------------------------------------- */

static int flush(struct assembly *a, struct err *e)
{
	size_t n = a->out_len;

	a->out_len = 0;
	return n ? a->io->write(a->io->arg, a->out, n, e) : 0;
}

static int emit(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct assembly *a = arg;

	if (n > OUT_SIZE - a->out_len && flush(a, e) < 0)
		return e->code;
	if (n > OUT_SIZE)
		return a->io->write(a->io->arg, bytes, n, e);
	memcpy(a->out + a->out_len, bytes, n);
	a->out_len += n;
	return 0;
}

/* ---- input ----------------------------------------------------------------------------------- */

static int read_exactly(struct assembly *a, char *bytes, size_t n, struct err *e)
{
	while (n) {
		ssize_t got = a->io->read(a->io->arg, bytes, n, e);

		if (got < 0)
			return (int)got;
		if (got == 0)
			return err_set(e, -EPIPE, "the layer's blob is cut short");
		bytes += got;
		n -= (size_t)got;
		a->pos += got;
	}
	return 0;
}

/* Begin to read the range at a->at. */
static int enter(struct assembly *a, struct err *e)
{
	size_t n = a->n - a->asked < ASSEMBLE_RANGES ? a->n - a->asked : ASSEMBLE_RANGES;

	a->pos = a->ranges[a->at].from;
	if (a->at < a->asked)
		return 0;
	a->asked += n;
	return a->io->ask(a->io->arg, a->ranges + a->at, n, e);
}

/* Be at blob offset FROM, which lies in a range: what is before it in the range is not needed. */
static int seek(struct assembly *a, int64_t from, struct err *e)
{
	while (a->at < a->n && a->ranges[a->at].to <= from)
		a->at++;
	if (a->at == a->n || a->ranges[a->at].from > from)
		return err_set(e, -EBADMSG, "a part of the layer was not planned for");
	if (a->pos <= a->ranges[a->at].from && enter(a, e) < 0)
		return e->code;
	while (a->pos < from) {
		int64_t n = from - a->pos;

		if (read_exactly(a, a->in, n < (int64_t)IN_SIZE ? (size_t)n : IN_SIZE, e) < 0)
			return e->code;
	}
	return 0;
}

/* The frames of the range R of the blob, decompressed to SINK.  -EBADMSG. */
static int inflate(struct assembly *a, const struct toc_range *r, toc_sink *sink, struct err *e)
{
	scoped(mem) char *piece = malloc(OUT_SIZE);
	size_t left = 1;

	if (!piece)
		return no_memory(e);
	if (seek(a, r->from, e) < 0)
		return e->code;
	(void)ZSTD_DCtx_reset(a->z, ZSTD_reset_session_only); /* cannot fail for a session */
	while (a->pos < r->to) {
		int64_t n = r->to - a->pos;
		ZSTD_inBuffer in = { a->in, n < (int64_t)IN_SIZE ? (size_t)n : IN_SIZE, 0 };

		if (read_exactly(a, a->in, in.size, e) < 0)
			return e->code;
		/* Go on while there is input, or output that did not fit. */
		for (int full = 0; in.pos < in.size || full;) {
			ZSTD_outBuffer out = { piece, OUT_SIZE, 0 };

			left = ZSTD_decompressStream(a->z, &out, &in);
			if (ZSTD_isError(left))
				return err_set(e, -EBADMSG, "the zstd stream is damaged");
			full = out.pos == out.size && left;
			if (out.pos && sink(a, piece, out.pos, e) < 0)
				return e->code;
		}
	}
	return left ? err_set(e, -EBADMSG, "the zstd stream is cut short") : 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int check_piece(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct assembly *a = arg;

	a->file_left -= (int64_t)n;
	if (a->file_left < 0)
		return err_set(e, -EBADMSG, "a file of the layer is larger than its table says");
	if (EVP_DigestUpdate(a->hash, bytes, n) != 1)
		return err_set(e, -EIO, "cannot compute SHA-256");
	return emit(a, bytes, n, e);
}

static int fetched_file(struct assembly *a, const struct toc_file *f, struct err *e)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	a->file_left = f->size;
	if (EVP_DigestInit_ex(a->hash, EVP_sha256(), NULL) != 1)
		return err_set(e, -EIO, "cannot compute SHA-256");
	if (inflate(a, &f->at, check_piece, e) < 0)
		return e->code;
	if (a->file_left || EVP_DigestFinal_ex(a->hash, md, &len) != 1 ||
	    len != sizeof(f->digest) || memcmp(md, f->digest, len) != 0)
		return err_set(e, -EBADMSG, "'%.300s' is not what the layer's table says",
			       a->toc.names.s + f->path);
	return 0;
}

/* The contents of the next file. */
static int emit_file(struct assembly *a, struct err *e)
{
	const struct toc_file *f = &a->toc.files[a->next++];
	scoped(fd) int fd = -EBADF;

	if (!f->local)
		return fetched_file(a, f, e);
	fd = local_files_open(&a->local, &a->toc, f, e);
	return fd < 0 ? fd : local_file_read(fd, f, emit, a, e);
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
		return emit(a, bytes, n, e);
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

		if (r.from < r.to && inflate(a, &r, emit, e) < 0)
			return e->code;
		if (i == a->toc.n)
			return 0;
		if (emit_file(a, e) < 0)
			return e->code;
	}
}

/* ---- the plan -------------------------------------------------------------------------------- */

static int add_range(struct assembly *a, const struct toc_range *r, struct err *e)
{
	struct toc_range *last = a->n ? &a->ranges[a->n - 1] : NULL;

	if (last && r->from - last->to < ASSEMBLE_HOLE) {
		last->to = r->to;
		return 0;
	}
	if (!a->ranges || a->n == a->cap) {
		size_t cap = a->cap ? 2 * a->cap : 64;
		struct toc_range *more = reallocarray(a->ranges, cap, sizeof(*more));

		if (!more)
			return no_memory(e);
		a->ranges = more;
		a->cap = cap;
	}
	a->ranges[a->n++] = *r;
	return 0;
}

static int plan(struct assembly *a, int64_t spent, struct err *e)
{
	int64_t saved = a->o->size - spent;

	for (size_t i = 0; i <= a->toc.n; i++) {
		const struct toc_range g = gap(a, i);

		if (!a->split && g.from < g.to && add_range(a, &g, e) < 0)
			return e->code;
		if (i < a->toc.n && !a->toc.files[i].local &&
		    add_range(a, &a->toc.files[i].at, e) < 0)
			return e->code;
	}
	for (size_t i = 0; i < a->n; i++)
		saved -= a->ranges[i].to - a->ranges[i].from;
	if (a->o->always)
		return 0;
	if (saved < ASSEMBLE_SAVED || saved < a->o->size / ASSEMBLE_SHARE)
		return err_set(e, -ECANCELED, "%lld of %lld bytes could be saved", (long long)saved,
			       (long long)a->o->size);
	return 0;
}

/* ---- the tables ------------------------------------------------------------------------------ */

/* The bytes of R, which the caller has asked for and which come next. */
static int read_part(struct assembly *a, const struct toc_range *r, char **ret, size_t *ret_n,
		     struct err *e)
{
	size_t n = (size_t)(r->to - r->from);
	scoped(mem) char *bytes = malloc(n);

	if (!bytes)
		return no_memory(e);
	if (read_exactly(a, bytes, n, e) < 0)
		return e->code;
	*ret = take_ptr(&bytes);
	*ret_n = n;
	return 0;
}

/* Ask for table and tar-split and read them; the second comes right behind the first, as a rule. */
static int read_parts(struct assembly *a, const struct toc_range r[2], char **ret, size_t *ret_n,
		      struct err *e)
{
	struct toc_range both[2] = { r[0], r[1] };
	int64_t between = r[1].from - r[0].to;
	size_t n = r[1].to ? 2 : 1;
	int joined = n == 2 && between >= 0 && between < (int64_t)IN_SIZE;

	if (joined) {
		both[0].to = r[1].to;
		n = 1;
	}
	if (a->io->ask(a->io->arg, both, n, e) < 0 || read_part(a, &r[0], ret, ret_n, e) < 0 ||
	    (joined && read_exactly(a, a->in, (size_t)between, e) < 0))
		return e->code;
	return r[1].to ? read_part(a, &r[1], &a->split, &a->split_len, e) : 0;
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
	int64_t spent = 0;

	a.z = ZSTD_createDCtx();
	a.hash = EVP_MD_CTX_new();
	a.in = malloc(IN_SIZE);
	a.out = malloc(OUT_SIZE);
	if (!a.z || !a.hash || !a.in || !a.out ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(a.z, ZSTD_d_windowLogMax, WINDOW_BITS)))
		return no_memory(e);
	if (read_tables(&a, &spent, e) < 0 ||
	    local_files_find(&a.local, layers_fd, &a.toc, e) < 0 || plan(&a, spent, e) < 0)
		return e->code;
	a.pos = 0;
	if ((a.split ? by_split(&a, e) : by_gaps(&a, e)) < 0)
		return e->code;
	return flush(&a, e);
}

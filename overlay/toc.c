/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/toc.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "overlay/json_split.h"
#include "src/util/json.h"

#define PIECE	    ((size_t)256 << 10)
#define WINDOW_BITS 27 /* 128 MiB, as for layers */

static int damaged(struct err *e, const char *what)
{
	return err_set(e, -EBADMSG, "the table of contents %s", what);
}

int toc_place(const char *text, int64_t size, struct toc_range *ret, struct err *e)
{
	scoped(mem) char *s = strdup(text);
	unsigned long long from, len;
	char *second = s ? strchr(s, ':') : NULL, *rest = second ? strchr(second + 1, ':') : NULL;

	if (!s)
		return err_errno(e, ENOMEM, "read a position");
	if (second)
		*second++ = '\0';
	if (rest)
		*rest = '\0';
	if (!second || str_to_u64(s, (unsigned long long)size, &from) < 0 ||
	    str_to_u64(second, TOC_MAX, &len) < 0 || !len || (int64_t)len > size - (int64_t)from)
		return damaged(e, "has a wrong position");
	*ret = (struct toc_range){ (int64_t)from, (int64_t)(from + len) };
	return 0;
}

int toc_read_digest(const char *text, unsigned char ret[32])
{
	const char *hex = text && str_starts(text, "sha256:") ? text + 7 : "";

	if (strlen(hex) != 64)
		return -EBADMSG;
	for (size_t i = 0; i < 64; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *d = strchr(digits, hex[i]);

		if (!d)
			return -EBADMSG;
		ret[i / 2] = (unsigned char)(ret[i / 2] << 4 | (d - digits));
	}
	return 0;
}

int toc_check(const void *bytes, size_t n, const char *digest, struct err *e)
{
	unsigned char md[EVP_MAX_MD_SIZE], want[32];
	unsigned len = 0;

	if (!EVP_Digest(bytes, n, md, &len, EVP_sha256(), NULL) || len != sizeof(want))
		return err_set(e, -EIO, "cannot compute SHA-256");
	if (toc_read_digest(digest, want) < 0 || memcmp(md, want, sizeof(want)) != 0)
		return damaged(e, "has another digest than it should");
	return 0;
}

static void dctx_free(ZSTD_DCtx *z)
{
	(void)ZSTD_freeDCtx(z);
}
DEFINE_SCOPED(dctx, ZSTD_DCtx *, dctx_free);

int toc_inflate(const void *bytes, size_t n, toc_sink *sink, void *arg, struct err *e)
{
	scoped(dctx) ZSTD_DCtx *z = ZSTD_createDCtx();
	scoped(mem) char *piece = malloc(PIECE);
	ZSTD_inBuffer in = { bytes, n, 0 };
	size_t left = 1, total = 0;

	if (!z || !piece ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_BITS)))
		return err_errno(e, ENOMEM, "read a table of contents");
	while (left || in.pos < in.size) {
		ZSTD_outBuffer out = { piece, PIECE, 0 };
		size_t before = in.pos;
		int r;

		left = ZSTD_decompressStream(z, &out, &in);
		if (ZSTD_isError(left) || (left && !out.pos && in.pos == before))
			return damaged(e, "is damaged or cut short");
		total += out.pos;
		if (total > TOC_PLAIN_MAX)
			return err_set(e, -E2BIG, "the table of contents is too large");
		r = out.pos ? sink(arg, piece, out.pos, e) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

void toc_done(struct toc *t)
{
	free(t->files);
	strbuf_done(&t->names);
	strbuf_done(&t->tails);
	*t = (struct toc){ 0 };
}

struct toc_file *toc_new_file(struct toc *t, struct err *e)
{
	if (t->n == TOC_FILES_MAX) {
		(void)err_set(e, -E2BIG, "the table of contents has too many files");
		return NULL;
	}
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 256;
		struct toc_file *more = reallocarray(t->files, cap, sizeof(*more));

		if (!more) {
			(void)err_errno(e, ENOMEM, "read a table of contents");
			return NULL;
		}
		t->files = more;
		t->cap = cap;
	}
	t->files[t->n] = (struct toc_file){ 0 };
	return &t->files[t->n++];
}

static int leads_up(const char *name)
{
	for (const char *at = name; (at = strstr(at, "..")); at += 2)
		if ((at == name || at[-1] == '/') && (!at[2] || at[2] == '/'))
			return 1;
	return 0;
}

int toc_add_name(struct toc *t, const char *name, size_t *ret, struct err *e)
{
	while (str_starts(name, "./") || *name == '/')
		name += *name == '/' ? 1 : 2;
	*ret = t->names.len;
	if (strlen(name) < PATH_MAX && !leads_up(name))
		(void)strbuf_puts(&t->names, name);
	if (strbuf_add(&t->names, "", 1) < 0)
		return err_errno(e, t->names.failed, "read a table of contents");
	return 0;
}

static int add_entry(void *arg, json_object *o, struct err *e)
{
	struct toc *t = arg;
	const char *type = json_get_str(o, "type"), *name = json_get_str(o, "name");
	int64_t size = json_get_int(o, "size", 0);
	struct toc_file *f;

	if (!type || !name)
		return damaged(e, "has an entry without a type or name");
	if (strcmp(type, "reg") != 0 || size == 0)
		return 0;
	f = toc_new_file(t, e);
	if (!f)
		return e->code;
	f->size = size;
	f->at.from = json_get_int(o, "offset", -1);
	f->at.to = json_get_int(o, "endOffset", -1);
	if (size < 0 || toc_read_digest(json_get_str(o, "digest"), f->digest) < 0)
		return damaged(e, "has a file with a wrong size or digest");
	return toc_add_name(t, name, &f->path, e);
}

static int by_place(const void *a, const void *b)
{
	const struct toc_file *x = a, *y = b;

	return x->at.from < y->at.from ? -1 : x->at.from > y->at.from;
}

int toc_check_places(const struct toc *t, int64_t end, struct err *e)
{
	int64_t at = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct toc_range *r = &t->files[i].at;

		if (r->from < at || r->to <= r->from || r->to > end)
			return damaged(e, "has files that overlap or lie outside");
		at = r->to;
	}
	return 0;
}

static int feed(void *arg, const void *bytes, size_t n, struct err *e)
{
	return json_split_feed(arg, bytes, n, e);
}

int toc_read_zstd(const void *bytes, size_t n, int64_t end, struct toc *ret, struct err *e)
{
	scoped(json_split) struct json_split s = { 0 };
	scoped(json) json_object *rest = NULL;
	const char *split;

	strbuf_init(&ret->names, TOC_NAMES_MAX);
	json_split_init(&s, 2, add_entry, ret);
	if (toc_inflate(bytes, n, feed, &s, e) < 0 || json_split_end(&s, &rest, e) < 0)
		return e->code;
	if (json_get_int(rest, "version", 0) != 1)
		return damaged(e, "is of another version than 1");
	split = json_get_str(rest, "tarSplitDigest");
	if (split && strlen(split) < sizeof(ret->split_digest))
		(void)stpcpy(ret->split_digest, split); /* it fits, as was just seen */
	if (ret->n)
		qsort(ret->files, ret->n, sizeof(*ret->files), by_place);
	return toc_check_places(ret, end, e);
}

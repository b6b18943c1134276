/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/chunked.h"

#include <errno.h>
#include <isa-l/crc64.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/chunked_document.h"
#include "overlay/tar_walk.h"
#include "overlay/toc.h"
#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/sha256.h"
#include "src/util/units.h"

#define RAW_MAX	  ((size_t)2 << 20) /* of the headers of one entry */
#define RAW_PIECE ((size_t)1 << 20) /* of what follows the last */

/* An entry of the table on its way: its place is known when its last piece was written. */
struct entry {
	char *text;	     /* a JSON object without its last brace */
	int has_data, open;  /* open: there are more pieces to come */
	uint64_t first, end; /* pieces of its contents */
	int64_t from;	     /* where the first began */
};

struct chunked {
	struct tar_walk walk;
	const char *lost; /* why there is no table */
	struct document toc, split;
	struct strbuf raw; /* of the stream, not yet in the tar-split */
	int64_t position;  /* entries of that */

	struct entry *entries; /* a queue: those before head are gone */
	size_t head, n, cap;
	int64_t n_listed;
	uint64_t cut, wrote; /* pieces */
	int64_t at;	     /* bytes of the blob */

	EVP_MD_CTX *hash; /* of the file that comes by, and more of it: */
	uint64_t crc;

	uint64_t *names; /* hashes of all names, an open table of cap_names */
	size_t n_names, cap_names;
};

static int no_memory(struct err *e)
{
	return err_errno(e, ENOMEM, "write a table of contents");
}

/* ---- without a table ------------------------------------------------------------------------- */

static void forget(struct chunked *c)
{
	for (size_t i = c->head; i < c->n; i++)
		free(c->entries[i].text);
	free(c->entries);
	free(c->names);
	c->entries = NULL;
	c->names = NULL;
	c->head = c->n = c->cap = c->n_names = c->cap_names = 0;
	document_done(&c->toc);
	document_done(&c->split);
	strbuf_done(&c->raw);
}

static void lose(struct chunked *c, const char *why)
{
	c->lost = why;
	forget(c);
}

/* What R, of something for the tables, means: no table, or the end of all. */
static int outcome(struct chunked *c, int r, struct err *e)
{
	if (r != -E2BIG && r != -EEXIST)
		return r < 0 ? no_memory(e) : 0;
	lose(c, r == -EEXIST ? "a name is there twice" : "its table is too large");
	return 0;
}

/* ---- the tar-split --------------------------------------------------------------------------- */

static int split_raw(struct chunked *c, size_t n)
{
	scoped(mem) char *payload = base64_encode(c->raw.s, n);
	struct strbuf line = STRBUF_INIT;

	if (!payload)
		return -ENOMEM;
	(void)strbuf_printf(&line, "{\"type\":2,\"payload\":\"%s\",\"position\":%lld}\n", payload,
			    (long long)c->position++);
	memmove(c->raw.s, c->raw.s + n, c->raw.len - n);
	c->raw.len -= n;
	return document_take(&c->split, &line);
}

static int split_file(struct chunked *c)
{
	const struct tar_member *m = &c->walk.member;
	json_object *o = json_object_new_object();
	struct strbuf line = STRBUF_INIT;
	scoped(mem) char *text = NULL;
	scoped(mem) char *sum = NULL;
	unsigned char crc[8];

	for (size_t i = 0; i < sizeof(crc); i++)
		crc[i] = (unsigned char)(c->crc >> (56 - 8 * i));
	sum = m->size ? base64_encode(crc, sizeof(crc)) : NULL;
	json_put_int(o, "type", 1);
	json_put_str(o, "name", m->name);
	if (m->size)
		json_put_int(o, "size", m->size);
	json_put(o, "payload", sum ? json_object_new_string(sum) : NULL);
	json_put_int(o, "position", c->position++);
	text = o ? json_text(o) : NULL;
	json_free(o);
	if (!text || (m->size && !sum))
		return -ENOMEM;
	(void)strbuf_printf(&line, "%s\n", text);
	return document_take(&c->split, &line);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* FNV-1a of the name's components; two names with one hash cost the table and nothing else. */
static uint64_t name_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325U;

	while (*s) {
		size_t n = strcspn(s, "/");

		if (n && !(n == 1 && *s == '.')) {
			for (size_t i = 0; i < n; i++)
				h = (h ^ (unsigned char)s[i]) * 0x100000001b3U;
			h = (h ^ '/') * 0x100000001b3U;
		}
		s += n + (s[n] == '/');
	}
	return h ? h : 1; /* 0 is an empty slot */
}

/* Put H into the table: 0, -EEXIST. */
static int put_name(uint64_t *table, size_t cap, uint64_t h)
{
	size_t i = (size_t)(h ^ h >> 32) & (cap - 1);

	for (; table[i]; i = (i + 1) & (cap - 1))
		if (table[i] == h)
			return -EEXIST;
	table[i] = h;
	return 0;
}

static int add_name(struct chunked *c, const char *name)
{
	if (c->n_names == TOC_FILES_MAX)
		return -E2BIG;
	if (2 * c->n_names >= c->cap_names) {
		size_t cap = c->cap_names ? 2 * c->cap_names : 1024;
		uint64_t *more = calloc(cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		for (size_t i = 0; i < c->cap_names; i++)
			if (c->names[i])
				(void)put_name(more, cap, c->names[i]); /* all differ */
		free(c->names);
		c->names = more;
		c->cap_names = cap;
	}
	c->n_names++;
	return put_name(c->names, c->cap_names, name_hash(name));
}

/* ---- the table ------------------------------------------------------------------------------- */

static int put_time(json_object *o, const char *name, const struct tar_time *t)
{
	char text[UNITS_MAX];

	if (!t->is_set)
		return 0;
	if (t->sec > 9000000000 || t->sec < -9000000000) /* it is told in nanoseconds */
		return -E2BIG;
	json_put_str(o, name, time_rfc3339(t->sec * 1000000000 + t->nsec, text));
	return 0;
}

static void put_number(json_object *o, const char *name, int64_t v)
{
	if (v)
		json_put_int(o, name, v);
}

/* What the headers say of M, as JSON without the last brace.  0, -E2BIG, -ENOMEM. */
static int describe(const struct tar_member *m, char **ret)
{
	static const char *const types[] = { "reg",   "hardlink", "symlink", "char",
					     "block", "dir",	  "fifo" };
	scoped(json) json_object *o = json_object_new_object();
	scoped(mem) char *text = NULL;

	if (!o)
		return -ENOMEM;
	json_put_str(o, "type", types[m->type - '0']);
	json_put_str(o, "name", m->name);
	if (*m->link)
		json_put_str(o, "linkName", m->link);
	put_number(o, "mode", m->mode);
	put_number(o, "size", m->size);
	put_number(o, "uid", m->uid);
	put_number(o, "gid", m->gid);
	if (put_time(o, "modtime", &m->mtime) < 0 || put_time(o, "accesstime", &m->atime) < 0 ||
	    put_time(o, "changetime", &m->ctime) < 0)
		return -E2BIG;
	put_number(o, "devMajor", m->major);
	put_number(o, "devMinor", m->minor);
	if (m->xattrs)
		json_put(o, "xattrs", json_object_get(m->xattrs));
	text = json_text(o);
	if (!text)
		return -ENOMEM;
	text[strlen(text) - 1] = '\0';
	*ret = take_ptr(&text);
	return 0;
}

/* A fresh entry at the end of the queue. */
static struct entry *new_entry(struct chunked *c)
{
	if (c->head && c->head == c->n)
		c->head = c->n = 0;
	if (c->n == c->cap && c->head >= c->n / 2 && c->head) {
		memmove(c->entries, c->entries + c->head, (c->n - c->head) * sizeof(*c->entries));
		c->n -= c->head;
		c->head = 0;
	}
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		struct entry *more = reallocarray(c->entries, cap, sizeof(*more));

		if (!more)
			return NULL;
		c->entries = more;
		c->cap = cap;
	}
	c->entries[c->n] = (struct entry){ 0 };
	return &c->entries[c->n++];
}

/* The headers of an entry came by. */
static int on_member(struct chunked *c)
{
	const struct tar_member *m = &c->walk.member;
	struct entry *f = new_entry(c);
	int r = f ? describe(m, &f->text) : -ENOMEM;

	if (r == 0)
		r = add_name(c, m->name);
	if (r == 0)
		r = split_raw(c, c->raw.len);
	if (r < 0)
		return r;
	f->has_data = f->open = m->size > 0;
	c->crc = 0;
	if (!m->size)
		return split_file(c);
	return EVP_DigestInit_ex(c->hash, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

/* Its contents, too: the digest goes behind what is known. */
static int on_last(struct chunked *c)
{
	struct entry *f = &c->entries[c->n - 1];
	struct strbuf text = STRBUF_INIT;
	unsigned char md[EVP_MAX_MD_SIZE];
	char digest[SHA256_TEXT_LEN];

	if (EVP_DigestFinal_ex(c->hash, md, NULL) != 1)
		return -ENOMEM;
	document_digest(md, digest);
	(void)strbuf_printf(&text, "%s,\"digest\":\"%s\"", f->text, digest);
	free(f->text);
	f->text = strbuf_take(&text);
	f->open = 0;
	return f->text ? split_file(c) : -ENOMEM;
}

/* The next N BYTES, of one kind; they are in piece number c->cut. */
static int take(struct chunked *c, enum tar_walk_part what, const char *bytes, size_t n)
{
	struct entry *f = c->n > c->head ? &c->entries[c->n - 1] : NULL;
	int r = 0;

	if (what == TAR_WALK_DATA || what == TAR_WALK_LAST) {
		if (!f || EVP_DigestUpdate(c->hash, bytes, n) != 1)
			return -ENOMEM;
		c->crc = crc64_iso_refl(c->crc, (const unsigned char *)bytes, n);
		if (!f->end)
			f->first = c->cut;
		f->end = c->cut + 1;
		return what == TAR_WALK_LAST ? on_last(c) : 0;
	}
	r = strbuf_add(&c->raw, bytes, n);
	if (r == 0 && what == TAR_WALK_MEMBER)
		return on_member(c);
	while (r == 0 && tar_walk_is_at_end(&c->walk) && c->raw.len >= RAW_PIECE)
		r = split_raw(c, RAW_PIECE);
	return r;
}

int chunked_cut(struct chunked *c, const char *bytes, size_t n, size_t *ends, size_t *ret_n,
		struct err *e)
{
	size_t pieces = 0, at = 0;
	int was_data = -1;

	while (at < n && !c->lost) {
		enum tar_walk_part what;
		ssize_t used = tar_walk_next(&c->walk, bytes + at, n - at, &what);
		int is_data = what == TAR_WALK_DATA || what == TAR_WALK_LAST;

		if (used < 0)
			return no_memory(e);
		if (c->walk.lost) {
			lose(c, c->walk.lost);
			break;
		}
		if (was_data >= 0 && was_data != is_data) {
			ends[pieces++] = at;
			c->cut++;
		}
		was_data = is_data;
		if (outcome(c, take(c, what, bytes + at, (size_t)used), e) < 0)
			return e->code;
		at += (size_t)used;
	}
	ends[pieces++] = n;
	c->cut++;
	*ret_n = pieces;
	return 0;
}

/* Entries whose place is known go into the table. */
static int list_entries(struct chunked *c)
{
	int r = 0;

	while (r == 0 && c->head < c->n) {
		struct entry *f = &c->entries[c->head];
		struct strbuf text = STRBUF_INIT;

		if (f->has_data && (f->open || c->wrote < f->end))
			break;
		(void)strbuf_printf(&text, "%s%s", c->n_listed++ ? "," : "", f->text);
		if (f->has_data)
			(void)strbuf_printf(&text, ",\"offset\":%lld,\"endOffset\":%lld",
					    (long long)f->from, (long long)c->at);
		(void)strbuf_putc(&text, '}');
		free(f->text);
		c->head++;
		r = document_take(&c->toc, &text);
	}
	return r;
}

int chunked_wrote(struct chunked *c, int64_t end, struct err *e)
{
	int r;

	if (c->lost)
		return 0;
	r = list_entries(c); /* those before the piece, so that one with it is the first */
	if (r == 0 && c->head < c->n && c->entries[c->head].has_data &&
	    c->entries[c->head].first == c->wrote)
		c->entries[c->head].from = c->at;
	c->wrote++;
	c->at = end;
	if (r == 0)
		r = list_entries(c);
	return outcome(c, r, e);
}

/* ---- the end --------------------------------------------------------------------------------- */

static int finish_split(struct chunked *c, struct chunked_frames *f)
{
	int r = 0;

	while (r == 0 && c->raw.len)
		r = split_raw(c, c->raw.len > RAW_PIECE ? RAW_PIECE : c->raw.len);
	return r < 0 ? r : document_end(&c->split, &f->split);
}

static int finish_toc(struct chunked *c, struct chunked_frames *f)
{
	struct strbuf text = STRBUF_INIT;
	int r = list_entries(c);

	(void)strbuf_printf(&text, "],\"tarSplitDigest\":\"%s\"}", f->split.digest);
	if (r == 0)
		r = document_take(&c->toc, &text);
	else
		strbuf_done(&text);
	return r < 0 ? r : document_end(&c->toc, &f->toc);
}

int chunked_end(struct chunked *c, struct strbuf *out, struct chunked_frames *ret, struct err *e)
{
	struct chunked_frames f = { 0 };
	int r;

	*ret = f;
	if (!c->lost && !tar_walk_may_end(&c->walk))
		lose(c, "it is cut short");
	if (c->lost)
		return 0;
	r = finish_split(c, &f);
	if (r == 0)
		r = finish_toc(c, &f);
	if (r < 0 || c->lost)
		return outcome(c, r, e);
	document_put(&c->toc, c->at, out, &f.toc);
	document_put(&c->split, c->at, out, &f.split);
	document_put_footer(&f, out);
	if (out->failed)
		return no_memory(e);
	*ret = f;
	return 0;
}

int chunked_new(struct chunked **ret, struct err *e)
{
	static const char begin[] = "{\"version\":1,\"entries\":[";
	scoped(chunked) struct chunked *c = calloc(1, sizeof(*c));

	if (!c)
		return no_memory(e);
	tar_walk_init(&c->walk);
	strbuf_init(&c->raw, RAW_MAX);
	c->hash = EVP_MD_CTX_new();
	if (!c->hash || document_init(&c->toc) < 0 || document_init(&c->split) < 0 ||
	    document_add(&c->toc, begin, sizeof(begin) - 1) < 0)
		return no_memory(e);
	*ret = take_ptr(&c);
	return 0;
}

struct chunked *chunked_free(struct chunked *c)
{
	if (!c)
		return NULL;
	forget(c);
	tar_walk_done(&c->walk);
	EVP_MD_CTX_free(c->hash);
	free(c);
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A file's member goes on with the archive's bytes up to the next file's contents: padding and
 * headers.  The tool that makes these layers writes all headers anew, always in the same way (Go's
 * archive/tar), so that the plain ones can be told from what the table says of the entries.  Where
 * an entry needs more than a plain header the bytes are "unknown", and have to be fetched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "overlay/json_split.h"
#include "overlay/toc.h"
#include "src/util/json.h"
#include "src/util/tar.h"

#define NAME_LEN  100
#define USER_LEN  32
#define USERS_MAX 4096

/* Users and groups are named where they come first only. */
struct names {
	int64_t id;
	char name[USER_LEN + 1];
};

struct reader {
	struct toc *toc;
	struct names *users[2];
	size_t n_users[2];
};

static int damaged(struct err *e, const char *what)
{
	return err_set(e, -EBADMSG, "the table of contents %s", what);
}

/* ---- headers --------------------------------------------------------------------------------- */

static void put_sum(char *block)
{
	unsigned sum = 0;

	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)block[i];
	(void)snprintf(block + 148, 7, "%06o", sum & 0777777U);
}

/* Octal digits and a NUL, WIDTH bytes; 0 when it does not fit. */
static int put_octal(char *p, int width, int64_t v)
{
	if (v < 0 || v >> (3 * (width - 1)))
		return 0;
	(void)snprintf(p, (size_t)width, "%0*llo", width - 1, (long long)v);
	return 1;
}

/* A string of ASCII that fits. */
static int put_text(char *p, size_t width, const char *s)
{
	size_t n = strlen(s);

	if (n > width)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] > 127)
			return 0;
		p[i] = s[i];
	}
	return 1;
}

/* "2020-09-13T12:26:40Z" in seconds; nothing is 0. */
static int64_t read_time(const char *s)
{
	struct tm t = { 0 };
	const char *end;

	if (!s)
		return 0;
	end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &t);
	return end && !*end ? timegm(&t) : -1;
}

/* The name of the user (0) or group (1) ID; NAME, unless it is NULL, is new.  NULL: no memory. */
static const char *user_name(struct reader *r, int what, int64_t id, const char *name)
{
	struct names *list = r->users[what], *more;
	size_t i = 0;

	while (i < r->n_users[what] && list[i].id != id)
		i++;
	if (i < r->n_users[what]) {
		if (name)
			(void)snprintf(list[i].name, sizeof(list[i].name), "%s", name);
		return list[i].name;
	}
	if (!name || i == USERS_MAX)
		return "";
	more = reallocarray(list, i + 1, sizeof(*more));
	if (!more)
		return NULL;
	more[i].id = id;
	(void)snprintf(more[i].name, sizeof(more[i].name), "%s", name);
	r->users[what] = more;
	r->n_users[what] = i + 1;
	return more[i].name;
}

static char type_flag(const char *type)
{
	static const struct {
		const char *type;
		char flag;
	} rows[] = {
		{ "reg", '0' },	  { "hardlink", '1' }, { "symlink", '2' }, { "char", '3' },
		{ "block", '4' }, { "dir", '5' },      { "fifo", '6' },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!strcmp(rows[i].type, type))
			return rows[i].flag;
	return 0;
}

/* The header of the entry O.  1; 0 when it is no plain one; -ENOMEM. */
static int make_header(struct reader *r, json_object *o, char block[TAR_BLOCK])
{
	const char *link = json_get_str(o, "linkName"), *name = json_get_str(o, "name");
	int64_t uid = json_get_int(o, "uid", 0), gid = json_get_int(o, "gid", 0);
	const char *user = user_name(r, 0, uid, json_get_str(o, "userName"));
	const char *group = user_name(r, 1, gid, json_get_str(o, "groupName"));
	json_object *xattrs = json_get(o, "xattrs");
	char flag = type_flag(json_get_str(o, "type"));

	if (!user || !group)
		return -ENOMEM;
	if (!flag || (xattrs && (!json_object_is_type(xattrs, json_type_object) ||
				 json_object_object_length(xattrs))))
		return 0;
	memset(block, 0, TAR_BLOCK);
	block[156] = flag;
	memcpy(block + 257, "ustar", 6);
	block[263] = block[264] = '0'; /* the version */
	if (!put_text(block, NAME_LEN, name) ||
	    !put_octal(block + 100, 8, json_get_int(o, "mode", 0)) ||
	    !put_octal(block + 108, 8, uid) || !put_octal(block + 116, 8, gid) ||
	    !put_octal(block + 124, 12, flag == '0' ? json_get_int(o, "size", 0) : 0) ||
	    !put_octal(block + 136, 12, read_time(json_get_str(o, "modtime"))) ||
	    !put_text(block + 157, NAME_LEN, link ? link : "") ||
	    !put_text(block + 265, USER_LEN, user) || !put_text(block + 297, USER_LEN, group) ||
	    !put_octal(block + 329, 8, json_get_int(o, "devMajor", 0)) ||
	    !put_octal(block + 337, 8, json_get_int(o, "devMinor", 0)))
		return 0;
	put_sum(block);
	return 1;
}

void toc_tail_gnu(char *bytes, size_t n)
{
	/* Padding is in front, headers fill the rest. */
	for (size_t at = n % TAR_BLOCK; at + TAR_BLOCK <= n; at += TAR_BLOCK) {
		memcpy(bytes + at + 257, "ustar  ", 8);
		put_sum(bytes + at);
	}
}

/* ---- entries --------------------------------------------------------------------------------- */

static struct toc_tail *current_tail(struct toc *t)
{
	return t->n ? &t->files[t->n - 1].tail : &t->head;
}

static int add_bytes(struct toc *t, const char *bytes, size_t n, struct err *e)
{
	if (strbuf_add(&t->tails, bytes, n) < 0)
		return err_errno(e, t->tails.failed, "read a table of contents");
	current_tail(t)->len += n;
	return 0;
}

static int add_header(struct reader *r, json_object *o, struct err *e)
{
	char block[TAR_BLOCK];
	int known = make_header(r, o, block);

	if (known < 0)
		return err_errno(e, known, "read a table of contents");
	if (!known)
		current_tail(r->toc)->is_unknown = 1;
	return known ? add_bytes(r->toc, block, sizeof(block), e) : 0;
}

static int add_file(struct toc *t, json_object *o, int64_t size, struct err *e)
{
	static const char zeros[TAR_BLOCK];
	struct toc_file *f = toc_new_file(t, e);

	if (!f)
		return e->code;
	f->size = f->last_len = size;
	f->at.from = f->last.from = json_get_int(o, "offset", -1);
	f->tail.at = t->tails.len;
	if (size < 0 || f->at.from < 0 || toc_read_digest(json_get_str(o, "digest"), f->digest) < 0)
		return damaged(e, "has a file with a wrong size, place or digest");
	if (toc_add_name(t, json_get_str(o, "name"), &f->path, e) < 0)
		return e->code;
	return size % TAR_BLOCK ? add_bytes(t, zeros, TAR_BLOCK - (size_t)(size % TAR_BLOCK), e)
				: 0;
}

/* More of the file before, in another member. */
static int add_chunk(struct toc *t, json_object *o, struct err *e)
{
	struct toc_file *f = t->n ? &t->files[t->n - 1] : NULL;
	int64_t from = json_get_int(o, "offset", -1), at = json_get_int(o, "chunkOffset", -1);

	if (!f || from <= f->last.from || at <= f->size - f->last_len || at >= f->size)
		return damaged(e, "has a chunk in a wrong place");
	f->last.from = from;
	f->last_len = f->size - at;
	return 0;
}

static int add_entry(void *arg, json_object *o, struct err *e)
{
	struct reader *r = arg;
	const char *type = json_get_str(o, "type"), *name = json_get_str(o, "name");
	int64_t size = json_get_int(o, "size", 0);

	if (!type || !name)
		return damaged(e, "has an entry without a type or name");
	if (json_get_int(o, "innerOffset", 0))
		return damaged(e, "has several files in one gzip member");
	if (!strcmp(type, "chunk"))
		return add_chunk(r->toc, o, e);
	/* The table's own entry comes with the table. */
	if (!strcmp(name, "stargz.index.json"))
		return damaged(e, "lists itself");
	if (add_header(r, o, e) < 0)
		return e->code;
	return !strcmp(type, "reg") && size ? add_file(r->toc, o, size, e) : 0;
}

int toc_read_stargz(const char *json, size_t n, int64_t end, struct toc *ret, struct err *e)
{
	scoped(json_split) struct json_split s = { 0 };
	scoped(json) json_object *rest = NULL;
	struct reader r = { .toc = ret };
	int bad;

	strbuf_init(&ret->names, TOC_NAMES_MAX);
	strbuf_init(&ret->tails, TOC_TAILS_MAX);
	json_split_init(&s, 2, add_entry, &r);
	bad = json_split_feed(&s, json, n, e);
	if (bad == 0)
		bad = json_split_end(&s, &rest, e);
	free(r.users[0]);
	free(r.users[1]);
	if (bad < 0)
		return bad;
	if (json_get_int(rest, "version", 0) != 1)
		return damaged(e, "is of another version than 1");
	for (size_t i = 0; i < ret->n; i++) {
		struct toc_file *f = &ret->files[i];

		f->at.to = f->last.to = i + 1 < ret->n ? f[1].at.from : end;
		if (f->last.from >= f->last.to)
			return damaged(e, "has files that overlap or lie outside");
	}
	return toc_check_places(ret, end, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/tar_walk.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"

#define XATTR "SCHILY.xattr."

enum { AT_HEADER, IN_META, IN_DATA, IN_PADDING, AT_END, LOST };

/* ---- fields ---------------------------------------------------------------------------------- */

static int base256(const unsigned char *p, size_t width, int64_t *ret)
{
	int64_t v = p[0] & 0x7f;

	if (p[0] & 0x40)
		return -EINVAL; /* negative: no entry of a layer has such */
	for (size_t i = 1; i < width; i++) {
		if (v >> 55)
			return -ERANGE;
		v = v << 8 | p[i];
	}
	*ret = v;
	return 0;
}

/* WIDTH bytes at P: octal digits between blanks and NULs, or the bytes of the number behind 0x80.
 */
static int read_number(const char *p, size_t width, int64_t *ret)
{
	size_t end = width, at = 0;
	int64_t v = 0;

	if (*p & 0x80)
		return base256((const unsigned char *)p, width, ret);
	while (at < end && (p[at] == ' ' || !p[at]))
		at++;
	while (end > at && (p[end - 1] == ' ' || !p[end - 1]))
		end--;
	for (; at < end && p[at]; at++) {
		if (p[at] < '0' || p[at] > '7')
			return -EINVAL;
		v = v << 3 | (p[at] - '0'); /* 12 digits at most */
	}
	*ret = v;
	return 0;
}

static int sum_is_right(const char *block)
{
	int64_t said, plain = 0, is_signed = 0;

	for (size_t i = 0; i < TAR_BLOCK; i++) {
		char c = i >= 148 && i < 156 ? ' ' : block[i];

		plain += (unsigned char)c;
		is_signed += (signed char)c;
	}
	return read_number(block + 148, 8, &said) == 0 && (said == plain || said == is_signed);
}

/* "SECONDS[.FRACTION]" */
static int read_time(const char *s, struct tar_time *ret)
{
	struct tar_time t = { .is_set = 1 };
	int negative = *s == '-', width = 100000000;
	const char *dot = strchr(s, '.');
	scoped(mem) char *whole = NULL;
	unsigned long long sec;

	s += negative;
	whole = dot ? strndup(s, (size_t)(dot - s)) : strdup(s);
	if (!whole)
		return -ENOMEM;
	if (str_to_u64(whole, INT64_MAX, &sec) < 0)
		return -EINVAL;
	for (dot = dot ? dot + 1 : ""; *dot; dot++, width /= 10) {
		if (*dot < '0' || *dot > '9')
			return -EINVAL;
		t.nsec += (*dot - '0') * width;
	}
	t.sec = negative ? -(int64_t)sec : (int64_t)sec;
	if (negative && t.nsec) {
		t.sec--;
		t.nsec = 1000000000 - t.nsec;
	}
	*ret = t;
	return 0;
}

static int replace(char **to, const char *from, size_t n)
{
	char *copy = strndup(from, n);

	if (!copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

/* ---- extended headers ------------------------------------------------------------------------ */

static int pax_number(const char *value, int64_t *ret)
{
	unsigned long long v;

	if (str_to_u64(value, INT64_MAX, &v) < 0)
		return -EINVAL;
	*ret = (int64_t)v;
	return 0;
}

static int pax_xattr(struct tar_member *m, const char *name, const char *value, size_t n)
{
	scoped(mem) char *text = base64_encode(value, n);

	if (!m->xattrs)
		m->xattrs = json_object_new_object();
	if (!text || !m->xattrs)
		return -ENOMEM;
	if (!*name || !name_is_printable(name))
		return -EINVAL;
	json_put_str(m->xattrs, name, text);
	return 0;
}

/* KEY=VALUE; NULs stand behind both. */
static int pax_record(struct tar_member *m, const char *key, const char *value, size_t n)
{
	const struct {
		const char *key;
		int64_t *number;
		struct tar_time *time;
		char **text;
	} rows[] = {
		{ "path", NULL, NULL, &m->name },   { "linkpath", NULL, NULL, &m->link },
		{ "size", &m->size, NULL, NULL },   { "uid", &m->uid, NULL, NULL },
		{ "gid", &m->gid, NULL, NULL },	    { "mtime", NULL, &m->mtime, NULL },
		{ "atime", NULL, &m->atime, NULL }, { "ctime", NULL, &m->ctime, NULL },
	};

	if (str_starts(key, XATTR))
		return pax_xattr(m, key + strlen(XATTR), value, n);
	if (str_starts(key, "GNU.sparse.") || !*key)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].key, key) != 0 || !n)
			continue; /* an empty value leaves what the header says */
		if (strlen(value) != n)
			return -EINVAL;
		if (rows[i].number)
			return pax_number(value, rows[i].number);
		if (rows[i].time)
			return read_time(value, rows[i].time);
		return rows[i].text ? replace(rows[i].text, value, n) : 0;
	}
	return 0;
}

/* "LENGTH KEY=VALUE\n", one after the other, in TEXT, which is written to. */
static int pax_records(struct tar_member *m, char *text, size_t n)
{
	while (n) {
		char *space = memchr(text, ' ', n), *key, *equal;
		unsigned long long len;
		int r;

		if (!space)
			return -EINVAL;
		*space = '\0';
		key = space + 1;
		if (str_to_u64(text, n, &len) < 0 || len < 5 || text + len <= key + 1 ||
		    text[len - 1] != '\n')
			return -EINVAL;
		text[len - 1] = '\0';
		equal = memchr(key, '=', (size_t)(text + len - key));
		if (!equal)
			return -EINVAL;
		*equal = '\0';
		if (strlen(key) != (size_t)(equal - key))
			return -EINVAL;
		r = pax_record(m, key, equal + 1, (size_t)(text + len - 1 - (equal + 1)));
		if (r < 0)
			return r;
		text += len;
		n -= (size_t)len;
	}
	return 0;
}

/* The body of an extended header is here. */
static int on_meta(struct tar_walk *w)
{
	char **to = w->meta == 'L' ? &w->long_name : w->meta == 'K' ? &w->long_link : &w->pax;

	if (*to)
		return -EINVAL; /* a second one: readers differ in what that means */
	w->pax_len = w->meta == 'x' ? w->body.len : w->pax_len;
	*to = strbuf_take(&w->body);
	strbuf_init(&w->body, TAR_WALK_META_MAX);
	return *to ? 0 : -ENOMEM;
}

/* ---- headers --------------------------------------------------------------------------------- */

static void member_clear(struct tar_member *m)
{
	free(m->name);
	free(m->link);
	json_free(m->xattrs);
	*m = (struct tar_member){ 0 };
}

/* Fields that only newer formats have.  GNU's has times in the place of the prefix. */
static int read_newer(struct tar_member *m, const char *b)
{
	int is_gnu = !memcmp(b + 257, "ustar  ", 8);
	scoped(mem) char *whole = NULL;

	if (!is_gnu && memcmp(b + 257, "ustar", 6) != 0)
		return 0;
	if (read_number(b + 329, 8, &m->major) < 0 || read_number(b + 337, 8, &m->minor) < 0)
		return -EINVAL;
	if (is_gnu) {
		m->atime.is_set = b[345] != 0;
		m->ctime.is_set = b[357] != 0;
		return (m->atime.is_set && read_number(b + 345, 12, &m->atime.sec) < 0) ||
				       (m->ctime.is_set &&
					read_number(b + 357, 12, &m->ctime.sec) < 0)
			       ? -EINVAL
			       : 0;
	}
	if (!memcmp(b + 508, "tar", 4)) /* star's own */
		return -EINVAL;
	if (!b[345])
		return 0;
	whole = str_printf("%.155s/%s", b + 345, m->name);
	return whole ? replace(&m->name, whole, strlen(whole)) : -ENOMEM;
}

static int read_header(struct tar_member *m, const char *b)
{
	member_clear(m);
	m->type = b[156];
	m->mtime.is_set = 1;
	m->name = strndup(b, 100);
	m->link = strndup(b + 157, 100);
	if (!m->name || !m->link)
		return -ENOMEM;
	if (read_number(b + 100, 8, &m->mode) < 0 || read_number(b + 108, 8, &m->uid) < 0 ||
	    read_number(b + 116, 8, &m->gid) < 0 || read_number(b + 124, 12, &m->size) < 0 ||
	    read_number(b + 136, 12, &m->mtime.sec) < 0)
		return -EINVAL;
	return read_newer(m, b);
}

/* Headers that stood before this one have the last word. */
static int apply_meta(struct tar_walk *w)
{
	struct tar_member *m = &w->member;
	int r = w->pax ? pax_records(m, w->pax, w->pax_len) : 0;

	if (r == 0 && w->long_name)
		r = replace(&m->name, w->long_name, strlen(w->long_name));
	if (r == 0 && w->long_link)
		r = replace(&m->link, w->long_link, strlen(w->long_link));
	free(w->pax);
	free(w->long_name);
	free(w->long_link);
	w->pax = w->long_name = w->long_link = NULL;
	return r;
}

static void go_to(struct tar_walk *w, int state, int64_t left)
{
	w->padding = (TAR_BLOCK - left % TAR_BLOCK) % TAR_BLOCK;
	w->left = left;
	w->state = state;
	if (left == 0)
		w->state = AT_HEADER;
}

/* An entry, but for its contents. */
static int on_member(struct tar_walk *w, enum tar_walk_part *ret)
{
	struct tar_member *m = &w->member;
	int r = apply_meta(w);

	if (r < 0)
		return r;
	if (!m->type)
		m->type = str_ends(m->name, "/") ? '5' : '0';
	if (m->type < '0' || m->type > '6' || (m->type != '0' && m->size) || !*m->name ||
	    m->size > INT64_MAX / 2 || !name_is_printable(m->name) || !name_is_printable(m->link))
		return -EINVAL;
	*ret = TAR_WALK_MEMBER;
	go_to(w, IN_DATA, m->size);
	return 0;
}

static int on_block(struct tar_walk *w, enum tar_walk_part *ret)
{
	static const char zeros[TAR_BLOCK];
	int r;

	w->have = 0;
	if (!memcmp(w->block, zeros, TAR_BLOCK)) {
		if (++w->zero_blocks == 2)
			w->state = AT_END;
		return 0;
	}
	if (w->zero_blocks || !sum_is_right(w->block))
		return -EINVAL;
	r = read_header(&w->member, w->block);
	if (r < 0 || !w->member.type || !strchr("xLK", w->member.type))
		return r < 0 ? r : on_member(w, ret);
	if (w->member.size > TAR_WALK_META_MAX)
		return -E2BIG;
	w->meta = w->member.type;
	go_to(w, IN_META, w->member.size);
	return w->left ? 0 : on_meta(w);
}

static int is_zero(const char *bytes, size_t n)
{
	return bytes[0] == 0 && !memcmp(bytes, bytes + 1, n - 1);
}

/* What the USED BYTES change. */
static int advance(struct tar_walk *w, const char *bytes, size_t used, enum tar_walk_part *ret)
{
	int r = 0;

	if (w->state == AT_HEADER) {
		memcpy(w->block + w->have, bytes, used);
		w->have += used;
		return w->have == TAR_BLOCK ? on_block(w, ret) : 0;
	}
	if (w->state == AT_END)
		return is_zero(bytes, used) ? 0 : -EINVAL;
	if (w->state == IN_META)
		r = strbuf_add(&w->body, bytes, used);
	if (w->state == IN_DATA)
		*ret = TAR_WALK_DATA;
	w->left -= (int64_t)used;
	if (r < 0 || w->left)
		return r;
	if (w->state == IN_META)
		r = on_meta(w);
	if (w->state == IN_DATA)
		*ret = TAR_WALK_LAST;
	w->left = w->state == IN_PADDING ? 0 : w->padding;
	w->state = w->left ? IN_PADDING : AT_HEADER;
	return r;
}

ssize_t tar_walk_next(struct tar_walk *w, const char *bytes, size_t n, enum tar_walk_part *ret)
{
	size_t used = n;
	int r;

	*ret = TAR_WALK_REST;
	if (w->state == LOST)
		return (ssize_t)n;
	if (w->state == AT_HEADER && used > TAR_BLOCK - w->have)
		used = TAR_BLOCK - w->have;
	if (w->state != AT_HEADER && w->state != AT_END && (int64_t)used > w->left)
		used = (size_t)w->left;
	r = advance(w, bytes, used, ret);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		w->lost = w->state == AT_END ? "more behind its end" : "a header of another kind";
		w->state = LOST;
		*ret = TAR_WALK_REST;
	}
	return (ssize_t)used;
}

int tar_walk_may_end(const struct tar_walk *w)
{
	return w->state == AT_END || (w->state == AT_HEADER && !w->have);
}

int tar_walk_is_at_end(const struct tar_walk *w)
{
	return w->state == AT_END;
}

void tar_walk_init(struct tar_walk *w)
{
	*w = (struct tar_walk){ 0 };
	strbuf_init(&w->body, TAR_WALK_META_MAX);
}

void tar_walk_done(struct tar_walk *w)
{
	member_clear(&w->member);
	strbuf_done(&w->body);
	free(w->long_name);
	free(w->long_link);
	free(w->pax);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's side of the role `archive`. */
#include "src/image/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"

#define LINKS_MAX 8

struct image_archive *image_archive_free(struct image_archive *a)
{
	if (!a)
		return NULL;
	fd_close(a->fd);
	(void)archive_dir_free(a->dir);
	for (size_t i = 0; i < a->n; i++) {
		free(a->items[i].name);
		free(a->items[i].link);
	}
	free(a->items);
	free(a);
	return NULL;
}

/* ---- the role's answer ----------------------------------------------------------------------- */

static int take_error(const char *p, size_t n, struct err *e)
{
	struct err got;

	if (n != sizeof(got))
		return err_set(e, -EPROTO, "the archive role gave a wrong answer");
	memcpy(&got, p, sizeof(got));
	got.text[sizeof(got.text) - 1] = '\0';
	got.hint[sizeof(got.hint) - 1] = '\0';
	if (got.code >= 0)
		return err_set(e, -EPROTO, "the archive role gave a wrong answer");
	*e = got;
	return got.code;
}

/* NAME (N bytes) without leading and doubled slashes and "."; "" when ".." is in it. */
static char *clean_name(const char *name, size_t n)
{
	scoped(mem) char *text = strndup(name, n);
	char *clean;

	if (!text)
		return NULL;
	for (const char *p = text; p; p = strchr(p, '/')) {
		while (*p == '/')
			p++;
		if (p[0] == '.' && p[1] == '.' && (p[2] == '/' || !p[2]))
			return strdup("");
	}
	clean = path_clean(text);
	if (clean)
		memmove(clean, clean + 1, strlen(clean)); /* the leading slash */
	return clean;
}

/* Where LINK in the file NAME points, from the archive's root; "" when that is outside. */
static char *clean_link(const char *name, const char *link, size_t n, enum archive_entry_kind kind)
{
	scoped(mem) char *text = strndup(link, n);
	scoped(mem) char *joined = NULL;
	const char *slash = strrchr(name, '/');
	int depth = 0;
	char *clean;

	if (!text)
		return NULL;
	if (kind == ARCHIVE_HARDLINK)
		return clean_name(link, n);
	joined = str_printf("%.*s%s", slash ? (int)(slash - name + 1) : 0, name, text);
	if (!joined)
		return NULL;
	/* path_clean() stays at "/" where ".." would leave it; here that is an attempt to get out.
	 */
	for (const char *p = joined; *p; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		if (p[0] == '.' && p[1] == '.' && (p[2] == '/' || !p[2]))
			depth--;
		else if (*p && !(p[0] == '.' && (p[1] == '/' || !p[1])))
			depth++;
		if (depth < 0)
			return strdup("");
	}
	if (text[0] == '/')
		return strdup("");
	clean = path_clean(joined);
	if (clean)
		memmove(clean, clean + 1, strlen(clean));
	return clean;
}

struct record {
	uint8_t kind;
	uint64_t place[2];
	uint16_t len[2];
	const char *name, *link;
};

/* One record at P of N bytes: its length, 0 when it is not whole. */
static size_t take_record(const char *p, size_t n, struct record *ret)
{
	const size_t head = 2 + sizeof(ret->place) + sizeof(ret->len);

	if (n < head)
		return 0;
	ret->kind = (uint8_t)p[1];
	memcpy(ret->place, p + 2, sizeof(ret->place));
	memcpy(ret->len, p + 2 + sizeof(ret->place), sizeof(ret->len));
	ret->name = p + head;
	ret->link = ret->name + ret->len[0];
	return n - head < (size_t)ret->len[0] + ret->len[1] ? 0 : head + ret->len[0] + ret->len[1];
}

static int add_item(struct image_archive *a, size_t *cap, const struct record *rec,
		    int64_t file_size, struct err *e)
{
	struct archive_item *it;

	if (rec->kind > ARCHIVE_OTHER || rec->place[0] > INT64_MAX || rec->place[1] > INT64_MAX)
		return err_set(e, -EPROTO, "the archive role gave a wrong answer");
	if (rec->kind == ARCHIVE_FILE && (rec->place[0] > (uint64_t)file_size ||
					  rec->place[1] > (uint64_t)file_size - rec->place[0]))
		return err_set(e, -EBADMSG, "the archive is cut short");
	if (a->n == *cap) {
		size_t more = *cap ? 2 * *cap : 64;
		it = reallocarray(a->items, more, sizeof(*it));
		if (!it)
			return err_errno(e, ENOMEM, "read the archive");
		a->items = it;
		*cap = more;
	}
	it = &a->items[a->n];
	*it = (struct archive_item){ .kind = (enum archive_entry_kind)rec->kind,
				     .offset = (int64_t)rec->place[0],
				     .size = (int64_t)rec->place[1],
				     .order = a->n };
	it->name = clean_name(rec->name, rec->len[0]);
	it->link = it->name ? clean_link(it->name, rec->link, rec->len[1], it->kind) : NULL;
	a->n++;
	return it->name && it->link ? 0 : err_errno(e, ENOMEM, "read the archive");
}

static int compare(const void *a, const void *b)
{
	const struct archive_item *x = a, *y = b;
	int c = strcmp(x->name, y->name);
	return c ? c : (x->order > y->order) - (x->order < y->order);
}

int archive_index_parse(const char *bytes, size_t n, int64_t file_size, struct image_archive *a,
			struct err *e)
{
	size_t cap = 0, pos = 0;

	while (pos < n) {
		struct record rec;
		size_t len;
		int r;
		if (bytes[pos] == '!')
			return take_error(bytes + pos + 1, n - pos - 1, e);
		if (bytes[pos] == '.' && pos + 1 == n) {
			if (a->n)
				qsort(a->items, a->n, sizeof(*a->items), compare);
			return 0;
		}
		len = bytes[pos] == 'e' ? take_record(bytes + pos, n - pos, &rec) : 0;
		if (!len)
			break;
		r = add_item(a, &cap, &rec, file_size, e);
		if (r < 0)
			return r;
		pos += len;
	}
	return err_set(e, -EPROTO, "the archive role gave no full answer");
}

/* ---- running the role ------------------------------------------------------------------------ */

static int run_role(const char *verb, int in_fd, int out_fd, struct strbuf *answer, struct err *e)
{
	scoped(mem) char *path = proc_role_path("cove-archive");
	scoped(mem) char *arg = strdup(verb);
	scoped(child) struct child c = CHILD_NONE;
	scoped(fd) int r_fd = -EBADF;
	scoped(fd) int w_fd = -EBADF;
	char arg0[] = "cove-archive";
	char *argv[] = { arg0, arg, NULL };
	struct proc_fd fds[3];
	struct proc_options o = {
		.path = path, .argv = argv, .fds = fds, .n_fds = 2, .die_with_us = 1
	};
	int p[2], r;

	if (!path || !arg)
		return err_errno(e, ENOMEM, "start the archive role");
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	r_fd = p[0];
	w_fd = p[1];
	fds[0] = (struct proc_fd){ in_fd, 0 };
	fds[1] = (struct proc_fd){ w_fd, 3 };
	if (out_fd >= 0)
		fds[o.n_fds++] = (struct proc_fd){ out_fd, 4 };
	r = proc_spawn(&o, &c, e);
	if (r < 0)
		return err_in(e, "start the archive role");
	fd_close(take_fd(&w_fd));
	r = fd_read_all(r_fd, answer);
	if (r == -E2BIG)
		return err_set(e, r, "the archive's list of entries is longer than %u bytes",
			       ARCHIVE_INDEX_MAX);
	if (r < 0)
		return err_errno(e, r, "wait for the archive role");
	(void)proc_wait(&c); /* the answer tells */
	return 0;
}

static int spool(struct engine *en, struct image_archive *a, struct err *e)
{
	scoped(strbuf) struct strbuf answer = STRBUF_INIT;
	scoped(fd) int fd = engine_spool(en, e);
	struct image_archive nothing = { .fd = -EBADF };
	int r;

	if (fd < 0)
		return fd;
	strbuf_init(&answer, ARCHIVE_INDEX_MAX);
	r = run_role("spool", a->fd, fd, &answer, e);
	if (r == 0)
		r = archive_index_parse(answer.s ? answer.s : "", answer.len, 0, &nothing, e);
	free(nothing.items); /* a spool has none */
	if (r < 0)
		return r;
	fd_close(a->fd);
	a->fd = take_fd(&fd);
	return 0;
}

/* Is it a tar that can be indexed where it is?  Anything with a compressed start is not. */
static int is_plain_file(int fd)
{
	static const struct {
		char bytes[8];
		size_t n;
	} magics[] = {
		{ "\x1f\x8b", 2 },		       /* gzip */
		{ "\x28\xb5\x2f\xfd", 4 },	       /* zstd */
		{ { '\xfd', '7', 'z', 'X', 'Z' }, 5 }, /* xz */
		{ "BZh", 3 },			       /* bzip2 */
	};
	char head[8] = { 0 };
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_CUR) != 0 ||
	    pread(fd, head, sizeof(head), 0) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if (memcmp(head, magics[i].bytes, magics[i].n) == 0)
			return 0;
	return 1;
}

/* From byte START on. */
static int index_file(struct image_archive *a, int64_t start, struct err *e)
{
	scoped(strbuf) struct strbuf answer = STRBUF_INIT;
	struct stat st;
	int r;

	if (lseek(a->fd, start, SEEK_SET) < 0 || fstat(a->fd, &st) < 0)
		return err_sys(e, "read the archive");
	strbuf_init(&answer, ARCHIVE_INDEX_MAX);
	r = run_role("index", a->fd, -EBADF, &answer, e);
	if (r < 0)
		return r;
	return archive_index_parse(answer.s ? answer.s : "", answer.len, st.st_size, a, e);
}

int image_archive_open_fd(struct engine *en, int take_fd_, const char *name,
			  struct image_archive **ret, struct err *e)
{
	scoped(fd) int fd = take_fd_;
	scoped(image_archive) struct image_archive *a = calloc(1, sizeof(*a));
	int r = 0;

	if (!a)
		return err_errno(e, ENOMEM, "read the archive");
	a->fd = take_fd(&fd);
	if (!is_plain_file(a->fd))
		r = spool(en, a, e);
	if (r == 0)
		r = index_file(a, 0, e);
	if (r < 0)
		return err_in(e, "%s", name);
	*ret = take_ptr(&a);
	return 0;
}

int image_archive_open(struct engine *en, const char *path, struct image_archive **ret,
		       struct err *e)
{
	int is_stdin = !path || strcmp(path, "-") == 0;
	const char *name = is_stdin ? "standard input" : path;
	/* Users name this file: their rules apply to it. */
	int fd = is_stdin ? fcntl(0, F_DUPFD_CLOEXEC, 3)
			  : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? err_sys(e, "open %s", name) : image_archive_open_fd(en, fd, name, ret, e);
}

int image_archive_open_inner(const struct image_archive *a, const struct archive_item *item,
			     struct image_archive **ret, struct err *e)
{
	scoped(image_archive) struct image_archive *inner = calloc(1, sizeof(*inner));
	int r;

	if (!inner)
		return err_errno(e, ENOMEM, "read the archive");
	inner->fd = image_archive_open_item(a, item, e);
	if (inner->fd < 0)
		return inner->fd;
	r = index_file(inner, item->offset, e);
	if (r < 0)
		return err_in(e, "'%.200s' in the archive", item->name);
	for (size_t i = 0; i < inner->n; i++)
		inner->items[i].offset += item->offset;
	*ret = take_ptr(&inner);
	return 0;
}

/* ---- looking up and reading ------------------------------------------------------------------ */

static const struct archive_item *last_of_name(const struct image_archive *a, const char *name)
{
	size_t lo = 0, hi = a->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (strcmp(a->items[mid].name, name) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && strcmp(a->items[lo - 1].name, name) == 0 ? &a->items[lo - 1] : NULL;
}

const struct archive_item *image_archive_find(const struct image_archive *a, const char *name)
{
	scoped(mem) char *clean = clean_name(name, strlen(name));
	const struct archive_item *it;

	if (!clean || !*clean)
		return NULL;
	if (a->dir)
		return archive_dir_find(a->dir, clean);
	it = last_of_name(a, clean);
	for (int i = 0; it && it->kind != ARCHIVE_FILE; i++) {
		if (i == LINKS_MAX || it->kind == ARCHIVE_OTHER || !*it->link)
			return NULL;
		it = last_of_name(a, it->link);
	}
	return it;
}

int image_archive_open_item(const struct image_archive *a, const struct archive_item *item,
			    struct err *e)
{
	int fd;

	if (a->dir)
		return archive_dir_open_item(a->dir, item, e);
	fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? err_sys(e, "read the archive") : fd;
}

int image_archive_read(const struct image_archive *a, const struct archive_item *item, size_t limit,
		       char **ret, size_t *ret_len, struct err *e)
{
	scoped(mem) char *buf = NULL;
	scoped(fd) int fd = -EBADF;
	size_t got = 0;

	if ((uint64_t)item->size > limit)
		return err_set(e, -E2BIG, "'%.200s' in the archive is larger than %zu bytes",
			       item->name, limit);
	fd = image_archive_open_item(a, item, e);
	if (fd < 0)
		return fd;
	buf = malloc((size_t)item->size + 1);
	if (!buf)
		return err_errno(e, ENOMEM, "read the archive");
	while (got < (size_t)item->size) {
		ssize_t n =
			pread(fd, buf + got, (size_t)item->size - got, item->offset + (off_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the archive");
		if (n == 0)
			return err_set(e, -EBADMSG, "the archive is cut short");
		got += (size_t)n;
	}
	buf[got] = '\0';
	*ret = take_ptr(&buf);
	*ret_len = got;
	return 0;
}

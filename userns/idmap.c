/* SPDX-License-Identifier: Apache-2.0 */
#include "userns/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"
#include "userns/subid.h"

void idmap_done(struct idmap *m)
{
	free(m->extent);
	m->extent = NULL;
	m->n = 0;
}

static int overlaps(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
	return a < (uint64_t)b + b_count && b < (uint64_t)a + a_count;
}

int idmap_append(struct idmap *m, uint32_t inside, uint32_t outside, uint32_t count)
{
	struct idmap_extent *x;

	if (count == 0 || (uint64_t)inside + count > UINT32_MAX ||
	    (uint64_t)outside + count > UINT32_MAX)
		return -ERANGE;
	for (size_t i = 0; i < m->n; i++)
		if (overlaps(inside, count, m->extent[i].inside, m->extent[i].count) ||
		    overlaps(outside, count, m->extent[i].outside, m->extent[i].count))
			return -EEXIST;
	if (m->n == IDMAP_EXTENTS_MAX)
		return -E2BIG;
	x = realloc(m->extent, (m->n + 1) * sizeof(*x));
	if (!x)
		return -ENOMEM;
	m->extent = x;
	x[m->n++] = (struct idmap_extent){ inside, outside, count };
	return 0;
}

int idmap_add(struct idmap *m, uint32_t inside, uint32_t outside, uint32_t count)
{
	struct idmap_extent *last = m->n ? &m->extent[m->n - 1] : NULL;
	int r;

	if (!last || last->inside + last->count != inside || last->outside + last->count != outside)
		return idmap_append(m, inside, outside, count);
	m->n--; /* checked as one piece with what it continues */
	r = idmap_append(m, last->inside, last->outside, last->count + count);
	m->n += r < 0;
	return r;
}

int idmap_lookup(const struct idmap *m, uint32_t inside, uint32_t *ret_outside)
{
	for (size_t i = 0; i < m->n; i++)
		if (overlaps(inside, 1, m->extent[i].inside, m->extent[i].count)) {
			*ret_outside = m->extent[i].outside + (inside - m->extent[i].inside);
			return 0;
		}
	return -ENOENT;
}

uint64_t idmap_total(const struct idmap *m)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < m->n; i++)
		sum += m->extent[i].count;
	return sum;
}

static int covers(const struct idmap *a, const struct idmap *b)
{
	for (size_t i = 0; i < b->n; i++) {
		uint32_t first = 0, last = 0;
		const struct idmap_extent *x = &b->extent[i];
		if (idmap_lookup(a, x->inside, &first) < 0 || first != x->outside ||
		    idmap_lookup(a, x->inside + (x->count - 1), &last) < 0 ||
		    last != x->outside + (x->count - 1))
			return 0;
	}
	return 1;
}

int idmap_same(const struct idmap *a, const struct idmap *b)
{
	return idmap_total(a) == idmap_total(b) && covers(a, b) && covers(b, a);
}

char *idmap_text(const struct idmap *m)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	for (size_t i = 0; i < m->n; i++)
		(void)strbuf_printf(&b, "%u %u %u\n", m->extent[i].inside, m->extent[i].outside,
				    m->extent[i].count);
	return strbuf_take(&b);
}

static int number(const char **p, uint32_t *ret)
{
	unsigned long long v = 0;
	const char *s = *p + strspn(*p, " \t");
	size_t n = strspn(s, "0123456789");
	char digits[16];

	if (n == 0 || n >= sizeof(digits))
		return -EBADMSG;
	memcpy(digits, s, n);
	digits[n] = '\0';
	if (str_to_u64(digits, UINT32_MAX, &v) < 0)
		return -EBADMSG;
	*ret = (uint32_t)v;
	*p = s + n;
	return 0;
}

int idmap_parse(const char *text, struct idmap *ret)
{
	scoped(idmap) struct idmap m = IDMAP_NONE;

	while (*text) {
		uint32_t v[3];
		for (size_t i = 0; i < ARRAY_LEN(v); i++)
			if (number(&text, &v[i]) < 0)
				return -EBADMSG;
		text += strspn(text, " \t");
		if (*text != '\n' && *text != '\0')
			return -EBADMSG;
		text += *text == '\n';
		/* The initial namespace's "0 0 4294967295" is the one line that goes up to the
		 * edge. */
		if (idmap_add(&m, v[0], v[1], v[2]) < 0)
			return -EBADMSG;
	}
	*ret = m;
	m.extent = NULL;
	return 0;
}

static void proc_file(char *buf, size_t n, pid_t pid, const char *file)
{
	if (pid)
		(void)snprintf(buf, n, "/proc/%d/%s", (int)pid, file);
	else
		(void)snprintf(buf, n, "/proc/self/%s", file);
}

int idmap_read(pid_t pid, const char *file, struct idmap *ret, struct err *e)
{
	char path[64];
	scoped(mem) char *text = NULL;
	int r;

	proc_file(path, sizeof(path), pid, file);
	r = path_read(AT_FDCWD, path, 65536, &text, NULL, e);
	if (r < 0)
		return r;
	r = idmap_parse(text, ret);
	return r < 0 ? err_set(e, r, "%s holds no map: '%s'", path, text) : 0;
}

int idmap_write(pid_t pid, const char *file, const struct idmap *m, struct err *e)
{
	char path[64];
	scoped(mem) char *text = idmap_text(m);
	scoped(fd) int fd = -EBADF;

	proc_file(path, sizeof(path), pid, file);
	if (!text)
		return err_errno(e, ENOMEM, "write %s", path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open %s", path);
	/* The kernel wants the whole map in one write. */
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return err_sys(e, "write %s", path);
	return 0;
}

static int map_ranges(const struct subid_range *range, size_t n, uint32_t self, struct idmap *m)
{
	uint32_t next = 1;
	int r = idmap_add(m, 0, self, 1);

	for (size_t i = 0; i < n && r == 0; i++) {
		r = idmap_add(m, next, range[i].first, range[i].count);
		next += range[i].count;
	}
	return r;
}

int idmap_of_user(int run_fd, uid_t uid, gid_t gid, struct idmap *ret_uids, struct idmap *ret_gids,
		  struct err *e)
{
	scoped(idmap) struct idmap uids = IDMAP_NONE;
	scoped(idmap) struct idmap gids = IDMAP_NONE;
	struct {
		const char *file;
		int groups;
		uint32_t self;
		struct idmap *map;
	} side[] = { { "/etc/subuid", 0, uid, &uids }, { "/etc/subgid", 1, gid, &gids } };

	for (size_t i = 0; i < ARRAY_LEN(side); i++) {
		scoped(mem) struct subid_range *range = NULL;
		size_t n = 0;
		int r = subid_ranges(run_fd, uid, side[i].groups, &range, &n, e);
		if (r < 0)
			return r;
		r = map_ranges(range, n, side[i].self, side[i].map);
		if (r < 0)
			return err_errno(e, r,
					 "the ranges of user %u in %s overlap or reach too far",
					 uid, side[i].file);
	}
	*ret_uids = uids;
	*ret_gids = gids;
	uids.extent = gids.extent = NULL;
	return 0;
}

/* ---- newuidmap and newgidmap ----------------------------------------------------------------- */

struct helper {
	const char *program;
	const char *file;
	struct child child;
	int out; /* what it says on stderr */
};

static void helper_done(struct helper *h)
{
	proc_end(&h->child);
	fd_close(h->out);
}

static inline void scoped_helper(struct helper *h)
{
	helper_done(h);
}

static int helper_start(struct helper *h, pid_t pid, const struct idmap *m, struct err *e)
{
	scoped(strv) char **argv = NULL;
	scoped(mem) char *who = str_printf("%d", (int)pid);
	scoped(fd) int w = -EBADF;
	struct proc_fd fds[1];
	struct proc_options o = { .path = h->program, .fds = fds, .n_fds = 1, .null_stdio = 1 };
	int p[2], r = !who;

	r |= strv_add(&argv, h->program) | strv_add(&argv, who ? who : "");
	for (size_t i = 0; i < m->n; i++) {
		const struct idmap_extent *x = &m->extent[i];
		const uint32_t v[] = { x->inside, x->outside, x->count };
		for (size_t j = 0; j < ARRAY_LEN(v); j++) {
			char s[16];
			(void)snprintf(s, sizeof(s), "%u", v[j]);
			r |= strv_add(&argv, s);
		}
	}
	if (r || pipe2(p, O_CLOEXEC) < 0)
		return err_errno(e, r ? ENOMEM : errno, "start %s", h->program);
	h->out = p[0];
	w = p[1];
	fds[0] = (struct proc_fd){ w, 2 };
	o.argv = argv;
	r = proc_spawn(&o, &h->child, e);
	if (r == -ENOENT)
		(void)err_hint(e, "install the package 'uidmap' (newuidmap, newgidmap); 'cove "
				  "doctor' tells more");
	return r;
}

static int helper_finish(struct helper *h, pid_t pid, const struct idmap *want, struct err *e)
{
	scoped(strbuf) struct strbuf said = STRBUF_INIT;
	scoped(idmap) struct idmap got = IDMAP_NONE;
	int status, r;

	strbuf_init(&said, 4096);
	(void)fd_read_all(h->out, &said); /* only for the message */
	status = proc_wait(&h->child);
	if (status != 0) {
		while (said.len && said.s[said.len - 1] == '\n')
			said.s[--said.len] = '\0';
		(void)err_set(e, -EPERM, "%s failed: %s", h->program,
			      said.len ? said.s : "no message");
		return err_hint(e,
				"%s must be set-user-id root or have its file capability, and the "
				"ranges must be in "
				"/etc/sub%cid: ask an administrator for 'chmod u+s' on it; 'cove "
				"doctor' tells more",
				h->program, h->file[0]);
	}
	r = idmap_read(pid, h->file, &got, e);
	if (r < 0)
		return r;
	if (!idmap_same(&got, want))
		return err_set(e, -EPROTO, "%s mapped something else than it was asked for",
			       h->program);
	return 0;
}

int idmap_write_helpers(pid_t pid, const struct idmap *uids, const struct idmap *gids,
			struct err *e)
{
	scoped(helper) struct helper u = { "newuidmap", "uid_map", CHILD_NONE, -EBADF };
	scoped(helper) struct helper g = { "newgidmap", "gid_map", CHILD_NONE, -EBADF };
	int r = helper_start(&u, pid, uids, e);

	if (r == 0)
		r = helper_start(&g, pid, gids, e);
	if (r == 0)
		r = helper_finish(&u, pid, uids, e);
	if (r == 0)
		r = helper_finish(&g, pid, gids, e);
	return r;
}

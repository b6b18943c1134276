/* SPDX-License-Identifier: Apache-2.0 */
/* A fork of ours walks the tree as root of the user namespace; it only looks. */
#include "overlay/layer_measure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/util/fd.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "userns/join.h"

#define DEPTH_MAX 2048 /* a path has 4096 bytes */

/* Files with several links wait for the end, where each is counted once. */
struct linked {
	dev_t dev;
	ino_t ino;
	int64_t size;
};
struct measure {
	int64_t size;
	struct linked *linked;
	size_t n, cap;
};

static int add_file(struct measure *m, const struct stat *st)
{
	if (st->st_nlink < 2) {
		m->size += st->st_size;
		return 0;
	}
	if (m->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 256;
		struct linked *more = reallocarray(m->linked, cap, sizeof(*more));
		if (!more)
			return -ENOMEM;
		m->linked = more;
		m->cap = cap;
	}
	m->linked[m->n++] = (struct linked){ st->st_dev, st->st_ino, st->st_size };
	return 0;
}

static int walk(struct measure *m, int at, const char *name, int depth)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		r = -errno;
		fd_close(fd);
		return r;
	}
	if (depth > DEPTH_MAX)
		return -ELOOP;
	for (struct dirent *de; r == 0 && (de = readdir(d));) {
		struct stat st;
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			r = errno == ENOENT ? 0 : -errno; /* of a container that runs */
		else if (S_ISDIR(st.st_mode))
			r = walk(m, fd, de->d_name, depth + 1);
		else if (S_ISREG(st.st_mode))
			r = add_file(m, &st);
		if (r == -ENOENT && depth)
			r = 0;
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct linked *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int measure(int dir_fd, char *const *names, int64_t *ret)
{
	struct measure m = { 0 };
	int r = 0;

	for (size_t i = 0; names[i] && r == 0; i++) {
		r = walk(&m, dir_fd, names[i], 0);
		if (r == -ENOENT && i)
			r = 0;
	}
	if (m.n)
		qsort(m.linked, m.n, sizeof(*m.linked), compare);
	for (size_t i = 0; i < m.n; i++)
		if (!i || compare(&m.linked[i - 1], &m.linked[i]) != 0)
			m.size += m.linked[i].size;
	free(m.linked);
	*ret = m.size;
	return r;
}

int layer_measure(int run_fd, int dir_fd, char *const *names, int64_t *ret, struct err *e)
{
	struct answer {
		struct err e;
		int64_t size;
	} a = { 0 };
	scoped(child) struct child c = CHILD_NONE;
	scoped(fd) int in = -EBADF;
	scoped(fd) int out = -EBADF;
	int r = fd_pipe(&in, &out, e);

	if (r == 0)
		r = proc_fork(&c, e);
	if (r < 0)
		return r;
	if (r == 0) {
		err_clear(&a.e);
		if (userns_enter(run_fd, &a.e) == 0) {
			r = measure(dir_fd, names, &a.size);
			if (r < 0)
				(void)err_errno(&a.e, r, "measure %s", names[0]);
		}
		_exit(fd_write_all(out, &a, sizeof(a)) < 0);
	}
	fd_close(take_fd(&out));
	if (fd_read_full(in, &a, sizeof(a)) != (ssize_t)sizeof(a))
		return err_set(e, -EIO, "measure %s: no answer", names[0]);
	if (a.e.code < 0) {
		*e = a.e;
		return e->code;
	}
	*ret = a.size;
	return 0;
}

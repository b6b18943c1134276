/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/scoped.h"

#define LINKS_MAX 40

/* ---- below a root ------------------------------------------------------------------------- */

/* The walk keeps what is left to resolve in a buffer of its own: a link's target is put in front.
 */
struct walk {
	char rest[2 * PATH_MAX];
	int links;
};

static int walk_push(struct walk *w, const char *target)
{
	char tail[PATH_MAX];
	int n;

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (strlen(w->rest) >= sizeof(tail))
		return -ENAMETOOLONG;
	memcpy(tail, w->rest, strlen(w->rest) + 1);
	n = snprintf(w->rest, sizeof(w->rest), "%s/%s", target, tail);
	return n < 0 || (size_t)n >= sizeof(w->rest) ? -ENAMETOOLONG : 0;
}

/* Take the next component off; 0 when none is left. */
static int walk_next(struct walk *w, char name[NAME_MAX + 1], int *ret_last)
{
	char *p = w->rest;
	size_t n;

	while (*p == '/')
		p++;
	n = strcspn(p, "/");
	if (n == 0)
		return 0;
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, p, n);
	name[n] = '\0';
	p += n;
	*ret_last = p[strspn(p, "/")] == '\0';
	memmove(w->rest, p, strlen(p) + 1);
	return 1;
}

/* Directories on the way down, so that ".." needs no look at the file system (a directory may have
 * been moved out of the root meanwhile). */
struct walk_stack {
	int fds[PATH_MAX / 2];
	size_t n;
};

static void walk_stack_done(struct walk_stack *s)
{
	while (s->n)
		(void)close(s->fds[--s->n]);
	free(s);
}

static void scoped_walk_stack(struct walk_stack **s)
{
	if (*s)
		walk_stack_done(*s);
}

/* Open exactly what FD, NAME in AT, was seen to be (ST).  Where there is no /proc of ours, as in a
 * container, by its name again, which must not have become another's. */
static int reopen(int at, const char *name, int fd, const struct stat *st, int flags)
{
	char proc[32];
	struct stat now;
	scoped(fd) int again =
		open(fd_proc_path(fd, proc), (flags & ~(O_CREAT | O_NOFOLLOW)) | O_CLOEXEC);

	if (again >= 0 || errno != ENOENT)
		return again >= 0 ? take_fd(&again) : -errno;
	again = openat(at, name,
		       (flags & ~O_CREAT) | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (again < 0 || fstat(again, &now) < 0)
		return -errno;
	if (now.st_dev != st->st_dev || now.st_ino != st->st_ino)
		return -ELOOP;
	if (!(flags & O_NONBLOCK) && fd_set_nonblock(again, 0) < 0)
		return -EIO;
	return take_fd(&again);
}

/* Open one component; a link (unless the caller wants the link itself) is read into TARGET and
 * reported as 1. */
static int walk_step(int at, const char *name, int flags, mode_t mode, int keep_link,
		     char target[PATH_MAX], int *ret_fd)
{
	scoped(fd) int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0) {
		if (errno != ENOENT || !(flags & O_CREAT))
			return -errno;
		*ret_fd = openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC | O_EXCL, mode);
		return *ret_fd < 0 ? -errno : 0;
	}
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && !keep_link) {
		n = readlinkat(fd, "", target, PATH_MAX - 1);
		if (n < 0)
			return -errno;
		target[n] = '\0';
		return 1;
	}
	if (flags & O_PATH) {
		if ((flags & O_DIRECTORY) && !S_ISDIR(st.st_mode))
			return -ENOTDIR;
		*ret_fd = take_fd(&fd);
		return 0;
	}
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	*ret_fd = reopen(at, name, fd, &st, flags);
	return *ret_fd < 0 ? *ret_fd : 0;
}

int path_open_in_walk(int root_fd, const char *path, int flags, mode_t mode)
{
	struct walk w = { .links = 0 };
	scoped(walk_stack) struct walk_stack *up = calloc(1, sizeof(*up));
	char name[NAME_MAX + 1], target[PATH_MAX];
	int last = 0, r;
	size_t len = strlen(path);
	int must_dir = len > 0 && path[len - 1] == '/';

	if (!up)
		return -ENOMEM;
	if (!*path)
		return -ENOENT;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(w.rest, path, len + 1);
	target[0] = '\0';
	while ((r = walk_next(&w, name, &last)) > 0) {
		int at = up->n ? up->fds[up->n - 1] : root_fd, fd = -EBADF;
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			if (up->n)
				(void)close(up->fds[--up->n]);
			continue;
		}
		if (last)
			r = walk_step(at, name, flags | (must_dir ? O_DIRECTORY : 0), mode,
				      (flags & O_NOFOLLOW) && !must_dir, target, &fd);
		else
			r = walk_step(at, name, O_PATH | O_DIRECTORY, 0, 0, target, &fd);
		if (r < 0)
			return r;
		if (r == 1) {
			if (target[0] == '/')
				while (up->n)
					(void)close(up->fds[--up->n]);
			if (last && strlen(target) && target[strlen(target) - 1] == '/')
				must_dir = 1;
			r = walk_push(&w, target);
			if (r < 0)
				return r;
			continue;
		}
		if (last)
			return fd;
		if (up->n == ARRAY_LEN(up->fds)) {
			(void)close(fd);
			return -ENAMETOOLONG;
		}
		up->fds[up->n++] = fd;
	}
	if (r < 0)
		return r;
	/* The path ended in "/", "." or "..": the directory reached is the answer. */
	if (flags & O_CREAT)
		return -EISDIR;
	r = openat(up->n ? up->fds[up->n - 1] : root_fd, ".", (flags & ~O_NOFOLLOW) | O_CLOEXEC);
	return r < 0 ? -errno : r;
}

int path_open_in(int root_fd, const char *path, int flags, mode_t mode)
{
	/* openat2(2): a mode without O_CREAT, and unknown flags, are EINVAL. */
	struct open_how how = { .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
				.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	for (int tries = 0; tries < 64; tries++) {
		long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		/* EAGAIN: a rename raced with a ".." (openat2(2)); try again. */
		if (errno == EAGAIN || errno == EINTR)
			continue;
		/* Before Linux 5.6, or a seccomp filter around us. */
		if (errno == ENOSYS || errno == EPERM)
			return path_open_in_walk(root_fd, path, flags, mode);
		return -errno;
	}
	return -EAGAIN;
}

/* PATH without its last component into DIR, which has room for PATH_MAX; the last one is returned.
 */
static const char *split_last(const char *path, char *dir)
{
	size_t len = strlen(path);
	while (len && path[len - 1] != '/')
		len--;
	memcpy(dir, path, len);
	dir[len] = '\0';
	return path + len;
}

int path_mkdirs_in(int root_fd, const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	int fd = -ENOENT;

	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	fd = path_open_in(root_fd, len ? path : "/", O_PATH | O_DIRECTORY, 0);
	if (fd != -ENOENT)
		return fd;
	for (size_t i = 0; i <= len; i++) {
		char dir[PATH_MAX];
		const char *name;
		if (i < len && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (!i || part[i - 1] == '/')
			continue;
		fd_close(fd);
		fd = path_open_in(root_fd, part, O_PATH | O_DIRECTORY, 0);
		if (fd == -ENOENT) {
			scoped(fd) int parent = -EBADF;
			name = split_last(part, dir);
			parent = path_open_in(root_fd, *dir ? dir : "/", O_PATH | O_DIRECTORY, 0);
			if (parent < 0)
				return parent;
			if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
				return -errno;
			fd = path_open_in(root_fd, part, O_PATH | O_DIRECTORY, 0);
		}
		if (fd < 0)
			return fd;
	}
	return fd;
}

int path_mkfile_in(int root_fd, const char *path, mode_t mode)
{
	char dir[PATH_MAX];
	scoped(fd) int parent = -EBADF;
	const char *name;
	int fd = path_open_in(root_fd, path, O_PATH, 0);

	if (fd != -ENOENT)
		return fd;
	if (strlen(path) >= sizeof(dir))
		return -ENAMETOOLONG;
	name = split_last(path, dir);
	parent = path_mkdirs_in(root_fd, *dir ? dir : "/", 0755);
	if (parent < 0)
		return parent;
	fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return errno == EEXIST ? path_open_in(root_fd, path, O_PATH, 0) : -errno;
	fd_close(fd);
	return path_open_in(root_fd, path, O_PATH, 0);
}

/* ---- our own files ------------------------------------------------------------------------ */

int path_mkdirs(const char *path, mode_t mode, struct err *e)
{
	scoped(mem) char *p = strdup(path);
	if (!p)
		return err_sys(e, "make %s", path);
	for (char *s = p + 1;; s++) {
		char c = *s;
		if (c != '/' && c != '\0')
			continue;
		*s = '\0';
		if (mkdir(p, mode) < 0 && errno != EEXIST && !(errno == EROFS || errno == EACCES))
			return err_sys(e, "make directory %s", p);
		if (c == '\0')
			break;
		*s = c;
	}
	/* EROFS and EACCES above may be about a directory that exists: the last one decides. */
	if (mkdir(p, mode) < 0 && errno != EEXIST)
		return err_sys(e, "make directory %s", p);
	return 0;
}

int path_read(int dir_fd, const char *name, size_t limit, char **ret, size_t *ret_len,
	      struct err *e)
{
	scoped(fd) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? err_sys(e, "open %s", name)
		      : path_read_fd(fd, name, limit, ret, ret_len, e);
}

int path_read_fd(int fd, const char *name, size_t limit, char **ret, size_t *ret_len, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s is not a regular file", name);
	strbuf_init(&b, limit);
	r = fd_read_all(fd, &b);
	if (r == -E2BIG)
		return err_set(e, r, "%s is larger than %zu bytes", name, limit);
	if (r < 0)
		return err_errno(e, r, "read %s", name);
	if (ret_len)
		*ret_len = b.len;
	*ret = strbuf_take(&b);
	return *ret ? 0 : err_errno(e, ENOMEM, "read %s", name);
}

int path_replace(int dir_fd, const char *name, const void *bytes, size_t n, mode_t mode,
		 int durable, struct err *e)
{
	char tmp[NAME_MAX + 1];
	scoped(fd) int fd = -EBADF;
	unsigned rnd = 0;
	int r;

	if (getrandom(&rnd, sizeof(rnd), GRND_NONBLOCK) < 0)
		rnd = (unsigned)getpid();
	(void)snprintf(tmp, sizeof(tmp), ".%.200s.%08x.tmp", strrchr(name, '/') ? "f" : name, rnd);
	fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(e, "create %s", name);
	r = fd_write_all(fd, bytes, n);
	if (r == 0 && durable && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dir_fd, tmp, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, tmp, 0); /* the failure above is the story */
		return err_errno(e, r, "write %s", name);
	}
	if (durable) {
		scoped(fd) int d = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (d < 0 || fsync(d) < 0)
			return err_sys(e, "sync the directory of %s", name);
	}
	return 0;
}

/* As path_replace() calls its temporary files for NAME. */
static int is_left_of(const char *file, const char *name)
{
	size_t n = strlen(name);

	if (*file != '.' || strncmp(file + 1, name, n) != 0 || file[1 + n] != '.')
		return 0;
	file += n + 2;
	return strspn(file, "0123456789abcdef") == 8 && strcmp(file + 8, ".tmp") == 0;
}

void path_collect(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(fd);
		return;
	}
	for (struct dirent *de; (de = readdir(d));)
		if (is_left_of(de->d_name, name))
			(void)unlinkat(dir_fd, de->d_name, 0); /* or the next time */
}

static int rmtree_at(int dir_fd, const char *name, dev_t dev, int depth)
{
	scoped(dir) DIR *d = NULL;
	struct stat st;
	int fd, r = 0;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM && errno != EBUSY && errno != EACCES)
		return -errno;
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode) || (depth && st.st_dev != dev))
		return -EPERM;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if ((fd < 0 && errno == EACCES) || (st.st_mode & 0700) != 0700) {
		fd_close(fd);
		(void)!fchmodat(dir_fd, name, 0700, 0); /* the open below tells */
		fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	for (struct dirent *de; (de = readdir(d));) {
		int one;
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		one = rmtree_at(fd, de->d_name, st.st_dev, depth + 1);
		if (one < 0 && r == 0)
			r = one;
	}
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT && r == 0)
		r = -errno;
	return r;
}

int path_rmtree(int dir_fd, const char *name)
{
	return rmtree_at(dir_fd, name, 0, 0);
}

long long path_du(int dir_fd, const char *name)
{
	scoped(dir) DIR *d = NULL;
	struct stat st;
	long long sum;
	int fd;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	sum = (long long)st.st_blocks * 512;
	if (!S_ISDIR(st.st_mode))
		return sum;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		(void)close(fd);
		return -ENOMEM;
	}
	for (struct dirent *de; (de = readdir(d));) {
		long long one;
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		one = path_du(fd, de->d_name);
		if (one >= 0)
			sum += one;
		else if (one != -ENOENT)
			return one;
	}
	return sum;
}

int path_is_below(const char *p, const char *dir)
{
	size_t n = strlen(dir);
	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (n == 1)
		return p[0] == '/';
	return strncmp(p, dir, n) == 0 && (p[n] == '/' || p[n] == '\0');
}

char *path_clean(const char *p)
{
	char *out = malloc(strlen(p) + 2), *o = out;
	if (!out)
		return NULL;
	*o = '\0';
	while (*p) {
		size_t n;
		while (*p == '/')
			p++;
		n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			while (o > out && *--o != '/')
				;
			*o = '\0';
		} else if (n && !(n == 1 && p[0] == '.')) {
			*o++ = '/';
			memcpy(o, p, n);
			o += n;
			*o = '\0';
		}
		p += n;
	}
	if (o == out)
		memcpy(out, "/", 2);
	return out;
}

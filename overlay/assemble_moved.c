/* SPDX-License-Identifier: Apache-2.0 */
/* Files that have another name in the store: all layers are walked, and what has the size of a file
 * that was not found under its name is compared. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "overlay/assemble_local.h"

#define SIZE_MIN     (16 << 10)	 /* smaller ones are hardly worth a request */
#define ENTRIES_MAX  500000	 /* about a second */
#define COMPARED_MAX (1LL << 30) /* bytes */
#define DEPTH_MAX    40		 /* a descriptor each */

struct search {
	struct toc *toc;
	struct toc_file **wanted; /* by size */
	size_t n;
	int layer; /* what `local` will be */
	size_t entries;
	int64_t compared;
	char path[PATH_MAX]; /* of the directory below the layer's diff, with a slash behind */
};

static int by_size(const void *a, const void *b)
{
	const struct toc_file *const *x = a, *const *y = b;

	return (*x)->size < (*y)->size ? -1 : (*x)->size > (*y)->size;
}

/* The first of the wanted with SIZE, or n. */
static size_t first_of(const struct search *s, int64_t size)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->wanted[mid]->size < size)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* NAME in directory DIR_FD may be one of them. */
static int compare(struct search *s, int dir_fd, const char *name, int64_t size, struct err *e)
{
	char full[PATH_MAX];
	int n = snprintf(full, sizeof(full), "%s%s", s->path, name);

	if (n < 0 || (size_t)n >= sizeof(full))
		return 0;
	for (size_t i = first_of(s, size); i < s->n && s->wanted[i]->size == size; i++) {
		struct toc_file *f = s->wanted[i];
		struct err ignored = { 0 };
		scoped(fd) int fd = -EBADF;

		if (f->local || s->compared > COMPARED_MAX)
			continue;
		fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		s->compared += size;
		if (fd < 0 || local_file_read(fd, f, NULL, NULL, &ignored) < 0)
			continue;
		if (toc_add_name(s->toc, full, &f->path, e) < 0)
			return e->code;
		f->local = s->layer;
	}
	return 0;
}

static int walk(struct search *s, int at, const char *name, int depth, struct err *e)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t len = strlen(s->path);

	if (!d) {
		fd_close(fd);
		return 0; /* it cannot be looked at: nothing was found in it */
	}
	for (struct dirent *de; r == 0 && s->entries < ENTRIES_MAX && (de = readdir(d));) {
		struct stat st;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		s->entries++;
		if ((de->d_type != DT_REG && de->d_type != DT_DIR && de->d_type != DT_UNKNOWN) ||
		    fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode) && st.st_size >= SIZE_MIN) {
			r = compare(s, fd, de->d_name, st.st_size, e);
		} else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX &&
			   len + strlen(de->d_name) + 2 < sizeof(s->path)) {
			(void)stpcpy(stpcpy(s->path + len, de->d_name), "/"); /* it fits */
			r = walk(s, fd, de->d_name, depth + 1, e);
			s->path[len] = '\0';
		}
	}
	return r;
}

int local_files_moved(struct local_files *l, struct toc *t, struct err *e)
{
	scoped(mem) struct toc_file **wanted = calloc(t->n + 1, sizeof(struct toc_file *));
	scoped(mem) struct search *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!wanted || !s)
		return err_errno(e, ENOMEM, "look for files of a layer");
	s->toc = t;
	s->wanted = wanted;
	for (size_t i = 0; i < t->n; i++)
		if (!t->files[i].local && t->files[i].size >= SIZE_MIN)
			wanted[s->n++] = &t->files[i];
	if (!s->n)
		return 0;
	qsort(wanted, s->n, sizeof(struct toc_file *), by_size);
	for (size_t i = 0; i < l->n && r == 0; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "%.32s/diff", l->names[l->order[i]]);
		s->layer = (int)l->order[i] + 1;
		r = walk(s, l->layers_fd, name, 0, e);
	}
	return r;
}

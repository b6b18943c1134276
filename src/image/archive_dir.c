/* SPDX-License-Identifier: Apache-2.0 */
/* A directory in place of an archive: files are looked up when they are asked for, and opened anew
 * when they are read, so that no descriptor is held for each layer.  Whoever can change them in
 * between gains nothing: contents are compared with their digests. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/archive.h"
#include "src/util/path.h"

struct found {
	struct archive_item item;
	struct found *next;
};
struct archive_dir {
	int fd;
	struct found *found;
};

struct archive_dir *archive_dir_free(struct archive_dir *d)
{
	if (!d)
		return NULL;
	while (d->found) {
		struct found *f = d->found;
		d->found = f->next;
		free(f->item.name);
		free(f);
	}
	fd_close(d->fd);
	free(d);
	return NULL;
}
DEFINE_SCOPED(archive_dir, struct archive_dir *, archive_dir_free);

int image_archive_open_dir(const char *path, struct image_archive **ret, struct err *e)
{
	scoped(image_archive) struct image_archive *a = calloc(1, sizeof(*a));
	scoped(archive_dir) struct archive_dir *d = calloc(1, sizeof(*d));

	if (!a || !d)
		return err_errno(e, ENOMEM, "open %s", path);
	a->fd = -EBADF;
	/* Users name this directory: their rules apply to it. */
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0)
		return err_sys(e, "open %s", path);
	a->dir = take_ptr(&d);
	*ret = take_ptr(&a);
	return 0;
}

static int open_file(const struct archive_dir *d, const char *name, struct stat *st)
{
	/* O_NONBLOCK: a FIFO shall not hang us. */
	scoped(fd) int fd =
		path_open_in(d->fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	if (fstat(fd, st) < 0)
		return -errno;
	return S_ISREG(st->st_mode) ? take_fd(&fd) : -EINVAL;
}

const struct archive_item *archive_dir_find(struct archive_dir *d, const char *name)
{
	struct found *f;
	struct stat st;
	scoped(fd) int fd = open_file(d, name, &st);

	if (fd < 0)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (!f || !(f->item.name = strdup(name))) {
		free(f);
		return NULL;
	}
	f->item.size = st.st_size;
	f->next = d->found;
	d->found = f;
	return &f->item;
}

int archive_dir_open_item(const struct archive_dir *d, const struct archive_item *item,
			  struct err *e)
{
	struct stat st;
	int fd = open_file(d, item->name, &st);

	return fd < 0 ? err_errno(e, fd, "open %s", item->name) : fd;
}

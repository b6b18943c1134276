/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/layout_archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/names.h"
#include "src/util/new_file.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/tar.h"

#define PREFIX "oci-archive:"
#define BLOBS  "blobs/sha256/"

int layout_archive_is(const char *to)
{
	return str_starts(to, PREFIX);
}

int layout_archive_open(struct engine *en, const char *to, struct layout_archive *ret,
			struct err *e)
{
	const char *path = to + strlen(PREFIX), *name = strchr(path, ':');

	ret->en = en;
	if (!*path || name == path)
		return err_set(e, -EINVAL, "oci-archive: without the path of a file");
	if (engine_tmpdir(en, &ret->tmp_name, &ret->tmp_fd, &ret->lease_fd, e) < 0)
		return e->code;
	ret->path = strndup(path, strcspn(path, ":"));
	ret->layout = str_printf("oci:%s/tmp/%s%s", en->graphroot, ret->tmp_name, name ? name : "");
	return ret->path && ret->layout ? 0 : err_errno(e, ENOMEM, "write an archive");
}

void layout_archive_done(struct layout_archive *a)
{
	if (a->tmp_name)
		engine_tmpdir_remove(a->en, a->tmp_name);
	free(a->tmp_name);
	free(a->path);
	free(a->layout);
	fd_close(a->tmp_fd);
	fd_close(a->lease_fd);
	*a = (struct layout_archive)LAYOUT_ARCHIVE_NONE;
}

/* The file PATH below DIR. */
static int put_file(int out, int dir, const char *path)
{
	scoped(fd) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct tar_entry t = { .name = path, .type = TAR_FILE, .mode = 0644 };
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	t.size = st.st_size;
	r = tar_put_header(out, &t);
	if (r == 0)
		r = fd_copy(fd, 0, st.st_size, out);
	return r < 0 ? r : tar_put_padding(out, st.st_size);
}

static int put_dir(int out, const char *path)
{
	const struct tar_entry t = { .name = path, .type = TAR_DIR, .mode = 0755 };

	return tar_put_header(out, &t);
}

static int put_blobs(int out, int dir)
{
	int fd = openat(dir, BLOBS, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(fd);
		return -errno;
	}
	for (struct dirent *de; r == 0 && (de = readdir(d));) {
		scoped(mem) char *path = str_printf("%s%s", BLOBS, de->d_name);

		if (*de->d_name != '.')
			r = path ? put_file(out, dir, path) : -ENOMEM;
	}
	return r;
}

static int put_all(int out, int dir)
{
	int r = put_file(out, dir, "oci-layout");

	if (r == 0)
		r = put_file(out, dir, "index.json");
	if (r == 0)
		r = put_dir(out, "blobs/");
	if (r == 0)
		r = put_dir(out, BLOBS);
	if (r == 0)
		r = put_blobs(out, dir);
	return r < 0 ? r : tar_put_end(out);
}

/* Pipes and devices are written as they are. */
static int write_there(const struct layout_archive *a, struct err *e)
{
	scoped(fd) int out = open(a->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (out < 0)
		return err_sys(e, "open %s", a->path);
	r = put_all(out, a->tmp_fd);
	return r < 0 ? err_errno(e, r, "write %s", a->path) : 0;
}

int layout_archive_write(const struct layout_archive *a, struct err *e)
{
	ENGINE_USERS_UMASK(a->en);
	scoped(new_file) struct new_file f = NEW_FILE_NONE;
	struct stat st;
	int r;

	if (stat(a->path, &st) == 0 && !S_ISREG(st.st_mode))
		return write_there(a, e);
	if (new_file_open(a->path, 0666, &f, e) < 0)
		return e->code;
	r = put_all(f.fd, a->tmp_fd);
	return r < 0 ? err_errno(e, r, "write %s", a->path) : new_file_publish(&f, e);
}

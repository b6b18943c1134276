/* SPDX-License-Identifier: Apache-2.0 */
/* An image's next version has most files where the last one had them, and whoever made the layers
 * that are here (a pull in one piece, a build, a load), they can be looked at: there is no index
 * that would have to be kept true.  Larger files are looked for under other names after that.  What
 * is read was unpacked from strangers' archives; the role's root is the directory of the layers,
 * and what a file says is believed by its digest only. */
#include "overlay/assemble_local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/path.h"

#define LAYERS_MAX   4096
#define LOOKUPS_MAX  2000000 /* about two seconds */
#define COMPARED_MAX 3	     /* files of the right name and size, but other contents */
#define PIECE	     ((size_t)256 << 10)

static void hash_free(EVP_MD_CTX *h)
{
	EVP_MD_CTX_free(h);
}
DEFINE_SCOPED(hash, EVP_MD_CTX *, hash_free);

int local_file_read(int fd, const struct toc_file *f, toc_sink *sink, void *arg, struct err *e)
{
	scoped(hash) EVP_MD_CTX *h = EVP_MD_CTX_new();
	scoped(mem) char *piece = malloc(PIECE);
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int64_t left = f->size;

	if (!h || !piece || EVP_DigestInit_ex(h, EVP_sha256(), NULL) != 1)
		return err_errno(e, ENOMEM, "read a file of the store");
	while (left) {
		ssize_t n = fd_read_full(fd, piece, left < (int64_t)PIECE ? (size_t)left : PIECE);
		int r = 0;

		if (n <= 0)
			return err_set(e, n < 0 ? (int)n : -EBADMSG, "a file of the store is cut");
		if (EVP_DigestUpdate(h, piece, (size_t)n) != 1)
			return err_set(e, -EIO, "cannot compute SHA-256");
		r = sink ? sink(arg, piece, (size_t)n, e) : 0;
		if (r < 0)
			return r;
		left -= n;
	}
	if (EVP_DigestFinal_ex(h, md, &len) != 1 || len != sizeof(f->digest) ||
	    memcmp(md, f->digest, len) != 0)
		return err_set(e, -EBADMSG, "a file of the store has other contents");
	return 0;
}

/* The regular file PATH of layer NAME that has SIZE bytes, or a negative errno.  It is looked at
 * before it is opened: a device may do things when it is. */
static int open_sized(int layers_fd, const char *name, const char *path, int64_t size)
{
	char full[PATH_MAX + 64];
	struct stat st;
	scoped(fd) int fd = -EBADF;
	int n = snprintf(full, sizeof(full), "%s/diff/%s", name, path);

	if (n < 0 || (size_t)n >= sizeof(full))
		return -ENAMETOOLONG;
	fd = path_open_in(layers_fd, full, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size != size)
		return -ENOENT;
	fd_close(take_fd(&fd));
	return path_open_in(layers_fd, full, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
}

int local_files_open(const struct local_files *l, const struct toc *t, const struct toc_file *f,
		     struct err *e)
{
	int fd = open_sized(l->layers_fd, l->names[f->local - 1], t->names.s + f->path, f->size);

	return fd < 0 ? err_errno(e, fd, "open a file of the store") : fd;
}

void local_files_done(struct local_files *l)
{
	strv_free(l->names);
	free(l->order);
	*l = (struct local_files){ .layers_fd = -EBADF };
}

static int read_names(struct local_files *l, struct err *e)
{
	scoped(fd) int fd = openat(l->layers_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return err_sys(e, "read the store's layers");
	(void)take_fd(&fd);
	for (struct dirent *de; l->n < LAYERS_MAX && (de = readdir(d));) {
		if (de->d_name[0] == '.' || strlen(de->d_name) > 32)
			continue;
		if (strv_add(&l->names, de->d_name) < 0)
			return err_errno(e, ENOMEM, "read the store's layers");
		l->n++;
	}
	l->order = calloc(l->n + 1, sizeof(*l->order));
	if (!l->order)
		return err_errno(e, ENOMEM, "read the store's layers");
	for (size_t i = 0; i < l->n; i++)
		l->order[i] = (unsigned)i;
	return 0;
}

/* Look for F in the layers; those in which something was found are asked first.  Returns how many
 * were asked. */
static size_t find(struct local_files *l, const struct toc *t, struct toc_file *f)
{
	const char *path = t->names.s + f->path;
	size_t compared = 0, k = 0;

	if (!*path)
		return 0;
	for (; k < l->n && compared < COMPARED_MAX; k++) {
		struct err ignored = { 0 };
		unsigned layer = l->order[k];
		scoped(fd) int fd = open_sized(l->layers_fd, l->names[layer], path, f->size);

		if (fd < 0)
			continue;
		compared++;
		if (local_file_read(fd, f, NULL, NULL, &ignored) < 0)
			continue;
		f->local = (int)layer + 1;
		memmove(l->order + 1, l->order, k * sizeof(*l->order));
		l->order[0] = layer;
		break;
	}
	return k + 1;
}

int local_files_find(struct local_files *l, int layers_fd, struct toc *t, struct err *e)
{
	size_t lookups = 0;

	*l = (struct local_files){ .layers_fd = layers_fd };
	if (read_names(l, e) < 0)
		return e->code;
	for (size_t i = 0; i < t->n && lookups < LOOKUPS_MAX; i++)
		lookups += find(l, t, &t->files[i]);
	return 0;
}

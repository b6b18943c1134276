/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/layout.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/manifest.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define DIR_VERSION "Directory Transport Version: 1.1\n"
#define OCI_LAYOUT  "{\"imageLayoutVersion\":\"1.0.0\"}"
#define REF_NAME    "org.opencontainers.image.ref.name"
#define DIR	    "dir:"
#define OCI	    "oci:"

int layout_is(const char *to)
{
	return str_starts(to, DIR) || str_starts(to, OCI);
}

static int open_dir(const char *path, struct err *e)
{
	int fd;

	if (path_mkdirs(path, 0755, e) < 0)
		return e->code;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s", path) : fd;
}

static int open_oci(struct layout *l, const char *path, struct err *e)
{
	const char *colon = strchr(path, ':');
	scoped(mem) char *root = strndup(path, strcspn(path, ":"));
	scoped(mem) char *blobs = root ? str_printf("%s/blobs/sha256", root) : NULL;

	if (!blobs)
		return err_errno(e, ENOMEM, "push");
	if (!*root)
		return err_set(e, -EINVAL, "oci: without the path of a directory");
	l->is_oci = 1;
	l->name = colon && colon[1] ? strdup(colon + 1) : NULL;
	l->blob_fd = open_dir(blobs, e);
	if (l->blob_fd >= 0)
		l->dir_fd = open_dir(root, e);
	return l->blob_fd < 0 || l->dir_fd < 0 ? e->code : 0;
}

int layout_open(const char *to, struct layout *ret, struct err *e)
{
	struct layout l = LAYOUT_NONE;
	int r = 0;

	if (str_starts(to, OCI)) {
		r = open_oci(&l, to + strlen(OCI), e);
	} else if (!to[strlen(DIR)]) {
		r = err_set(e, -EINVAL, "dir: without the path of a directory");
	} else {
		l.dir_fd = open_dir(to + strlen(DIR), e);
		l.blob_fd = l.dir_fd < 0 ? -EBADF : fcntl(l.dir_fd, F_DUPFD_CLOEXEC, 0);
		r = l.dir_fd < 0 ? e->code : l.blob_fd < 0 ? err_sys(e, "open %s", to) : 0;
	}
	*ret = l;
	if (r < 0)
		layout_done(ret);
	return r;
}

void layout_done(struct layout *l)
{
	fd_close(l->dir_fd);
	fd_close(l->blob_fd);
	free(l->name);
	*l = (struct layout)LAYOUT_NONE;
}

int layout_has(const struct layout *l, const char *digest, int64_t size)
{
	struct stat st;

	return digest[0] &&
	       fstatat(l->blob_fd, digest_hex(digest), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (size < 0 || st.st_size == size);
}

static int put(int dir, const char *name, const void *bytes, size_t n, struct err *e)
{
	return path_replace(dir, name, bytes, n, 0644, 0, e);
}

int layout_put(const struct layout *l, const char *name, const void *bytes, size_t n, struct err *e)
{
	return put(l->blob_fd, name, bytes, n, e);
}

/* ---- the documents --------------------------------------------------------------------------- */

static int read_index(int dir, json_object **ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	size_t n = 0;
	int rc = path_read(dir, "index.json", MANIFEST_MAX, &text, &n, e);

	if (rc == -ENOENT) {
		err_clear(e);
		*ret = json_object_new_object();
		json_put_int(*ret, "schemaVersion", 2);
		json_put(*ret, "manifests", json_object_new_array());
		return *ret ? 0 : err_errno(e, ENOMEM, "push");
	}
	if (rc < 0 || json_parse(text, n, ret, e) < 0)
		return err_in(e, "index.json");
	if (!json_object_is_type(json_get(*ret, "manifests"), json_type_array))
		return err_set(e, -EBADMSG, "index.json: 'manifests' is no list");
	return 0;
}

/* Is the entry replaced by one for NAME and DIGEST? */
static int is_replaced(json_object *entry, const char *name, const char *digest)
{
	const char *has = json_get_str(json_get(entry, "annotations"), REF_NAME);
	const char *d = json_get_str(entry, "digest");

	if (name)
		return has && !strcmp(has, name);
	return !has && d && !strcmp(d, digest);
}

static int add_to_index(int dir, const char *name, const char *digest, const char *type, size_t n,
			struct err *e)
{
	scoped(json) json_object *index = NULL;
	scoped(mem) char *text = NULL;
	json_object *old, *list, *entry;

	if (read_index(dir, &index, e) < 0)
		return e->code;
	list = json_object_new_array();
	entry = json_object_new_object();
	old = json_get(index, "manifests");
	for (size_t i = 0; list && i < json_len(old); i++) {
		json_object *o = json_object_array_get_idx(old, i);
		if (!is_replaced(o, name, digest))
			(void)json_object_array_add(list, json_object_get(o));
	}
	json_put_str(entry, "mediaType", type);
	json_put_str(entry, "digest", digest);
	json_put_int(entry, "size", (int64_t)n);
	if (name) {
		json_object *a = json_object_new_object();
		json_put_str(a, REF_NAME, name);
		json_put(entry, "annotations", a);
	}
	if (list)
		(void)json_object_array_add(list, entry);
	json_put(index, "manifests", list);
	text = json_text(index);
	return text ? put(dir, "index.json", text, strlen(text), e)
		    : err_errno(e, ENOMEM, "write index.json");
}

static int put_in_dir(const struct layout *l, int main, const char *digest, const void *bytes,
		      size_t n, struct err *e)
{
	scoped(mem) char *name =
		main ? strdup("manifest.json") : str_printf("%s.manifest.json", digest_hex(digest));

	if (!name)
		return err_errno(e, ENOMEM, "push");
	if (put(l->dir_fd, "version", DIR_VERSION, strlen(DIR_VERSION), e) < 0)
		return e->code;
	return put(l->dir_fd, name, bytes, n, e);
}

static int put_in_oci(const struct layout *l, int main, const char *digest, const char *type,
		      const void *bytes, size_t n, struct err *e)
{
	scoped(fd) int lock = -EBADF;

	if (put(l->blob_fd, digest_hex(digest), bytes, n, e) < 0)
		return e->code;
	if (!main)
		return 0;
	lock = lock_file(l->dir_fd, ".lock", LOCK_EXCLUSIVE, 1,
			 e); /* for who adds at the same time */
	if (lock < 0 || add_to_index(l->dir_fd, l->name, digest, type, n, e) < 0 ||
	    put(l->dir_fd, "oci-layout", OCI_LAYOUT, strlen(OCI_LAYOUT), e) < 0)
		return e->code;
	(void)unlinkat(l->dir_fd, ".lock", 0); /* it may stay */
	return 0;
}

int layout_put_manifest(const struct layout *l, int main, const char *digest, const char *type,
			const void *bytes, size_t n, struct err *e)
{
	return l->is_oci ? put_in_oci(l, main, digest, type, bytes, n, e)
			 : put_in_dir(l, main, digest, bytes, n, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Directories: "dir:" (files named by their digests, manifest.json beside them) and "oci:" (an OCI
 * image layout, to which images are added).  Files appear whole: written under another name, then
 * renamed. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/push.h"
#include "src/image/push_source.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define DIR_VERSION "Directory Transport Version: 1.1\n"
#define OCI_LAYOUT  "{\"imageLayoutVersion\":\"1.0.0\"}"
#define REF_NAME    "org.opencontainers.image.ref.name"

static int open_dir(const char *path, struct err *e)
{
	int fd;

	if (path_mkdirs(path, 0755, e) < 0)
		return e->code;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s", path) : fd;
}

static int put(int dir, const char *name, const char *bytes, size_t n, struct err *e)
{
	return path_replace(dir, name, bytes, n, 0644, 0, e);
}

/* Layer I into DIR, under the hex digits of its digest. */
static int write_layer(struct push *p, size_t i, int dir, struct err *e)
{
	struct push_layer *l = &p->layers[i];
	scoped(mem) char *tmp = str_printf(".%zu.%d.tmp", i, (int)getpid());
	int fd, rc;

	if (!tmp)
		return err_errno(e, ENOMEM, "push");
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "create a layer");
	rc = push_make(p, i, fd, e);
	if (rc >= 0)
		rc = push_made(p, i, e);
	if (rc >= 0 && renameat(dir, tmp, dir, digest_hex(l->digest)) < 0)
		rc = err_sys(e, "write a layer");
	if (rc < 0)
		(void)unlinkat(dir, tmp, 0); /* the failure above is the story */
	return rc < 0 ? rc : 0;
}

static int has_blob(int dir, const char *digest, int64_t size)
{
	struct stat st;

	return digest[0] && fstatat(dir, digest_hex(digest), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size == size;
}

/* The original of layer I from where the image was pulled: 1, 0 when it is not to be had. */
static int fetch_original(struct push *p, struct push_source *s, size_t i, int dir, struct err *e)
{
	scoped(mem) char *tmp = str_printf(".%zu.%d.tmp", i, (int)getpid());

	if (!push_source_has(s, i))
		return 0;
	if (!tmp)
		return err_errno(e, ENOMEM, "push");
	(void)unlinkat(dir, tmp, 0); /* of one of our number that was killed */
	if (push_source_ask(s, i, tmp) < 0 || !push_source_answer(s)) {
		(void)unlinkat(dir, tmp, 0); /* it may have been begun */
		return 0;
	}
	push_is_there(p, i);
	if (renameat(dir, tmp, dir, digest_hex(p->layers[i].digest)) < 0)
		return err_sys(e, "write a layer");
	return 1;
}

static int write_or_fetch(struct push *p, struct push_source *s, size_t i, int dir, struct err *e)
{
	struct push_layer *l = &p->layers[i];
	int rc = fetch_original(p, s, i, dir, e);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (!p->keeps_plain && has_blob(dir, l->known.digest, l->known.size)) {
		push_is_known(p, i);
		return 0;
	}
	return write_layer(p, i, dir, e);
}

static int write_layers(struct push *p, struct push_source *s, int dir, struct err *e)
{
	scoped(mem) char *wanted = malloc(p->n + 1);

	if (!wanted)
		return err_errno(e, ENOMEM, "push");
	memset(wanted, 1, p->n + 1);
	pull_progress_layers(&p->progress, &p->m, wanted);
	for (size_t i = 0; i < p->n; i++) {
		struct push_layer *l = &p->layers[i], *first = &p->layers[l->same];

		if (first != l) {
			(void)stpcpy(l->digest, first->digest); /* has room for one digest */
			l->size = first->size;
			l->kind = first->kind;
		} else if (l->original && has_blob(dir, l->original->digest, l->original->size)) {
			push_is_there(p, i);
		} else if (write_or_fetch(p, s, i, dir, e) < 0) {
			return e->code;
		}
		pull_progress_ready(&p->progress, i);
	}
	return 0;
}

static int write_blobs(struct push *p, int dir, struct err *e)
{
	struct push_source s = PUSH_SOURCE_NONE;
	int rc;

	s.p = p;
	s.dir_fd = dir;
	rc = write_layers(p, &s, dir, e);
	push_source_done(&s);
	if (rc < 0)
		return rc;
	pull_progress_say(&p->progress, "Copying config sha256:%s", p->image->id);
	return put(dir, p->image->id, p->config, p->config_len, e);
}

int push_to_dir(struct push *p, const char *path, char **ret, struct err *e)
{
	scoped(fd) int dir = -EBADF;
	scoped(push_manifest) struct push_manifest m = { 0 };

	if (!*path)
		return err_set(e, -EINVAL, "dir: without the path of a directory");
	p->keeps_plain = 1;
	dir = open_dir(path, e);
	if (dir < 0 || put(dir, "version", DIR_VERSION, strlen(DIR_VERSION), e) < 0 ||
	    write_blobs(p, dir, e) < 0 || push_manifest(p, &m, e) < 0 ||
	    push_signatures_to_dir(p, dir, m.digest, e) < 0)
		return e->code;
	pull_progress_say(&p->progress, "Writing manifest to image destination");
	if (put(dir, "manifest.json", m.bytes, m.len, e) < 0)
		return e->code;
	*ret = strdup(m.digest);
	return *ret ? 0 : err_errno(e, ENOMEM, "push");
}

/* ---- oci: ------------------------------------------------------------------------------------ */

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

static int add_to_index(int dir, const char *name, const struct push_manifest *m, struct err *e)
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
		if (!is_replaced(o, name, m->digest))
			(void)json_object_array_add(list, json_object_get(o));
	}
	json_put_str(entry, "mediaType", m->media_type);
	json_put_str(entry, "digest", m->digest);
	json_put_int(entry, "size", (int64_t)m->len);
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

int push_to_oci(struct push *p, const char *path, char **ret, struct err *e)
{
	const char *colon = strchr(path, ':');
	const char *name = colon && colon[1] ? colon + 1 : NULL;
	scoped(mem) char *root = colon ? strndup(path, (size_t)(colon - path)) : strdup(path);
	scoped(mem) char *blobs = root ? str_printf("%s/blobs/sha256", root) : NULL;
	scoped(fd) int dir = -EBADF;
	scoped(fd) int blob_dir = -EBADF;
	scoped(fd) int lock = -EBADF;
	scoped(push_manifest) struct push_manifest m = { 0 };

	if (!blobs)
		return err_errno(e, ENOMEM, "push");
	if (!*root)
		return err_set(e, -EINVAL, "oci: without the path of a directory");
	if (p->o->format && p->is_docker)
		return err_set(e, -EINVAL, "an OCI layout holds no images of the format v2s2");
	if (push_signatures_to_dir(p, -EBADF, NULL, e) < 0)
		return e->code;
	p->is_docker = 0;
	blob_dir = open_dir(blobs, e);
	if (blob_dir < 0)
		return blob_dir;
	dir = open_dir(root, e);
	if (dir < 0 || write_blobs(p, blob_dir, e) < 0 || push_manifest(p, &m, e) < 0)
		return e->code;
	pull_progress_say(&p->progress, "Writing manifest to image destination");
	lock = lock_file(dir, ".lock", LOCK_EXCLUSIVE, 1, e); /* for who adds at the same time */
	if (lock < 0 || put(blob_dir, digest_hex(m.digest), m.bytes, m.len, e) < 0 ||
	    add_to_index(dir, name, &m, e) < 0 ||
	    put(dir, "oci-layout", OCI_LAYOUT, strlen(OCI_LAYOUT), e) < 0)
		return e->code;
	(void)unlinkat(dir, ".lock", 0); /* it may stay */
	*ret = strdup(m.digest);
	return *ret ? 0 : err_errno(e, ENOMEM, "push");
}

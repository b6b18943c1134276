/* SPDX-License-Identifier: Apache-2.0 */
/* Making artifacts of files, and storing those that were made or fetched: blobs first, under the
 * lock of publishers, then one transaction (image_store.c has the same order). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/image/artifact_store.h"
#include "src/image/compress.h"
#include "src/image/content_type.h"
#include "src/image/image_store.h"
#include "src/image/manifest.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

#define EMPTY_TYPE  "application/vnd.oci.empty.v1+json"
#define EMPTY_BYTES "{}"

/* ---- storing --------------------------------------------------------------------------------- */

const char *artifact_blob_file(const char *digest, char *buf)
{
	(void)snprintf(buf, 80, "sha256-%s", digest_hex(digest));
	return buf;
}

/* What is not in DIR_FD is in blobs/ already. */
static int move_in(struct engine *en, json_object *manifest, int dir_fd, struct err *e)
{
	for (size_t i = 0; artifact_blob(manifest, i); i++) {
		const char *digest = json_get_str(artifact_blob(manifest, i), "digest");
		char name[80];
		scoped(mem) char *to = NULL;

		if (!digest || !digest_is_valid(digest))
			return err_set(e, -EBADMSG, "manifest: missing or invalid digest");
		to = str_printf("blobs/sha256/%s", digest_hex(digest));
		if (!to)
			return err_errno(e, ENOMEM, "store an artifact");
		if (renameat(dir_fd, artifact_blob_file(digest, name), en->graph_fd, to) < 0 &&
		    (errno != ENOENT || faccessat(en->graph_fd, to, F_OK, 0) < 0))
			return err_sys(e, "store blob %s", digest);
	}
	return 0;
}

static int record(struct store *s, const char *name, json_object *manifest, const char *digest,
		  struct err *e)
{
	char id[ID_LEN + 1];
	int r = id_random(id, ID_LEN);

	if (r < 0)
		return err_errno(e, r, "store an artifact");
	if (name)
		r = store_exec(s, e, "DELETE FROM artifact WHERE name = ?", "s", name);
	if (r >= 0)
		r = store_exec(s, e,
			       "INSERT INTO artifact (id, name, digest, added) VALUES (?, ?, ?, ?)",
			       "sssi", id, name, digest, time_now_ns());
	for (size_t i = 0; artifact_blob(manifest, i) && r >= 0; i++)
		r = store_exec(s, e, "INSERT OR IGNORE INTO artifact_blob VALUES (?, ?)", "ss", id,
			       json_get_str(artifact_blob(manifest, i), "digest"));
	return r < 0 ? r : 0;
}

int artifact_publish(struct engine *en, const char *name, json_object *manifest, const char *bytes,
		     size_t n, int dir_fd, char **ret_digest, struct err *e)
{
	struct store *s = engine_store(en, e);
	scoped(fd) int lock = -EBADF;
	char digest[SHA256_TEXT_LEN];
	int r;

	if (!s)
		return e->code;
	sha256_text(bytes, n, digest);
	lock = image_publish_lock(en, e);
	/* The manifest first: that makes the directory, too. */
	if (lock < 0 || image_blob_write(en, digest, bytes, n, e) < 0 ||
	    move_in(en, manifest, dir_fd, e) < 0)
		return e->code;
	if (syncfs(en->graph_fd) < 0)
		return err_sys(e, "sync %s", en->graphroot);
	if (store_begin(s, STORE_DURABLE, e) < 0)
		return e->code;
	r = record(s, name, manifest, digest, e);
	if (r < 0) {
		store_rollback(s);
		return r;
	}
	if (store_commit(s, e) < 0)
		return e->code;
	*ret_digest = strdup(digest);
	return *ret_digest ? 0 : err_errno(e, ENOMEM, "store an artifact");
}

/* ---- making ---------------------------------------------------------------------------------- */

struct making {
	struct engine *en;
	const struct artifact_options *o;
	char *tmp_name;
	int dir, lease;
	int is_named; /* an artifact of its own, not an entry of a list */
	json_object *manifest;
};

static void scoped_making(struct making *m)
{
	if (m->tmp_name)
		engine_tmpdir_remove(m->en, m->tmp_name);
	free(m->tmp_name);
	fd_close(m->dir);
	fd_close(m->lease);
	json_free(m->manifest);
}

/* A copy of the regular file PATH, hashed by the role that makes blobs. */
static int take_file(struct making *m, const char *path, struct compress_result *ret, struct err *e)
{
	scoped(compress_job) struct compress_job job = COMPRESS_JOB_NONE;
	scoped(fd) int in = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char name[80];
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(e, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s is no regular file", path);
	scoped(fd) int out = openat(m->dir, "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(e, "store %s", path);
	if (compress_stream_start(&job, COMPRESS_NONE, -1, in, out, e) < 0 ||
	    compress_stream_finish(&job, ret, e) < 0)
		return err_in(e, "store %s", path);
	if (!digest_is_valid(ret->digest))
		return err_set(e, -EBADMSG, "store %s: unexpected message", path);
	return renameat(m->dir, "new", m->dir, artifact_blob_file(ret->digest, name)) < 0
		       ? err_sys(e, "store %s", path)
		       : 0;
}

/* By the first bytes of the file with DIGEST, which was taken.  Entries of lists have no parameters
 * in their types, as Podman has it. */
static int type_of(const struct making *m, const char *digest, char ret[CONTENT_TYPE_MAX],
		   struct err *e)
{
	unsigned char bytes[CONTENT_TYPE_BYTES];
	char name[80];
	scoped(fd) int fd =
		openat(m->dir, artifact_blob_file(digest, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : pread(fd, bytes, sizeof(bytes), 0);

	if (n < 0)
		return err_sys(e, "read %s", digest);
	(void)snprintf(ret, CONTENT_TYPE_MAX, "%s", content_type(bytes, (size_t)n));
	if (!m->is_named)
		ret[strcspn(ret, ";")] = '\0';
	return 0;
}

static int add_file(struct making *m, const char *path, struct err *e)
{
	json_object *layers = json_get(m->manifest, "layers"), *d, *notes;
	const char *slash = strrchr(path, '/'), *title = slash ? slash + 1 : path;
	struct compress_result got = { 0 };
	char type[CONTENT_TYPE_MAX] = "";

	for (size_t i = 0; !m->o->no_titles && i < json_len(layers); i++) {
		const char *has =
			json_get_str(json_get(json_object_array_get_idx(layers, i), "annotations"),
				     ARTIFACT_TITLE);
		if (has && !strcmp(has, title))
			return err_set(e, -EEXIST, "%s: artifact already contains this title",
				       title);
	}
	if (take_file(m, path, &got, e) < 0 ||
	    (!m->o->file_type && type_of(m, got.digest, type, e) < 0))
		return e->code;
	d = manifest_descriptor(m->o->file_type ? m->o->file_type : type, got.digest, got.size);
	notes = json_object_new_object();
	if (!m->o->no_titles)
		json_put_str(notes, ARTIFACT_TITLE, title);
	json_put(d, "annotations", notes);
	(void)json_object_array_add(layers, d);
	for (char *const *a = m->o->annotations; a && *a; a++)
		if (str_starts(*a, ARTIFACT_TITLE "="))
			return err_set(e, -EINVAL, "cannot override title annotation");
	return manifest_annotate(notes, m->o->annotations, e);
}

static int put_config(struct making *m, struct err *e)
{
	int is_config = m->o->config && *m->o->config;
	struct compress_result got = { .size = strlen(EMPTY_BYTES) };
	char name[80];

	if (is_config) {
		if (take_file(m, m->o->config, &got, e) < 0)
			return e->code;
	} else {
		sha256_text(EMPTY_BYTES, strlen(EMPTY_BYTES), got.digest);
		if (path_replace(m->dir, artifact_blob_file(got.digest, name), EMPTY_BYTES,
				 strlen(EMPTY_BYTES), 0600, 0, e) < 0)
			return e->code;
	}
	json_put(m->manifest, "config",
		 manifest_descriptor(m->o->config_type		 ? m->o->config_type
				     : is_config && got.size > 0 ? MEDIA_OCI_CONFIG
								 : EMPTY_TYPE,
				     got.digest, got.size));
	return 0;
}

static int put_subject(struct making *m, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(mem) char *bytes = NULL;
	size_t n = 0;

	if (!m->o->subject)
		return 0;
	if (image_find(m->en, m->o->subject, &i, e) < 0 ||
	    image_blob_read(m->en, i->manifest_digest, &bytes, &n, e) < 0)
		return e->code;
	json_put(m->manifest, "subject",
		 manifest_descriptor(manifest_media_type(i->manifest), i->manifest_digest,
				     (int64_t)n));
	return 0;
}

static int begin_manifest(struct making *m, const struct artifact *old, struct err *e)
{
	scoped(mem) char *text = NULL;
	scoped(json) json_object *notes = json_object_new_object();
	char now[UNITS_MAX];

	if (old) { /* --append: the same, with more files */
		text = json_text(old->manifest);
		return !text ? err_errno(e, ENOMEM, "make an artifact")
			     : json_parse(text, strlen(text), &m->manifest, e);
	}
	m->manifest = json_object_new_object();
	json_put_int(m->manifest, "schemaVersion", 2);
	json_put_str(m->manifest, "mediaType", MEDIA_OCI_MANIFEST);
	json_put_str(m->manifest, "artifactType", m->o->type ? m->o->type : ARTIFACT_TYPE_UNKNOWN);
	if (put_config(m, e) < 0)
		return e->code;
	json_put(m->manifest, "layers", json_object_new_array());
	json_put_str(notes, ARTIFACT_CREATED, time_rfc3339(time_now_ns(), now));
	if (m->is_named)
		json_put(m->manifest, "annotations", json_object_get(notes));
	return put_subject(m, e);
}

/* Is there one of that name, and may it be? */
static int look_for_old(struct engine *en, const char *full, const struct artifact_options *o,
			struct artifact **ret, struct err *e)
{
	struct err why = { 0 };
	int r = artifact_find(en, full, ret, &why);

	if (o->append && o->replace)
		return err_set(e, -EINVAL,
			       "--append and --replace options cannot be used together");
	if (o->append && o->type)
		return err_set(e, -EINVAL, "append option is not compatible with type option");
	if (r < 0 && r != -ENOENT) {
		*e = why;
		return r;
	}
	if (r == -ENOENT && o->append)
		return err_set(e, r, "%s: artifact does not exist", full);
	if (r == 0 && !o->append && !o->replace)
		return err_set(e, -EEXIST, "%s: artifact already exists", full);
	if (r == 0 && o->append && (*ret)->is_elsewhere)
		return err_set(e, -EROFS, "cannot change read-only artifact \"%s\"", full);
	return 0;
}

int artifact_add(struct engine *en, const char *name, char *const *paths,
		 const struct artifact_options *o, char **ret_digest, struct err *e)
{
	__attribute__((cleanup(scoped_making))) struct making m = {
		.en = en, .o = o, .dir = -EBADF, .lease = -EBADF, .is_named = name != NULL
	};
	scoped(artifact) struct artifact *old = NULL;
	scoped(mem) char *full = NULL;
	scoped(mem) char *text = NULL;

	if (name && (artifact_name(name, &full, e) < 0 || look_for_old(en, full, o, &old, e) < 0))
		return e->code;
	if (engine_tmpdir(en, &m.tmp_name, &m.dir, &m.lease, e) < 0 ||
	    begin_manifest(&m, o->append ? old : NULL, e) < 0)
		return e->code;
	for (char *const *p = paths; *p; p++)
		if (add_file(&m, *p, e) < 0)
			return e->code;
	text = json_text(m.manifest);
	if (!text)
		return err_errno(e, ENOMEM, "make an artifact");
	if (strlen(text) > MANIFEST_MAX || json_len(json_get(m.manifest, "layers")) > LAYERS_MAX)
		return err_set(e, -E2BIG, "an artifact of more than %d files", LAYERS_MAX);
	if (artifact_publish(en, full, m.manifest, text, strlen(text), m.dir, ret_digest, e) < 0)
		return e->code;
	image_collect(en); /* what it was before */
	return 0;
}

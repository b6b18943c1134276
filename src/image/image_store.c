/* SPDX-License-Identifier: Apache-2.0 */
/* How an image appears, in this order:
 *	1. layers are finished in graphroot/tmp/X/..., under X's lease
 *	2. publish.lock (shared); config and manifest into blobs/ (synced, renamed); layers renamed
 *into layers/NAME; syncfs
 *	3. one durable transaction names all of it
 * A crash before 3 leaves directories and blobs without a record: image_collect(), which wants the
 *lock for itself, removes them. */
#include "src/image/image_store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/layer.h"
#include "src/image/image_stores.h"
#include "src/image/manifest.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/path.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

struct image *image_free(struct image *i)
{
	if (!i)
		return NULL;
	free(i->id);
	free(i->manifest_digest);
	free(i->index_digest);
	free(i->store);
	free(i->parent);
	strv_free(i->names);
	strv_free(i->pinned);
	strv_free(i->past);
	strv_free(i->digests);
	strv_free(i->layers);
	json_free(i->config);
	json_free(i->manifest);
	free(i);
	return NULL;
}

/* ---- blobs ----------------------------------------------------------------------------------- */

static int blobs_open(struct engine *en, struct err *e)
{
	int fd = openat(en->graph_fd, "blobs/sha256",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(en->graph_fd, "blobs/sha256", 0700) < 0 && errno != EEXIST)
			return err_sys(e, "make directory %s/blobs/sha256", en->graphroot);
		fd = openat(en->graph_fd, "blobs/sha256",
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	}
	return fd < 0 ? err_sys(e, "open %s/blobs/sha256", en->graphroot) : fd;
}

/* Where an additional store has the document (owned), or NULL. */
static char *blob_elsewhere(struct engine *en, const char *digest)
{
	for (size_t k = 1; k < image_stores_n(en); k++) {
		scoped(stmt) struct sqlite3_stmt *q = NULL;
		struct err ignored;
		struct store *s = image_store_db(en, k, &ignored);
		if (s &&
		    store_query(s, &q, &ignored, "SELECT path FROM blob WHERE digest = ?", "s",
				digest) == 0 &&
		    store_step(q, &ignored) == 1)
			return strdup(store_text(q, 0));
	}
	return NULL;
}

int image_blob_read(struct engine *en, const char *digest, char **ret, size_t *ret_len,
		    struct err *e)
{
	scoped(fd) int dir = blobs_open(en, e);
	scoped(mem) char *bytes = NULL;
	char got[SHA256_TEXT_LEN] = "";
	size_t n = 0;
	int r;

	if (dir < 0)
		return dir;
	r = path_read(dir, digest_hex(digest), MANIFEST_MAX, &bytes, &n, e);
	if (r == -ENOENT && en->stores) {
		scoped(mem) char *path = blob_elsewhere(en, digest);
		if (path)
			r = path_read(AT_FDCWD, path, MANIFEST_MAX, &bytes, &n, e);
	}
	if (r < 0 && r != -ENOENT && r != -E2BIG && r != -EINVAL)
		return err_in(e, "blob %s", digest);
	if (r == 0)
		sha256_text(bytes, n, got);
	if (r < 0 || strcmp(got, digest) != 0) {
		(void)err_set(e, -EBADMSG, "blob %s is %s in the store", digest,
			      r == -ENOENT ? "missing" : "damaged");
		return err_hint(e, "remove the image with 'cove rmi -f' and get it again");
	}
	*ret = take_ptr(&bytes);
	if (ret_len)
		*ret_len = n;
	return 0;
}

int image_blob_open(struct engine *en, const char *digest, struct err *e)
{
	scoped(fd) int dir = blobs_open(en, e);
	scoped(mem) char *path = NULL;
	int fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, digest_hex(digest), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? err_sys(e, "open blob %s", digest) : fd;
	path = blob_elsewhere(en, digest);
	fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	return fd < 0 ? err_set(e, -ENOENT, "blob %s is missing in the store", digest) : fd;
}

int image_blob_write(struct engine *en, const char *digest, const void *bytes, size_t n,
		     struct err *e)
{
	scoped(fd) int dir = blobs_open(en, e);
	struct stat st;

	if (dir < 0)
		return dir;
	if (fstatat(dir, digest_hex(digest), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && (size_t)st.st_size == n) {
		scoped(mem) char *have = NULL;
		struct err ignored;
		if (image_blob_read(en, digest, &have, NULL, &ignored) == 0)
			return 0;
	}
	return path_replace(dir, digest_hex(digest), bytes, n, 0600, 1, e);
}

/* ---- records --------------------------------------------------------------------------------- */

/* All first columns of a query with one argument. */
static int list_column(struct store *s, const char *sql, const char *arg, char ***ret,
		       struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(strv) char **v = NULL;
	int r = store_query(s, &q, e, sql, "s", arg);

	while (r == 0 && (r = store_step(q, e)) > 0)
		r = strv_add(&v, store_text(q, 0));
	if (r < 0)
		return e->code ? r : err_errno(e, r, "read an image's record");
	*ret = take_ptr(&v);
	return 0;
}

static int add_once(char ***v, const char *s)
{
	for (char **p = *v; p && *p; p++)
		if (strcmp(*p, s) == 0)
			return 0;
	return strv_add(v, s);
}

/* What it was pulled as, and each of its names' repositories with its digest, as Podman shows it.
 */
static int fill_digests(struct image *i, struct err *e)
{
	for (char **n = i->names; n && *n; n++) {
		const char *slash = strrchr(*n, '/'), *colon = strrchr(*n, ':');
		size_t len = colon && (!slash || colon > slash) ? (size_t)(colon - *n) : strlen(*n);
		scoped(mem) char *d = str_printf("%.*s@%s", (int)len, *n, i->manifest_digest);
		if (!d || add_once(&i->digests, d) < 0)
			return err_errno(e, ENOMEM, "read an image's record");
	}
	return 0;
}

static int fill_documents(struct engine *en, struct image *i, struct err *e)
{
	scoped(mem) char *config = NULL;
	scoped(mem) char *manifest = NULL;
	char digest[DIGEST_LEN + 1];
	size_t n = 0;
	int r;

	(void)snprintf(digest, sizeof(digest), "sha256:%s", i->id);
	if (!digest_is_valid(digest) || !digest_is_valid(i->manifest_digest))
		return err_set(e, -EBADMSG, "its record is damaged");
	r = image_blob_read(en, digest, &config, &n, e);
	if (r == 0)
		r = json_parse(config, n, &i->config, e);
	if (r == 0)
		r = image_blob_read(en, i->manifest_digest, &manifest, &n, e);
	return r < 0 ? r : json_parse(manifest, n, &i->manifest, e);
}

static int fill(struct engine *en, struct store *s, struct image *i, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = list_column(s, "SELECT name FROM image_name WHERE image_id = ? ORDER BY name",
			    i->id, &i->names, e);

	if (r == 0 && s == engine_store(en, e)) /* those of others are not ours to remove */
		r = list_column(s,
				"SELECT digest_name FROM image_pin WHERE image_id = ? ORDER BY "
				"digest_name",
				i->id, &i->pinned, e);
	if (r == 0 && s == engine_store(en, e))
		r = list_column(
			s,
			"SELECT name FROM image_past WHERE image_id = ? ORDER BY number DESC, name",
			i->id, &i->past, e);
	if (r == 0)
		r = list_column(s,
				"SELECT digest_name FROM image_digest WHERE image_id = ? ORDER BY "
				"digest_name",
				i->id, &i->digests, e);
	if (r == 0)
		r = list_column(
			s, "SELECT layer FROM image_layer WHERE image_id = ? ORDER BY position",
			i->id, &i->layers, e);
	if (r == 0)
		r = fill_digests(i, e);
	if (r == 0)
		r = store_query(s, &q, e,
				"SELECT total(l.tree_size) FROM image_layer il JOIN layer l ON "
				"l.name = il.layer"
				" WHERE il.image_id = ?",
				"s", i->id);
	if (r == 0)
		r = store_step(q, e);
	if (r < 0)
		return r;
	i->size = r ? store_int(q, 0) : 0;
	return fill_documents(en, i, e);
}

/* From the database S of one store. */
static int by_id(struct engine *en, struct store *s, const char *id, struct image **ret,
		 struct err *e)
{
	scoped(image) struct image *i = calloc(1, sizeof(*i));
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	const char *index;
	int r;

	r = store_query(s, &q, e,
			"SELECT manifest_digest, index_digest, created FROM image WHERE id = ?",
			"s", id);
	if (r == 0)
		r = store_step(q, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, -ENOENT, "%s: image not known", id);
	if (!i)
		return err_errno(e, ENOMEM, "read an image's record");
	index = store_text(q, 1);
	i->id = strdup(id);
	i->manifest_digest = strdup(store_text(q, 0));
	i->index_digest = index ? strdup(index) : NULL;
	i->created = store_int(q, 2);
	if (!i->id || !i->manifest_digest || (index && !i->index_digest))
		return err_errno(e, ENOMEM, "read an image's record");
	r = fill(en, s, i, e);
	if (r < 0)
		return err_in(e, "image %.12s", id);
	*ret = take_ptr(&i);
	return 0;
}

int image_by_id_in(struct engine *en, size_t k, const char *id, struct image **ret, struct err *e)
{
	scoped(image) struct image *i = NULL;
	struct store *s = image_store_db(en, k, e);
	int r;

	if (!s)
		return k == 0 ? e->code : err_set(e, -ENOENT, "%s: image not known", id);
	r = by_id(en, s, id, &i, e);
	if (r < 0)
		return r;
	if (k > 0 && !(i->store = strdup(en->stores[k - 1])))
		return err_errno(e, ENOMEM, "read an image's record");
	*ret = take_ptr(&i);
	return 0;
}

int image_by_id(struct engine *en, const char *id, struct image **ret, struct err *e)
{
	int r = -ENOENT;

	for (size_t k = 0; r == -ENOENT && k < image_stores_n(en); k++)
		r = image_by_id_in(en, k, id, ret, e);
	if (r == 0)
		err_clear(e);
	return r;
}

/* Of the layer that SQL finds for ARG, the first column; the second is its name.  One that cannot
 * be used where it lies is not there. */
static int lookup(const struct engine *en, struct store *s, const char *sql, const char *arg,
		  char **ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	char *text;
	int r = store_query(s, &q, e, sql, "s", arg);

	if (r == 0)
		r = store_step(q, e);
	if (r < 0)
		return r;
	if (r == 0 || image_layer_is_unfit(en, store_text(q, 1)))
		return err_set(e, -ENOENT, "layer %s is not in the store", arg);
	text = strdup(store_text(q, 0));
	if (!text)
		return err_errno(e, ENOMEM, "find a layer");
	*ret = text;
	return 0;
}

static int layer_lookup(struct engine *en, const char *sql, const char *arg, char **ret,
			struct err *e)
{
	int r = -ENOENT;

	for (size_t k = 0; r == -ENOENT && k < image_stores_n(en); k++) {
		struct store *s = image_store_db(en, k, e);
		if (!s && k == 0)
			return e->code;
		if (s)
			r = lookup(en, s, sql, arg, ret, e);
	}
	if (r == 0)
		err_clear(e);
	return r;
}

int image_layer_by_diff_id(struct engine *en, const char *diff_id, char **ret_name, struct err *e)
{
	scoped(mem) char *name = NULL;
	int r = layer_lookup(en, "SELECT name, name FROM layer WHERE diff_id = ?", diff_id, &name,
			     e);

	if (r < 0)
		return r;
	if (!image_layer_is_there(name))
		return err_set(e, -ENOENT, "layer %s is not in its store any more", diff_id);
	*ret_name = take_ptr(&name);
	return 0;
}

int image_layer_sizes(struct engine *en, const char *diff_id, int64_t *ret_diff, int64_t *ret_tree,
		      struct err *e)
{
	for (size_t k = 0; k < image_stores_n(en); k++) {
		scoped(stmt) struct sqlite3_stmt *q = NULL;
		struct store *s = image_store_db(en, k, e);
		int r = s	 ? store_query(s, &q, e,
					       "SELECT diff_size, tree_size FROM layer WHERE diff_id = ?",
					       "s", diff_id)
			: k == 0 ? e->code
				 : -ENOENT;
		if (r == 0)
			r = store_step(q, e);
		if (r < 0 && k == 0)
			return r;
		if (r <= 0)
			continue;
		*ret_diff = store_int(q, 0);
		*ret_tree = store_int(q, 1);
		return 0;
	}
	return err_set(e, -ENOENT, "layer %s is not in the store", diff_id);
}

int image_layer_by_blob(struct engine *en, const char *blob_digest, char **ret_diff_id,
			struct err *e)
{
	return layer_lookup(en, "SELECT diff_id, name FROM layer WHERE blob_digest = ?",
			    blob_digest, ret_diff_id, e);
}

/* ---- publishing ------------------------------------------------------------------------------ */

int image_publish_lock(struct engine *en, struct err *e)
{
	return lock_file(en->graph_fd, "publish.lock", LOCK_SHARED, 1, e);
}

void image_layer_discard(struct engine *en, const char *name)
{
	scoped(mem) char *tmp = NULL;
	scoped(mem) char *from = str_printf("layers/%s", name);
	scoped(mem) char *to = NULL;
	scoped(fd) int dir = -EBADF;
	scoped(fd) int lease = -EBADF;
	struct err ignored;

	if (image_layer_is_elsewhere(name))
		return; /* not ours to touch */
	if (!from || engine_tmpdir(en, &tmp, &dir, &lease, &ignored) < 0)
		return;
	to = str_printf("tmp/%s/%s", tmp, name);
	/* Gone from layers/ at once; the slow part comes when nobody can see it. */
	if (to && renameat(en->graph_fd, from, en->graph_fd, to) < 0)
		dbg("layer %s is left to the next collection", name);
	engine_tmpdir_remove(en, tmp);
}

/* A layer of this publication: its directory's name, and whether we brought it. */
struct publish_layer {
	char name[LAYER_ID_LEN + 1];
	int moved, lost; /* lost: somebody else's layer with the same diff ID is used */
};

struct publish {
	struct engine *en;
	const struct image_publish *p;
	struct publish_layer *layers;
	char id[DIGEST_HEX_LEN + 1];
	char manifest_digest[SHA256_TEXT_LEN], config_digest[SHA256_TEXT_LEN];
	int64_t created;
};

/* The documents agree with each other and with what was unpacked. */
static int check(struct publish *w, struct err *e)
{
	const struct image_publish *p = w->p;
	scoped(manifest) struct manifest m = { 0 };
	scoped(strv) char **ids = NULL;
	scoped(json) json_object *config = NULL;
	const char *created;
	int64_t ns;
	int r;

	if (p->manifest_len > MANIFEST_MAX || p->config_len > MANIFEST_MAX)
		return err_set(e, -E2BIG, "a manifest or config of more than %d bytes",
			       MANIFEST_MAX);
	sha256_text(p->manifest, p->manifest_len, w->manifest_digest);
	sha256_text(p->config, p->config_len, w->config_digest);
	(void)snprintf(w->id, sizeof(w->id), "%s", digest_hex(w->config_digest));
	r = manifest_parse(p->manifest, p->manifest_len, p->manifest_type, &m, e);
	if (r < 0)
		return r;
	if (m.kind != MANIFEST_IMAGE ||
	    (!m.is_schema1 && strcmp(m.config.digest, w->config_digest) != 0))
		return err_set(e, -EBADMSG,
			       "the manifest names another config than the one at hand");
	if (m.n_layers != p->n_layers)
		return err_set(e, -EBADMSG, "the manifest has %zu layers, not %zu", m.n_layers,
			       p->n_layers);
	r = config_diff_ids(p->config, p->config_len, p->n_layers, &ids, e);
	for (size_t i = 0; r == 0 && i < p->n_layers; i++) {
		if (strcmp(ids[i], p->layers[i].diff_id) != 0)
			return err_set(e, -EBADMSG, "layer %zu is %s, its config says %s", i + 1,
				       p->layers[i].diff_id, ids[i]);
	}
	if (r == 0)
		r = json_parse(p->config, p->config_len, &config, e);
	if (r < 0)
		return r;
	created = json_get_str(config, "created");
	w->created = created && time_parse(created, 0, &ns) == 0 ? ns / 1000000000 : 0;
	return 0;
}

/* Rename our new layers in; those that are there already, or twice in this image, are not moved. */
static int move_in(struct publish *w, struct err *e)
{
	for (size_t i = 0; i < w->p->n_layers; i++) {
		const struct image_new_layer *l = &w->p->layers[i];
		scoped(mem) char *have = NULL;
		scoped(mem) char *to = NULL;
		struct err ignored;

		if (!l->tmp_path || image_layer_by_diff_id(w->en, l->diff_id, &have, &ignored) == 0)
			continue;
		layer_new_id(w->layers[i].name);
		to = str_printf("layers/%s", w->layers[i].name);
		if (!to)
			return err_errno(e, ENOMEM, "store a layer");
		if (renameat(w->en->graph_fd, l->tmp_path, w->en->graph_fd, to) < 0) {
			/* The same directory is given twice when an image has a layer twice. */
			if (errno == ENOENT && i > 0)
				continue;
			return err_sys(e, "move layer %s to its place", l->diff_id);
		}
		w->layers[i].moved = 1;
	}
	return 0;
}

/* Take back what no transaction named. */
static void move_back(struct publish *w)
{
	for (size_t i = 0; i < w->p->n_layers; i++) {
		scoped(mem) char *from = str_printf("layers/%s", w->layers[i].name);
		if (w->layers[i].moved && from)
			(void)renameat(w->en->graph_fd, from, w->en->graph_fd,
				       w->p->layers[i].tmp_path);
	}
}

/* A row for layer L under NAME.  One there is already is of an additional store that has lost it:
 * its images have this one now. */
static int record_row(struct store *s, const struct image_new_layer *l, const char *name,
		      struct err *e)
{
	int r = store_exec(s, e, "PRAGMA defer_foreign_keys=ON", "");

	if (r >= 0)
		r = store_exec(s, e,
			       "UPDATE image_layer SET layer = ? WHERE layer IN (SELECT name FROM "
			       "layer WHERE diff_id = ?)",
			       "ss", name, l->diff_id);
	if (r >= 0)
		r = store_exec(s, e, "UPDATE layer SET name = ? WHERE diff_id = ?", "ss", name,
			       l->diff_id);
	if (r != 0)
		return r;
	return store_exec(s, e,
			  "INSERT INTO layer (name, diff_id, blob_digest, blob_size, "
			  "diff_size, tree_size)"
			  " VALUES (?, ?, ?, ?, ?, ?)",
			  "sssiii", name, l->diff_id, *l->blob_digest ? l->blob_digest : NULL,
			  l->blob_size, l->diff_size, l->tree_size);
}

/* The transaction's part for one layer. */
static int record_layer(struct publish *w, struct store *s, size_t i, struct err *e)
{
	const struct image_new_layer *l = &w->p->layers[i];
	scoped(mem) char *have = NULL;
	const char *name = w->layers[i].name;
	int r = image_layer_by_diff_id(w->en, l->diff_id, &have, e);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT && !w->layers[i].moved)
		return err_set(e, -EAGAIN, "layer %s was removed by somebody else meanwhile",
			       l->diff_id);
	if (r == 0) {
		w->layers[i].lost = w->layers[i].moved;
		name = have;
		if (image_layer_is_elsewhere(have))
			r = record_row(s, l, have, e);
		if (r >= 0 && *l->blob_digest)
			r = store_exec(
				s, e,
				"UPDATE layer SET blob_digest = ?, blob_size = ? WHERE name = ?",
				"sis", l->blob_digest, l->blob_size, name);
	} else {
		err_clear(e);
		r = record_row(s, l, name, e);
	}
	if (r >= 0)
		r = store_exec(
			s, e,
			"INSERT INTO image_layer (image_id, position, layer) VALUES (?, ?, ?)",
			"sis", w->id, (int64_t)i, name);
	return r < 0 ? r : 0;
}

static int record(struct publish *w, struct store *s, struct err *e)
{
	const struct image_publish *p = w->p;
	int r = store_exec(s, e,
			   "INSERT INTO image (id, manifest_digest, manifest_type, index_digest, "
			   "created, added)"
			   " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
			   " manifest_digest = excluded.manifest_digest, manifest_type = "
			   "excluded.manifest_type,"
			   " index_digest = excluded.index_digest",
			   "ssssii", w->id, w->manifest_digest, p->manifest_type, p->index_digest,
			   w->created, time_now_ns());

	if (r >= 0)
		r = store_exec(s, e, "DELETE FROM image_layer WHERE image_id = ?", "s", w->id);
	for (size_t i = 0; r >= 0 && i < p->n_layers; i++)
		r = record_layer(w, s, i, e);
	if (r >= 0 && p->name)
		r = store_exec(s, e,
			       "INSERT OR REPLACE INTO image_name (name, image_id) VALUES (?, ?)",
			       "ss", p->name, w->id);
	if (r >= 0 && p->digest_name)
		r = store_exec(
			s, e,
			"INSERT OR IGNORE INTO image_digest (image_id, digest_name) VALUES (?, ?)",
			"ss", w->id, p->digest_name);
	if (r >= 0 && p->digest_name && p->by_digest)
		r = store_exec(
			s, e,
			"INSERT OR IGNORE INTO image_pin (image_id, digest_name) VALUES (?, ?)",
			"ss", w->id, p->digest_name);
	return r < 0 ? r : 0;
}

static int commit(struct publish *w, struct err *e)
{
	struct store *s = engine_store(w->en, e);
	int r;

	if (!s)
		return e->code;
	/* Contents and renames are on the disk before a record says so. */
	if (syncfs(w->en->graph_fd) < 0)
		return err_sys(e, "sync %s", w->en->graphroot);
	r = store_begin(s, STORE_DURABLE, e);
	if (r < 0)
		return r;
	r = record(w, s, e);
	if (r == 0)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

static int publish(struct publish *w, struct err *e)
{
	scoped(fd) int lock = image_publish_lock(w->en, e);
	int r = lock;

	if (r >= 0)
		r = image_blob_write(w->en, w->config_digest, w->p->config, w->p->config_len, e);
	if (r == 0)
		r = image_blob_write(w->en, w->manifest_digest, w->p->manifest, w->p->manifest_len,
				     e);
	if (r == 0)
		r = move_in(w, e);
	if (r == 0)
		r = commit(w, e);
	if (r < 0)
		move_back(w);
	return r;
}

int image_publish(struct engine *en, const struct image_publish *p, char **ret_id, struct err *e)
{
	scoped(mem) struct publish_layer *layers = calloc(p->n_layers + 1, sizeof(*layers));
	struct publish w = { .en = en, .p = p, .layers = layers };
	char *id;
	int r;

	if (!layers)
		return err_errno(e, ENOMEM, "store an image");
	r = check(&w, e);
	if (r < 0)
		return r;
	id = strdup(w.id);
	if (!id)
		return err_errno(e, ENOMEM, "store an image");
	r = publish(&w, e);
	if (r < 0) {
		free(id);
		return r;
	}
	for (size_t i = 0; i < p->n_layers; i++)
		if (layers[i].lost)
			image_layer_discard(en, layers[i].name);
	*ret_id = id;
	return 0;
}

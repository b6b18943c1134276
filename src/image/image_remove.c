/* SPDX-License-Identifier: Apache-2.0 */
/* The record goes first, in one transaction; files that no record names are deleted after it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/image_parent.h"
#include "src/image/image_store.h"
#include "src/image/image_stores.h"
#include "src/image/manifest_list.h"
#include "src/image/reference.h"
#include "src/store/events.h"
#include "src/store/store.h"
#include "src/util/lock.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"

void image_remove_result_done(struct image_remove_result *r)
{
	strv_free(r->untagged);
	strv_free(r->deleted);
	r->untagged = r->deleted = NULL;
}

/* ---- one image ------------------------------------------------------------------------------- */

static int refuse_used(struct store *s, const char *id, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e, "SELECT id FROM container WHERE image_id = ? LIMIT 1", "s",
			    id);

	if (r == 0)
		r = store_step(q, e);
	if (r <= 0)
		return r;
	return err_set(
		e, -EBUSY,
		"image used by %s: image is in use by a container: consider listing external "
		"containers and force-removing image",
		store_text(q, 0));
}

static int refuse_named(struct store *s, const char *id, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e,
			    "SELECT name FROM image_name WHERE image_id = ?1 UNION ALL"
			    " SELECT digest_name FROM image_pin WHERE image_id = ?1 LIMIT 1",
			    "s", id);

	if (r == 0)
		r = store_step(q, e);
	return r <= 0 ? r : err_set(e, -EEXIST, "image %.12s has a name", id);
}

/* Delete the rows of layers that no image has any more; their names in *RET. */
static int delete_layers(struct store *s, char ***ret, int64_t *ret_freed, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e,
			    "SELECT name, tree_size FROM layer WHERE name NOT IN (SELECT layer "
			    "FROM image_layer)",
			    "");

	while (r == 0 && (r = store_step(q, e)) > 0) {
		r = strv_add(ret, store_text(q, 0));
		if (r < 0)
			return err_errno(e, r, "remove layers");
		if (!image_layer_is_elsewhere(store_text(q, 0)))
			*ret_freed += store_int(q, 1);
	}
	if (r == 0)
		r = store_exec(
			s, e, "DELETE FROM layer WHERE name NOT IN (SELECT layer FROM image_layer)",
			"");
	return r < 0 ? r : 0;
}

static int transaction(struct store *s, const char *id, int dangling, char ***ret_layers,
		       int64_t *ret_freed, struct err *e)
{
	int r = store_begin(s, STORE_DURABLE | STORE_REMOVES, e);

	if (r < 0)
		return r;
	r = refuse_used(s, id, e);
	if (r == 0 && dangling)
		r = refuse_named(s, id, e);
	if (r == 0)
		r = store_exec(s, e, "DELETE FROM image WHERE id = ?", "s",
			       id); /* names and the rest follow */
	if (r == 0)
		r = err_set(e, -ENOENT, "%s: image not known", id);
	if (r > 0)
		r = delete_layers(s, ret_layers, ret_freed, e);
	if (r == 0)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

static int remove_image(struct engine *en, const char *id, int dangling, char *const *names,
			struct image_remove_result *ret, struct err *e)
{
	struct store *s = engine_store(en, e);
	scoped(strv) char **layers = NULL;
	int r;

	if (!s)
		return e->code;
	r = transaction(s, id, dangling, &layers, &ret->freed, e);
	if (r < 0)
		return r;
	for (char **l = layers; l && *l; l++)
		image_layer_discard(en, *l);
	image_collect(en);
	for (char *const *n = names; n && *n && r == 0; n++) {
		r = strv_add(&ret->untagged, *n);
		events_write(en,
			     &(struct event){
				     .type = "image", .status = "untag", .id = id, .name = *n });
	}
	if (r == 0)
		r = strv_add(&ret->deleted, id);
	events_write(en, &(struct event){ .type = "image", .status = "remove", .id = id });
	return r < 0 ? err_errno(e, r, "remove an image") : 0;
}

int image_remove_unused(struct engine *en, const char *id, int dangling,
			struct image_remove_result *ret, struct err *e)
{
	return remove_image(en, id, dangling, NULL, ret, e);
}

/* Which of the NAMES of an image did REF mean?  NULL when REF was an ID or a digest. */
static const char *meant_name(char *const *names, const char *ref)
{
	scoped(reference) struct reference parsed = { 0 };
	scoped(mem) char *name = NULL;
	scoped(mem) char *local = NULL;
	const char *ends = NULL;
	struct err ignored;
	size_t n;

	if (reference_parse(ref, &parsed, &ignored) < 0)
		return NULL;
	name = parsed.digest ? reference_digest_name(&parsed, parsed.digest)
			     : reference_name(&parsed);
	if (!name)
		return NULL;
	if (!parsed.registry)
		local = str_printf("localhost/%s", name);
	n = strlen(name);
	for (char *const *have = names; have && *have; have++) {
		size_t len = strlen(*have);
		if (strcmp(*have, name) == 0 || (local && strcmp(*have, local) == 0))
			return *have;
		if (!ends && local && len > n && (*have)[len - n - 1] == '/' &&
		    strcmp(*have + len - n, name) == 0)
			ends = *have;
	}
	return ends;
}

static int refuse_several(const char *id, char *const *names, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	for (char *const *n = names; *n; n++)
		(void)strbuf_printf(&b, "%s%s", n == names ? "" : " ", *n);
	return err_set(e, -EEXIST,
		       "unable to delete image \"%s\" by ID with more than one tag ([%s]): please "
		       "force removal",
		       id, b.s ? b.s : "");
}

int image_remove(struct engine *en, const char *ref, int flags, struct image_remove_result *ret,
		 struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(strv) char **names = NULL;
	const char *name;
	int force = flags & IMAGE_REMOVE_FORCE, r;

	if (manifest_list_is(en, ref))
		return manifest_list_remove(en, ref, ret, e);
	r = image_find(en, ref, &i, e);

	/* Its documents are damaged, its record is not. */
	if (r == -EBADMSG && force) {
		scoped(mem) char *id = NULL;
		r = image_find_id(en, ref, &id, e);
		return r < 0 ? r : remove_image(en, id, 0, NULL, ret, e);
	}
	if (r < 0)
		return r;
	if (i->store)
		return err_set(e, -EROFS, "cannot remove read-only image \"%s\"", i->id);
	names = image_all_names(i);
	name = meant_name(names, ref);
	if (name && strv_len(names) > 1) {
		r = image_untag(en, i->id, name, e);
		if (r == 0 && strv_add(&ret->untagged, name) < 0)
			r = err_errno(e, ENOMEM, "remove an image");
		return r;
	}
	if (!name && !force && strv_len(names) > 1)
		return refuse_several(i->id, names, e);
	r = remove_image(en, i->id, 0, names, ret, e);
	if (r == -ENOENT)
		return err_set(e, r, "%s: image not known", ref);
	return r < 0 || (flags & IMAGE_REMOVE_KEEP_PARENTS) ? r
							    : image_remove_parents(en, i, ret, e);
}

/* ---- what no record names -------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int known(struct store *s, const char *sql, char ***ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e, sql, "");

	while (r == 0 && (r = store_step(q, e)) > 0)
		r = strv_add(ret, store_text(q, 0));
	if (r == 0 && *ret)
		qsort(*ret, strv_len(*ret), sizeof(char *), compare);
	return r;
}

/* Entries of DIR that KNOWN lacks, in *RET. */
static void unknown(struct engine *en, const char *dir, char **known_names, char ***ret)
{
	int fd = openat(en->graph_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(fd);
		return;
	}
	for (struct dirent *de; (de = readdir(d));) {
		char *key = de->d_name;
		if (strcmp(key, ".") == 0 || strcmp(key, "..") == 0)
			continue;
		if (known_names &&
		    bsearch(&key, known_names, strv_len(known_names), sizeof(char *), compare))
			continue;
		if (strv_add(ret, key) < 0)
			return;
	}
}

void image_collect(struct engine *en)
{
	scoped(strv) char **layers = NULL;
	scoped(strv) char **blobs = NULL;
	scoped(strv) char **lost_layers = NULL;
	scoped(strv) char **lost_blobs = NULL;
	struct err ignored;
	struct store *s = engine_store(en, &ignored);
	/* Somebody publishes: his things look just like rubbish.  Another time. */
	scoped(fd) int lock = lock_file(en->graph_fd, "publish.lock", LOCK_EXCLUSIVE, 0, &ignored);

	if (!s || lock < 0 || known(s, "SELECT name FROM layer", &layers, &ignored) < 0 ||
	    known(s, IMAGE_BLOBS, &blobs, &ignored) < 0)
		return;
	unknown(en, "layers", layers, &lost_layers);
	unknown(en, "blobs/sha256", blobs, &lost_blobs);
	for (char **l = lost_layers; l && *l; l++)
		image_layer_discard(en, *l);
	for (char **b = lost_blobs; b && *b; b++) {
		scoped(mem) char *path = str_printf("blobs/sha256/%s", *b);
		if (path)
			(void)unlinkat(en->graph_fd, path, 0); /* the next collection tries again */
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From what a user typed to one image: names first, so that no image's ID can take a name's place.
 */
#include <errno.h>
#include <string.h>

#include "src/image/image_store.h"
#include "src/image/image_stores.h"
#include "src/image/manifest_list.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"

/* The first column of the first row, owned; NULL with *E untouched when there is none. */
static int first(struct store *s, char **ret, struct err *e, const char *sql, const char *a,
		 const char *b)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e, sql, b ? "ss" : "s", a, b);

	if (r == 0)
		r = store_step(q, e);
	if (r <= 0)
		return r;
	*ret = strdup(store_text(q, 0));
	return *ret ? 1 : err_errno(e, ENOMEM, "find an image");
}

/* An image whose name ends with "/NAME", compared by whole components. */
static int by_suffix(struct store *s, const char *name, char **ret, struct err *e)
{
	return first(s, ret, e,
		     "SELECT image_id FROM image_name WHERE length(name) > length(?1)"
		     " AND substr(name, -length(?1) - 1) = '/' || ?1 ORDER BY name LIMIT 1",
		     name, NULL);
}

static int by_name(struct store *s, const struct reference *ref, char **ret, struct err *e)
{
	static const char *const registries[] = { "localhost", REFERENCE_HUB };
	scoped(mem) char *name = reference_name(ref);
	int r = 0;

	if (!name)
		return err_errno(e, ENOMEM, "find an image");
	if (ref->registry)
		return first(s, ret, e, "SELECT image_id FROM image_name WHERE name = ?", name,
			     NULL);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(registries); i++) {
		scoped(reference) struct reference full = { 0 };
		scoped(mem) char *full_name = NULL;
		r = reference_copy(ref, &full, e);
		if (r == 0)
			r = reference_qualify(&full, registries[i], e);
		if (r == 0 && !(full_name = reference_name(&full)))
			r = err_errno(e, ENOMEM, "find an image");
		if (r == 0)
			r = first(s, ret, e, "SELECT image_id FROM image_name WHERE name = ?",
				  full_name, NULL);
	}
	return r ? r : by_suffix(s, name, ret, e);
}

/* Does one of ID's names or pulled digests belong to the repository of REF? */
static int has_repository(struct store *s, const char *id, const char *path, struct err *e)
{
	scoped(mem) char *found = NULL;

	/* "x/repo:tag" and "x/repo@sha256:..." without what follows the repository. */
	return first(s, &found, e,
		     "SELECT 1 FROM (SELECT name AS n FROM image_name WHERE image_id = ?1"
		     " UNION SELECT digest_name FROM image_digest WHERE image_id = ?1)"
		     " WHERE n LIKE replace(?2, '_', '\\_') || ':%' ESCAPE '\\'"
		     " OR n LIKE replace(?2, '_', '\\_') || '@%' ESCAPE '\\'"
		     " OR n LIKE '%/' || replace(?2, '_', '\\_') || ':%' ESCAPE '\\'"
		     " OR n LIKE '%/' || replace(?2, '_', '\\_') || '@%' ESCAPE '\\' LIMIT 1",
		     id, path);
}

/* What was decrypted is stored with another manifest than it was pulled as. */
static int by_digest(struct store *s, const struct reference *ref, char **ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(mem) char *path = reference_path(ref);
	int r = path ? store_query(s, &q, e,
				   "SELECT id FROM image WHERE manifest_digest = ?1 OR "
				   "index_digest = ?1 OR id IN (SELECT image_id FROM image_digest "
				   "WHERE substr(digest_name, -71) = ?1) ORDER BY id",
				   "s", ref->digest)
		     : err_errno(e, ENOMEM, "find an image");

	while (r == 0 && (r = store_step(q, e)) > 0) {
		const char *id = store_text(q, 0);
		r = has_repository(s, id, path, e);
		if (r <= 0)
			continue;
		*ret = strdup(id);
		return *ret ? 1 : err_errno(e, ENOMEM, "find an image");
	}
	return r;
}

/* "HEX" of at least 3 digits, or "sha256:HEX" (which may also be a manifest's digest). */
static int by_id(struct store *s, const char *ref, char **ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	const char *hex = str_starts(ref, "sha256:") ? ref + 7 : ref;
	int r;

	if (!id_is_prefix(hex) || strlen(hex) < 3)
		return 0;
	/* A range, so that the primary key is used: 'g' comes after all hex digits. */
	r = store_query(
		s, &q, e,
		"SELECT id FROM image WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY id LIMIT 2", "s",
		hex);
	if (r == 0)
		r = store_step(q, e);
	if (r < 0)
		return r;
	if (r == 0)
		return hex == ref ? 0
				  : first(s, ret, e,
					  "SELECT id FROM image WHERE manifest_digest = ?1 OR "
					  "index_digest = ?1",
					  ref, NULL);
	*ret = strdup(store_text(q, 0));
	if (!*ret)
		return err_errno(e, ENOMEM, "find an image");
	r = store_step(q, e);
	if (r <= 0)
		return r < 0 ? r : 1;
	free(*ret);
	*ret = NULL;
	return err_set(e, -EEXIST, "%s: more than one image ID starts so", ref);
}

static int find_id(struct store *s, const char *ref, char **ret, struct err *e)
{
	scoped(reference) struct reference parsed = { 0 };
	int r = reference_parse(ref, &parsed, e);

	if (r < 0 && r != -EINVAL)
		return r;
	if (r == 0)
		r = parsed.digest ? by_digest(s, &parsed, ret, e) : by_name(s, &parsed, ret, e);
	else
		r = 0;
	if (r == 0)
		r = by_id(s, ref, ret, e);
	if (r < 0)
		return r;
	err_clear(e);
	return r ? 0 : err_set(e, -ENOENT, "%s: image not known", ref);
}

/* *RET_K: the store it was found in. */
static int find_in_stores(struct engine *en, const char *ref, char **ret_id, size_t *ret_k,
			  struct err *e)
{
	static const char *const transports[] = { "containers-storage:", "docker://" };
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_LEN(transports); i++)
		if (str_starts(ref, transports[i]))
			ref += strlen(transports[i]);
	for (size_t k = 0; r == -ENOENT && k < image_stores_n(en); k++) {
		struct store *s = image_store_db(en, k, e);
		if (!s && k == 0)
			return e->code;
		*ret_k = k;
		if (s)
			r = find_id(s, ref, ret_id, e);
	}
	return r;
}

int image_find_id(struct engine *en, const char *ref, char **ret_id, struct err *e)
{
	size_t k;

	return find_in_stores(en, ref, ret_id, &k, e);
}

int image_find(struct engine *en, const char *ref, struct image **ret, struct err *e)
{
	scoped(mem) char *id = NULL;
	scoped(mem) char *found = NULL;
	struct err ignored = { 0 };
	size_t k = 0;
	int r = find_in_stores(en, ref, &id, &k, e);

	/* Of a list, the image that fits here. */
	if (r == -ENOENT && manifest_list_choose(en, ref, NULL, &id, &ignored) == 0)
		r = find_in_stores(en, id, &found, &k, e);
	if (r == 0)
		r = image_by_id_in(en, k, id, ret, e);
	/* Removed between the two: the user's word for it is the better one. */
	return r == -ENOENT ? err_set(e, r, "%s: image not known", ref) : r;
}

int image_find_in(struct engine *en, size_t k, const char *ref, struct image **ret, struct err *e)
{
	scoped(mem) char *id = NULL;
	struct store *s = image_store_need(en, k, e);
	int r = s ? find_id(s, ref, &id, e) : e->code;

	return r < 0 ? r : image_by_id_in(en, k, id, ret, e);
}

/* 1: store S has the image. */
static int pulled_as(struct store *s, const char *id, char ***ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(mem) char *found = NULL;
	int r = first(s, &found, e, "SELECT id FROM image WHERE id = ?", id, NULL);

	if (r <= 0)
		return r;
	r = store_query(s, &q, e,
			"SELECT digest_name FROM image_digest WHERE image_id = ? ORDER BY 1", "s",
			id);
	while (r == 0 && (r = store_step(q, e)) > 0)
		r = strv_add(ret, store_text(q, 0)) < 0 ? err_errno(e, ENOMEM, "find an image") : 0;
	return r < 0 ? r : 1;
}

int image_pulled_as(struct engine *en, const char *id, char ***ret, struct err *e)
{
	scoped(strv) char **names = NULL;
	int r = 0;

	for (size_t k = 0; r == 0 && k < image_stores_n(en); k++) {
		struct store *s = image_store_db(en, k, e);
		if (!s && k == 0)
			return e->code;
		if (s)
			r = pulled_as(s, id, &names, e);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&names);
	return 0;
}

int image_source_note(struct engine *en, const char *id, const char *source, struct err *e)
{
	struct store *s = engine_store(en, e);

	if (!s || store_begin(s, 0, e) < 0)
		return e->code;
	if (store_exec(s, e, "INSERT OR REPLACE INTO image_source (image_id, source) VALUES (?, ?)",
		       "ss", id, source) < 0) {
		store_rollback(s);
		return e->code;
	}
	return store_commit(s, e);
}

int image_source_of(struct engine *en, const char *id, char **ret, struct err *e)
{
	struct store *s = engine_store(en, e);
	int r = s ? first(s, ret, e, "SELECT source FROM image_source WHERE image_id = ?", id, NULL)
		  : e->code;

	return r < 0 ? r : 0;
}

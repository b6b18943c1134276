/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/manifest_list.h"

#include <string.h>

#include "src/image/image_store.h"
#include "src/image/image_stores.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct manifest_list *manifest_list_free(struct manifest_list *l)
{
	if (!l)
		return NULL;
	free(l->id);
	free(l->digest);
	strv_free(l->names);
	json_free(l->doc);
	free(l->store);
	free(l);
	return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The first column of all rows that SQL gives for ARG. */
static int column(struct store *s, const char *sql, const char *arg, char ***ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e, sql, arg ? "s" : "", arg);

	while (r == 0 && (r = store_step(q, e)) > 0)
		r = strv_add(ret, store_text(q, 0)) < 0 ? err_errno(e, ENOMEM, "read a list") : 0;
	return r;
}

static int id_of_name(struct store *s, const char *name, char ***ret, struct err *e)
{
	return column(s, "SELECT list_id FROM manifest_list_name WHERE name = ?", name, ret, e);
}

/* A name without registry, in the order of image_find(). */
static int ids_of_short_name(struct store *s, const struct reference *name, const char *text,
			     char ***ret, struct err *e)
{
	static const char *const registries[] = { "localhost", REFERENCE_HUB };

	for (size_t i = 0; !*ret && i < ARRAY_LEN(registries); i++) {
		scoped(reference) struct reference full = { 0 };
		scoped(mem) char *full_name = NULL;

		if (reference_copy(name, &full, e) < 0 ||
		    reference_qualify(&full, registries[i], e) < 0)
			return e->code;
		full_name = reference_name(&full);
		if (!full_name)
			return err_errno(e, ENOMEM, "find a list");
		if (id_of_name(s, full_name, ret, e) < 0)
			return e->code;
	}
	return *ret ? 0
		    : column(s,
			     "SELECT list_id FROM manifest_list_name WHERE length(name) > "
			     "length(?1) AND substr(name, -length(?1) - 1) = '/' || ?1"
			     " ORDER BY name LIMIT 1",
			     text, ret, e);
}

/* The IDs that REF may mean: by name, then by the ID's beginning. */
static int find_ids(struct store *s, const char *ref, char ***ret, struct err *e)
{
	scoped(reference) struct reference name = { 0 };
	scoped(mem) char *text = NULL;
	struct err ignored = { 0 };
	int r = 0;

	if (reference_parse(ref, &name, &ignored) == 0 && !name.digest) {
		text = reference_name(&name);
		if (!text)
			return err_errno(e, ENOMEM, "find a list");
		r = name.registry ? id_of_name(s, text, ret, e)
				  : ids_of_short_name(s, &name, text, ret, e);
	}
	if (r == 0 && !*ret && id_is_prefix(ref) && strlen(ref) >= 3)
		r = column(s, "SELECT id FROM manifest_list WHERE id >= ?1 AND id < ?1 || 'g'", ref,
			   ret, e);
	return r;
}

/* List ID of store number K, S. */
static int read_list(struct engine *en, size_t k, struct store *s, const char *id,
		     struct manifest_list **ret, struct err *e)
{
	scoped(manifest_list) struct manifest_list *l = calloc(1, sizeof(*l));
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(mem) char *text = NULL;
	size_t n = 0;
	int r = store_query(s, &q, e, "SELECT digest, added FROM manifest_list WHERE id = ?", "s",
			    id);

	if (r == 0)
		r = store_step(q, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, -ENOENT, "%s: image not known", id);
	if (!l)
		return err_errno(e, ENOMEM, "read a list");
	l->id = strdup(id);
	l->digest = strdup(store_text(q, 0));
	l->added = store_int(q, 1);
	l->store = k ? strdup(en->stores[k - 1]) : NULL;
	if (!l->id || !l->digest || (k && !l->store))
		return err_errno(e, ENOMEM, "read a list");
	if (!digest_is_valid(l->digest))
		return err_set(e, -EBADMSG, "the record of list %.12s is damaged", id);
	if (column(s, "SELECT name FROM manifest_list_name WHERE list_id = ? ORDER BY name", id,
		   &l->names, e) < 0 ||
	    image_blob_read(en, l->digest, &text, &n, e) < 0 || json_parse(text, n, &l->doc, e) < 0)
		return err_in(e, "list %.12s", id);
	*ret = take_ptr(&l);
	return 0;
}

int manifest_list_find(struct engine *en, const char *ref, struct manifest_list **ret,
		       struct err *e)
{
	scoped(mem) char *image = NULL;
	struct err ignored = { 0 };

	ref = str_starts(ref, "containers-storage:") ? ref + strlen("containers-storage:") : ref;
	for (size_t k = 0; k < image_stores_n(en); k++) {
		scoped(strv) char **ids = NULL;
		struct store *s = image_store_db(en, k, e);

		if (!s && k == 0)
			return e->code;
		if (!s)
			continue;
		if (find_ids(s, ref, &ids, e) < 0)
			return e->code;
		if (ids && ids[1])
			return err_set(e, -EEXIST, "%s: more than one list's ID starts so", ref);
		if (ids)
			return read_list(en, k, s, ids[0], ret, e);
	}
	if (image_find_id(en, ref, &image, &ignored) == 0)
		return err_set(e, -EINVAL, "%s: image is not a manifest list", ref);
	return err_set(e, -ENOENT, "%s: image not known", ref);
}

int manifest_list_is(struct engine *en, const char *ref)
{
	scoped(manifest_list) struct manifest_list *l = NULL;
	struct err ignored = { 0 };

	return manifest_list_find(en, ref, &l, &ignored) == 0;
}

int manifest_list_find_ours(struct engine *en, const char *ref, struct manifest_list **ret,
			    struct err *e)
{
	scoped(manifest_list) struct manifest_list *l = NULL;
	int r = manifest_list_find(en, ref, &l, e);

	if (r != 0 || !l)
		return r;
	if (l->store)
		return err_set(e, -EROFS, "cannot change read-only image \"%s\"", l->id);
	*ret = take_ptr(&l);
	return 0;
}

int manifest_list_ids(struct engine *en, int ours, char ***ret, struct err *e)
{
	for (size_t k = 0; k < (ours ? 1 : image_stores_n(en)); k++) {
		struct store *s = image_store_db(en, k, e);

		if (!s && k == 0)
			return e->code;
		if (s &&
		    column(s, "SELECT id FROM manifest_list ORDER BY added DESC", NULL, ret, e) < 0)
			return e->code;
	}
	return 0;
}

int manifest_list_as_image(const struct manifest_list *l, struct image **ret, struct err *e)
{
	scoped(image) struct image *i = calloc(1, sizeof(*i));
	scoped(mem) char *text = json_text(l->doc);

	if (!i || !text)
		return err_errno(e, ENOMEM, "list images");
	i->id = strdup(l->id);
	i->manifest_digest = strdup(l->digest);
	i->names = strv_copy(l->names);
	i->store = l->store ? strdup(l->store) : NULL;
	i->created = l->added / 1000000000;
	i->size = (int64_t)strlen(text);
	if (!i->id || !i->manifest_digest || (l->names && !i->names) || (l->store && !i->store))
		return err_errno(e, ENOMEM, "list images");
	*ret = take_ptr(&i);
	return 0;
}

int manifest_list_source(struct engine *en, const char *list_id, const char *digest, char **ret,
			 struct err *e)
{
	for (size_t k = 0; k < image_stores_n(en); k++) {
		scoped(stmt) struct sqlite3_stmt *q = NULL;
		struct store *s = image_store_db(en, k, e);
		int r = !s ? (k ? 0 : e->code)
			   : store_query(s, &q, e,
					 "SELECT source FROM manifest_list_source WHERE list_id = "
					 "? AND digest = ?",
					 "ss", list_id, digest);

		if (s && r == 0)
			r = store_step(q, e);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		*ret = strdup(store_text(q, 0));
		return *ret ? 0 : err_errno(e, ENOMEM, "read a list");
	}
	return 0;
}

/* An image of store S: with manifest DIGEST, or the one that SOURCE names. */
static int local_in(struct store *s, const char *digest, const char *source, char ***ret,
		    struct err *e)
{
	if (column(s, "SELECT id FROM image WHERE manifest_digest = ? ORDER BY id", digest, ret,
		   e) < 0)
		return e->code;
	if (!*ret && source && str_starts(source, MANIFEST_LIST_IMAGE))
		return column(s, "SELECT id FROM image WHERE id = ?",
			      source + strlen(MANIFEST_LIST_IMAGE), ret, e);
	return 0;
}

int manifest_list_local(struct engine *en, const char *digest, const char *source, char **ret_id,
			struct err *e)
{
	scoped(strv) char **ids = NULL;

	for (size_t k = 0; !ids && k < image_stores_n(en); k++) {
		struct store *s = image_store_db(en, k, e);

		if (!s && k == 0)
			return e->code;
		if (s && local_in(s, digest, source, &ids, e) < 0)
			return e->code;
	}
	if (!ids)
		return err_set(e, -ENOENT, "%s: image not known", digest);
	*ret_id = strdup(ids[0]);
	return *ret_id ? 0 : err_errno(e, ENOMEM, "find an image");
}

json_object *manifest_list_entry(json_object *doc, const char *digest)
{
	json_object *list = json_get(doc, "manifests");

	for (size_t i = 0; i < json_len(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		const char *d = json_get_str(o, "digest");

		if (d && !strcmp(d, digest))
			return o;
	}
	return NULL;
}

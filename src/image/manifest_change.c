/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that are made, changed and removed: the new index goes into blobs/, then one transaction
 * says so; a lock keeps those who change lists in turn. */
#include <string.h>

#include "src/image/image_layers.h"
#include "src/image/image_store.h"
#include "src/image/manifest.h"
#include "src/image/manifest_list.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

/* Who changes a list holds this from reading to writing. */
static int change_lock(struct engine *en, struct err *e)
{
	return lock_file(en->graph_fd, "list.lock", LOCK_EXCLUSIVE, 1, e);
}

static int record(struct store *s, const struct manifest_list *l, const char *digest,
		  const struct manifest_entry *entries, size_t n, struct err *e)
{
	int r = store_exec(s, e,
			   "INSERT INTO manifest_list (id, digest, added) VALUES (?, ?, ?)"
			   " ON CONFLICT (id) DO UPDATE SET digest = excluded.digest",
			   "ssi", l->id, digest, l->added);

	for (size_t i = 0; i < n && r >= 0; i++) {
		const char *d = json_get_str(entries[i].descriptor, "digest");

		r = entries[i].source
			    ? store_exec(s, e,
					 "INSERT OR REPLACE INTO manifest_list_source VALUES (?, "
					 "?, ?)",
					 "sss", l->id, d, entries[i].source)
			    : store_exec(s, e,
					 "DELETE FROM manifest_list_source WHERE list_id = ? AND "
					 "digest = ?",
					 "ss", l->id, d);
	}
	for (char **name = l->names; name && *name && r >= 0; name++)
		r = store_exec(s, e, "INSERT OR IGNORE INTO manifest_list_name VALUES (?, ?)", "ss",
			       *name, l->id);
	return r < 0 ? r : 0;
}

/* L's document as it is now, and where the N new ENTRIES are. */
static int save(struct engine *en, const struct manifest_list *l,
		const struct manifest_entry *entries, size_t n, struct err *e)
{
	scoped(mem) char *text = NULL;
	struct store *s = engine_store(en, e);
	char digest[SHA256_TEXT_LEN];
	int r;

	json_put_str(l->doc, "mediaType", manifest_list_type(l->doc));
	text = json_text(l->doc);
	if (!s || !text)
		return s ? err_errno(e, ENOMEM, "write a list") : e->code;
	if (strlen(text) > MANIFEST_MAX)
		return err_set(e, -E2BIG, "the list is larger than %d bytes", MANIFEST_MAX);
	sha256_text(text, strlen(text), digest);
	{
		scoped(fd) int lock = image_publish_lock(en, e);

		if (lock < 0 || image_blob_write(en, digest, text, strlen(text), e) < 0 ||
		    store_begin(s, STORE_DURABLE, e) < 0)
			return e->code;
		r = record(s, l, digest, entries, n, e);
		if (r < 0) {
			store_rollback(s);
			return r;
		}
		if (store_commit(s, e) < 0)
			return e->code;
	}
	image_collect(en); /* what the list was before */
	return 0;
}

const char *manifest_list_type(json_object *doc)
{
	static const char *const members[] = { "annotations", "artifactType", "subject" };
	json_object *list = json_get(doc, "manifests");

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (json_get(doc, members[i]))
			return MEDIA_OCI_INDEX;
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *d = json_object_array_get_idx(list, i);
		const char *type = json_get_str(d, "mediaType");

		if (!type || strcmp(type, MEDIA_DOCKER_MANIFEST) != 0 || json_get(d, "annotations"))
			return MEDIA_OCI_INDEX;
	}
	return MEDIA_DOCKER_LIST;
}

static json_object *empty_index(void)
{
	json_object *o = json_object_new_object();

	json_put_int(o, "schemaVersion", 2);
	json_put_str(o, "mediaType", MEDIA_DOCKER_LIST);
	json_put(o, "manifests", json_object_new_array());
	return o;
}

/* In place of an entry with the same digest, else at the end. */
static void put_entry(json_object *doc, json_object *descriptor)
{
	json_object *list = json_get(doc, "manifests");
	const char *digest = json_get_str(descriptor, "digest");

	for (size_t i = 0; i < json_len(list); i++) {
		const char *d = json_get_str(json_object_array_get_idx(list, i), "digest");
		if (d && digest && !strcmp(d, digest)) {
			(void)json_object_array_put_idx(list, i, json_object_get(descriptor));
			return;
		}
	}
	(void)json_object_array_add(list, json_object_get(descriptor));
}

static int add_entries(struct engine *en, const char *name, const struct manifest_entry *entries,
		       size_t n, char **ret_id, struct err *e)
{
	scoped(fd) int lock = change_lock(en, e);
	scoped(manifest_list) struct manifest_list *l = NULL;

	if (lock < 0 || manifest_list_find_ours(en, name, &l, e) < 0)
		return e->code;
	for (size_t i = 0; i < n; i++)
		put_entry(l->doc, entries[i].descriptor);
	if (save(en, l, entries, n, e) < 0)
		return e->code;
	*ret_id = take_ptr(&l->id);
	return 0;
}

int manifest_list_add(struct engine *en, const char *name, const char *ref,
		      const struct manifest_add_options *o, char **ret_id, struct err *e)
{
	scoped(manifest_list) struct manifest_list *l = NULL;
	struct manifest_entry *entries = NULL;
	size_t n = 0;
	int r;

	if (manifest_list_find_ours(en, name, &l, e) < 0 ||
	    manifest_entries_find(en, ref, o, &entries, &n, e) < 0)
		return e->code;
	r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = manifest_entry_change(entries[i].descriptor, &o->entry, e);
	if (r == 0)
		r = add_entries(en, name, entries, n, ret_id, e);
	manifest_entries_free(entries, n);
	return r;
}

int manifest_list_add_artifact(struct engine *en, const char *name, const char *digest,
			       const struct manifest_entry_options *o, char **ret_id, struct err *e)
{
	scoped(json) json_object *manifest = NULL;
	scoped(json) json_object *d = json_object_new_object();
	scoped(mem) char *bytes = NULL;
	char source[] = MANIFEST_LIST_ARTIFACT;
	struct manifest_entry entry = { .descriptor = d, .source = source };
	const char *type;
	size_t n = 0;

	if (image_blob_read(en, digest, &bytes, &n, e) < 0 ||
	    json_parse(bytes, n, &manifest, e) < 0)
		return e->code;
	type = json_get_str(manifest, "artifactType");
	json_put_str(d, "mediaType", MEDIA_OCI_MANIFEST);
	json_put_str(d, "digest", digest);
	json_put_int(d, "size", (int64_t)n);
	if (type)
		json_put_str(d, "artifactType", type);
	if (manifest_entry_change(d, o, e) < 0)
		return e->code;
	return add_entries(en, name, &entry, 1, ret_id, e);
}

/* The new record; -EEXIST when the name is taken, unless it is a list's and AMEND. */
static int create(struct engine *en, const char *full, int amend,
		  const struct manifest_entry_options *o, char **ret_id, struct err *e)
{
	scoped(fd) int lock = change_lock(en, e);
	scoped(manifest_list) struct manifest_list *l = NULL;
	scoped(mem) char *image = NULL;
	struct err ignored = { 0 };
	int r;

	if (lock < 0)
		return lock;
	r = manifest_list_find(en, full, &l, &ignored);
	if (r == 0 && amend && !l->store) {
		*ret_id = take_ptr(&l->id);
		return 0;
	}
	if (r == 0 || image_find_id(en, full, &image, &ignored) == 0)
		return err_set(e, -EEXIST,
			       "creating image to hold manifest list: image name \"%s\" is already "
			       "associated with image \"%s\": that name is already in use",
			       full, r == 0 ? l->id : image);
	l = calloc(1, sizeof(*l));
	if (!l || !(l->id = malloc(ID_LEN + 1)) || id_random(l->id, ID_LEN) < 0 ||
	    strv_add(&l->names, full) < 0 || !(l->doc = empty_index()))
		return err_errno(e, ENOMEM, "create a list");
	l->added = time_now_ns();
	if (manifest_entry_change(l->doc, o, e) < 0 || save(en, l, NULL, 0, e) < 0)
		return e->code;
	*ret_id = take_ptr(&l->id);
	return 0;
}

int manifest_list_create(struct engine *en, const char *name, char *const *images, int amend,
			 const struct manifest_add_options *o, char **ret_id, struct err *e)
{
	const struct manifest_entry_options index = { .annotations = o->entry.annotations };
	struct manifest_add_options plain = *o;
	scoped(mem) char *full = NULL;
	scoped(mem) char *id = NULL;

	plain.entry = (struct manifest_entry_options){ 0 };
	if (reference_new_name(name, &full, e) < 0 || create(en, full, amend, &index, &id, e) < 0)
		return e->code;
	for (char *const *i = images; i && *i; i++) {
		scoped(mem) char *same = NULL;
		struct image_remove_result res = { 0 };
		struct err ignored = { 0 };

		if (manifest_list_add(en, id, *i, &plain, &same, e) >= 0)
			continue;
		/* One that could not be filled is not left. */
		if (!amend)
			(void)manifest_list_remove(en, id, &res, &ignored);
		image_remove_result_done(&res);
		return e->code;
	}
	*ret_id = take_ptr(&id);
	return 0;
}

/* ---- changing -------------------------------------------------------------------------------- */

/* --subject: an image of the store that the list is about. */
static int put_subject(struct engine *en, json_object *doc, const char *ref, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(mem) char *bytes = NULL;
	size_t n = 0;

	if (image_find(en, ref, &i, e) < 0 ||
	    image_blob_read(en, i->manifest_digest, &bytes, &n, e) < 0)
		return e->code;
	json_put(doc, "subject",
		 manifest_descriptor(manifest_media_type(i->manifest), i->manifest_digest,
				     (int64_t)n));
	return 0;
}

/* The digest of the entry that REF, a digest or an image, means.  *RET owned. */
static int entry_digest(struct engine *en, const char *ref, char **ret, struct err *e)
{
	scoped(image) struct image *i = NULL;

	if (!digest_is_valid(ref) && image_find(en, ref, &i, e) < 0)
		return e->code;
	*ret = strdup(i ? i->manifest_digest : ref);
	return *ret ? 0 : err_errno(e, ENOMEM, "find an image");
}

int manifest_list_annotate(struct engine *en, const char *name, const char *ref, int index,
			   const struct manifest_entry_options *o, char **ret_id, struct err *e)
{
	scoped(fd) int lock = change_lock(en, e);
	scoped(manifest_list) struct manifest_list *l = NULL;
	scoped(mem) char *digest = NULL;
	json_object *entry;

	if (lock < 0 || manifest_list_find_ours(en, name, &l, e) < 0)
		return e->code;
	entry = l->doc;
	if (!index) {
		if (entry_digest(en, ref, &digest, e) < 0)
			return e->code;
		entry = manifest_list_entry(l->doc, digest);
	}
	if (!entry)
		return err_set(e, -ENOENT,
			       "no instance matching digest \"%s\" found in manifest list", digest);
	if (o->subject && put_subject(en, l->doc, o->subject, e) < 0)
		return e->code;
	if (manifest_entry_change(entry, o, e) < 0 || save(en, l, NULL, 0, e) < 0)
		return e->code;
	*ret_id = take_ptr(&l->id);
	return 0;
}

int manifest_list_remove_entry(struct engine *en, const char *name, const char *digest,
			       char **ret_id, struct err *e)
{
	scoped(fd) int lock = change_lock(en, e);
	scoped(manifest_list) struct manifest_list *l = NULL;
	struct manifest_entry gone = { 0 };
	json_object *list, *kept;
	int r;

	if (lock < 0 || manifest_list_find_ours(en, name, &l, e) < 0)
		return e->code;
	if (!digest_is_valid(digest))
		return err_set(e, -EINVAL,
			       "removing from manifest list %s: invalid image digest \"%s\"", name,
			       digest);
	if (!manifest_list_entry(l->doc, digest))
		return err_set(e, -ENOENT,
			       "removing from manifest list %s: no instance matching digest \"%s\" "
			       "found in manifest list",
			       name, digest);
	list = json_get(l->doc, "manifests");
	kept = json_object_new_array();
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		if (strcmp(json_get_str(o, "digest"), digest) != 0)
			(void)json_object_array_add(kept, json_object_get(o));
	}
	json_put(l->doc, "manifests", kept);
	/* Where it is, is forgotten: as if it were here. */
	gone.descriptor = json_object_new_object();
	json_put_str(gone.descriptor, "digest", digest);
	r = save(en, l, &gone, 1, e);
	json_free(gone.descriptor);
	if (r < 0)
		return r;
	*ret_id = take_ptr(&l->id);
	return 0;
}

/* One statement with two arguments, durable. */
static int change_names(struct engine *en, const char *sql, const char *a, const char *b,
			struct err *e)
{
	struct store *s = engine_store(en, e);
	int r;

	if (!s || store_begin(s, STORE_DURABLE | STORE_REMOVES, e) < 0)
		return e->code;
	r = store_exec(s, e, sql, "ss", a, b);
	if (r >= 0)
		return store_commit(s, e) < 0 ? e->code : r;
	store_rollback(s);
	return r;
}

int manifest_list_tag(struct engine *en, const char *ref, const char *target, struct err *e)
{
	scoped(manifest_list) struct manifest_list *l = NULL;
	scoped(mem) char *name = NULL;

	if (manifest_list_find_ours(en, ref, &l, e) < 0 || reference_new_name(target, &name, e) < 0)
		return e->code;
	return change_names(en, "INSERT OR REPLACE INTO manifest_list_name VALUES (?, ?)", name,
			    l->id, e) < 0
		       ? e->code
		       : 0;
}

int manifest_list_untag(struct engine *en, const char *ref, const char *name, struct err *e)
{
	scoped(manifest_list) struct manifest_list *l = NULL;
	scoped(mem) char *full = NULL;
	int r;

	if (manifest_list_find_ours(en, ref, &l, e) < 0 ||
	    (name && reference_new_name(name, &full, e) < 0))
		return e->code;
	r = change_names(en,
			 "DELETE FROM manifest_list_name WHERE list_id = ?1 AND name = "
			 "coalesce(?2, name)",
			 l->id, full, e);
	return r == 0 && name ? err_set(e, -ENOENT, "%s: tag not known", full) : r < 0 ? r : 0;
}

/* Artifacts that were made for a list have no name, and go with the last list. */
static int forget_artifacts(struct store *s, struct err *e)
{
	return store_exec(s, e,
			  "DELETE FROM artifact WHERE name IS NULL AND digest NOT IN (SELECT "
			  "digest FROM manifest_list_source)",
			  "");
}

static int remove_list(struct engine *en, const struct manifest_list *l, struct err *e)
{
	struct store *s = engine_store(en, e);
	int r;

	if (!s || store_begin(s, STORE_DURABLE | STORE_REMOVES, e) < 0)
		return e->code;
	r = store_exec(s, e, "DELETE FROM manifest_list WHERE id = ?", "s", l->id);
	if (r >= 0)
		r = forget_artifacts(s, e);
	if (r >= 0)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

int manifest_list_remove(struct engine *en, const char *name, struct image_remove_result *ret,
			 struct err *e)
{
	scoped(manifest_list) struct manifest_list *l = NULL;
	scoped(image) struct image *i = NULL;
	scoped(mem) char *meant = NULL;
	int r = 0;

	if (manifest_list_find(en, name, &l, e) < 0)
		return e->code;
	if (l->store)
		return err_set(e, -EROFS, "cannot remove read-only image \"%s\"", l->id);
	if (manifest_list_as_image(l, &i, e) < 0 || image_name_meant(name, i, &meant, e) < 0)
		return e->code;
	if (meant && strv_len(l->names) > 1) {
		if (manifest_list_untag(en, l->id, meant, e) < 0)
			return e->code;
		return strv_add(&ret->untagged, meant) < 0 ? err_errno(e, ENOMEM, "remove a list")
							   : 0;
	}
	if (remove_list(en, l, e) < 0)
		return e->code;
	image_collect(en);
	for (char **n = l->names; n && *n && r == 0; n++)
		r = strv_add(&ret->untagged, *n);
	if (r == 0)
		r = strv_add(&ret->deleted, l->id);
	return r < 0 ? err_errno(e, ENOMEM, "remove a list") : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "src/image/image_store.h"
#include "src/image/manifest_list.h"
#include "src/image/reference.h"
#include "src/store/store.h"

int image_tag(struct engine *en, const char *ref, const char *target, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(mem) char *name = NULL;
	struct store *s;
	int r;

	if (manifest_list_is(en, ref))
		return manifest_list_tag(en, ref, target, e);
	r = image_find(en, ref, &i, e);

	if (r == 0)
		r = reference_new_name(target, &name, e);
	if (r < 0)
		return r;
	s = engine_store(en, e);
	if (!s)
		return e->code;
	r = store_begin(s, STORE_DURABLE, e);
	if (r < 0)
		return r;
	/* The image may be gone since: the foreign key says so. */
	r = store_exec(s, e, "INSERT OR REPLACE INTO image_name (name, image_id) VALUES (?, ?)",
		       "ss", name, i->id);
	if (r >= 0)
		return store_commit(s, e);
	store_rollback(s);
	return r == -EEXIST ? err_set(e, -ENOENT, "%s: image not known", ref) : r;
}

static int delete_names(struct store *s, const char *id, const char *name, struct err *e)
{
	int r = store_begin(s, STORE_DURABLE | STORE_REMOVES, e);

	if (r < 0)
		return r;
	if (name)
		r = store_exec(s, e, "DELETE FROM image_name WHERE image_id = ? AND name = ?", "ss",
			       id, name);
	else
		r = store_exec(s, e, "DELETE FROM image_name WHERE image_id = ?", "s", id);
	if (r == 0 && name)
		r = err_set(e, -ENOENT, "%s: the image has no such name", name);
	if (r >= 0)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

int image_untag(struct engine *en, const char *ref, const char *name, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(mem) char *full = NULL;
	struct store *s;
	int r;

	if (manifest_list_is(en, ref))
		return manifest_list_untag(en, ref, name, e);
	r = image_find(en, ref, &i, e);
	if (r == 0 && name)
		r = reference_new_name(name, &full, e);
	if (r < 0)
		return r;
	s = engine_store(en, e);
	return s ? delete_names(s, i->id, full, e) : e->code;
}

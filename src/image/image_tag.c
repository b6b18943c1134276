/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "src/image/image_adopt.h"
#include "src/image/image_store.h"
#include "src/image/manifest_list.h"
#include "src/image/reference.h"
#include "src/store/events.h"
#include "src/store/store.h"
#include "src/util/strbuf.h"

static int add_name(struct engine *en, const char *sql, const char *name, const char *id,
		    struct err *e)
{
	struct store *s = engine_store(en, e);

	if (!s || store_begin(s, STORE_DURABLE, e) < 0)
		return e->code;
	/* The image may be gone since: the foreign key says so. */
	if (store_exec(s, e, sql, "ss", name, id) >= 0)
		return store_commit(s, e);
	store_rollback(s);
	return e->code;
}

int image_tag(struct engine *en, const char *ref, const char *target, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(mem) char *name = NULL;
	int r;

	if (manifest_list_is(en, ref))
		return manifest_list_tag(en, ref, target, e);
	r = image_find(en, ref, &i, e);

	if (r == 0)
		r = reference_new_name(target, &name, e);
	if (r < 0)
		return r;
	r = i->store ? image_adopt(en, i, name, e)
		     : add_name(en,
				"INSERT OR REPLACE INTO image_name (name, image_id) VALUES (?, ?)",
				name, i->id, e);
	if (r == 0)
		events_write(en, &(struct event){ .type = "image",
						  .status = "tag",
						  .id = i->id,
						  .name = target });
	return r == -EEXIST ? err_set(e, -ENOENT, "%s: image not known", ref) : r;
}

int image_pin(struct engine *en, const char *id, const char *digest_name, struct err *e)
{
	return add_name(en, "INSERT OR IGNORE INTO image_pin (digest_name, image_id) VALUES (?, ?)",
			digest_name, id, e);
}

char **image_all_names(const struct image *i)
{
	char **v = strv_copy(i->names);

	for (char **p = i->pinned; p && *p; p++)
		if (strv_add(&v, *p) < 0) {
			strv_free(v);
			return NULL;
		}
	return v;
}

static int delete_names(struct store *s, const char *id, const char *name, struct err *e)
{
	int r = store_begin(s, STORE_DURABLE | STORE_REMOVES, e);

	if (r < 0)
		return r;
	if (name)
		r = store_exec(
			s, e,
			strchr(name, '@')
				? "DELETE FROM image_pin WHERE image_id = ? AND digest_name = ?"
				: "DELETE FROM image_name WHERE image_id = ? AND name = ?",
			"ss", id, name);
	else
		r = store_exec(s, e, "DELETE FROM image_name WHERE image_id = ?", "s", id);
	if (r >= 0 && !name)
		r = store_exec(s, e, "DELETE FROM image_pin WHERE image_id = ?", "s", id);
	if (r == 0 && name)
		r = err_set(e, -ENOENT, "%s: tag not known", name);
	if (r >= 0)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

/* NAME, which may have a digest in place of a tag, as the store has it. */
static int full_name(const char *name, char **ret, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };

	if (!strchr(name, '@'))
		return reference_new_name(name, ret, e);
	if (reference_parse(name, &ref, e) < 0)
		return e->code;
	*ret = reference_digest_name(&ref, ref.digest);
	return *ret ? 0 : err_errno(e, ENOMEM, "untag");
}

int image_untag(struct engine *en, const char *ref, const char *name, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(mem) char *full = NULL;
	scoped(strv) char **all = NULL;
	struct store *s;
	int r;

	if (manifest_list_is(en, ref))
		return manifest_list_untag(en, ref, name, e);
	r = image_find(en, ref, &i, e);
	if (r == 0 && name)
		r = full_name(name, &full, e);
	if (r < 0)
		return r;
	all = image_all_names(i);
	if (i->store)
		return err_set(e, -EROFS, "cannot untag read-only image \"%s\"", i->id);
	s = engine_store(en, e);
	r = s ? delete_names(s, i->id, full, e) : e->code;
	for (char **n = all; r == 0 && n && *n; n++)
		if (!full || !strcmp(*n, full))
			events_write(en, &(struct event){ .type = "image",
							  .status = "untag",
							  .id = i->id,
							  .name = *n });
	return r;
}

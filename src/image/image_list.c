/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "src/image/image_parent.h"
#include "src/image/image_store.h"
#include "src/image/image_stores.h"
#include "src/store/store.h"
#include "src/util/strbuf.h"

void image_list_free(struct image **list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		(void)image_free(list[i]);
	free(list);
}

int64_t image_containers(struct engine *en, const char *id)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct err ignored = { 0 };
	struct store *s = engine_store(en, &ignored);

	if (!s || store_query(s, &q, &ignored, "SELECT COUNT(*) FROM container WHERE image_id = ?",
			      "s", id) < 0)
		return 0;
	return store_step(q, &ignored) > 0 ? store_int(q, 0) : 0;
}

static int list_ids(struct store *s, char ***ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e, "SELECT id FROM image ORDER BY created DESC, id", "");

	while (r == 0 && (r = store_step(q, e)) > 0) {
		r = strv_add(ret, store_text(q, 0));
		if (r < 0)
			return err_errno(e, r, "list images");
	}
	return r;
}

struct list {
	struct image **images;
	size_t n;
};

static int add_store(struct engine *en, size_t k, struct list *l, struct err *e)
{
	scoped(strv) char **ids = NULL;
	struct store *s = image_store_db(en, k, e);
	struct image **more;
	int r;

	if (!s)
		return k == 0 ? e->code : 0;
	r = list_ids(s, &ids, e);
	if (r < 0)
		return r;
	more = reallocarray(l->images, l->n + strv_len(ids) + 1, sizeof(struct image *));
	if (!more)
		return err_errno(e, ENOMEM, "list images");
	l->images = more;
	for (char **id = ids; id && *id; id++) {
		r = image_by_id_in(en, k, *id, &l->images[l->n], e);
		if (r == 0) {
			l->n++;
			continue;
		}
		/* Removed while we were listing, or damaged: the others are still there. */
		if (r != -ENOENT && r != -EBADMSG)
			return r;
		dbg("images: %s", e->text);
		err_clear(e);
	}
	return 0;
}

int image_list(struct engine *en, struct image ***ret, size_t *ret_n, struct err *e)
{
	struct list l = { 0 };
	int r = 0;

	for (size_t k = 0; r == 0 && k < image_stores_n(en); k++)
		r = add_store(en, k, &l, e);
	if (r == 0)
		r = image_parents_fill(l.images, l.n, e);
	if (r < 0) {
		image_list_free(l.images, l.n);
		return r;
	}
	*ret = l.images;
	*ret_n = l.n;
	return 0;
}

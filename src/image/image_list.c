/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "src/image/image_store.h"
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

int image_list(struct engine *en, struct image ***ret, size_t *ret_n, struct err *e)
{
	struct store *s = engine_store(en, e);
	scoped(strv) char **ids = NULL;
	struct image **list;
	size_t n = 0;
	int r;

	if (!s)
		return e->code;
	r = list_ids(s, &ids, e);
	if (r < 0)
		return r;
	list = calloc(strv_len(ids) + 1, sizeof(struct image *));
	if (!list)
		return err_errno(e, ENOMEM, "list images");
	for (char **id = ids; id && *id; id++) {
		r = image_by_id(en, *id, &list[n], e);
		if (r == 0) {
			n++;
			continue;
		}
		/* Removed while we were listing, or damaged: the others are still there
		 *. */
		if (r == -ENOENT || r == -EBADMSG) {
			dbg("images: %s", e->text);
			err_clear(e);
			continue;
		}
		image_list_free(list, n);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

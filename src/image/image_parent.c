/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/image_parent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/image_store.h"
#include "src/image/image_stores.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

static json_object *history_of(const struct image *i)
{
	return json_get(i->config, "history");
}

static json_object *diff_ids_of(const struct image *i)
{
	return json_path(i->config, "rootfs", "diff_ids", NULL);
}

static int same_text(json_object *a, json_object *b, const char *name)
{
	const char *x = json_get_str(a, name), *y = json_get_str(b, name);

	return strcmp(x ? x : "", y ? y : "") == 0;
}

static int same_step(json_object *a, json_object *b)
{
	return same_text(a, b, "created") && same_text(a, b, "created_by") &&
	       same_text(a, b, "author") && same_text(a, b, "comment") &&
	       json_get_bool(a, "empty_layer", 0) == json_get_bool(b, "empty_layer", 0);
}

size_t image_stands_on(const struct image *i, const struct image *base)
{
	json_object *mine = history_of(i), *its = history_of(base);
	json_object *my_ids = diff_ids_of(i), *its_ids = diff_ids_of(base);
	size_t steps = json_len(its), layers = json_len(its_ids);

	if (!steps || !layers || steps >= json_len(mine) || layers > json_len(my_ids))
		return 0;
	for (size_t k = layers; k-- > 0;) {
		const char *x = json_str_at(my_ids, k), *y = json_str_at(its_ids, k);

		if (!x || !y || strcmp(x, y) != 0)
			return 0;
	}
	for (size_t k = 0; k < steps; k++)
		if (!same_step(json_object_array_get_idx(mine, k),
			       json_object_array_get_idx(its, k)))
			return 0;
	return steps;
}

const struct image *image_parent_in(struct image *const *list, size_t n, const struct image *i)
{
	size_t steps = json_len(history_of(i));

	for (size_t k = 0; steps > 1 && k < n; k++)
		if (json_len(history_of(list[k])) == steps - 1 && image_stands_on(i, list[k]))
			return list[k];
	return NULL;
}

int image_parents_fill(struct image **list, size_t n, struct err *e)
{
	for (size_t k = 0; k < n; k++) {
		const struct image *parent = image_parent_in(list, n, list[k]);

		free(list[k]->parent);
		list[k]->parent = parent ? strdup(parent->id) : NULL;
		if (parent && !list[k]->parent)
			return err_errno(e, ENOMEM, "list images");
		for (size_t j = 0; parent && j < n; j++)
			list[j]->children += strcmp(list[j]->id, parent->id) == 0;
	}
	return 0;
}

static int relative_ids(struct store *s, const char *lowest, char ***ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e, "SELECT DISTINCT image_id FROM image_layer WHERE layer = ?",
			    "s", lowest);

	while (r == 0 && (r = store_step(q, e)) > 0) {
		r = strv_add(ret, store_text(q, 0));
		if (r < 0)
			return err_errno(e, r, "list images");
	}
	return r;
}

int image_relatives(struct engine *en, const struct image *i, struct image ***ret, size_t *ret_n,
		    struct err *e)
{
	scoped(strv) char **ids = NULL;
	struct store *s = image_store_db_of(en, i, e);
	struct image **list;
	size_t n = 0, k = 0;
	int r = s ? 0 : e->code;

	if (r == 0 && i->layers && i->layers[0])
		r = relative_ids(s, i->layers[0], &ids, e);
	if (r < 0)
		return r;
	list = calloc(strv_len(ids) + 1, sizeof(struct image *));
	if (!list)
		return err_errno(e, ENOMEM, "list images");
	while (k < image_stores_n(en) && image_store_db(en, k, e) != s)
		k++;
	for (char **id = ids; id && *id; id++) {
		struct err ignored = { 0 };

		/* Removed meanwhile, or damaged: it is nobody's parent. */
		if (image_by_id_in(en, k, *id, &list[n], &ignored) == 0)
			n++;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

/* Remove the parent of I, if nothing else needs it.  1: that is *RET_GONE now, owned; 0: there was
 * none to remove. */
static int remove_parent(struct engine *en, const struct image *i, struct image **ret_gone,
			 struct image_remove_result *ret, struct err *e)
{
	struct image **list = NULL;
	size_t n = 0;
	int r = image_relatives(en, i, &list, &n, e);
	const struct image *parent = r == 0 ? image_parent_in(list, n, i) : NULL;
	int stays = !parent || image_has_name(parent);

	for (size_t k = 0; parent && k < n && !stays; k++)
		stays = strcmp(list[k]->id, i->id) != 0 &&
			image_parent_in(list, n, list[k]) == parent;
	if (r == 0 && !stays) {
		r = image_remove_unused(en, parent->id, 1, ret, e);
		if (r == -EBUSY || r == -EEXIST || r == -ENOENT) {
			err_clear(e);
			stays = 1;
			r = 0;
		}
	}
	for (size_t k = 0; r == 0 && !stays && k < n; k++)
		if (list[k] == parent) {
			*ret_gone = list[k];
			list[k] = NULL;
		}
	image_list_free(list, n);
	return r < 0 ? r : !stays;
}

int image_remove_parents(struct engine *en, const struct image *i, struct image_remove_result *ret,
			 struct err *e)
{
	scoped(image) struct image *child = NULL;
	int r;

	do {
		struct image *gone = NULL;

		r = remove_parent(en, child ? child : i, &gone, ret, e);
		if (r > 0) {
			(void)image_free(child);
			child = gone;
		}
	} while (r > 0);
	return r;
}

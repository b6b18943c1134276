/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/image_layers.h"

#include <stdlib.h>
#include <string.h>

#include "src/image/image_stores.h"
#include "src/store/store.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

void image_layers_free(struct image_layer *l, size_t n)
{
	for (size_t i = 0; l && i < n; i++)
		free(l[i].name);
	free(l);
}

static int read_layers(struct sqlite3_stmt *q, const struct image *i, struct image_layer *list,
		       size_t *n, struct err *e)
{
	size_t max = strv_len(i->layers);
	int r = 0;

	while (*n < max && (r = store_step(q, e)) > 0) {
		struct image_layer *l = &list[*n];

		if (!digest_is_valid(store_text(q, 1)))
			return err_set(e, -EBADMSG, "the record of image %.12s is damaged", i->id);
		(void)stpcpy(l->diff_id, store_text(q, 1)); /* valid, so it fits */
		l->size = store_int(q, 2);
		l->name = strdup(store_text(q, 0));
		if (!l->name)
			return err_errno(e, ENOMEM, "read the layers of an image");
		++*n;
	}
	return r < 0 ? r : 0;
}

int image_layers(struct engine *en, const struct image *i, struct image_layer **ret, size_t *ret_n,
		 struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct store *st = image_store_db_of(en, i, e);
	struct image_layer *list;
	size_t n = 0;
	int r;

	if (!st)
		return e->code;
	r = store_query(st, &q, e,
			"SELECT l.name, l.diff_id, l.diff_size FROM image_layer il JOIN layer l ON "
			"l.name = il.layer WHERE il.image_id = ? ORDER BY il.position",
			"s", i->id);
	if (r < 0)
		return r;
	list = calloc(strv_len(i->layers) + 1, sizeof(*list));
	if (!list)
		return err_errno(e, ENOMEM, "read the layers of an image");
	r = read_layers(q, i, list, &n, e);
	if (r < 0) {
		image_layers_free(list, n);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int image_layer_open(struct engine *en, const struct image_layer *l, struct err *e)
{
	return image_layer_dir(en, l->name, e);
}

int image_name_meant(const char *ref, const struct image *i, char **ret, struct err *e)
{
	scoped(reference) struct reference parsed = { 0 };
	scoped(mem) char *name = NULL;
	struct err ignored;
	size_t n;

	if (reference_parse(ref, &parsed, &ignored) < 0 || parsed.digest)
		return 0;
	name = reference_name(&parsed);
	if (!name)
		return err_errno(e, ENOMEM, "save an image");
	n = strlen(name);
	for (char **have = i->names; have && *have; have++) {
		size_t len = strlen(*have);
		if (strcmp(*have, name) == 0 ||
		    (!parsed.registry && len > n && (*have)[len - n - 1] == '/' &&
		     strcmp(*have + len - n, name) == 0)) {
			*ret = strdup(*have);
			return *ret ? 0 : err_errno(e, ENOMEM, "save an image");
		}
	}
	return 0;
}

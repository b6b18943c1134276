/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/prune.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/container/size.h"
#include "src/container/spec.h"
#include "src/container/volumes.h"
#include "src/store/store.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/volume/volume.h"

static int add_volumes(const char *spec, char ***ret)
{
	scoped(json) json_object *o = NULL;
	json_object *list;
	struct err ignored;
	int r = 0;

	/* A damaged record keeps nothing from being removed; system check tells of it. */
	if (!spec || json_parse(spec, strlen(spec), &o, &ignored) < 0)
		return 0;
	list = json_get(o, "Volumes");
	for (size_t i = 0; i < json_len(list) && r == 0; i++)
		if (json_str_at(list, i))
			r = strv_add(ret, json_str_at(list, i));
	return r;
}

int container_volumes(struct engine *en, char ***ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(strv) char **v = NULL;
	struct store *s = engine_store(en, e);
	int r = s ? store_query(s, &q, e, "SELECT spec FROM container", "") : e->code;

	while (r == 0 && (r = store_step(q, e)) > 0)
		r = add_volumes(store_text(q, 0), &v) < 0 ? err_errno(e, ENOMEM, "list volumes")
							  : 0;
	if (r == 0)
		*ret = take_ptr(&v);
	return r;
}

static int prune_one(struct engine *en, const char *id, struct prune_result *ret, struct err *e)
{
	const struct rm_options o = { .timeout = -1 };
	int64_t size = 0;
	int r = container_size(en, id, &size, e);

	if (r == 0)
		r = container_rm(en, id, &o, e);
	if (r == -EBUSY || r == -ENOENT || r == -EEXIST) { /* started or removed just now, or
							    * needed by one that stays */
		err_clear(e);
		return 0;
	}
	if (r == 0 && strv_add(&ret->deleted, id) < 0)
		r = err_errno(e, ENOMEM, "prune containers");
	ret->freed += size;
	return r;
}

int container_prune(struct engine *en, container_passes_fn *passes, void *arg,
		    struct prune_result *ret, struct err *e)
{
	struct container **list = NULL;
	size_t n = 0;
	int r = container_list(en, 1, &list, &n, e);

	for (size_t i = 0; i < n && r >= 0; i++) {
		r = list[i]->state == CONTAINER_RUNNING ? 0 : passes(arg, list[i], e);
		if (r == 1)
			r = prune_one(en, list[i]->id, ret, e);
	}
	container_list_free(list, n);
	return r < 0 ? r : 0;
}

int container_prune_volume(struct engine *en, const char *name, struct prune_result *ret,
			   struct err *e)
{
	int64_t size = 0;
	scoped(strv) char **users = NULL;
	int r = volumes_users(en, name, &users, NULL, e);

	if (r < 0 || users)
		return r;
	r = volume_size(en, name, &size, e);
	if (r == -ENOENT) {
		err_clear(e);
		size = r = 0;
	}
	if (r == 0)
		r = volumes_remove(en, name, e);
	if (r == -ENOENT) { /* removed just now */
		err_clear(e);
		return 0;
	}
	if (r == 1) {
		volume_event(en, name, "prune");
		ret->freed += size;
		if (strv_add(&ret->deleted, name) < 0)
			r = err_errno(e, ENOMEM, "remove a volume");
	}
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/catalogue.h"

#include <errno.h>
#include <string.h>

#include "src/image/manifest.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"

static int is_id(const char *s)
{
	return s && strlen(s) == DIGEST_HEX_LEN && id_is_prefix(s);
}

int catalogue_add_layer(struct store *db, const struct catalogue_layer *l, struct err *e)
{
	if (!l->diff_id || !digest_is_valid(l->diff_id) ||
	    (l->blob_digest && !digest_is_valid(l->blob_digest)) || l->blob_size < 0 ||
	    l->diff_size < 0 || l->tree_size < 0)
		return 0;
	return store_exec(db, e,
			  "INSERT OR IGNORE INTO layer (name, diff_id, blob_digest, blob_size, "
			  "diff_size, tree_size) VALUES (?, ?, ?, ?, ?, ?)",
			  "sssiii", l->path, l->diff_id, l->blob_digest, l->blob_size, l->diff_size,
			  l->tree_size);
}

int catalogue_add_blob(struct store *db, const char *digest, const char *path, struct err *e)
{
	int r = store_exec(db, e, "INSERT OR IGNORE INTO blob (digest, path) VALUES (?, ?)", "ss",
			   digest, path);

	return r < 0 ? r : 0;
}

/* 1: all of them are there. */
static int add_layers(struct store *db, const struct catalogue_image *i, struct err *e)
{
	int r = 1;

	for (size_t k = 0; i->diff_ids && i->diff_ids[k] && r == 1; k++)
		r = store_exec(db, e,
			       "INSERT INTO image_layer (image_id, position, layer)"
			       " SELECT ?, ?, name FROM layer WHERE diff_id = ?",
			       "sis", i->id, (int64_t)k, i->diff_ids[k]);
	return r;
}

/* A name as our own store would have it; others are nobody's loss. */
static int add_name(struct store *db, const char *id, const char *text, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	scoped(mem) char *name = NULL;
	struct err ignored;

	if (reference_parse(text, &ref, &ignored) < 0 || !ref.registry)
		return 0;
	name = ref.digest ? reference_digest_name(&ref, ref.digest) : reference_name(&ref);
	if (!name)
		return err_errno(e, ENOMEM, "read an image's names");
	return store_exec(
		db, e,
		ref.digest ? "INSERT OR IGNORE INTO image_digest (image_id, digest_name) VALUES "
			     "(?, ?)"
			   : "INSERT OR IGNORE INTO image_name (image_id, name) VALUES (?, ?)",
		"ss", id, name);
}

int catalogue_add_image(struct store *db, const struct catalogue_image *i, struct err *e)
{
	int r;

	if (!is_id(i->id) || !i->manifest_digest || !digest_is_valid(i->manifest_digest) ||
	    (i->index_digest && !digest_is_valid(i->index_digest)) ||
	    strv_len(i->diff_ids) > LAYERS_MAX)
		return 0;
	r = store_exec(db, e,
		       "INSERT OR IGNORE INTO image (id, manifest_digest, manifest_type, "
		       "index_digest, created, added) VALUES (?, ?, '', ?, ?, 0)",
		       "sssi", i->id, i->manifest_digest, i->index_digest, i->created);
	if (r <= 0)
		return r;
	r = add_layers(db, i, e);
	for (char *const *n = i->names; r == 1 && n && *n; n++)
		if (add_name(db, i->id, *n, e) < 0)
			return e->code;
	if (r != 0)
		return r < 0 ? r : 1;
	dbg("image %.12s is left out: not all of its layers are there", i->id);
	r = store_exec(db, e, "DELETE FROM image_layer WHERE image_id = ?", "s", i->id);
	if (r >= 0)
		r = store_exec(db, e, "DELETE FROM image WHERE id = ?", "s", i->id);
	return r < 0 ? r : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From the database of a cove that is not ours.  Its version does not matter: these tables have
 * been as they are since the first. */
#include <errno.h>
#include <string.h>

#include "src/image/catalogue.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"

/* How many of the tables NAMES ("a|b") lie in the file: no view, nothing virtual. */
static int count_tables(struct store *from, const char *names, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(
		from, &q, e,
		"SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND rootpage > "
		"0 AND instr('|' || ? || '|', '|' || name || '|')",
		"s", names);

	if (r == 0)
		r = store_step(q, e);
	return r > 0 ? (int)store_int(q, 0) : r;
}

static int check_tables(struct store *from, struct err *e)
{
	int r = count_tables(from, "image|image_name|image_digest|layer|image_layer", e);

	return r < 0 ? r : r == 5 ? 0 : err_set(e, -EBADMSG, "tables are missing");
}

static int read_layers(const char *root, struct store *from, struct store *db, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(from, &q, e,
			    "SELECT name, diff_id, blob_digest, blob_size, diff_size, tree_size "
			    "FROM layer",
			    "");

	while (r >= 0 && (r = store_step(q, e)) > 0) {
		const char *name = store_text(q, 0);
		scoped(mem) char *path = name ? str_printf("%s/layers/%s", root, name) : NULL;
		struct catalogue_layer l = { .path = path,
					     .diff_id = store_text(q, 1),
					     .blob_digest = store_text(q, 2),
					     .blob_size = store_int(q, 3),
					     .diff_size = store_int(q, 4),
					     .tree_size = store_int(q, 5) };
		if (!name || !id_is_prefix(name))
			continue; /* a layer that it has from a third store, say */
		r = path ? catalogue_add_layer(db, &l, e) : err_errno(e, ENOMEM, "read layers");
	}
	return r < 0 ? r : 0;
}

/* The first columns of a query about image ID. */
static int column(struct store *from, const char *sql, const char *id, char ***ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(from, &q, e, sql, "s", id);

	while (r == 0 && (r = store_step(q, e)) > 0) {
		const char *text = store_text(q, 0);
		r = text && strv_add(ret, text) < 0 ? err_errno(e, ENOMEM, "read images") : 0;
	}
	return r;
}

static int add_blob(const char *root, struct store *db, const char *digest, struct err *e)
{
	scoped(mem) char *path = str_printf("%s/blobs/sha256/%s", root, digest_hex(digest));

	return path ? catalogue_add_blob(db, digest, path, e) : err_errno(e, ENOMEM, "read images");
}

static int read_image(const char *root, struct store *from, struct store *db,
		      struct catalogue_image *i, struct err *e)
{
	scoped(strv) char **names = NULL;
	scoped(strv) char **diff_ids = NULL;
	char config[DIGEST_LEN + 1];
	int r = column(from, "SELECT name FROM image_name WHERE image_id = ?", i->id, &names, e);

	if (r == 0)
		r = column(from, "SELECT digest_name FROM image_digest WHERE image_id = ?", i->id,
			   &names, e);
	if (r == 0)
		r = column(
			from,
			"SELECT coalesce(l.diff_id, '') FROM image_layer il LEFT JOIN layer l ON "
			"l.name = il.layer WHERE il.image_id = ? ORDER BY il.position",
			i->id, &diff_ids, e);
	if (r < 0)
		return r;
	i->names = names;
	i->diff_ids = diff_ids;
	r = catalogue_add_image(db, i, e);
	if (r <= 0)
		return r;
	(void)snprintf(config, sizeof(config), "sha256:%s", i->id);
	r = add_blob(root, db, config, e);
	return r < 0 ? r : add_blob(root, db, i->manifest_digest, e);
}

/* Which it has since version 2 of its schema. */
static int read_signatures(struct store *from, struct store *db, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = count_tables(from, "image_signature", e);

	if (r == 1)
		r = store_query(from, &q, e,
				"SELECT image_id, digest, position, bytes FROM image_signature",
				"");
	else
		return r;
	while (r >= 0 && (r = store_step(q, e)) > 0)
		if (store_text(q, 0))
			r = catalogue_add_signature(db, store_text(q, 0), store_text(q, 1),
						    store_int(q, 2), store_text(q, 3), e);
	return r < 0 ? r : 0;
}

/* Version 5 of its schema: lists, then artifacts; their documents and blobs are all in blobs/. */
static int read_lists(const char *root, struct store *from, struct store *db, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(from, &q, e, "SELECT id, digest, added FROM manifest_list", "");

	while (r >= 0 && (r = store_step(q, e)) > 0) {
		scoped(strv) char **names = NULL;
		struct catalogue_list l = { .id = store_text(q, 0),
					    .digest = store_text(q, 1),
					    .added = store_int(q, 2) };
		if (!l.id)
			continue;
		if (column(from, "SELECT name FROM manifest_list_name WHERE list_id = ?", l.id,
			   &names, e) < 0)
			return e->code;
		l.names = names;
		r = catalogue_add_list(db, &l, e);
		if (r == 1)
			r = add_blob(root, db, l.digest, e);
	}
	return r < 0 ? r : 0;
}

static int read_list_sources(struct store *from, struct store *db, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(from, &q, e, "SELECT list_id, digest, source FROM manifest_list_source",
			    "");

	while (r >= 0 && (r = store_step(q, e)) > 0)
		r = catalogue_add_list_source(db, store_text(q, 0), store_text(q, 1),
					      store_text(q, 2), e);
	return r < 0 ? r : 0;
}

static int read_artifacts(const char *root, struct store *from, struct store *db, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(from, &q, e, "SELECT id, name, digest, added FROM artifact", "");

	while (r >= 0 && (r = store_step(q, e)) > 0) {
		const struct catalogue_artifact a = { .id = store_text(q, 0),
						      .name = store_text(q, 1),
						      .digest = store_text(q, 2),
						      .added = store_int(q, 3) };
		r = catalogue_add_artifact(db, &a, e);
		if (r == 1)
			r = add_blob(root, db, a.digest, e);
	}
	return r < 0 ? r : 0;
}

static int read_artifact_blobs(const char *root, struct store *from, struct store *db,
			       struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(from, &q, e, "SELECT digest FROM artifact_blob", "");

	while (r >= 0 && (r = store_step(q, e)) > 0)
		if (store_text(q, 0) && digest_is_valid(store_text(q, 0)))
			r = add_blob(root, db, store_text(q, 0), e);
	return r < 0 ? r : 0;
}

static int read_others(const char *root, struct store *from, struct store *db, struct err *e)
{
	int r = count_tables(
		from,
		"manifest_list|manifest_list_name|manifest_list_source|artifact|artifact_blob", e);

	if (r != 5)
		return r < 0 ? r : 0; /* an older one */
	if (read_lists(root, from, db, e) < 0 || read_list_sources(from, db, e) < 0 ||
	    read_artifacts(root, from, db, e) < 0)
		return e->code;
	return read_artifact_blobs(root, from, db, e);
}

static int read_all(const char *root, const char *copy, struct store *db, struct err *e)
{
	scoped(store) struct store *from = NULL;
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_open_file(copy, STORE_STRANGERS, &from, e);

	if (r == 0)
		r = check_tables(from, e);
	if (r == 0)
		r = read_layers(root, from, db, e);
	if (r == 0)
		r = store_query(from, &q, e,
				"SELECT id, manifest_digest, index_digest, created FROM image", "");
	while (r >= 0 && (r = store_step(q, e)) > 0) {
		struct catalogue_image i = { .id = store_text(q, 0),
					     .manifest_digest = store_text(q, 1),
					     .index_digest = store_text(q, 2),
					     .created = store_int(q, 3) };
		r = i.id ? read_image(root, from, db, &i, e) : 0;
	}
	if (r == 0)
		r = read_signatures(from, db, e);
	return r < 0 ? r : read_others(root, from, db, e);
}

int catalogue_read_cove(const char *root, const char *copy, struct store *db, struct err *e)
{
	int r = read_all(root, copy, db, e);

	if (r == 0 || r == -ENOMEM || r == -ENOSPC)
		return r;
	dbg("additional image store %s: %s", root, e->text); /* in SQLite's words */
	return err_set(e, -EBADMSG, "its database is damaged, or not that of an image store");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of images, and artifacts, in a catalogue. */
#include <string.h>

#include "src/image/catalogue.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/names.h"
#include "src/util/scoped.h"

static int is_id(const char *s)
{
	return s && id_is_prefix(s) && strlen(s) == ID_LEN;
}

static int is_digest(const char *s)
{
	return s && digest_is_valid(s);
}

/* A name as our own store would have it; others are nobody's loss. */
static int add_name(struct store *db, const char *id, const char *text, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	scoped(mem) char *name = NULL;
	struct err ignored;

	if (reference_parse(text, &ref, &ignored) < 0 || !ref.registry || ref.digest)
		return 0;
	name = reference_name(&ref);
	if (!name)
		return err_errno(e, ENOMEM, "read a list's names");
	return store_exec(db, e,
			  "INSERT OR IGNORE INTO manifest_list_name (name, list_id) VALUES (?, ?)",
			  "ss", name, id);
}

int catalogue_add_list(struct store *db, const struct catalogue_list *l, struct err *e)
{
	int r;

	if (!is_id(l->id) || !is_digest(l->digest))
		return 0;
	r = store_exec(db, e,
		       "INSERT OR IGNORE INTO manifest_list (id, digest, added) VALUES (?, ?, ?)",
		       "ssi", l->id, l->digest, l->added);
	if (r <= 0)
		return r;
	for (char *const *n = l->names; n && *n; n++)
		if (add_name(db, l->id, *n, e) < 0)
			return e->code;
	return 1;
}

int catalogue_add_list_source(struct store *db, const char *id, const char *digest,
			      const char *source, struct err *e)
{
	int r;

	if (!is_id(id) || !is_digest(digest) || !source || !name_is_printable(source))
		return 0;
	r = store_exec(db, e,
		       "INSERT OR IGNORE INTO manifest_list_source (list_id, digest, source)"
		       " SELECT id, ?2, ?3 FROM manifest_list WHERE id = ?1",
		       "sss", id, digest, source);
	return r < 0 ? r : 0;
}

int catalogue_add_artifact(struct store *db, const struct catalogue_artifact *a, struct err *e)
{
	if (!is_id(a->id) || !is_digest(a->digest) || (a->name && !name_is_printable(a->name)))
		return 0;
	return store_exec(
		db, e,
		"INSERT OR IGNORE INTO artifact (id, name, digest, added) VALUES (?, ?, ?, "
		"?)",
		"sssi", a->id, a->name, a->digest, a->added);
}

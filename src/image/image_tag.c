/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "src/image/image_store.h"
#include "src/image/manifest.h"
#include "src/image/manifest_list.h"
#include "src/image/reference.h"
#include "src/store/events.h"
#include "src/store/store.h"
#include "src/util/json.h"

/* So that the policy holds for it as before. */
static int add_pulled_as(struct engine *en, const char *id, char *const *names, struct err *e)
{
	struct store *s = engine_store(en, e);
	int r = 0;

	if (!s || store_begin(s, STORE_DURABLE, e) < 0)
		return e->code;
	for (; names && *names && r >= 0; names++)
		r = store_exec(
			s, e,
			"INSERT OR IGNORE INTO image_digest (image_id, digest_name) VALUES (?, ?)",
			"ss", id, *names);
	if (r >= 0)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

/* A name of ours for an image of an additional store: a record of ours, of what lies there. */
static int adopt(struct engine *en, const struct image *i, const char *name, struct err *e)
{
	scoped(mem) char *config = NULL;
	scoped(mem) char *manifest = NULL;
	scoped(mem) char *id = NULL;
	scoped(strv) char **pulled = NULL;
	scoped(mem) struct image_new_layer *layers = NULL;
	char digest[DIGEST_LEN + 1];
	const char *type = json_get_str(i->manifest, "mediaType");
	struct image_publish p = { .manifest_type = type ? type : MEDIA_OCI_MANIFEST,
				   .index_digest = i->index_digest,
				   .name = name };
	json_object *ids = json_path(i->config, "rootfs", "diff_ids", NULL);
	int r;

	(void)snprintf(digest, sizeof(digest), "sha256:%s", i->id);
	p.n_layers = json_len(ids);
	p.layers = layers = calloc(p.n_layers + 1, sizeof(*layers));
	if (!layers)
		return err_errno(e, ENOMEM, "tag an image");
	r = image_blob_read(en, digest, &config, &p.config_len, e);
	if (r == 0)
		r = image_blob_read(en, i->manifest_digest, &manifest, &p.manifest_len, e);
	for (size_t k = 0; k < p.n_layers && r == 0; k++) {
		const char *diff_id = json_str_at(ids, k);
		if (!diff_id || !digest_is_valid(diff_id))
			return err_set(e, -EBADMSG, "image %.12s: its config is damaged", i->id);
		(void)stpcpy(layers[k].diff_id, diff_id); /* valid, so it fits */
		r = image_layer_sizes(en, diff_id, &layers[k].diff_size, &layers[k].tree_size, e);
	}
	p.config = config;
	p.manifest = manifest;
	if (r == 0)
		r = image_pulled_as(en, i->id, &pulled, e);
	if (r == 0)
		r = image_publish(en, &p, &id, e);
	return r < 0 ? r : add_pulled_as(en, i->id, pulled, e);
}

static int add_name(struct engine *en, const char *id, const char *name, struct err *e)
{
	struct store *s = engine_store(en, e);

	if (!s || store_begin(s, STORE_DURABLE, e) < 0)
		return e->code;
	/* The image may be gone since: the foreign key says so. */
	if (store_exec(s, e, "INSERT OR REPLACE INTO image_name (name, image_id) VALUES (?, ?)",
		       "ss", name, id) >= 0)
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
	r = i->store ? adopt(en, i, name, e) : add_name(en, i->id, name, e);
	if (r == 0)
		events_write(en, &(struct event){ .type = "image",
						  .status = "tag",
						  .id = i->id,
						  .name = target });
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
		r = err_set(e, -ENOENT, "%s: tag not known", name);
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
	if (i->store)
		return err_set(e, -EROFS, "cannot untag read-only image \"%s\"", i->id);
	s = engine_store(en, e);
	r = s ? delete_names(s, i->id, full, e) : e->code;
	for (char **n = i->names; r == 0 && n && *n; n++)
		if (!full || !strcmp(*n, full))
			events_write(en, &(struct event){ .type = "image",
							  .status = "untag",
							  .id = i->id,
							  .name = *n });
	return r;
}

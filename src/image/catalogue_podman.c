/* SPDX-License-Identifier: Apache-2.0 */
/* From the lists of a store of Podman's (the containers/storage library, overlay driver):
 *	overlay-layers/layers.json	[{"id", "parent", "diff-digest", "diff-size",
 *					  "compressed-diff-digest", "compressed-size", "flags"}]
 *	overlay-images/images.json	[{"id", "names", "layer": the topmost, "created",
 *					  "big-data-digests": {KEY: DIGEST}}]
 * A layer's tree is overlay/ID/diff.  A document KEY of an image is the file overlay-images/ID/KEY,
 * or "=" and the KEY in base64 where it has more than letters, digits and dots; "manifest" and
 * "sha256:..." (the config) are such keys. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/image/catalogue.h"
#include "src/image/manifest.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

#define NS_PER_S 1000000000LL

static int no_memory(struct err *e)
{
	return err_errno(e, ENOMEM, "read an image store");
}

static int parse_list(const char *bytes, size_t n, const char *what, json_object **ret,
		      struct err *e)
{
	scoped(json) json_object *o = NULL;

	if (n && json_parse(bytes, n, &o, e) < 0)
		return err_in(e, "%s", what);
	if (n && !json_object_is_type(o, json_type_array))
		return err_set(e, -EBADMSG, "%s is no list", what);
	*ret = take_ptr(&o);
	return 0;
}

/* One that was not finished, or has lost its owner, says so. */
static int is_incomplete(json_object *layer)
{
	return json_get_bool(json_get(layer, "flags"), "incomplete", 0) != 0;
}

/* BY_ID (owned) gets the records, for the way from the topmost layer down. */
static int read_layers(const char *root, json_object *list, json_object *by_id, struct store *db,
		       struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < json_len(list) && r >= 0; i++) {
		json_object *o = json_object_array_get_idx(list, i);
		const char *id = json_get_str(o, "id");
		scoped(mem) char *path = NULL;
		struct catalogue_layer l = { .diff_id = json_get_str(o, "diff-digest"),
					     .blob_digest =
						     json_get_str(o, "compressed-diff-digest"),
					     .blob_size = json_get_int(o, "compressed-size", 0),
					     .diff_size = json_get_int(o, "diff-size", 0),
					     .tree_size = json_get_int(o, "diff-size", 0) };
		if (!id || !id_is_prefix(id) || is_incomplete(o))
			continue;
		path = str_printf("%s/overlay/%s", root, id);
		if (!path)
			return no_memory(e);
		l.path = path;
		json_put(by_id, id, json_object_get(o));
		r = catalogue_add_layer(db, &l, e);
	}
	return r < 0 ? r : 0;
}

/* The diff IDs from the lowest to layer ID: 1, or 0 when the chain is broken. */
static int chain(json_object *by_id, const char *id, char ***ret, struct err *e)
{
	const char *ids[LAYERS_MAX];
	size_t n = 0;

	while (id && *id) {
		json_object *o = json_get(by_id, id);
		const char *diff_id = json_get_str(o, "diff-digest");
		if (!diff_id || n == ARRAY_LEN(ids)) /* too many, which a ring is as well */
			return 0;
		ids[n++] = diff_id;
		id = json_get_str(o, "parent");
	}
	while (n > 0)
		if (strv_add(ret, ids[--n]) < 0)
			return no_memory(e);
	return 1;
}

char *catalogue_podman_document(const char *root, const char *id, const char *key)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.";
	scoped(mem) char *coded = NULL;

	if (!key[strspn(key, plain)])
		return str_printf("%s/overlay-images/%s/%s", root, id, key);
	coded = base64_encode(key, strlen(key));
	return coded ? str_printf("%s/overlay-images/%s/=%s", root, id, coded) : NULL;
}

static int add_document(const char *root, const char *id, const char *key, const char *digest,
			struct store *db, struct err *e)
{
	scoped(mem) char *path = catalogue_podman_document(root, id, key);

	return path ? catalogue_add_blob(db, digest, path, e) : no_memory(e);
}

/* Beside the image's manifest there may be that of the list it was chosen from. */
static const char *other_manifest(json_object *digests, const char *manifest)
{
	const char *found = NULL;

	if (!json_object_is_type(digests, json_type_object))
		return NULL;
	json_object_object_foreach(digests, key, value)
	{
		(void)value;
		if (str_starts(key, "manifest-") && digest_is_valid(key + 9) &&
		    strcmp(key + 9, manifest) != 0)
			found = key + 9;
	}
	return found;
}

/* What has a registry's name came from there, as far as anybody can tell now. */
static int add_pulled_as(char ***names, const char *manifest)
{
	scoped(strv) char **have = strv_copy(*names);
	int r = 0;

	for (char **n = have; n && *n && r == 0; n++) {
		scoped(reference) struct reference ref = { 0 };
		scoped(mem) char *name = NULL;
		struct err ignored;
		if (reference_parse(*n, &ref, &ignored) < 0 || !ref.registry || ref.digest ||
		    strcmp(ref.registry, "localhost") == 0)
			continue;
		name = reference_digest_name(&ref, manifest);
		r = name ? strv_add(names, name) : -ENOMEM;
	}
	return r;
}

static int read_image(const char *root, json_object *o, json_object *by_id, struct store *db,
		      struct err *e)
{
	scoped(strv) char **names = NULL;
	scoped(strv) char **diff_ids = NULL;
	json_object *digests = json_get(o, "big-data-digests");
	const char *id = json_get_str(o, "id"), *created = json_get_str(o, "created");
	const char *manifest = json_get_str(digests, "manifest");
	char config[DIGEST_LEN + 1];
	int64_t ns = 0;
	struct catalogue_image i = { .id = id, .manifest_digest = manifest };
	int r;

	if (!id || !id_is_prefix(id) || strlen(id) != DIGEST_HEX_LEN || !manifest)
		return 0;
	(void)snprintf(config, sizeof(config), "sha256:%s", id);
	if (!json_get_str(digests, config))
		return 0; /* a format from before configs, which nobody has any more */
	r = chain(by_id, json_get_str(o, "layer"), &diff_ids, e);
	if (r <= 0)
		return r;
	if (json_to_strv(json_get(o, "names"), &names) < 0)
		return 0;
	r = add_pulled_as(&names, manifest);
	if (r < 0)
		return no_memory(e);
	if (created && time_parse(created, 0, &ns) == 0)
		i.created = ns / NS_PER_S;
	i.names = names;
	i.diff_ids = diff_ids;
	i.index_digest = other_manifest(digests, manifest);
	r = catalogue_add_image(db, &i, e);
	if (r <= 0)
		return r;
	r = add_document(root, id, config, config, db, e);
	return r < 0 ? r : add_document(root, id, "manifest", manifest, db, e);
}

static int is_index(const char *bytes, size_t n)
{
	scoped(json) json_object *o = NULL;
	struct err ignored;

	return json_parse(bytes, n, &o, &ignored) == 0 &&
	       json_object_is_type(json_get(o, "manifests"), json_type_array);
}

/* An image without a topmost layer, whose manifest is an index, is a list of images. */
static int read_list(const char *root, json_object *o, struct store *db, struct err *e)
{
	json_object *digests = json_get(o, "big-data-digests");
	const char *created = json_get_str(o, "created"), *layer = json_get_str(o, "layer");
	struct catalogue_list l = { .id = json_get_str(o, "id"),
				    .digest = json_get_str(digests, "manifest") };
	scoped(strv) char **names = NULL;
	scoped(mem) char *path = NULL;
	scoped(mem) char *bytes = NULL;
	struct err ignored;
	size_t n = 0;
	int r;

	if (!l.id || !id_is_prefix(l.id) || !l.digest || (layer && *layer) ||
	    json_to_strv(json_get(o, "names"), &names) < 0)
		return 0;
	path = catalogue_podman_document(root, l.id, "manifest");
	if (!path)
		return no_memory(e);
	if (path_read(AT_FDCWD, path, MANIFEST_MAX, &bytes, &n, &ignored) < 0 ||
	    !is_index(bytes, n))
		return 0;
	if (created)
		(void)time_parse(created, 0, &l.added); /* else it is 0 */
	l.names = names;
	r = catalogue_add_list(db, &l, e);
	return r <= 0 ? r : catalogue_add_blob(db, l.digest, path, e);
}

int catalogue_read_podman(const char *root, const char *images, size_t n_images, const char *layers,
			  size_t n_layers, struct store *db, struct err *e)
{
	scoped(json) json_object *image_list = NULL;
	scoped(json) json_object *layer_list = NULL;
	scoped(json) json_object *by_id = json_object_new_object();
	int r = by_id ? parse_list(layers, n_layers, "layers.json", &layer_list, e) : no_memory(e);

	if (r == 0)
		r = parse_list(images, n_images, "images.json", &image_list, e);
	if (r == 0)
		r = read_layers(root, layer_list, by_id, db, e);
	for (size_t i = 0; r >= 0 && i < json_len(image_list); i++)
		r = read_image(root, json_object_array_get_idx(image_list, i), by_id, db, e);
	for (size_t i = 0; r >= 0 && i < json_len(image_list); i++)
		r = read_list(root, json_object_array_get_idx(image_list, i), db, e);
	return r < 0 ? r : 0;
}

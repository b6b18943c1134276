/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "src/image/image_parent.h"
#include "src/image/image_stores.h"
#include "src/image/schema1.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

/* A reference to member NAME of FROM under another name; what is missing becomes MISSING. */
static void borrow(json_object *to, const char *as, json_object *from, const char *name,
		   json_object *take_missing)
{
	json_object *v = json_get(from, name);
	if (v)
		json_object_put(take_missing);
	json_put(to, as, v ? json_object_get(v) : take_missing);
}

static void borrow_str(json_object *to, const char *as, json_object *from, const char *name)
{
	json_put_str(to, as, json_get_str(from, name));
}

/* Where the layers lie, top first, as overlay's drivers say it. */
static json_object *graph_driver(struct engine *en, const struct image *i)
{
	json_object *driver = json_object_new_object(), *data = json_object_new_object();
	scoped(strbuf) struct strbuf lower = STRBUF_INIT;
	size_t n = strv_len(i->layers);

	for (size_t k = n; k-- > 0;) {
		scoped(mem) char *dir = image_layer_path(en, i->layers[k]);
		if (!dir)
			continue;
		if (k == n - 1) {
			json_put_str(data, "UpperDir", dir);
			continue;
		}
		(void)strbuf_printf(&lower, "%s%s", lower.len ? ":" : "", dir);
	}
	if (lower.len)
		json_put_str(data, "LowerDir", lower.s);
	json_put_str(driver, "Name", "overlay");
	json_put(driver, "Data", data);
	return driver;
}

static json_object *root_fs(const struct image *i)
{
	json_object *o = json_object_new_object(), *rootfs = json_get(i->config, "rootfs");
	json_put_str(o, "Type", "layers");
	borrow(o, "Layers", rootfs, "diff_ids", json_object_new_array());
	return o;
}

/* The ID of the image that it was made from; "" where none is known. */
static void put_parent(json_object *o, struct engine *en, const struct image *i)
{
	struct image **list = NULL;
	struct err ignored = { 0 };
	size_t n = 0;
	const struct image *parent = image_relatives(en, i, &list, &n, &ignored) < 0
					     ? NULL
					     : image_parent_in(list, n, i);

	json_put_str(o, "Parent", parent ? parent->id : "");
	image_list_free(list, n);
}

/* The config's own, else that of its first step. */
static const char *comment(const struct image *i)
{
	json_object *history = json_get(i->config, "history");
	const char *own = json_get_str(i->config, "comment"), *first = NULL;

	if (json_len(history))
		first = json_get_str(json_object_array_get_idx(history, 0), "comment");
	return own && *own ? own : first;
}

json_object *image_inspect_json(struct engine *en, const struct image *i)
{
	json_object *o = json_object_new_object(), *config = json_get(i->config, "config");
	scoped(strv) char **names = image_all_names(i);

	json_put_str(o, "Id", i->id);
	json_put_str(o, "Digest", i->manifest_digest);
	json_put_strv(o, "RepoTags", i->names);
	json_put_strv(o, "RepoDigests", i->digests);
	put_parent(o, en, i);
	json_put_str(o, "Comment", comment(i));
	borrow_str(o, "Created", i->config, "created");
	borrow(o, "Config", i->config, "config", json_object_new_object());
	borrow_str(o, "Version", i->config, "docker_version");
	borrow_str(o, "Author", i->config, "author");
	borrow_str(o, "Architecture", i->config, "architecture");
	borrow_str(o, "Os", i->config, "os");
	if (json_get_str(i->config, "variant"))
		borrow_str(o, "Variant", i->config, "variant");
	json_put_int(o, "Size", i->size);
	json_put_int(o, "VirtualSize", i->size);
	json_put(o, "GraphDriver", graph_driver(en, i));
	json_put(o, "RootFS", root_fs(i));
	borrow(o, "Labels", config, "Labels", NULL);
	borrow(o, "Annotations", i->manifest, "annotations", json_object_new_object());
	if (schema1_is(i->manifest))
		json_put_str(o, "ManifestType", MEDIA_SCHEMA1_SIGNED);
	else
		borrow_str(o, "ManifestType", i->manifest, "mediaType");
	borrow_str(o, "User", config, "User");
	borrow(o, "History", i->config, "history", json_object_new_array());
	json_put_strv(o, "NamesHistory", i->past ? i->past : names);
	if (json_get(config, "Healthcheck"))
		borrow(o, "HealthCheck", config, "Healthcheck", NULL);
	return o;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* docker-archive: manifest.json is a list of images. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "src/image/load_image.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

/* Files named by their digest must have it ("HEX.json", "blobs/sha256/HEX"). */
static int check_config_name(const char *name, const struct load_image *i, struct err *e)
{
	const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	char digest[SHA256_TEXT_LEN], said[SHA256_TEXT_LEN];

	(void)snprintf(said, sizeof(said), "sha256:%.64s", base);
	if (!digest_is_valid(said))
		return 0;
	sha256_text(i->config, i->config_len, digest);
	return strcmp(digest, said) == 0
		       ? 0
		       : err_set(e, -EBADMSG, "config '%.100s' is not what its name says", name);
}

static int docker_image(const struct image_archive *a, json_object *o, struct load_image *i,
			struct err *e)
{
	const char *config = json_get_str(o, "Config");
	json_object *layers = json_get(o, "Layers"), *tags = json_get(o, "RepoTags");
	const struct archive_item *it;
	int r = 0;

	if (!config || (layers && !json_object_is_type(layers, json_type_array)) ||
	    (tags && !json_object_is_type(tags, json_type_array)))
		return err_set(e, -EBADMSG,
			       "manifest.json: 'Config', 'Layers' or 'RepoTags' is missing or has "
			       "the wrong type");
	if (json_len(layers) > LAYERS_MAX)
		return err_set(e, -E2BIG, "an image of more than %d layers", LAYERS_MAX);
	it = load_need(a, config, e);
	if (!it)
		return e->code;
	r = image_archive_read(a, it, MANIFEST_MAX, &i->config, &i->config_len, e);
	if (r == 0)
		r = check_config_name(config, i, e);
	for (i->n_layers = 0; r == 0 && i->n_layers < json_len(layers); i->n_layers++) {
		const char *name = json_str_at(layers, i->n_layers);
		i->layers[i->n_layers] = load_need(a, name ? name : "", e);
		if (!i->layers[i->n_layers])
			return e->code;
	}
	for (size_t k = 0; r == 0 && k < json_len(tags); k++)
		r = load_image_name(i, json_str_at(tags, k) ? json_str_at(tags, k) : "",
				    REFERENCE_HUB, e);
	return r;
}

/* The full form of a name in an archive: Docker leaves its own registry out. */
static char *full_name(const char *text, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	char *full;

	if (reference_parse(text, &ref, e) < 0 ||
	    (!ref.registry && reference_qualify(&ref, REFERENCE_HUB, e) < 0))
		return NULL;
	full = reference_name(&ref);
	if (!full)
		(void)err_set(e, -EINVAL, "%s: a name with a digest is in no archive", text);
	return full;
}

static int has_tag(json_object *o, const char *name)
{
	json_object *tags = json_get(o, "RepoTags");

	for (size_t k = 0; k < json_len(tags); k++) {
		struct err ignored = { 0 };
		const char *tag = json_str_at(tags, k);
		scoped(mem) char *full = tag ? full_name(tag, &ignored) : NULL;

		if (full && strcmp(full, name) == 0)
			return 1;
	}
	return 0;
}

/* Which images S means: *FIRST up to *END. */
static int choose(json_object *doc, const struct load_source *s, size_t *first, size_t *end,
		  char **ret_name, struct err *e)
{
	size_t n = json_len(doc);
	unsigned long long k;

	*first = 0;
	*end = n;
	if (!s->reference)
		return 0;
	if (s->reference[0] == '@') {
		if (str_to_u64(s->reference + 1, INT_MAX, &k) < 0)
			return err_set(e, -EINVAL, "Invalid source index %s", s->reference);
		if (k >= n)
			return err_set(e, -ENOENT,
				       "Invalid source index %s, only %zu manifest items available",
				       s->reference, n);
		*first = (size_t)k;
		*end = (size_t)k + 1;
		return 0;
	}
	*ret_name = full_name(s->reference, e);
	if (!*ret_name)
		return e->code;
	for (k = 0; k < n; k++)
		if (has_tag(json_object_array_get_idx(doc, k), *ret_name)) {
			*first = (size_t)k;
			*end = (size_t)k + 1;
			return 0;
		}
	return err_set(e, -ENOENT, "Tag \"%s\" not found", *ret_name);
}

static int store(struct engine *en, const struct image_archive *a, json_object *o,
		 const struct load_source *s, const char *name, struct load_result *ret,
		 struct err *e)
{
	scoped(load_image) struct load_image *i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return err_errno(e, ENOMEM, "load an image");
	i->a = a;
	i->s = s;
	r = docker_image(a, o, i, e);
	if (r < 0)
		return r;
	if (s->naming == LOAD_NAMES_GIVEN)
		name = s->name;
	if (name || s->naming == LOAD_NAMES_GIVEN) {
		strv_free(i->names);
		i->names = NULL;
		if (name && load_image_name(i, name, "localhost", e) < 0)
			return e->code;
	}
	return load_image_store(en, i, ret, e);
}

int load_docker(struct engine *en, const struct image_archive *a,
		const struct archive_item *manifest, const struct load_source *s,
		struct load_result *ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	scoped(mem) char *name = NULL;
	scoped(json) json_object *doc = NULL;
	size_t n = 0, k = 0, end = 0;
	int r = image_archive_read(a, manifest, MANIFEST_MAX, &text, &n, e);

	if (r == 0)
		r = json_parse(text, n, &doc, e);
	if (r < 0)
		return err_in(e, "manifest.json");
	if (!json_object_is_type(doc, json_type_array) || !json_len(doc) ||
	    json_len(doc) > LOAD_IMAGES_MAX)
		return err_set(e, -EBADMSG, "manifest.json is no list of images");
	if (s->needs_one && json_len(doc) > 1 && !s->reference)
		return err_set(e, -EINVAL, "the archive holds %zu images: say which one",
			       json_len(doc));
	r = choose(doc, s, &k, &end, &name, e);
	for (; r == 0 && k < end; k++)
		r = store(en, a, json_object_array_get_idx(doc, k), s, name, ret, e);
	return r;
}

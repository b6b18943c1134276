/* SPDX-License-Identifier: Apache-2.0 */
/* OCI image layouts (index.json and blobs/) and the directories of dir: (manifest.json, files named
 * by the hex digits of their digests beside it; manifests of an index are HEX.manifest.json). */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "src/image/load_image.h"
#include "src/image/schema1.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

#define NAME_CONTAINERD "io.containerd.image.name"
#define NAME_OCI	"org.opencontainers.image.ref.name"

struct layout {
	const struct image_archive *a;
	const struct load_source *s;
	int is_dir;
};

static const struct archive_item *blob(const struct layout *l, const struct descriptor *d,
				       int is_manifest, struct err *e)
{
	char name[128];
	const struct archive_item *it;

	(void)snprintf(name, sizeof(name), "%s%s%s", l->is_dir ? "" : "blobs/sha256/",
		       digest_hex(d->digest), l->is_dir && is_manifest ? ".manifest.json" : "");
	it = load_need(l->a, name, e);
	if (it && d->size >= 0 && it->size != d->size) {
		(void)err_set(e, -EBADMSG, "%s has %lld bytes in the archive, not %lld", d->digest,
			      (long long)it->size, (long long)d->size);
		return NULL;
	}
	return it;
}

static int blob_document(const struct layout *l, const struct descriptor *d, int is_manifest,
			 char **ret, size_t *ret_len, struct err *e)
{
	const struct archive_item *it = blob(l, d, is_manifest, e);
	scoped(mem) char *bytes = NULL;
	char got[SHA256_TEXT_LEN];
	int r;

	if (!it)
		return e->code;
	r = image_archive_read(l->a, it, MANIFEST_MAX, &bytes, ret_len, e);
	if (r == 0 && is_manifest)
		r = schema1_strip(&bytes, ret_len, e);
	if (r < 0)
		return r;
	sha256_text(bytes, *ret_len, got);
	if (strcmp(got, d->digest) != 0)
		return err_set(e, -EBADMSG, "%s has other contents in the archive", d->digest);
	*ret = take_ptr(&bytes);
	return 0;
}

static int wanted_platform(const struct layout *l, struct platform *ret, struct err *e)
{
	if (l->s->platform)
		return platform_parse(l->s->platform, ret, e);
	platform_host(ret);
	return 0;
}

/* The manifest of image I from the bytes in it, which are DIGEST: itself, or the one for the wanted
 * platform of the index that it is. */
static int find_manifest(const struct layout *l, const char *type, const char *digest,
			 struct load_image *i, struct manifest *ret, struct err *e)
{
	scoped(manifest) struct manifest m = { 0 };
	const struct descriptor *chosen;
	struct platform want;
	int r = manifest_parse(i->manifest, i->manifest_len, type, &m, e);

	if (r < 0)
		return r;
	if (m.kind == MANIFEST_IMAGE) {
		(void)snprintf(i->manifest_type, sizeof(i->manifest_type), "%s", m.media_type);
		*ret = m;
		m = (struct manifest){ 0 };
		return 0;
	}
	if (*i->index_digest)
		return err_set(e, -EBADMSG, "an index in an index");
	if (wanted_platform(l, &want, e) < 0)
		return e->code;
	chosen = manifest_choose(&m, &want, e);
	if (!chosen)
		return e->code;
	(void)snprintf(i->index_digest, sizeof(i->index_digest), "%s", digest);
	free(i->manifest);
	i->manifest = NULL;
	r = blob_document(l, chosen, 1, &i->manifest, &i->manifest_len, e);
	return r < 0 ? r : find_manifest(l, chosen->media_type, chosen->digest, i, ret, e);
}

/* Config and layers of I, whose manifest is in hand. */
static int find_blobs(const struct layout *l, const struct manifest *m, struct load_image *i,
		      struct err *e)
{
	int r = m->is_schema1 ? 0 : blob_document(l, &m->config, 0, &i->config, &i->config_len, e);

	i->is_schema1 = m->is_schema1;
	if (r < 0)
		return r;
	if (m->n_layers > LAYERS_MAX)
		return err_set(e, -E2BIG, "an image of more than %d layers", LAYERS_MAX);
	for (i->n_layers = 0; i->n_layers < m->n_layers; i->n_layers++) {
		i->want[i->n_layers] = m->layers[i->n_layers];
		i->layers[i->n_layers] = blob(l, &m->layers[i->n_layers], 0, e);
		if (!i->layers[i->n_layers])
			return e->code;
		i->want[i->n_layers].size = i->layers[i->n_layers]->size;
	}
	return 0;
}

static int store(struct engine *en, const struct layout *l, struct load_image *i,
		 const char *archive_name, struct load_result *ret, struct err *e)
{
	const char *name = l->s->naming == LOAD_NAMES_GIVEN ? l->s->name : archive_name;

	if (name && *name && load_image_name(i, name, "localhost", e) < 0)
		return e->code;
	return load_image_store(en, i, ret, e);
}

/* ---- index.json ------------------------------------------------------------------------------ */

static const char *entry_name(json_object *entry)
{
	json_object *a = json_get(entry, "annotations");
	const char *name = json_get_str(a, NAME_CONTAINERD);

	return name ? name : json_get_str(a, NAME_OCI);
}

/* Is the entry the one that S asks for?  With the whole name, or its tag alone. */
static int is_wanted(const struct load_source *s, json_object *entry, size_t k)
{
	json_object *a = json_get(entry, "annotations");
	const char *names[] = { json_get_str(a, NAME_OCI), json_get_str(a, NAME_CONTAINERD) };
	unsigned long long at;

	if (!s->reference)
		return 1;
	if (s->reference[0] == '@' && str_to_u64(s->reference + 1, INT_MAX, &at) == 0)
		return at == k;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i] && strcmp(names[i], s->reference) == 0)
			return 1;
	return 0;
}

static int store_entry(struct engine *en, const struct layout *l, const struct descriptor *d,
		       json_object *entry, struct load_result *ret, struct err *e)
{
	scoped(load_image) struct load_image *i = calloc(1, sizeof(*i));
	scoped(manifest) struct manifest m = { 0 };

	if (!i)
		return err_errno(e, ENOMEM, "load an image");
	i->a = l->a;
	i->s = l->s;
	if (blob_document(l, d, 1, &i->manifest, &i->manifest_len, e) < 0 ||
	    find_manifest(l, d->media_type, d->digest, i, &m, e) < 0 || find_blobs(l, &m, i, e) < 0)
		return e->code;
	return store(en, l, i, entry_name(entry), ret, e);
}

static int read_index(const struct image_archive *a, const struct archive_item *index,
		      struct manifest *m, json_object **ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	size_t n = 0;
	int r = image_archive_read(a, index, MANIFEST_MAX, &text, &n, e);

	if (r == 0)
		r = manifest_parse(text, n, MEDIA_OCI_INDEX, m, e);
	if (r == 0)
		r = json_parse(text, n, ret, e); /* annotations, which the struct has not */
	if (r < 0)
		return err_in(e, "index.json");
	if (m->kind != MANIFEST_INDEX || !m->n_layers || m->n_layers > LOAD_IMAGES_MAX)
		return err_set(e, -EBADMSG, "index.json is no list of images");
	return 0;
}

int load_oci(struct engine *en, const struct image_archive *a, const struct archive_item *index,
	     const struct load_source *s, struct load_result *ret, struct err *e)
{
	const struct layout l = { .a = a, .s = s };
	scoped(json) json_object *doc = NULL;
	scoped(manifest) struct manifest m = { 0 };
	size_t found = 0;
	int r = read_index(a, index, &m, &doc, e);

	if (r < 0)
		return r;
	if (s->needs_one && !s->reference && m.n_layers > 1)
		return err_set(e, -EINVAL, "more than one image in oci, choose an image");
	for (size_t k = 0; r == 0 && k < m.n_layers; k++) {
		json_object *entry = json_object_array_get_idx(json_get(doc, "manifests"), k);

		if (!is_wanted(s, entry, k))
			continue;
		found++;
		r = store_entry(en, &l, &m.layers[k], entry, ret, e);
	}
	if (r == 0 && !found)
		return err_set(e, -ENOENT, "no descriptor found for reference \"%s\"",
			       s->reference);
	return r;
}

/* ---- dir: ------------------------------------------------------------------------------------ */

int load_dir(struct engine *en, const struct image_archive *a, const struct archive_item *manifest,
	     const struct load_source *s, struct load_result *ret, struct err *e)
{
	const struct layout l = { .a = a, .s = s, .is_dir = 1 };
	scoped(load_image) struct load_image *i = calloc(1, sizeof(*i));
	scoped(manifest) struct manifest m = { 0 };
	char digest[SHA256_TEXT_LEN];
	int r;

	if (!i)
		return err_errno(e, ENOMEM, "load an image");
	i->a = a;
	i->s = s;
	r = image_archive_read(a, manifest, MANIFEST_MAX, &i->manifest, &i->manifest_len, e);
	if (r == 0)
		r = schema1_strip(&i->manifest, &i->manifest_len, e);
	if (r < 0)
		return r;
	sha256_text(i->manifest, i->manifest_len, digest);
	if (find_manifest(&l, NULL, digest, i, &m, e) < 0 || find_blobs(&l, &m, i, e) < 0)
		return e->code;
	return store(en, &l, i, NULL, ret, e);
}

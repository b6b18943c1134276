/* SPDX-License-Identifier: Apache-2.0 */
/* docker-archive and oci-archive.  Where an archive is both, as Docker writes it since version 25,
 * the names in manifest.json are the better ones. */
#include <errno.h>
#include <string.h>

#include "src/image/archive.h"
#include "src/image/image.h"
#include "src/image/layer_stage.h"
#include "src/image/manifest.h"
#include "src/image/reference.h"
#include "src/util/json.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

#define IMAGES_MAX 1000
#define JOBS	   4 /* layers unpacked at a time */

/* One image of the archive.  All owned except what lies in the archive. */
struct load_image {
	const struct image_archive *a;
	char *config, *manifest; /* manifest NULL: made from the layers (docker-archive) */
	size_t config_len, manifest_len;
	char manifest_type[128];
	char index_digest[SHA256_TEXT_LEN]; /* "" when it came from no index of its own */
	const struct archive_item *layers[LAYERS_MAX];
	struct descriptor want[LAYERS_MAX]; /* what the manifest says of them; digest "" when it is
					       made here */
	size_t n_layers;
	char **names; /* full */
};

static void load_image_done(struct load_image *i)
{
	if (!i)
		return;
	free(i->config);
	free(i->manifest);
	strv_free(i->names);
	free(i);
}
DEFINE_SCOPED(load_image, struct load_image *, load_image_done);

static const struct archive_item *need(const struct image_archive *a, const char *name,
				       struct err *e)
{
	const struct archive_item *it = image_archive_find(a, name);
	if (!it)
		(void)err_set(e, -EBADMSG, "the archive has no file '%.200s'", name);
	return it;
}

/* ---- storing one ----------------------------------------------------------------------------- */

/* Wait for layer K and compare it with what was promised. */
static int finish(struct layer_stage *stage, const struct load_image *i, size_t k, struct err *e)
{
	struct layer_result got;
	int r = layer_stage_finish(stage, k, &got, e);

	if (r == 0 && *i->want[k].digest &&
	    (strcmp(i->want[k].digest, got.digest) != 0 || i->want[k].size != got.size))
		r = err_set(e, -EBADMSG, "it is not the %s of its manifest", i->want[k].digest);
	return r < 0 ? err_in(e, "layer %zu of %zu", k + 1, i->n_layers) : 0;
}

/* A few layers at a time. */
static int unpack(struct layer_stage *stage, const struct load_image *i, char *const *diff_ids,
		  struct err *e)
{
	size_t busy[JOBS], n_busy = 0;
	int r = 0;

	for (size_t k = 0; r == 0 && k < i->n_layers; k++) {
		if (layer_stage_has(stage, diff_ids[k])) {
			r = layer_stage_known(stage, diff_ids[k], e);
			continue;
		}
		if (n_busy == JOBS) {
			r = finish(stage, i, busy[0], e);
			memmove(busy, busy + 1, --n_busy * sizeof(busy[0]));
		}
		if (r == 0)
			r = layer_stage_begin(stage, diff_ids[k], i->a->fd, i->layers[k]->offset,
					      i->layers[k]->size, e);
		busy[n_busy++] = k;
	}
	for (size_t b = 0; r == 0 && b < n_busy; b++)
		r = finish(stage, i, busy[b], e);
	return r;
}

static json_object *descriptor_json(const char *type, const char *digest, int64_t size)
{
	json_object *o = json_object_new_object();
	json_put_str(o, "mediaType", type);
	json_put_int(o, "size", size);
	json_put_str(o, "digest", digest);
	return o;
}

/* A docker-archive has no manifest: this one names the plain layers. */
static int make_manifest(struct load_image *i, const struct layer_stage *stage, struct err *e)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *layers = json_object_new_array();
	char digest[SHA256_TEXT_LEN];

	sha256_text(i->config, i->config_len, digest);
	json_put_int(o, "schemaVersion", 2);
	json_put_str(o, "mediaType", MEDIA_DOCKER_MANIFEST);
	json_put(o, "config", descriptor_json(MEDIA_DOCKER_CONFIG, digest, (int64_t)i->config_len));
	for (size_t k = 0; k < stage->n; k++)
		(void)json_object_array_add(
			layers,
			descriptor_json("application/vnd.docker.image.rootfs.diff.tar",
					stage->layers[k].diff_id, stage->layers[k].diff_size));
	json_put(o, "layers", layers);
	i->manifest = json_text(o);
	if (!i->manifest)
		return err_errno(e, ENOMEM, "make a manifest");
	i->manifest_len = strlen(i->manifest);
	(void)stpcpy(i->manifest_type, MEDIA_DOCKER_MANIFEST);
	return 0;
}

static int publish(struct engine *en, const struct load_image *i, const struct layer_stage *stage,
		   char **ret_id, struct err *e)
{
	struct image_publish p = { .manifest = i->manifest,
				   .manifest_len = i->manifest_len,
				   .manifest_type = i->manifest_type,
				   .config = i->config,
				   .config_len = i->config_len,
				   .index_digest = *i->index_digest ? i->index_digest : NULL,
				   .layers = stage->layers,
				   .n_layers = stage->n,
				   .name = i->names ? i->names[0] : NULL };
	int r = image_publish(en, &p, ret_id, e);

	for (char **n = i->names; r == 0 && n && *n; n++)
		if (n != i->names)
			r = image_tag(en, *ret_id, *n, e);
	return r;
}

static int store_once(struct engine *en, struct load_image *i, char *const *diff_ids, char **ret_id,
		      struct err *e)
{
	scoped(layer_stage) struct layer_stage stage = { .tmp_fd = -EBADF, .lease = -EBADF };
	int r = layer_stage_open(en, i->n_layers, &stage, e);

	if (r == 0)
		r = unpack(&stage, i, diff_ids, e);
	if (r == 0 && !i->manifest)
		r = make_manifest(i, &stage, e);
	return r < 0 ? r : publish(en, i, &stage, ret_id, e);
}

static int store_image(struct engine *en, struct load_image *i, char ***ret_names, struct err *e)
{
	scoped(strv) char **ids = NULL;
	scoped(mem) char *id = NULL;
	int r = config_diff_ids(i->config, i->config_len, i->n_layers, &ids, e);

	if (r < 0)
		return r;
	/* A layer that we had may be removed by others before we name it: then it is unpacked after
	 * all. */
	r = -EAGAIN;
	for (int tries = 0; r == -EAGAIN && tries < 10; tries++)
		r = store_once(en, i, ids, &id, e);
	if (r < 0)
		return r;
	for (char **n = i->names; r == 0 && n && *n; n++)
		r = strv_add(ret_names, *n);
	if (!i->names) {
		scoped(mem) char *text = str_printf("sha256:%s", id);
		r = text ? strv_add(ret_names, text) : -ENOMEM;
	}
	return r < 0 ? err_errno(e, r, "load an image") : 0;
}

/* NAME as the archive has it; short ones belong to REGISTRY. */
static int add_name(struct load_image *i, const char *name, const char *registry, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	scoped(mem) char *full = NULL;
	int r = reference_parse(name, &ref, e);

	if (r == 0 && !ref.registry)
		r = reference_qualify(&ref, registry, e);
	if (r < 0)
		return r;
	full = reference_name(&ref);
	if (!full)
		return ref.digest ? 0
				  : err_errno(e, ENOMEM,
					      "name an image"); /* by digest only: no name */
	return strv_add(&i->names, full) < 0 ? err_errno(e, ENOMEM, "name an image") : 0;
}

/* ---- docker-archive -------------------------------------------------------------------------- */

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
	it = need(a, config, e);
	if (!it)
		return e->code;
	r = image_archive_read(a, it, MANIFEST_MAX, &i->config, &i->config_len, e);
	if (r == 0)
		r = check_config_name(config, i, e);
	for (i->n_layers = 0; r == 0 && i->n_layers < json_len(layers); i->n_layers++) {
		const char *name = json_str_at(layers, i->n_layers);
		i->layers[i->n_layers] = need(a, name ? name : "", e);
		if (!i->layers[i->n_layers])
			return e->code;
	}
	for (size_t k = 0; r == 0 && k < json_len(tags); k++)
		r = add_name(i, json_str_at(tags, k) ? json_str_at(tags, k) : "", "localhost", e);
	return r;
}

static int load_docker(struct engine *en, const struct image_archive *a,
		       const struct archive_item *manifest, char ***ret_names, struct err *e)
{
	scoped(mem) char *text = NULL;
	scoped(json) json_object *doc = NULL;
	size_t n = 0;
	int r = image_archive_read(a, manifest, MANIFEST_MAX, &text, &n, e);

	if (r == 0)
		r = json_parse(text, n, &doc, e);
	if (r < 0)
		return err_in(e, "manifest.json");
	if (!json_object_is_type(doc, json_type_array) || !json_len(doc) ||
	    json_len(doc) > IMAGES_MAX)
		return err_set(e, -EBADMSG, "manifest.json is no list of images");
	for (size_t k = 0; r == 0 && k < json_len(doc); k++) {
		scoped(load_image) struct load_image *i = calloc(1, sizeof(*i));
		if (!i)
			return err_errno(e, ENOMEM, "load an image");
		i->a = a;
		r = docker_image(a, json_object_array_get_idx(doc, k), i, e);
		if (r == 0)
			r = store_image(en, i, ret_names, e);
	}
	return r;
}

/* ---- oci-archive ----------------------------------------------------------------------------- */

static const struct archive_item *blob(const struct image_archive *a, const struct descriptor *d,
				       struct err *e)
{
	char name[128];
	const struct archive_item *it;

	(void)snprintf(name, sizeof(name), "blobs/sha256/%s", digest_hex(d->digest));
	it = need(a, name, e);
	if (it && it->size != d->size) {
		(void)err_set(e, -EBADMSG, "%s has %lld bytes in the archive, not %lld", d->digest,
			      (long long)it->size, (long long)d->size);
		return NULL;
	}
	return it;
}

static int blob_document(const struct image_archive *a, const struct descriptor *d, char **ret,
			 size_t *ret_len, struct err *e)
{
	const struct archive_item *it = blob(a, d, e);
	scoped(mem) char *bytes = NULL;
	char got[SHA256_TEXT_LEN];
	int r;

	if (!it)
		return e->code;
	r = image_archive_read(a, it, MANIFEST_MAX, &bytes, ret_len, e);
	if (r < 0)
		return r;
	sha256_text(bytes, *ret_len, got);
	if (strcmp(got, d->digest) != 0)
		return err_set(e, -EBADMSG, "%s has other contents in the archive", d->digest);
	*ret = take_ptr(&bytes);
	return 0;
}

/* The manifest that D means: itself, or the one for this host of the index that it is. */
static int oci_manifest(const struct image_archive *a, const struct descriptor *d,
			struct load_image *i, struct manifest *ret, struct err *e)
{
	scoped(manifest) struct manifest m = { 0 };
	const struct descriptor *chosen;
	struct platform host;
	int r = blob_document(a, d, &i->manifest, &i->manifest_len, e);

	if (r == 0)
		r = manifest_parse(i->manifest, i->manifest_len, d->media_type, &m, e);
	if (r < 0)
		return r;
	if (m.kind == MANIFEST_IMAGE) {
		(void)snprintf(i->manifest_type, sizeof(i->manifest_type), "%s", m.media_type);
		*ret = m;
		m = (struct manifest){ 0 };
		return 0;
	}
	platform_host(&host);
	chosen = manifest_choose(&m, &host, e);
	if (!chosen)
		return e->code;
	if (*i->index_digest)
		return err_set(e, -EBADMSG, "an index in an index");
	(void)snprintf(i->index_digest, sizeof(i->index_digest), "%s", d->digest);
	free(i->manifest);
	i->manifest = NULL;
	return oci_manifest(a, chosen, i, ret, e);
}

static int oci_image(const struct image_archive *a, const struct descriptor *d,
		     json_object *annotations, struct load_image *i, struct err *e)
{
	const char *name = json_get_str(annotations, "io.containerd.image.name");
	scoped(manifest) struct manifest m = { 0 };
	int r = oci_manifest(a, d, i, &m, e);

	if (r == 0)
		r = blob_document(a, &m.config, &i->config, &i->config_len, e);
	if (r < 0)
		return r;
	if (m.n_layers > LAYERS_MAX)
		return err_set(e, -E2BIG, "an image of more than %d layers", LAYERS_MAX);
	for (i->n_layers = 0; i->n_layers < m.n_layers; i->n_layers++) {
		i->want[i->n_layers] = m.layers[i->n_layers];
		i->layers[i->n_layers] = blob(a, &m.layers[i->n_layers], e);
		if (!i->layers[i->n_layers])
			return e->code;
	}
	if (!name)
		name = json_get_str(annotations, "org.opencontainers.image.ref.name");
	return name && *name ? add_name(i, name, "localhost", e) : 0;
}

static int load_oci(struct engine *en, const struct image_archive *a,
		    const struct archive_item *index, char ***ret_names, struct err *e)
{
	scoped(mem) char *text = NULL;
	scoped(json) json_object *doc = NULL;
	scoped(manifest) struct manifest m = { 0 };
	size_t n = 0;
	int r = image_archive_read(a, index, MANIFEST_MAX, &text, &n, e);

	if (r == 0)
		r = manifest_parse(text, n, MEDIA_OCI_INDEX, &m, e);
	if (r == 0)
		r = json_parse(text, n, &doc, e); /* annotations, which the struct has not */
	if (r < 0)
		return err_in(e, "index.json");
	if (m.kind != MANIFEST_INDEX || !m.n_layers || m.n_layers > IMAGES_MAX)
		return err_set(e, -EBADMSG, "index.json is no list of images");
	for (size_t k = 0; r == 0 && k < m.n_layers; k++) {
		scoped(load_image) struct load_image *i = calloc(1, sizeof(*i));
		json_object *entry = json_object_array_get_idx(json_get(doc, "manifests"), k);
		if (!i)
			return err_errno(e, ENOMEM, "load an image");
		i->a = a;
		r = oci_image(a, &m.layers[k], json_get(entry, "annotations"), i, e);
		if (r == 0)
			r = store_image(en, i, ret_names, e);
	}
	return r;
}

/* ---- public ---------------------------------------------------------------------------------- */

static int load(struct engine *en, const struct image_archive *a, char ***ret_names, struct err *e)
{
	const struct archive_item *it = image_archive_find(a, "manifest.json");

	if (it)
		return load_docker(en, a, it, ret_names, e);
	it = image_archive_find(a, "index.json");
	if (it)
		return load_oci(en, a, it, ret_names, e);
	return err_set(e, -EBADMSG,
		       "payload does not match any of the supported image formats: "
		       "there is no manifest.json and no index.json in it");
}

int image_load(struct engine *en, const struct image_load_options *o, char ***ret_names,
	       struct err *e)
{
	scoped(image_archive) struct image_archive *a = NULL;
	scoped(strv) char **names = NULL;
	int r;

	engine_collect(en);
	image_collect(en);
	r = image_archive_open(en, o->path, &a, e);
	if (r < 0)
		return r;
	r = load(en, a, &names, e);
	if (r < 0)
		return err_in(e, "load %s",
			      !o->path || strcmp(o->path, "-") == 0 ? "standard input" : o->path);
	*ret_names = take_ptr(&names);
	return 0;
}

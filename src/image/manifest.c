/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "overlay/toc.h"
#include "src/image/schema1.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define ENTRIES_MAX 4096 /* of an index */
#define OCI_TYPES   "application/vnd.oci.image.layer."

static const char *const manifest_types[] = { MEDIA_OCI_MANIFEST, MEDIA_DOCKER_MANIFEST, NULL };
/* What an index may lead to. */
static const char *const image_types[] = { MEDIA_OCI_MANIFEST, MEDIA_DOCKER_MANIFEST,
					   MEDIA_SCHEMA1_SIGNED, MEDIA_SCHEMA1, NULL };
static const char *const index_types[] = { MEDIA_OCI_INDEX, MEDIA_DOCKER_LIST, NULL };
static const char *const config_types[] = { MEDIA_OCI_CONFIG, MEDIA_DOCKER_CONFIG, NULL };
static const char *const layer_types[] = {
	"application/vnd.oci.image.layer.v1.tar",
	"application/vnd.oci.image.layer.v1.tar+gzip",
	"application/vnd.oci.image.layer.v1.tar+zstd",
	"application/vnd.oci.image.layer.nondistributable.v1.tar",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
	"application/vnd.docker.image.rootfs.diff.tar",
	"application/vnd.docker.image.rootfs.diff.tar.gzip",
	"application/vnd.docker.image.rootfs.diff.tar.zstd",
	"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
	NULL,
};

static int is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return 1;
	return 0;
}

void manifest_done(struct manifest *m)
{
	free(m->layers);
	*m = (struct manifest){ 0 };
}

/* "'VALUE'" for a message, without what a terminal would obey. */
static const char *shown(const char *s, struct strbuf *b)
{
	(void)name_escape(b, s);
	if (b->len > 120)
		b->s[120] = '\0';
	return b->s ? b->s : "";
}

static int read_platform(json_object *o, struct descriptor *d, const char *where, struct err *e)
{
	static const char *const names[] = { "os", "architecture", "variant" };
	char *const to[] = { d->platform.os, d->platform.arch, d->platform.variant };

	if (!o)
		return 0;
	if (!json_object_is_type(o, json_type_object))
		return err_set(e, -EBADMSG, "%s: 'platform' has the wrong type", where);
	for (size_t i = 0; i < 3; i++) {
		json_object *v = json_get(o, names[i]);

		if (v && !json_object_is_type(v, json_type_string))
			return err_set(e, -EBADMSG, "%s: '%s' has the wrong type", where, names[i]);
		if (v && json_object_get_string_len(v) < (int)sizeof(d->platform.os))
			(void)stpcpy(to[i],
				     json_object_get_string(v)); /* the length was just compared */
	}
	d->has_platform = 1;
	return 0;
}

/* Annotations that say nothing we know, or that wrongly, are nobody's error. */
static void read_toc(json_object *notes, struct descriptor_toc *t)
{
	static const char *const names[][3] = {
		{ TOC_ZSTD TOC_DIGEST, TOC_ZSTD TOC_PLACE, TOC_ZSTD TOC_SPLIT },
		{ TOC_ZSTD_OLD TOC_DIGEST, TOC_ZSTD_OLD TOC_PLACE, TOC_ZSTD_OLD TOC_SPLIT },
		{ TOC_STARGZ_DIGEST, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(names) && !*t->digest; i++) {
		const char *digest = json_get_str(notes, names[i][0]),
			   *place = names[i][1] ? json_get_str(notes, names[i][1]) : "",
			   *split = names[i][2] ? json_get_str(notes, names[i][2]) : NULL;

		if (!digest_is_valid(digest) || !place || strlen(place) >= sizeof(t->place))
			continue;
		t->is_stargz = !names[i][1];
		(void)stpcpy(t->digest, digest); /* lengths were checked */
		(void)stpcpy(t->place, place);
		if (split && strlen(split) < sizeof(t->split))
			(void)stpcpy(t->split, split);
	}
}

static int read_descriptor(json_object *o, struct descriptor *d, const char *where, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	json_object *size = json_get(o, "size");
	const char *type = json_get_str(o, "mediaType"), *digest = json_get_str(o, "digest");

	*d = (struct descriptor){ 0 };
	if (!json_object_is_type(o, json_type_object))
		return err_set(e, -EBADMSG, "%s is no object", where);
	if (!type || strlen(type) >= sizeof(d->media_type))
		return err_set(e, -EBADMSG, "%s: missing or invalid 'mediaType'", where);
	if (!digest_is_valid(digest))
		return err_set(e, -EBADMSG, "%s: missing or invalid digest '%s'", where,
			       shown(digest ? digest : "", &b));
	if (!json_object_is_type(size, json_type_int) || json_object_get_int64(size) < 0 ||
	    json_object_get_int64(size) == INT64_MAX)
		return err_set(e, -EBADMSG, "%s: missing or invalid 'size'", where);
	(void)stpcpy(d->media_type, type); /* both lengths were checked */
	(void)stpcpy(d->digest, digest);
	d->size = json_object_get_int64(size);
	read_toc(json_get(o, "annotations"), &d->toc);
	return read_platform(json_get(o, "platform"), d, where, e);
}

/* The array NAME into m->layers. */
static int read_list(json_object *doc, const char *name, size_t max, struct manifest *m,
		     struct err *e)
{
	json_object *a = json_get(doc, name);
	size_t n = json_len(a);

	if (!json_object_is_type(a, json_type_array))
		return err_set(e, -EBADMSG, "'%s' is missing or has the wrong type", name);
	if (n > max)
		return err_set(e, -E2BIG, "'%s' has %zu elements, more than %zu", name, n, max);
	m->layers = calloc(n ? n : 1, sizeof(*m->layers));
	if (!m->layers)
		return err_errno(e, ENOMEM, "read '%s'", name);
	for (; m->n_layers < n; m->n_layers++) {
		char where[64];

		(void)snprintf(where, sizeof(where), "%s[%zu]", name, m->n_layers);
		if (read_descriptor(json_object_array_get_idx(a, m->n_layers),
				    &m->layers[m->n_layers], where, e) < 0)
			return e->code;
	}
	return 0;
}

/* Is it a layer's type, or that of an encrypted one? */
static int read_layer_type(struct descriptor *d)
{
	static const char suffix[] = "+encrypted";
	size_t n = strlen(d->media_type), k = strlen(suffix);
	char plain[sizeof(d->media_type)];

	if (n <= k || strcmp(d->media_type + n - k, suffix) != 0)
		return is_one_of(d->media_type, layer_types);
	(void)snprintf(plain, sizeof(plain), "%.*s", (int)(n - k), d->media_type);
	d->is_encrypted = strncmp(plain, OCI_TYPES, strlen(OCI_TYPES)) == 0;
	d->toc = (struct descriptor_toc){ 0 }; /* ranges of the plain layer */
	return d->is_encrypted && is_one_of(plain, layer_types);
}

static int read_image(json_object *doc, struct manifest *m, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	m->kind = MANIFEST_IMAGE;
	if (read_descriptor(json_get(doc, "config"), &m->config, "config", e) < 0 ||
	    read_list(doc, "layers", LAYERS_MAX, m, e) < 0)
		return e->code;
	if (!is_one_of(m->config.media_type, config_types))
		return err_set(e, -ENOTSUP, "not a container image: config is of type '%s'",
			       shown(m->config.media_type, &b));
	if (m->config.size > MANIFEST_MAX)
		return err_set(e, -E2BIG, "config is larger than %d bytes", MANIFEST_MAX);
	for (size_t i = 0; i < m->n_layers; i++)
		if (!read_layer_type(&m->layers[i]))
			return err_set(e, -ENOTSUP, "layers[%zu]: unsupported media type '%s'", i,
				       shown(m->layers[i].media_type, &b));
	return 0;
}

/* Does the document's own type, or else the transport's, fit what its members make it? */
static int check_type(json_object *doc, const char *content_type, struct manifest *m, int is_index,
		      struct err *e)
{
	const char *const *types = is_index ? index_types : manifest_types;
	const char *const *others = is_index ? manifest_types : index_types;
	json_object *o = json_get(doc, "mediaType");
	const char *own = json_get_str(doc, "mediaType");
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	if (o && !own)
		return err_set(e, -EBADMSG, "'mediaType' has the wrong type");
	if (own && *own && !is_one_of(own, types))
		return err_set(e, is_one_of(own, others) ? -EBADMSG : -ENOTSUP,
			       "unsupported manifest media type '%s'", shown(own, &b));
	if (content_type && (is_one_of(content_type, types) || is_one_of(content_type, others))) {
		if (!is_one_of(content_type, types) ||
		    (own && *own && strcmp(own, content_type) != 0))
			return err_set(e, -EBADMSG, "the document is not the '%s' it was sent as",
				       content_type);
	} else {
		content_type = NULL;
	}
	if (!own || !*own)
		own = content_type ? content_type : types[0];
	(void)stpcpy(m->media_type, own); /* one of the constants above */
	return 0;
}

static int parse(json_object *doc, const char *content_type, struct manifest *m, struct err *e)
{
	int64_t version = json_get_int(doc, "schemaVersion", -1);
	int has_layers = json_object_object_get_ex(doc, "layers", NULL) ||
			 json_object_object_get_ex(doc, "config", NULL);
	int has_manifests = json_object_object_get_ex(doc, "manifests", NULL);

	if (schema1_is(doc)) {
		(void)stpcpy(m->media_type, MEDIA_SCHEMA1_SIGNED); /* has room for it */
		m->is_schema1 = 1;
		return schema1_layers(doc, m, e);
	}
	if (version != 2)
		return err_set(e, -EBADMSG, "'schemaVersion' is missing or not 2");
	if (has_layers && has_manifests)
		return err_set(e, -EBADMSG, "the document is a manifest and an index at once");
	if (!has_layers && !has_manifests)
		return err_set(e, -EBADMSG, "the document is neither a manifest nor an index");
	if (check_type(doc, content_type, m, has_manifests, e) < 0)
		return e->code;
	if (!has_manifests)
		return read_image(doc, m, e);
	m->kind = MANIFEST_INDEX;
	return read_list(doc, "manifests", ENTRIES_MAX, m, e);
}

int manifest_parse(const char *bytes, size_t n, const char *content_type, struct manifest *ret,
		   struct err *e)
{
	scoped(manifest) struct manifest m = { 0 };
	scoped(json) json_object *doc = NULL;

	if (n > MANIFEST_MAX)
		return err_set(e, -E2BIG, "manifest is larger than %d bytes", MANIFEST_MAX);
	if (json_parse(bytes, n, &doc, e) < 0)
		return err_in(e, "manifest");
	if (!json_object_is_type(doc, json_type_object))
		return err_set(e, -EBADMSG, "manifest is no object");
	if (parse(doc, content_type, &m, e) < 0)
		return err_in(e, "manifest");
	*ret = m;
	m = (struct manifest){ 0 };
	return 0;
}

/* "linux/amd64, linux/arm64/v8" */
static void list_platforms(const struct manifest *index, struct strbuf *b)
{
	scoped(strbuf) struct strbuf all = STRBUF_INIT;
	char buf[100];

	for (size_t i = 0; i < index->n_layers && all.len < 300; i++)
		if (index->layers[i].has_platform && *index->layers[i].platform.os)
			(void)strbuf_printf(&all, "%s%s", all.len ? ", " : "",
					    platform_format(&index->layers[i].platform, buf));
	(void)name_escape(b, all.s ? all.s : "nothing");
}

const struct descriptor *manifest_choose(const struct manifest *index, const struct platform *want,
					 struct err *e)
{
	scoped(strbuf) struct strbuf there = STRBUF_INIT;
	const struct descriptor *best = NULL;
	int best_score = 0;

	for (size_t i = 0; i < index->n_layers; i++) {
		const struct descriptor *d = &index->layers[i];
		int score = platform_score(want, &d->platform);

		if (!is_one_of(d->media_type, image_types) || !d->has_platform)
			continue;
		if (score > best_score) {
			best = d;
			best_score = score;
		}
	}
	for (size_t i = 0; !best && i < index->n_layers;
	     i++) /* an index of one that does not say */
		if (!index->layers[i].has_platform &&
		    is_one_of(index->layers[i].media_type, image_types))
			best = &index->layers[i];
	if (best)
		return best;
	list_platforms(index, &there);
	(void)err_set(e, -ENOENT,
		      "choosing an image from manifest list: no image found in manifest list for "
		      "architecture %s, variant \"%s\", OS %s",
		      want->arch, want->variant, want->os);
	(void)err_hint(e, "the list has: %s", there.s ? there.s : "");
	return NULL;
}

int config_diff_ids(const char *bytes, size_t n, size_t n_layers, char ***ret, struct err *e)
{
	scoped(json) json_object *doc = NULL;
	scoped(strv) char **v = NULL;
	json_object *ids;

	if (json_parse(bytes, n, &doc, e) < 0)
		return err_in(e, "image config");
	ids = json_path(doc, "rootfs", "diff_ids", NULL);
	if (!json_object_is_type(ids, json_type_array) && n_layers)
		return err_set(e, -EBADMSG,
			       "image config: 'rootfs.diff_ids' is missing or has the wrong type");
	if (json_len(ids) != n_layers)
		return err_set(e, -EBADMSG, "image config has %zu diff IDs for %zu layers",
			       json_len(ids), n_layers);
	for (size_t i = 0; i < n_layers; i++) {
		if (!digest_is_valid(json_str_at(ids, i)))
			return err_set(e, -EBADMSG,
				       "image config: diff_ids[%zu] is not a valid digest", i);
		if (strv_add(&v, json_str_at(ids, i)) < 0)
			return err_errno(e, ENOMEM, "image config");
	}
	*ret = take_ptr(&v);
	return 0;
}

const char *manifest_media_type(json_object *doc)
{
	const char *own = json_get_str(doc, "mediaType");

	return own ? own : schema1_is(doc) ? MEDIA_SCHEMA1_SIGNED : MEDIA_OCI_MANIFEST;
}

json_object *manifest_descriptor(const char *type, const char *digest, int64_t size)
{
	json_object *o = json_object_new_object();

	json_put_str(o, "mediaType", type);
	json_put_str(o, "digest", digest);
	json_put_int(o, "size", size);
	return o;
}

int manifest_annotate(json_object *annotations, char *const *list, struct err *e)
{
	for (char *const *a = list; a && *a; a++) {
		const char *equals = strchr(*a, '=');
		scoped(mem) char *key = equals ? strndup(*a, (size_t)(equals - *a)) : NULL;

		if (!key || !*key)
			return err_set(e, -EINVAL, "no value given for annotation \"%s\"", *a);
		json_put_str(annotations, key, equals + 1);
	}
	return 0;
}

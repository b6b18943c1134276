/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "overlay/toc.h"
#include "src/image/layer_crypt.h"
#include "src/image/push.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

#define OCI_LAYER "application/vnd.oci.image.layer.v1.tar"

/* Docker has no name for zstd. */
static const struct {
	const char *media_type;
	enum compression kind;
	int is_docker;
} types[] = {
	{ OCI_LAYER, COMPRESS_NONE, 0 },	 { OCI_LAYER "+gzip", COMPRESS_GZIP, 0 },
	{ OCI_LAYER "+zstd", COMPRESS_ZSTD, 0 }, { OCI_LAYER "+zstd", COMPRESS_ZSTD_CHUNKED, 0 },
	{ DOCKER_LAYER, COMPRESS_NONE, 1 },	 { DOCKER_LAYER ".gzip", COMPRESS_GZIP, 1 },
};

int push_kind_of(const struct descriptor *d, enum compression *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (!strcmp(types[i].media_type, d->media_type)) {
			*ret = types[i].kind;
			if (*ret == COMPRESS_ZSTD && *d->toc.digest && !d->toc.is_stargz)
				*ret = COMPRESS_ZSTD_CHUNKED;
			return 1;
		}
	return 0;
}

static const char *type_of(enum compression kind, int is_docker)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].kind == kind && types[i].is_docker == is_docker)
			return types[i].media_type;
	return OCI_LAYER "+zstd"; /* push_prepare() lets no zstd into Docker's format */
}

static const char *manifest_type(const struct push *p)
{
	return p->is_docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST;
}

static int is_as_stored(const struct push *p)
{
	if (strcmp(p->m.media_type, manifest_type(p)) != 0)
		return 0;
	for (size_t i = 0; i < p->n; i++)
		if (!p->layers[i].original ||
		    strcmp(p->layers[i].original->digest, p->layers[i].digest) != 0)
			return 0;
	return 1;
}

/* The descriptor OLD (annotations and all) with other values; NULL: a new one. */
static json_object *descriptor(json_object *old, const char *type, const char *digest, int64_t size)
{
	json_object *o = json_object_new_object();

	json_put_str(o, "mediaType", type);
	json_put_str(o, "digest", digest);
	json_put_int(o, "size", size);
	if (json_get(old, "annotations"))
		json_put(o, "annotations", json_object_get(json_get(old, "annotations")));
	return o;
}

/* Where the frames of a zstd:chunked layer are. */
static json_object *frames_json(const struct chunked_frames *f)
{
	json_object *o = json_object_new_object();
	char place[96];

	json_put_str(o, TOC_ZSTD TOC_DIGEST, f->toc.digest);
	(void)snprintf(place, sizeof(place), "%lld:%lld:%lld:1", (long long)f->toc.at,
		       (long long)f->toc.size, (long long)f->toc.plain_size);
	json_put_str(o, TOC_ZSTD TOC_PLACE, place);
	json_put_str(o, TOC_ZSTD TOC_SPLIT_DIGEST, f->split.digest);
	(void)snprintf(place, sizeof(place), "%lld:%lld:%lld", (long long)f->split.at,
		       (long long)f->split.size, (long long)f->split.plain_size);
	json_put_str(o, TOC_ZSTD TOC_SPLIT, place);
	return o;
}

/* D becomes the descriptor of the same layer encrypted. */
static void say_encrypted(json_object *d, json_object *annotations)
{
	scoped(mem) char *type = str_printf("%s" MEDIA_ENCRYPTED, json_get_str(d, "mediaType"));

	json_put_str(d, "mediaType", type);
	json_put(d, "annotations", json_object_get(annotations));
}

static json_object *layers_json(const struct push *p)
{
	json_object *list = json_object_new_array(), *old = json_get(p->image->manifest, "layers");

	for (size_t i = 0; list && i < p->n; i++) {
		const struct push_layer *l = &p->layers[i];
		json_object *was = i < json_len(old) ? json_object_array_get_idx(old, i) : NULL;
		int is_same = l->original && !strcmp(l->original->digest, l->digest);

		/* Annotations may speak of the very bytes (zstd:chunked, eStargz). */
		json_object *d = descriptor(is_same ? was : NULL, type_of(l->kind, p->is_docker),
					    l->digest, l->size);

		if (!is_same && *l->frames.toc.digest)
			json_put(d, "annotations", frames_json(&l->frames));
		if (l->encrypts)
			say_encrypted(d, p->layers[l->same].annotations);
		(void)json_object_array_add(list, d);
	}
	return list;
}

static char *new_manifest(const struct push *p)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *annotations = json_get(p->image->manifest, "annotations");
	char digest[SHA256_TEXT_LEN];

	(void)snprintf(digest, sizeof(digest), "sha256:%s", p->image->id);
	json_put_int(o, "schemaVersion", 2);
	json_put_str(o, "mediaType", manifest_type(p));
	json_put(o, "config",
		 descriptor(json_get(p->image->manifest, "config"),
			    p->is_docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG, digest,
			    (int64_t)p->config_len));
	json_put(o, "layers", layers_json(p));
	if (annotations && !p->is_docker)
		json_put(o, "annotations", json_object_get(annotations));
	return json_text(o);
}

void push_say_what(const struct push_manifest *m, struct image_pushed *ret)
{
	/* Both have room for what the other has. */
	(void)stpcpy(ret->digest, m->digest);
	(void)stpcpy(ret->media_type, m->media_type);
	ret->size = (int64_t)m->len;
}

int push_manifest(const struct push *p, struct push_manifest *ret, struct err *e)
{
	if (p->is_schema1)
		return push_schema1_manifest(p, ret, e);
	if (is_as_stored(p)) {
		ret->bytes = malloc(p->manifest_len + 1);
		ret->len = p->manifest_len;
		if (ret->bytes)
			memcpy(ret->bytes, p->manifest, p->manifest_len);
	} else {
		ret->bytes = new_manifest(p);
		ret->len = ret->bytes ? strlen(ret->bytes) : 0;
	}
	if (!ret->bytes)
		return err_errno(e, ENOMEM, "write a manifest");
	(void)snprintf(ret->media_type, sizeof(ret->media_type), "%s", manifest_type(p));
	sha256_text(ret->bytes, ret->len, ret->digest);
	return 0;
}

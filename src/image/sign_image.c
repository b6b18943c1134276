/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/blob_copy.h"
#include "src/image/manifest.h"
#include "src/image/pull_call.h"
#include "src/image/sign.h"
#include "src/image/trust.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

/* The manifest of REF from where it is.  *RET owned. */
static int get_manifest(struct engine *en, const struct image_sign_options *o,
			const struct reference *ref, char **ret, size_t *ret_len, struct err *e)
{
	struct sign_place at = {
		.ref = ref, .authfile = o->authfile, .cert_dir = o->cert_dir, .retries = -1
	};
	const char *name = ref->digest ? ref->digest : ref->tag ? ref->tag : "latest";

	at.insecure = pull_is_insecure(en, ref->registry, -1, e);
	return at.insecure < 0 || blob_manifest(en, &at, name, ret, ret_len, e) < 0 ? e->code : 0;
}

/* Where the signatures of REF go: a file: URL.  Owned. */
static int find_store(struct engine *en, const struct image_sign_options *o,
		      const struct reference *ref, char **ret, struct err *e)
{
	scoped(json) json_object *places = NULL;
	const struct reference *refs[] = { ref };
	const char *url;

	if (o->directory) {
		*ret = str_printf("file://%s", o->directory);
		return *ret ? 0 : err_errno(e, ENOMEM, "sign");
	}
	if (trust_places(en, refs, 1, &places, e) < 0)
		return e->code;
	url = json_get_str(json_object_array_get_idx(places, 0), "write");
	*ret = strdup(url ? url : "");
	return *ret ? 0 : err_errno(e, ENOMEM, "sign");
}

static int sign_one(struct engine *en, const struct image_sign_options *o,
		    const struct reference *ref, const char *digest, const char *url, struct err *e)
{
	const struct sign_options how = { .by = o->sign_by };
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	size_t n = 0;

	if (dir_call_open(&dir, en, e) < 0 ||
	    sign_manifest(&how, ref, digest, dir.tmp_fd, &n, e) < 0)
		return e->code;
	return signatures_to_lookaside(url, ref->repository, digest, dir.tmp_fd, n, e);
}

/* containers-storage:NAME, an image that is here, under its name. */
static int sign_stored(struct engine *en, const struct image_sign_options *o, const char *name,
		       struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	scoped(image) struct image *i = NULL;
	scoped(mem) char *url = NULL;

	if (image_find(en, name, &i, e) < 0 || reference_parse(name, &ref, e) < 0)
		return e->code;
	if (!ref.registry && i->names && i->names[0]) {
		reference_done(&ref);
		if (reference_parse(i->names[0], &ref, e) < 0)
			return e->code;
	}
	if (!ref.registry)
		return err_set(e, -EINVAL, "the image has no name to sign it under");
	if (o->all)
		return err_set(e, -EINVAL, "%s is not a manifest list (multi-arch)", name);
	return find_store(en, o, &ref, &url, e) < 0
		       ? e->code
		       : sign_one(en, o, &ref, i->manifest_digest, url, e);
}

static int sign(struct engine *en, const struct image_sign_options *o, const char *text,
		struct err *e)
{
	static const char stored[] = "containers-storage:";
	scoped(reference) struct reference ref = { 0 };
	scoped(manifest) struct manifest m = { 0 };
	scoped(mem) char *bytes = NULL;
	scoped(mem) char *url = NULL;
	char digest[SHA256_TEXT_LEN];
	size_t n = 0;

	if (str_starts(text, stored))
		return sign_stored(en, o, text + strlen(stored), e);
	if (strstr(text, ":") && !str_starts(text, "docker://") && strstr(text, "://"))
		return err_set(e, -ENOTSUP, "only images of registries can be signed");
	if (reference_parse(str_starts(text, "docker://") ? text + 9 : text, &ref, e) < 0 ||
	    (!ref.registry && reference_qualify(&ref, REFERENCE_HUB, e) < 0) ||
	    find_store(en, o, &ref, &url, e) < 0 || get_manifest(en, o, &ref, &bytes, &n, e) < 0 ||
	    manifest_parse(bytes, n, NULL, &m, e) < 0)
		return e->code;
	sha256_text(bytes, n, digest);
	if (o->all && m.kind != MANIFEST_INDEX)
		return err_set(e, -EINVAL, "%s is not a manifest list (multi-arch)", text);
	for (size_t i = 0; o->all && i < m.n_layers; i++)
		if (sign_one(en, o, &ref, m.layers[i].digest, url, e) < 0)
			return e->code;
	return sign_one(en, o, &ref, digest, url, e);
}

int image_sign(struct engine *en, const struct image_sign_options *o, struct err *e)
{
	if (!o->sign_by || !*o->sign_by)
		return err_set(e, -EINVAL, "no identity provided");
	for (char *const *r = o->references; r && *r; r++)
		if (sign(en, o, *r, e) < 0)
			return err_in(e, "sign %s", *r);
	return 0;
}

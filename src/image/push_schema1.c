/* SPDX-License-Identifier: Apache-2.0 */
/* An image goes as one of Docker's schema 1. */
#include <stdlib.h>
#include <string.h>

#include "src/image/image_store.h"
#include "src/image/push.h"
#include "src/image/schema1.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"

/* What the store knows of the blob that layer D, with that diff ID, came as. */
static int find_blob(struct push *p, const char *diff_id, struct descriptor *d, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct store *st = engine_store(p->en, e);
	int r;

	if (!strcmp(d->digest, diff_id))
		(void)stpcpy(d->media_type, DOCKER_LAYER); /* has room for it */
	if (!st)
		return e->code;
	r = store_query(st, &q, e,
			"SELECT blob_size FROM layer WHERE diff_id = ? AND blob_digest = ?", "ss",
			diff_id, d->digest);
	if (r == 0)
		r = store_step(q, e);
	if (r > 0)
		d->size = store_int(q, 0);
	return r < 0 ? r : 0;
}

int push_schema1_blobs(struct push *p, struct err *e)
{
	for (size_t i = 0; p->m.is_schema1 && i < p->n; i++)
		if (find_blob(p, p->stored[i].diff_id, &p->m.layers[i], e) < 0)
			return e->code;
	return 0;
}

void push_no_schema1(struct push *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->layers[i].original && p->layers[i].original->size < 0)
			p->layers[i].original = NULL; /* others say how large it is */
	p->is_schema1 = 0;
	p->is_docker = 0;
}

int push_needs_empty(const struct push *p)
{
	return p->is_schema1 && schema1_has_empty(p->image->config);
}

static int is_name(json_object *doc, const char *member, const char *wanted)
{
	const char *s = json_get_str(doc, member);

	return !strcmp(s ? s : "", wanted);
}

/* Are name, tag and blobs in the stored manifest OLD what they are to be? */
static int is_as_stored(const struct push *p, const struct schema1 *old)
{
	if (json_len(json_get(old->doc, "fsLayers")) != old->n)
		return 0;
	if (p->name && (!is_name(old->doc, "name", p->name) || !is_name(old->doc, "tag", p->tag)))
		return 0;
	for (size_t i = 0; i < old->n; i++)
		if (old->steps[i].is_empty && strcmp(old->steps[i].blob, SCHEMA1_EMPTY_DIGEST) != 0)
			return 0;
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->m.layers[i].digest, p->layers[i].digest) != 0)
			return 0;
	return 1;
}

static int make(const struct push *p, const struct schema1 *old, char **ret, size_t *ret_len,
		struct err *e)
{
	scoped(mem) const char **digests = calloc(p->n + 1, sizeof(*digests));
	struct schema1_make m = { .config = old ? NULL : p->config,
				  .config_len = p->config_len,
				  .old = old,
				  .digests = digests,
				  .n = p->n,
				  .name = p->name ? p->name : "",
				  .tag = p->name ? p->tag : "" };

	if (!digests)
		return err_errno(e, ENOMEM, "push");
	for (size_t i = 0; i < p->n; i++)
		digests[i] = p->layers[i].digest;
	if (schema1_make(&m, ret, e) < 0)
		return e->code;
	*ret_len = strlen(*ret);
	return 0;
}

int push_schema1_manifest(const struct push *p, struct push_manifest *ret, struct err *e)
{
	scoped(schema1) struct schema1 old = { 0 };
	scoped(mem) char *payload = NULL;
	const char *bytes = p->manifest;
	size_t n = p->manifest_len;

	if (p->m.is_schema1 && schema1_parse(p->manifest, p->manifest_len, &old, e) < 0)
		return e->code;
	if (!p->m.is_schema1 || !is_as_stored(p, &old)) {
		if (make(p, p->m.is_schema1 ? &old : NULL, &payload, &n, e) < 0)
			return e->code;
		bytes = payload;
	}
	if (schema1_sign(bytes, n, &ret->bytes, e) < 0)
		return e->code;
	ret->len = strlen(ret->bytes);
	(void)stpcpy(ret->media_type, MEDIA_SCHEMA1_SIGNED); /* has room for it */
	sha256_text(bytes, n, ret->digest);		     /* signatures do not count */
	return 0;
}

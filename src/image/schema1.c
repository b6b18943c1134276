/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/schema1.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define LAYER_TYPE "application/vnd.docker.image.rootfs.diff.tar.gzip"

const unsigned char schema1_empty_layer[SCHEMA1_EMPTY_SIZE] = {
	31,  139, 8, 0, 0, 9, 110, 136, 0,  255, 98,  24,  5, 163, 96, 20,
	140, 88,  0, 8, 0, 0, 255, 255, 46, 175, 181, 239, 0, 4,   0,  0,
};

void schema1_done(struct schema1 *s)
{
	for (size_t i = 0; i < s->n; i++)
		json_free(s->steps[i].config);
	free(s->steps);
	json_free(s->doc);
	*s = (struct schema1){ 0 };
}

int schema1_is(json_object *doc)
{
	return json_get_int(doc, "schemaVersion", -1) == 1 || json_get(doc, "fsLayers");
}

/* ---- steps ----------------------------------------------------------------------------------- */

static int is_v1_id(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	return n == DIGEST_HEX_LEN && strspn(s, "0123456789abcdef") == n;
}

static int read_step(json_object *layer, json_object *history, struct schema1_step *ret,
		     struct err *e)
{
	json_object *text = json_get(history, "v1Compatibility");
	size_t n;

	ret->blob = json_get_str(layer, "blobSum");
	ret->text = json_get_str(history, "v1Compatibility");
	if (!digest_is_valid(ret->blob))
		return err_set(e, -EBADMSG, "missing or invalid 'blobSum'");
	if (!ret->text)
		return err_set(e, -EBADMSG, "'v1Compatibility' is missing or no string");
	n = strlen(ret->text);
	if (n != (size_t)json_object_get_string_len(text))
		return err_set(e, -EBADMSG, "'v1Compatibility' has a NUL byte");
	if (json_parse(ret->text, n, &ret->config, e) < 0)
		return err_in(e, "'v1Compatibility'");
	if (!is_v1_id(json_get_str(ret->config, "id")))
		return err_set(e, -EBADMSG, "missing or invalid 'id'");
	ret->is_empty = json_get_bool(ret->config, "throwaway", 0);
	return 0;
}

static int read_steps(struct schema1 *s, struct err *e)
{
	json_object *layers = json_get(s->doc, "fsLayers"), *history = json_get(s->doc, "history");
	size_t n = json_len(layers);

	if (!n)
		return err_set(e, -EBADMSG, "no FSLayers in manifest");
	if (json_len(history) != n)
		return err_set(e, -EBADMSG, "length of history not equal to number of layers");
	if (n > LAYERS_MAX)
		return err_set(e, -E2BIG, "'fsLayers' has %zu elements, more than %d", n,
			       LAYERS_MAX);
	s->steps = calloc(n, sizeof(*s->steps));
	if (!s->steps)
		return err_errno(e, ENOMEM, "read a manifest");
	for (size_t i = 0; i < n; i++) {
		s->n = i + 1;
		if (read_step(json_object_array_get_idx(layers, i),
			      json_object_array_get_idx(history, i), &s->steps[i], e) < 0)
			return err_in(e, "history[%zu]", i);
	}
	return 0;
}

static const char *id_of(const struct schema1 *s, size_t i)
{
	return json_get_str(s->steps[i].config, "id");
}

/* An ID once, or in steps that follow each other. */
static int check_ids(const struct schema1 *s, struct err *e)
{
	for (size_t i = 1; i < s->n; i++)
		for (size_t k = 0; strcmp(id_of(s, i), id_of(s, i - 1)) != 0 && k < i; k++)
			if (!strcmp(id_of(s, i), id_of(s, k)))
				return err_set(e, -EBADMSG,
					       "ID %s appears multiple times in manifest",
					       id_of(s, i));
	return 0;
}

static void remove_step(struct schema1 *s, size_t i)
{
	json_free(s->steps[i].config);
	s->n--;
	memmove(&s->steps[i], &s->steps[i + 1], (s->n - i) * sizeof(*s->steps));
}

/* Each step is the child of the one below; one that comes again and again counts once. */
static int link_steps(struct schema1 *s, struct err *e)
{
	const char *parent = json_get_str(s->steps[s->n - 1].config, "parent");

	if (parent && *parent)
		return err_set(e, -EBADMSG, "Invalid parent ID in the base layer of the image");
	if (check_ids(s, e) < 0)
		return e->code;
	for (size_t i = s->n - 1; i-- > 0;) {
		parent = json_get_str(s->steps[i].config, "parent");
		if (!strcmp(id_of(s, i), id_of(s, i + 1)))
			remove_step(s, i);
		else if (!parent || strcmp(parent, id_of(s, i + 1)) != 0)
			return err_set(e, -EBADMSG, "Invalid parent ID. Expected %s, got %.64s",
				       id_of(s, i + 1), parent && is_v1_id(parent) ? parent : "");
	}
	return 0;
}

int schema1_read(json_object *doc, struct schema1 *ret, struct err *e)
{
	scoped(schema1) struct schema1 s = { .doc = json_object_get(doc) };

	if (json_get_int(doc, "schemaVersion", -1) != 1)
		return err_set(e, -EBADMSG, "'schemaVersion' is missing or not 1");
	if (read_steps(&s, e) < 0 || link_steps(&s, e) < 0)
		return e->code;
	*ret = s;
	s = (struct schema1){ 0 };
	return 0;
}

int schema1_parse(const char *bytes, size_t n, struct schema1 *ret, struct err *e)
{
	scoped(json) json_object *doc = NULL;

	if (json_parse(bytes, n, &doc, e) < 0 || schema1_read(doc, ret, e) < 0)
		return err_in(e, "manifest");
	return 0;
}

int schema1_layers(json_object *doc, struct manifest *m, struct err *e)
{
	scoped(schema1) struct schema1 s = { 0 };

	if (schema1_read(doc, &s, e) < 0)
		return e->code;
	m->layers = calloc(s.n + 1, sizeof(*m->layers));
	if (!m->layers)
		return err_errno(e, ENOMEM, "read a manifest");
	for (size_t i = s.n; i-- > 0;) {
		struct descriptor *d = &m->layers[m->n_layers];

		if (s.steps[i].is_empty)
			continue;
		(void)stpcpy(d->digest, s.steps[i].blob); /* valid, so it fits */
		(void)stpcpy(d->media_type, LAYER_TYPE);
		d->size = -1;
		m->n_layers++;
	}
	return 0;
}

/* ---- signatures ------------------------------------------------------------------------------ */

/* What the protected header of SIGNATURE says: where the payload's beginning ends, and its end. */
static int read_protected(json_object *signature, size_t *ret_len, unsigned char **ret_tail,
			  size_t *ret_tail_len, struct err *e)
{
	const char *text = json_get_str(signature, "protected"), *tail;
	scoped(mem) unsigned char *bytes = NULL;
	scoped(json) json_object *o = NULL;
	size_t n = 0;
	int64_t length;

	if (!text)
		return err_set(e, -EBADMSG, "'protected' is missing");
	if (base64url_decode(text, strlen(text), &bytes, &n, e) < 0 ||
	    json_parse((const char *)bytes, n, &o, e) < 0)
		return err_in(e, "'protected'");
	length = json_get_int(o, "formatLength", -1);
	tail = json_get_str(o, "formatTail");
	if (length < 0 || length > MANIFEST_MAX || !tail)
		return err_set(e, -EBADMSG, "'protected' says nothing of the format");
	if (base64url_decode(tail, strlen(tail), ret_tail, ret_tail_len, e) < 0)
		return err_in(e, "'formatTail'");
	*ret_len = (size_t)length;
	return 0;
}

/* All signatures are about the same payload. */
static int read_signatures(json_object *list, size_t *ret_len, unsigned char **ret_tail,
			   size_t *ret_tail_len, struct err *e)
{
	for (size_t i = 0; i < json_len(list); i++) {
		scoped(mem) unsigned char *tail = NULL;
		size_t len = 0, tail_len = 0;

		if (read_protected(json_object_array_get_idx(list, i), &len, &tail, &tail_len, e) <
		    0)
			return err_in(e, "signatures[%zu]", i);
		if (i && (len != *ret_len || tail_len != *ret_tail_len ||
			  memcmp(tail, *ret_tail, tail_len) != 0))
			return err_set(e, -EBADMSG, "the signatures are about different payloads");
		free(*ret_tail);
		*ret_tail = take_ptr(&tail);
		*ret_len = len;
		*ret_tail_len = tail_len;
	}
	return 0;
}

int schema1_payload(const char *bytes, size_t n, char **ret, size_t *ret_len, struct err *e)
{
	scoped(mem) unsigned char *tail = NULL;
	scoped(json) json_object *doc = NULL;
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	struct err ignored = { 0 };
	size_t len = 0, tail_len = 0;

	*ret = NULL;
	/* Other documents are not looked into before their digest is known to be right. */
	if (!memmem(bytes, n, "\"signatures\"", 12) || json_parse(bytes, n, &doc, &ignored) < 0 ||
	    json_get_int(doc, "schemaVersion", -1) != 1 || !json_len(json_get(doc, "signatures")))
		return 0;
	if (read_signatures(json_get(doc, "signatures"), &len, &tail, &tail_len, e) < 0)
		return err_in(e, "manifest");
	if (len > n)
		return err_set(e, -EBADMSG, "manifest: 'formatLength' is behind its end");
	strbuf_init(&b, MANIFEST_MAX);
	(void)strbuf_add(&b, bytes, len);
	(void)strbuf_add(&b, tail, tail_len);
	*ret_len = b.len;
	*ret = strbuf_take(&b);
	return *ret ? 0 : err_errno(e, b.failed ? b.failed : -ENOMEM, "manifest");
}

int schema1_strip(char **bytes, size_t *n, struct err *e)
{
	char *payload = NULL;
	size_t len = 0;

	if (schema1_payload(*bytes ? *bytes : "", *n, &payload, &len, e) < 0)
		return e->code;
	if (payload) {
		free(*bytes);
		*bytes = payload;
		*n = len;
	}
	return 0;
}

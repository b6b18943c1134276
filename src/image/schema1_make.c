/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests of schema 1 for images that have a config.  Nobody looks at the IDs of the steps, as
 * long as they are one's own and name their parents; they are made as Docker made them. */
#include <stdlib.h>
#include <string.h>

#include "src/image/raw_json.h"
#include "src/image/schema1.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

int schema1_has_empty(json_object *config)
{
	json_object *history = json_get(config, "history");

	for (size_t i = 0; i < json_len(history); i++)
		if (json_get_bool(json_object_array_get_idx(history, i), "empty_layer", 0))
			return 1;
	return 0;
}

/* The oldest first. */
struct step {
	const char *blob;
	char *text;
	char id[SHA256_TEXT_LEN];
};
struct steps {
	struct step *list;
	size_t n;
};

static void scoped_steps(struct steps *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->list[i].text);
	free(s->list);
}

/* Of the blob, the parent's ID ("" for none) and, of the newest, the config. */
static int make_id(struct step *step, const char *parent, const char *config, struct err *e)
{
	scoped(mem) char *all = str_printf("%s %s%s%s", digest_hex(step->blob), parent,
					   config ? " " : "", config ? config : "");
	char digest[SHA256_TEXT_LEN];

	if (!all)
		return err_errno(e, ENOMEM, "make a manifest");
	sha256_text(all, strlen(all), digest);
	(void)snprintf(step->id, sizeof(step->id), "%s", digest_hex(digest));
	return 0;
}

static void put_member(struct strbuf *b, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	(void)strbuf_printf(b, ",\"%s\":", name);
	raw_string(b, value, strlen(value));
}

static char *step_text(const struct step *step, const char *parent, json_object *history)
{
	const char *created = json_get_str(history, "created"),
		   *by = json_get_str(history, "created_by");
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	strbuf_init(&b, MANIFEST_MAX);
	(void)strbuf_printf(&b, "{\"id\":\"%s\"", step->id);
	put_member(&b, "parent", parent);
	put_member(&b, "comment", json_get_str(history, "comment"));
	put_member(&b, "created", created ? created : "0001-01-01T00:00:00Z");
	(void)strbuf_puts(&b, ",\"container_config\":{\"Cmd\":[");
	raw_string(&b, by ? by : "", by ? strlen(by) : 0);
	(void)strbuf_puts(&b, "]}");
	put_member(&b, "author", json_get_str(history, "author"));
	(void)strbuf_puts(&b,
			  json_get_bool(history, "empty_layer", 0) ? ",\"throwaway\":true}" : "}");
	return strbuf_take(&b);
}

/* The newest step has the whole configuration. */
static char *newest_text(const struct schema1_make *m, const struct step *step, const char *parent,
			 int is_empty, struct err *e)
{
	scoped(raw_object) struct raw_object o = { 0 };
	char *text = NULL;

	if (raw_object_parse(m->config, m->config_len, &o, e) < 0)
		return NULL;
	raw_object_drop(&o, "rootfs");
	raw_object_drop(&o, "history");
	if (raw_object_put(&o, "id", str_printf("\"%s\"", step->id)) == 0 &&
	    (!*parent || raw_object_put(&o, "parent", str_printf("\"%s\"", parent)) == 0) &&
	    (!is_empty || raw_object_put(&o, "throwaway", strdup("true")) == 0))
		text = raw_object_text(&o);
	if (!text)
		(void)err_errno(e, ENOMEM, "make a manifest");
	return text;
}

/* Which blob each step of the history is. */
static int choose_blobs(const struct schema1_make *m, json_object *history, struct steps *s,
			struct err *e)
{
	size_t next = 0, n = json_len(history);

	if (!n)
		return err_set(
			e, -EINVAL,
			"Cannot convert an image with 0 history entries to " MEDIA_SCHEMA1_SIGNED);
	if (n > LAYERS_MAX)
		return err_set(e, -EINVAL, "the image has more than %d steps", LAYERS_MAX);
	s->list = calloc(n, sizeof(*s->list));
	if (!s->list)
		return err_errno(e, ENOMEM, "make a manifest");
	for (; s->n < n; s->n++) {
		json_object *h = json_object_array_get_idx(history, s->n);

		s->list[s->n].blob = SCHEMA1_EMPTY_DIGEST;
		if (json_get_bool(h, "empty_layer", 0))
			continue;
		if (next == m->n)
			return err_set(e, -EINVAL,
				       "Invalid image configuration, needs more than the %zu "
				       "distributed layers",
				       m->n);
		s->list[s->n].blob = m->digests[next++];
	}
	return next == m->n
		       ? 0
		       : err_set(e, -EINVAL,
				 "Invalid image configuration, its history has %zu of %zu layers",
				 next, m->n);
}

static int make_steps(const struct schema1_make *m, json_object *config, struct steps *s,
		      struct err *e)
{
	json_object *history = json_get(config, "history");
	const char *parent = "";

	if (choose_blobs(m, history, s, e) < 0)
		return e->code;
	for (size_t i = 0; i < s->n; i++) {
		json_object *h = json_object_array_get_idx(history, i);
		struct step *step = &s->list[i];
		int is_last = i + 1 == s->n;

		if (make_id(step, parent, is_last ? m->config : NULL, e) < 0)
			return e->code;
		step->text = is_last ? newest_text(m, step, parent,
						   json_get_bool(h, "empty_layer", 0), e)
				     : step_text(step, parent, h);
		if (!step->text)
			return e->code ? e->code : err_errno(e, ENOMEM, "make a manifest");
		parent = step->id;
	}
	return 0;
}

/* The steps of another manifest, with other blobs. */
static int take_steps(const struct schema1_make *m, struct steps *s, struct err *e)
{
	size_t next = 0;

	s->list = calloc(m->old->n, sizeof(*s->list));
	if (!s->list)
		return err_errno(e, ENOMEM, "make a manifest");
	for (; s->n < m->old->n; s->n++) {
		const struct schema1_step *old = &m->old->steps[m->old->n - 1 - s->n];

		if (!old->is_empty && next == m->n)
			return err_set(e, -EBADMSG, "the record of the image is damaged");
		s->list[s->n].blob = old->is_empty ? old->blob : m->digests[next++];
		s->list[s->n].text = strdup(old->text);
		if (!s->list[s->n].text)
			return err_errno(e, ENOMEM, "make a manifest");
	}
	return 0;
}

static char *write_document(const struct schema1_make *m, const struct steps *s, const char *arch)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *layers = json_object_new_array(), *history = json_object_new_array();

	for (size_t i = s->n; i-- > 0;) {
		json_object *layer = json_object_new_object(), *step = json_object_new_object();

		json_put_str(layer, "blobSum", s->list[i].blob);
		json_put_str(step, "v1Compatibility", s->list[i].text);
		(void)json_object_array_add(layers, layer);
		(void)json_object_array_add(history, step);
	}
	json_put_str(o, "name", m->name);
	json_put_str(o, "tag", m->tag);
	json_put_str(o, "architecture", arch);
	json_put(o, "fsLayers", layers);
	json_put(o, "history", history);
	json_put_int(o, "schemaVersion", 1);
	return json_text(o);
}

int schema1_make(const struct schema1_make *m, char **ret, struct err *e)
{
	__attribute__((cleanup(scoped_steps))) struct steps s = { 0 };
	scoped(json) json_object *config = NULL;
	char *text;

	if (m->config && json_parse(m->config, m->config_len, &config, e) < 0)
		return err_in(e, "image config");
	if ((m->config ? make_steps(m, config, &s, e) : take_steps(m, &s, e)) < 0)
		return e->code;
	text = write_document(m, &s,
			      json_get_str(m->config ? config : m->old->doc, "architecture"));
	if (!text)
		return err_errno(e, ENOMEM, "make a manifest");
	*ret = text;
	return 0;
}

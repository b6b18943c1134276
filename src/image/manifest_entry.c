/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of lists: what a reference stands for, and what can be said of it. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/blob_copy.h"
#include "src/image/image_store.h"
#include "src/image/manifest.h"
#include "src/image/manifest_list.h"
#include "src/image/pull_protocol.h"
#include "src/image/registries.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

void manifest_entries_free(struct manifest_entry *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++) {
		json_free(list[i].descriptor);
		free(list[i].source);
	}
	free(list);
}

/* ---- what is said of one --------------------------------------------------------------------- */

static json_object *member(json_object *o, const char *name)
{
	json_object *m = json_get(o, name);

	if (!json_object_is_type(m, json_type_object)) {
		m = json_object_new_object();
		json_put(o, name, m);
	}
	return m;
}

static void say(json_object *d, const char *name, const char *value)
{
	if (value && *value)
		json_put_str(member(d, "platform"), name, value);
}

int manifest_entry_change(json_object *d, const struct manifest_entry_options *o, struct err *e)
{
	say(d, "architecture", o->arch);
	say(d, "os", o->os);
	say(d, "variant", o->variant);
	say(d, "os.version", o->os_version);
	if (o->features)
		json_put_strv(member(d, "platform"), "features", o->features);
	if (o->os_features)
		json_put_strv(member(d, "platform"), "os.features", o->os_features);
	if (o->artifact_type)
		json_put_str(d, "artifactType", o->artifact_type);
	return o->annotations ? manifest_annotate(member(d, "annotations"), o->annotations, e) : 0;
}

/* ---- finding --------------------------------------------------------------------------------- */

struct finding {
	struct engine *en;
	const struct manifest_add_options *o;
	struct manifest_entry *list;
	size_t n;
};

/* One more, of a descriptor (taken over) at SOURCE (copied; NULL: here). */
static int add(struct finding *f, json_object *take_descriptor, const char *source, struct err *e)
{
	struct manifest_entry *more = reallocarray(f->list, f->n + 1, sizeof(*more));

	if (!more || !take_descriptor) {
		json_free(take_descriptor);
		f->list = more ? more : f->list;
		return err_errno(e, ENOMEM, "add to a list");
	}
	f->list = more;
	more = &more[f->n++];
	*more = (struct manifest_entry){ .descriptor = take_descriptor,
					 .source = source ? strdup(source) : NULL };
	return source && !more->source ? err_errno(e, ENOMEM, "add to a list") : 0;
}

/* What an image's config says of where it runs. */
static void say_platform(json_object *d, json_object *config)
{
	say(d, "architecture", json_get_str(config, "architecture"));
	say(d, "os", json_get_str(config, "os"));
	say(d, "variant", json_get_str(config, "variant"));
	say(d, "os.version", json_get_str(config, "os.version"));
	if (json_len(json_get(config, "os.features")))
		json_put(member(d, "platform"), "os.features",
			 json_object_get(json_get(config, "os.features")));
}

static int add_local(struct finding *f, const char *id, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(manifest) struct manifest m = { 0 };
	scoped(mem) char *bytes = NULL;
	scoped(mem) char *source = NULL;
	json_object *d;
	size_t n = 0;

	if (image_by_id(f->en, id, &i, e) < 0 ||
	    image_blob_read(f->en, i->manifest_digest, &bytes, &n, e) < 0 ||
	    manifest_parse(bytes, n, NULL, &m, e) < 0)
		return e->code;
	d = manifest_descriptor(m.media_type, i->manifest_digest, (int64_t)n);
	say_platform(d, i->config);
	source = str_printf("%s%s", MANIFEST_LIST_IMAGE, id);
	return add(f, d, source, e);
}

/* Another list of this store: its entries. */
static int add_list(struct finding *f, const struct manifest_list *l, struct err *e)
{
	json_object *entries = json_get(l->doc, "manifests");

	for (size_t i = 0; i < json_len(entries); i++) {
		json_object *o = json_object_array_get_idx(entries, i);
		scoped(mem) char *source = NULL;

		if (manifest_list_source(f->en, l->id, json_get_str(o, "digest"), &source, e) < 0)
			return e->code;
		/* Its own copy: it may be changed. */
		scoped(mem) char *text = json_text(o);
		json_object *copy = NULL;
		if (!text || json_parse(text, strlen(text), &copy, e) < 0)
			return text ? e->code : err_errno(e, ENOMEM, "add to a list");
		if (add(f, copy, source, e) < 0)
			return e->code;
	}
	return 0;
}

/* ---- in registries --------------------------------------------------------------------------- */

static int get_config(struct finding *f, const struct blob_place *p, const char *digest,
		      int64_t size, json_object **ret, struct err *e)
{
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	scoped(mem) char *bytes = NULL;
	size_t n = 0;

	if (!digest || !digest_is_valid(digest) || size < 0 || size > MANIFEST_MAX)
		return err_set(e, -EBADMSG, "manifest: missing or invalid config");
	if (dir_call_open(&dir, f->en, e) < 0 ||
	    blob_get_start(&dir.call, f->en, &p->at, dir.tmp_fd, e) < 0 ||
	    blob_get(&dir.call, digest, size, PULL_CONFIG, e) < 0 ||
	    path_read(dir.tmp_fd, PULL_CONFIG, MANIFEST_MAX, &bytes, &n, e) < 0)
		return e->code;
	return json_parse(bytes, n, ret, e);
}

/* A single manifest: an image's, whose config says what it runs on, or anything else. */
static int add_manifest(struct finding *f, const struct blob_place *p, const char *source,
			json_object *doc, const char *bytes, size_t n, struct err *e)
{
	json_object *config = json_get(doc, "config"), *d;
	const char *type = json_get_str(doc, "mediaType"),
		   *config_type = json_get_str(config, "mediaType"),
		   *artifact = json_get_str(doc, "artifactType");
	scoped(json) json_object *image = NULL;
	char digest[SHA256_TEXT_LEN];

	if (json_get_int(doc, "schemaVersion", 0) != 2 || !config_type)
		return err_set(e, -ENOTSUP, "manifest of an unknown kind");
	sha256_text(bytes, n, digest);
	d = manifest_descriptor(type && *type ? type : MEDIA_OCI_MANIFEST, digest, (int64_t)n);
	if (artifact && *artifact)
		json_put_str(d, "artifactType", artifact);
	if (!strcmp(config_type, MEDIA_OCI_CONFIG) || !strcmp(config_type, MEDIA_DOCKER_CONFIG)) {
		if (get_config(f, p, json_get_str(config, "digest"),
			       json_get_int(config, "size", -1), &image, e) < 0) {
			json_free(d);
			return e->code;
		}
		say_platform(d, image);
	}
	return add(f, d, source, e);
}

static int add_index(struct finding *f, const char *source, json_object *doc, const char *bytes,
		     size_t n, struct err *e)
{
	const struct manifest_entry_options *o = &f->o->entry;
	json_object *entries = json_get(doc, "manifests");
	scoped(manifest) struct manifest m = { 0 };
	const struct descriptor *chosen = NULL;
	struct platform want;
	char buf[PLATFORM_TEXT_MAX];
	const char *text = NULL;

	/* Also the check of all digests. */
	if (manifest_parse(bytes, n, NULL, &m, e) < 0 ||
	    platform_compose(o->os, o->arch, o->variant, buf, &text, e) < 0)
		return e->code;
	if (text && platform_parse(text, &want, e) < 0)
		return e->code;
	if (!text)
		platform_host(&want);
	if (!f->o->all && !(chosen = manifest_choose(&m, &want, e)))
		return e->code;
	for (size_t i = 0; i < m.n_layers; i++) {
		json_object *d = json_object_array_get_idx(entries, i);

		if ((!chosen || chosen == &m.layers[i]) &&
		    add(f, json_object_get(d), source, e) < 0)
			return e->code;
	}
	return 0;
}

static int add_remote(struct finding *f, const char *ref, struct err *e)
{
	scoped(blob_place) struct blob_place p = { 0 };
	scoped(mem) char *bytes = NULL;
	scoped(mem) char *source = NULL;
	scoped(json) json_object *doc = NULL;
	size_t n = 0;

	if (blob_place_find(f->en, ref, &f->o->remote, &p, e) < 0)
		return e->code;
	source = reference_path(&p.name);
	if (!source)
		return err_errno(e, ENOMEM, "add to a list");
	if (blob_manifest(f->en, &p.at, blob_place_tag(&p), &bytes, &n, e) < 0 ||
	    json_parse(bytes, n, &doc, e) < 0 ||
	    (json_get(doc, "manifests") ? add_index(f, source, doc, bytes, n, e)
					: add_manifest(f, &p, source, doc, bytes, n, e)) < 0)
		return err_in(e, "reading docker://%s", source);
	return 0;
}

/* Each registry that a short name may stand for. */
static int add_short(struct finding *f, const char *ref, struct err *e)
{
	scoped(registries) struct registries *r = NULL;
	scoped(reference) struct reference name = { 0 };
	struct reference *list = NULL;
	size_t n = 0;
	int rc = -ENOENT;

	if (reference_parse(ref, &name, e) < 0 || pull_registries(f->en, &r, e) < 0 ||
	    registries_candidates(r, &name, &list, &n, e) < 0)
		return e->code;
	for (size_t i = 0; i < n && rc < 0; i++) {
		scoped(mem) char *full = reference_format(&list[i]);

		err_clear(e);
		rc = full ? add_remote(f, full, e) : err_errno(e, ENOMEM, "add to a list");
	}
	reference_list_free(list, n);
	return rc;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* What is in archives and directories comes into the store first: 1, or 0 when it is none. */
static int add_transport(struct finding *f, const char *ref, struct err *e)
{
	static const char *const transports[] = { "dir:", "oci:", "oci-archive:", "docker-archive:",
						  "docker-daemon:" };
	const struct image_pull_options p = {
		.reference = ref, .policy = PULL_ALWAYS, .tls_verify = -1, .retry = -1, .quiet = 1
	};
	scoped(mem) char *id = NULL;

	for (size_t i = 0; i < ARRAY_LEN(transports); i++)
		if (str_starts(ref, transports[i]))
			return image_pull(f->en, &p, &id, e) < 0 || add_local(f, id, e) < 0
				       ? e->code
				       : 1;
	return 0;
}

static int find(struct finding *f, const char *ref, struct err *e)
{
	scoped(manifest_list) struct manifest_list *l = NULL;
	scoped(mem) char *id = NULL;
	struct err why = { 0 };
	int r;

	if (str_starts(ref, "docker://"))
		return add_remote(f, ref, e);
	r = add_transport(f, ref, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = manifest_list_find(f->en, ref, &l, &why);
	if (r == 0)
		return add_list(f, l, e);
	if (r == -EINVAL) /* an image */
		return image_find_id(f->en, ref, &id, e) < 0 ? e->code : add_local(f, id, e);
	if (r != -ENOENT || str_starts(ref, "containers-storage:")) {
		*e = why;
		return r;
	}
	return add_short(f, ref, e);
}

int manifest_entries_find(struct engine *en, const char *ref, const struct manifest_add_options *o,
			  struct manifest_entry **ret, size_t *ret_n, struct err *e)
{
	struct finding f = { .en = en, .o = o };

	if (find(&f, ref, e) < 0) {
		manifest_entries_free(f.list, f.n);
		return e->code;
	}
	*ret = f.list;
	*ret_n = f.n;
	return 0;
}

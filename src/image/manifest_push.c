/* SPDX-License-Identifier: Apache-2.0 */
/* A list goes to a registry, a directory or an archive behind what it names: images of this store
 * as any push sends them, the others blob by blob from where they are, so that their digests stay.
 * Where an image gets another digest on the way (layers compressed anew), the index that is written
 * says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/image/artifact_store.h"
#include "src/image/blob_copy.h"
#include "src/image/image_store.h"
#include "src/image/layout.h"
#include "src/image/layout_archive.h"
#include "src/image/manifest.h"
#include "src/image/manifest_list.h"
#include "src/image/push.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

struct list_push {
	struct engine *en;
	struct manifest_push_options o;
	struct manifest_list *list;
	struct blob_place to;
	struct layout dir; /* or it goes there */
	int is_dir;
	struct layout_archive archive; /* path: and from there into this */
	char *name;		       /* of where it goes, without docker:// */
	int is_docker;
};

static void scoped_list_push(struct list_push *p)
{
	(void)manifest_list_free(p->list);
	blob_place_done(&p->to);
	layout_done(&p->dir);
	layout_archive_done(&p->archive);
	free(p->name);
}

/* FROM: where it has signatures already, or NULL. */
static int sign(struct list_push *p, const char *digest, const struct blob_place *from,
		struct err *e)
{
	return blob_sign(p->en, &p->to, &p->o.push, digest, from, e);
}

/* ---- what the list names --------------------------------------------------------------------- */

/* An image of the store; the entry D says what it is there. */
static int push_local(struct list_push *p, const char *id, json_object *d, struct err *e)
{
	struct image_pushed pushed = { .size = -1 };
	struct image_push_options o = p->o.push;
	scoped(mem) char *digest = NULL;

	o.reference = id;
	o.destination = p->name;
	o.by_digest = 1;
	o.pushed = &pushed;
	if (image_push(p->en, &o, &digest, e) < 0)
		return e->code;
	json_put_str(d, "mediaType", pushed.media_type);
	json_put_str(d, "digest", pushed.digest);
	json_put_int(d, "size", pushed.size);
	return 0;
}

struct remote_source {
	struct engine *en;
	struct blob_place from;
	struct pull_call call;
	json_object *doc;
	int started;
};

static void scoped_remote_source(struct remote_source *s)
{
	pull_call_end(&s->call);
	blob_place_done(&s->from);
	json_free(s->doc);
}

static int fetch_blob(void *arg, const char *digest, int dir_fd, const char *name, struct err *e)
{
	struct remote_source *s = arg;
	int64_t size = -1;

	for (size_t i = 0; artifact_blob(s->doc, i); i++) {
		json_object *o = artifact_blob(s->doc, i);
		const char *d = json_get_str(o, "digest");
		if (d && !strcmp(d, digest))
			size = json_get_int(o, "size", -1);
	}
	if (!s->started && blob_get_start(&s->call, s->en, &s->from.at, dir_fd, e) < 0)
		return e->code;
	s->started = 1;
	return blob_get(&s->call, digest, size, name, e);
}

/* A blob into the directory, unless it is there. */
static int take_blob(struct list_push *p, const char *digest, blob_maker *make, void *arg,
		     struct err *e)
{
	scoped(mem) char *tmp = str_printf(".blob.%d.tmp", (int)getpid());
	int rc;

	if (!tmp)
		return err_errno(e, ENOMEM, "push");
	if (layout_has(&p->dir, digest, -1))
		return 0;
	(void)unlinkat(p->dir.blob_fd, tmp, 0); /* of one of our number that was killed */
	rc = make(arg, digest, p->dir.blob_fd, tmp, e);
	if (rc >= 0 && renameat(p->dir.blob_fd, tmp, p->dir.blob_fd, digest_hex(digest)) < 0)
		rc = err_sys(e, "write blob %s", digest);
	if (rc < 0)
		(void)unlinkat(p->dir.blob_fd, tmp, 0); /* the failure is the story */
	return rc < 0 ? rc : 0;
}

/* The document and its blobs; MOUNTS: repositories there that have them, or NULL; FROM: where it is
 * now, or NULL. */
static int push_blobs(struct list_push *p, json_object *doc, const char *bytes, size_t n,
		      const char *type, const char *digest, char *const *mounts,
		      const struct blob_place *from, blob_maker *make, void *arg, struct err *e)
{
	scoped(blob_push) struct blob_push b = BLOB_PUSH_NONE;

	if (json_len(json_get(doc, "layers")) > LAYERS_MAX)
		return err_set(e, -E2BIG, "more than %d layers", LAYERS_MAX);
	if (!p->is_dir && blob_push_open(&b, p->en, &p->to.at, mounts, e) < 0)
		return e->code;
	for (size_t i = 0; artifact_blob(doc, i); i++) {
		const char *d = json_get_str(artifact_blob(doc, i), "digest");

		if (!d || !digest_is_valid(d))
			return err_set(e, -EBADMSG, "manifest %s: missing or invalid digest",
				       digest);
		if ((p->is_dir ? take_blob(p, d, make, arg, e)
			       : blob_push_one(&b, d, make, arg, e)) < 0)
			return e->code;
	}
	if (p->is_dir)
		return layout_put_manifest(&p->dir, 0, digest, type, bytes, n, e);
	return blob_push_manifest(&b, digest, type, bytes, n, e) < 0 ? e->code
								     : sign(p, digest, from, e);
}

/* The signatures that entry DIGEST has at FROM go into the directory. */
static int take_signatures(struct list_push *p, const struct blob_place *from, const char *digest,
			   struct err *e)
{
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	size_t n = 0;

	if (p->o.push.remove_signatures)
		return 0;
	if (blob_signatures(p->en, from, digest, &dir, &n, e) < 0)
		return e->code;
	if (n && p->dir.is_oci) {
		(void)err_set(e, -EINVAL, "Pushing signatures for OCI images is not supported");
		return err_hint(e, "push the list with --remove-signatures");
	}
	return signatures_to_dir(dir.tmp_fd, n, p->dir.dir_fd, digest, e);
}

static int copy_remote(struct list_push *p, const char *source, json_object *d, struct err *e)
{
	__attribute__((cleanup(scoped_remote_source))) struct remote_source s = {
		.en = p->en, .call = PULL_CALL_NONE
	};
	const struct image_push_options *o = &p->o.push;
	/* What was said of credentials is about where the list goes. */
	const struct remote_options remote = remote_of_push(o);
	const char *digest = json_get_str(d, "digest"), *type = json_get_str(d, "mediaType");
	scoped(mem) char *bytes = NULL;
	char *mounts[2] = { NULL, NULL };
	size_t n = 0;

	if (blob_place_find(p->en, source, &remote, &s.from, e) < 0 ||
	    blob_manifest(p->en, &s.from.at, digest, &bytes, &n, e) < 0 ||
	    json_parse(bytes, n, &s.doc, e) < 0)
		return e->code;
	if (!p->is_dir && !strcmp(s.from.ref.registry, p->to.ref.registry)) {
		mounts[0] = s.from.ref.repository;
		if (!strcmp(s.from.ref.repository, p->to.ref.repository))
			mounts[0] = NULL;
	}
	if (p->is_dir && take_signatures(p, &s.from, digest, e) < 0)
		return e->code;
	return push_blobs(p, s.doc, bytes, n, type ? type : MEDIA_OCI_MANIFEST, digest, mounts,
			  &s.from, fetch_blob, &s, e);
}

/* Another format or compression: by way of the store. */
static int convert_remote(struct list_push *p, const char *source, json_object *d, struct err *e)
{
	scoped(mem) char *ref = str_printf("%s@%s", source, json_get_str(d, "digest"));
	scoped(mem) char *id = NULL;
	struct image_remove_result gone = { 0 };
	struct err ignored = { 0 };
	const struct image_pull_options o = { .reference = ref,
					      .policy = PULL_MISSING,
					      .tls_verify = p->o.push.tls_verify,
					      .authfile = p->o.push.authfile,
					      .retry = p->o.push.retry,
					      .retry_delay_ms = p->o.push.retry_delay_ms,
					      .in_passing = 1,
					      .quiet = 1 };
	int rc, was_here;

	if (!ref)
		return err_errno(e, ENOMEM, "push");
	was_here = manifest_list_local(p->en, json_get_str(d, "digest"), NULL, &id, &ignored) == 0;
	if (!was_here && image_pull(p->en, &o, &id, e) < 0)
		return e->code;
	rc = push_local(p, id, d, e);
	if (!was_here) /* unless it got a name or a container meanwhile */
		(void)image_remove_unused(p->en, id, 1, &gone, &ignored);
	image_remove_result_done(&gone);
	return rc;
}

static int push_artifact(struct list_push *p, json_object *d, struct err *e)
{
	const char *digest = json_get_str(d, "digest");
	scoped(json) json_object *doc = NULL;
	scoped(mem) char *bytes = NULL;
	size_t n = 0;

	if (image_blob_read(p->en, digest, &bytes, &n, e) < 0 || json_parse(bytes, n, &doc, e) < 0)
		return e->code;
	return push_blobs(p, doc, bytes, n, MEDIA_OCI_MANIFEST, digest, NULL, NULL,
			  p->is_dir ? artifact_copy_blob : artifact_link_blob, p->en, e);
}

static int converts(const struct list_push *p, json_object *d)
{
	const struct image_push_options *o = &p->o.push;
	const char *type = json_get_str(d, "mediaType");
	int is_docker = type && !strcmp(type, MEDIA_DOCKER_MANIFEST);

	if (json_get(d, "artifactType"))
		return 0;
	return o->compression || o->level >= 0 || o->force_compression ||
	       (o->format && is_docker != p->is_docker);
}

static int push_entry(struct list_push *p, json_object *d, struct err *e)
{
	const char *digest = json_get_str(d, "digest");
	scoped(mem) char *source = NULL;
	scoped(mem) char *id = NULL;
	struct err not_here = { 0 };
	int rc;

	if (!digest || !digest_is_valid(digest))
		return err_set(e, -EBADMSG, "the list is damaged in the store");
	if (manifest_list_source(p->en, p->list->id, digest, &source, e) < 0)
		return e->code;
	if (source && !strcmp(source, MANIFEST_LIST_ARTIFACT))
		rc = push_artifact(p, d, e);
	else if (manifest_list_local(p->en, digest, source, &id, &not_here) == 0)
		rc = push_local(p, id, d, e);
	else if (!source || str_starts(source, MANIFEST_LIST_IMAGE))
		rc = err_set(e, -ENOENT, "its image is not in the store any more");
	else
		rc = converts(p, d) ? convert_remote(p, source, d, e)
				    : copy_remote(p, source, d, e);
	return rc < 0 ? err_in(e, "copying image %s", digest) : 0;
}

/* ---- further compressions -------------------------------------------------------------------- */

/* How a list says that the layers of an entry are compressed with zstd; gzip goes without saying.
 */
#define IS_ZSTD "io.github.containers.compression.zstd"

static int is_zstd(json_object *d)
{
	const char *note = json_get_str(json_get(d, "annotations"), IS_ZSTD);

	return note && strcmp(note, "true") == 0;
}

/* Is there an entry for the platform of D, with such layers? */
static int has_variant(json_object *list, json_object *d, int zstd)
{
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *other = json_object_array_get_idx(list, i);
		if (is_zstd(other) == zstd &&
		    json_object_equal(json_get(other, "platform"), json_get(d, "platform")))
			return 1;
	}
	return 0;
}

/* The entries FROM once more, compressed with ALGORITHM, behind those of the list. */
static int add_variants(struct list_push *p, json_object *from, const char *algorithm,
			struct err *e)
{
	const struct image_push_options before = p->o.push;
	json_object *list = json_get(p->list->doc, "manifests");
	int zstd = str_starts(algorithm, "zstd"), r = 0;

	p->o.push.compression = algorithm;
	p->o.push.level = -1;
	p->o.push.force_compression = 1;
	for (size_t i = 0; i < json_len(from) && r == 0; i++) {
		json_object *d = NULL, *notes;
		if (json_get(json_object_array_get_idx(from, i), "artifactType") ||
		    has_variant(list, json_object_array_get_idx(from, i), zstd))
			continue;
		if (json_object_deep_copy(json_object_array_get_idx(from, i), &d, NULL) < 0 ||
		    json_object_array_add(list, d) < 0) {
			json_free(d);
			r = err_errno(e, ENOMEM, "push");
			continue;
		}
		r = push_entry(p, d, e);
		notes = json_get(d, "annotations");
		if (!notes) {
			notes = json_object_new_object();
			json_put(d, "annotations", notes);
		}
		json_object_object_del(notes, IS_ZSTD);
		if (zstd)
			json_put_str(notes, IS_ZSTD, "true");
	}
	p->o.push = before;
	return r;
}

static int push_entries(struct list_push *p, struct err *e)
{
	json_object *list = json_get(p->list->doc, "manifests");
	scoped(json) json_object *from = NULL;
	size_t n = json_len(list);

	/* What they are here; pushing may change what the list says of them. */
	if (list && json_object_deep_copy(list, &from, NULL) < 0)
		return err_errno(e, ENOMEM, "push");
	for (size_t i = 0; i < n; i++)
		if (push_entry(p, json_object_array_get_idx(list, i), e) < 0)
			return e->code;
	for (char *const *c = p->o.add_compression; c && *c; c++)
		if (add_variants(p, from, *c, e) < 0)
			return e->code;
	return 0;
}

/* ---- the list -------------------------------------------------------------------------------- */

/* Docker's lists have no annotations and no artifacts. */
static int to_docker(json_object *doc, struct err *e)
{
	json_object *list = json_get(doc, "manifests");

	for (size_t i = 0; i < json_len(list); i++) {
		json_object *d = json_object_array_get_idx(list, i);
		const char *type = json_get_str(d, "mediaType");

		if (!type || strcmp(type, MEDIA_DOCKER_MANIFEST) != 0)
			return err_set(e, -EINVAL,
				       "the format v2s2 has no entries of the type '%s'",
				       type ? type : "");
		json_object_object_del(d, "annotations");
	}
	json_object_object_del(doc, "annotations");
	return 0;
}

static int push_index(struct list_push *p, char **ret, struct err *e)
{
	scoped(blob_push) struct blob_push b = BLOB_PUSH_NONE;
	scoped(mem) char *text = NULL;
	char digest[SHA256_TEXT_LEN];
	int is_layout = p->is_dir && !str_starts(p->name, "dir:");
	const char *type = p->is_docker			   ? MEDIA_DOCKER_LIST
			   : p->o.push.format || is_layout ? MEDIA_OCI_INDEX
							   : manifest_list_type(p->list->doc);

	if (p->is_docker && to_docker(p->list->doc, e) < 0)
		return e->code;
	json_put_str(p->list->doc, "mediaType", type);
	text = json_text(p->list->doc);
	if (!text)
		return err_errno(e, ENOMEM, "push");
	sha256_text(text, strlen(text), digest);
	*ret = strdup(digest);
	if (!*ret)
		return err_errno(e, ENOMEM, "push");
	if (p->is_dir)
		return layout_put_manifest(&p->dir, 1, digest, type, text, strlen(text), e) < 0
			       ? e->code
		       : p->archive.path ? layout_archive_write(&p->archive, e)
					 : 0;
	if (p->to.name.digest && strcmp(p->to.name.digest, digest) != 0)
		return err_set(e, -EINVAL, "the list cannot be pushed as %s: it is %s",
			       p->to.name.digest, digest);
	if (blob_push_open(&b, p->en, &p->to.at, NULL, e) < 0 ||
	    blob_push_manifest(&b, blob_place_tag(&p->to), type, text, strlen(text), e) < 0 ||
	    sign(p, digest, NULL, e) < 0)
		return e->code;
	return 0;
}

/* A directory, or an archive, which is one first. */
static int open_layout(struct list_push *p, const char *to, struct err *e)
{
	const struct image_push_options *o = &p->o.push;

	p->is_dir = 1;
	if (sign_is_asked(o))
		return err_set(e, -ENOTSUP, "signatures of a list can go to a registry only");
	if (!str_starts(to, "dir:") && p->is_docker)
		return err_set(e, -EINVAL, "an OCI layout holds no images of the format v2s2");
	if (layout_archive_is(to) && layout_archive_open(p->en, to, &p->archive, e) < 0)
		return e->code;
	p->name = strdup(p->archive.path ? p->archive.layout : to);
	return p->name ? layout_open(p->name, &p->dir, e) : err_errno(e, ENOMEM, "push");
}

static int find_target(struct list_push *p, struct err *e)
{
	static const char *const others[] = { "docker-archive:", "docker-daemon:",
					      "containers-storage:", "sif:" };
	const struct remote_options remote = remote_of_push(&p->o.push);
	const struct image named = { .names = p->list->names };
	scoped(mem) char *own = NULL;
	const char *to = p->o.destination;

	if (!to && image_name_meant(p->o.list, &named, &own, e) < 0)
		return e->code;
	if (!to)
		to = own;
	if (!to)
		return err_set(e, -EINVAL, "%s is no name: say where to push the list", p->o.list);
	if (layout_is(to) || layout_archive_is(to))
		return open_layout(p, to, e);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (str_starts(to, others[i]))
			return err_set(
				e, -ENOTSUP,
				"copying multiple images: destination transport \"%.*s\" does "
				"not support copying multiple images as a group",
				(int)strcspn(to, ":"), to);
	p->name = strdup(str_starts(to, "docker://") ? to + 9 : to);
	if (!p->name)
		return err_errno(e, ENOMEM, "push");
	return blob_place_find(p->en, p->name, &remote, &p->to, e);
}

int manifest_list_push(struct engine *en, const struct manifest_push_options *o, char **ret_digest,
		       struct err *e)
{
	__attribute__((cleanup(scoped_list_push))) struct list_push p = {
		.en = en, .o = *o, .dir = LAYOUT_NONE, .archive = LAYOUT_ARCHIVE_NONE
	};

	if (o->push.format && !strcmp(o->push.format, "v2s1"))
		return err_set(e, -EINVAL, "%s is a list, and the format v2s1 has none", o->list);
	p.is_docker = o->push.format && !strcmp(o->push.format, "v2s2");
	if (sign_check(&o->push, e) < 0 || manifest_list_find(en, o->list, &p.list, e) < 0 ||
	    find_target(&p, e) < 0)
		return e->code;
	if (o->all && push_entries(&p, e) < 0)
		return e->code;
	return push_index(&p, ret_digest, e) < 0
		       ? err_in(e, "pushing to %s%s", p.is_dir ? "" : "docker://",
				p.archive.path ? p.archive.path : p.name)
		       : 0;
}

/* ---- looking at one -------------------------------------------------------------------------- */

int manifest_list_inspect(struct engine *en, const char *ref, const struct remote_options *o,
			  json_object **ret, struct err *e)
{
	scoped(manifest_list) struct manifest_list *l = NULL;
	scoped(blob_place) struct blob_place p = { 0 };
	scoped(mem) char *bytes = NULL;
	size_t n = 0;
	struct err why = { 0 };
	int r = str_starts(ref, "docker://") ? -ENOENT : manifest_list_find(en, ref, &l, &why);

	if (r == 0) {
		*ret = take_ptr(&l->doc);
		return 0;
	}
	if (r != -ENOENT && r != -EINVAL) {
		*e = why;
		return r;
	}
	if (r == -EINVAL) { /* an image that is here: its own manifest */
		scoped(image) struct image *i = NULL;
		if (image_find(en, ref, &i, e) < 0)
			return e->code;
		*ret = take_ptr(&i->manifest);
		return 0;
	}
	if (blob_place_find(en, ref, o, &p, e) < 0)
		return e->code;
	if (blob_manifest(en, &p.at, blob_place_tag(&p), &bytes, &n, e) < 0)
		return err_in(e, "reading image \"docker://%s\"",
			      str_starts(ref, "docker://") ? ref + 9 : ref);
	return json_parse(bytes, n, ret, e);
}

int manifest_list_choose(struct engine *en, const char *ref, const char *platform, char **ret_id,
			 struct err *e)
{
	scoped(manifest_list) struct manifest_list *l = NULL;
	scoped(manifest) struct manifest m = { 0 };
	scoped(mem) char *text = NULL;
	scoped(mem) char *source = NULL;
	const struct descriptor *d;
	struct platform want;

	if (manifest_list_find(en, ref, &l, e) < 0)
		return e->code;
	platform_host(&want);
	if (platform && platform_parse(platform, &want, e) < 0)
		return e->code;
	text = json_text(l->doc);
	if (!text || manifest_parse(text, strlen(text), NULL, &m, e) < 0)
		return text ? e->code : err_errno(e, ENOMEM, "read a list");
	d = manifest_choose(&m, &want, e);
	if (!d || manifest_list_source(en, l->id, d->digest, &source, e) < 0)
		return e->code;
	return manifest_list_local(en, d->digest, source, ret_id, e);
}

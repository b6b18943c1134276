/* SPDX-License-Identifier: Apache-2.0 */
/* The archives hold plain layers, made again from tree and split: what is written is compared with
 * the diff ID, so that a damaged store cannot be saved as a good image. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/layer.h"
#include "src/image/image.h"
#include "src/image/image_layers.h"
#include "src/image/image_store.h"
#include "src/image/manifest.h"
#include "src/image/reference.h"
#include "src/store/events.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/new_file.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"
#include "src/util/tar.h"

struct save_image {
	struct image *image;
	char **names; /* that the archive gives it */
	struct image_layer *layers;
	size_t n_layers;
	char *config;
	size_t config_len;
};
struct save {
	struct engine *en;
	int fd;
	struct save_image *images;
	size_t n_images;
	char **written; /* names of files in the archive, so that shared layers come once */
};

static void save_done(struct save *s)
{
	for (size_t i = 0; i < s->n_images; i++) {
		struct save_image *si = &s->images[i];
		image_layers_free(si->layers, si->n_layers);
		free(si->config);
		strv_free(si->names);
		(void)image_free(si->image);
	}
	free(s->images);
	strv_free(s->written);
}
static void scoped_save(struct save *s)
{
	save_done(s);
}

/* ---- tar ------------------------------------------------------------------------------------- */

static int put(struct save *s, const void *bytes, size_t n, struct err *e)
{
	int r = fd_write_all(s->fd, bytes, n);
	return r < 0 ? err_errno(e, r, "write the archive") : 0;
}

static int put_header(struct save *s, const char *name, int64_t size, enum tar_type type,
		      struct err *e)
{
	const struct tar_entry t = {
		.name = name, .type = type, .size = size, .mode = type == TAR_DIR ? 0755 : 0444
	};
	int r = tar_put_header(s->fd, &t);
	return r < 0 ? err_errno(e, r, "write the archive") : 0;
}

static int put_padding(struct save *s, int64_t size, struct err *e)
{
	int r = tar_put_padding(s->fd, size);
	return r < 0 ? err_errno(e, r, "write the archive") : 0;
}

static int put_end(struct save *s, struct err *e)
{
	int r = tar_put_end(s->fd);
	return r < 0 ? err_errno(e, r, "write the archive") : 0;
}

static int written_already(struct save *s, const char *name)
{
	for (char **w = s->written; w && *w; w++)
		if (strcmp(*w, name) == 0)
			return 1;
	return 0;
}

static int put_file(struct save *s, const char *name, const void *bytes, size_t n, struct err *e)
{
	int r;

	if (written_already(s, name))
		return 0;
	if (strv_add(&s->written, name) < 0)
		return err_errno(e, ENOMEM, "write the archive");
	r = put_header(s, name, (int64_t)n, TAR_FILE, e);
	if (r == 0)
		r = put(s, bytes, n, e);
	return r < 0 ? r : put_padding(s, (int64_t)n, e);
}

static int put_json(struct save *s, const char *name, json_object *o, struct err *e)
{
	scoped(mem) char *text = json_text(o);
	return text ? put_file(s, name, text, strlen(text), e)
		    : err_errno(e, ENOMEM, "write the archive");
}

static int put_layer(struct save *s, const char *file, const struct image_layer *l, struct err *e)
{
	scoped(fd) int dir = -EBADF;
	struct layer_result got;
	int r;

	if (!written_already(s, file) && strv_add(&s->written, file) < 0)
		return err_errno(e, ENOMEM, "write the archive");
	dir = image_layer_open(s->en, l, e);
	if (dir < 0)
		return dir;
	r = put_header(s, file, l->size, TAR_FILE, e);
	if (r < 0)
		return r;
	r = layer_write_tar(s->en->run_fd, dir, s->fd, &got, e);
	if (r < 0)
		return err_in(e, "layer %s", l->diff_id);
	if (strcmp(got.diff_id, l->diff_id) != 0 || got.diff_size != l->size)
		return err_set(e, -EBADMSG, "layer %s is damaged in the store", l->diff_id);
	return put_padding(s, l->size, e);
}

static int put_layers(struct save *s, const char *format, struct err *e)
{
	for (size_t i = 0; i < s->n_images; i++)
		for (size_t k = 0; k < s->images[i].n_layers; k++) {
			const struct image_layer *l = &s->images[i].layers[k];
			char file[128];
			int r;
			(void)snprintf(file, sizeof(file), "%s%s%s",
				       *format == 'o' ? "blobs/sha256/" : "",
				       digest_hex(l->diff_id), *format == 'o' ? "" : ".tar");
			r = written_already(s, file) ? 0 : put_layer(s, file, l, e);
			if (r < 0)
				return r;
		}
	return 0;
}

/* ---- docker-archive -------------------------------------------------------------------------- */

static json_object *docker_entry(const struct save_image *si)
{
	json_object *o = json_object_new_object(), *layers = json_object_new_array();
	char file[128];

	(void)snprintf(file, sizeof(file), "%s.json", si->image->id);
	json_put_str(o, "Config", file);
	json_put_strv(o, "RepoTags", si->names);
	for (size_t k = 0; k < si->n_layers; k++) {
		(void)snprintf(file, sizeof(file), "%s.tar", digest_hex(si->layers[k].diff_id));
		(void)json_object_array_add(layers, json_object_new_string(file));
	}
	json_put(o, "Layers", layers);
	return o;
}

/* {"repo": {"tag": "top layer"}}, which Docker before 1.10 read. */
static void add_repositories(json_object *repos, const struct save_image *si)
{
	const char *top = si->n_layers ? digest_hex(si->layers[si->n_layers - 1].diff_id) : "";

	for (char **n = si->names; n && *n; n++) {
		const char *colon = strrchr(*n, ':');
		scoped(mem) char *repo = colon ? strndup(*n, (size_t)(colon - *n)) : NULL;
		json_object *tags;
		if (!repo)
			continue;
		tags = json_get(repos, repo);
		if (!tags) {
			tags = json_object_new_object();
			json_put(repos, repo, tags);
		}
		json_put_str(tags, colon + 1, top);
	}
}

static int save_docker(struct save *s, struct err *e)
{
	scoped(json) json_object *list = json_object_new_array();
	scoped(json) json_object *repos = json_object_new_object();
	int r = put_layers(s, "docker", e);

	for (size_t i = 0; r == 0 && i < s->n_images; i++) {
		struct save_image *si = &s->images[i];
		char file[128];
		(void)snprintf(file, sizeof(file), "%s.json", si->image->id);
		r = put_file(s, file, si->config, si->config_len, e);
		(void)json_object_array_add(list, docker_entry(si));
		add_repositories(repos, si);
	}
	if (r == 0)
		r = put_json(s, "manifest.json", list, e);
	if (r == 0)
		r = put_json(s, "repositories", repos, e);
	return r < 0 ? r : put_end(s, e);
}

/* ---- oci-archive ----------------------------------------------------------------------------- */

/* The manifest of the image with plain layers. */
static json_object *oci_manifest(const struct save_image *si)
{
	json_object *o = json_object_new_object(), *layers = json_object_new_array(), *annotations;
	char digest[SHA256_TEXT_LEN];

	(void)snprintf(digest, sizeof(digest), "sha256:%s", si->image->id);
	json_put_int(o, "schemaVersion", 2);
	json_put_str(o, "mediaType", MEDIA_OCI_MANIFEST);
	json_put(o, "config",
		 manifest_descriptor(MEDIA_OCI_CONFIG, digest, (int64_t)si->config_len));
	for (size_t k = 0; k < si->n_layers; k++)
		(void)json_object_array_add(
			layers, manifest_descriptor("application/vnd.oci.image.layer.v1.tar",
						    si->layers[k].diff_id, si->layers[k].size));
	json_put(o, "layers", layers);
	annotations = json_get(si->image->manifest, "annotations");
	if (annotations)
		json_put(o, "annotations", json_object_get(annotations));
	return o;
}

/* One entry of index.json for each name, or one without a name. */
static void add_to_index(json_object *manifests, const struct save_image *si, const char *digest,
			 int64_t size)
{
	char **n = si->names;

	do {
		json_object *d = manifest_descriptor(MEDIA_OCI_MANIFEST, digest, size);
		if (n && *n) {
			json_object *a = json_object_new_object();
			json_put_str(a, "org.opencontainers.image.ref.name", *n);
			json_put(d, "annotations", a);
		}
		(void)json_object_array_add(manifests, d);
	} while (n && *n && *++n);
}

static int put_oci_image(struct save *s, const struct save_image *si, json_object *manifests,
			 struct err *e)
{
	scoped(json) json_object *o = oci_manifest(si);
	scoped(mem) char *text = json_text(o);
	char digest[SHA256_TEXT_LEN], file[128];
	int r;

	if (!text)
		return err_errno(e, ENOMEM, "write the archive");
	sha256_text(text, strlen(text), digest);
	(void)snprintf(file, sizeof(file), "blobs/sha256/%s", si->image->id);
	r = put_file(s, file, si->config, si->config_len, e);
	(void)snprintf(file, sizeof(file), "blobs/sha256/%s", digest_hex(digest));
	if (r == 0)
		r = put_file(s, file, text, strlen(text), e);
	add_to_index(manifests, si, digest, (int64_t)strlen(text));
	return r;
}

static int save_oci(struct save *s, struct err *e)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	scoped(json) json_object *index = json_object_new_object();
	json_object *manifests = json_object_new_array();
	int r = put_header(s, "blobs/", 0, TAR_DIR, e);

	json_put_int(index, "schemaVersion", 2);
	json_put_str(index, "mediaType", MEDIA_OCI_INDEX);
	json_put(index, "manifests", manifests);
	if (r == 0)
		r = put_header(s, "blobs/sha256/", 0, TAR_DIR, e);
	if (r == 0)
		r = put_layers(s, "oci", e);
	for (size_t i = 0; r == 0 && i < s->n_images; i++)
		r = put_oci_image(s, &s->images[i], manifests, e);
	if (r == 0)
		r = put_json(s, "index.json", index, e);
	if (r == 0)
		r = put_file(s, "oci-layout", layout, strlen(layout), e);
	return r < 0 ? r : put_end(s, e);
}

/* ---- which images ---------------------------------------------------------------------------- */

static struct save_image *image_of(struct save *s, const char *id)
{
	for (size_t i = 0; i < s->n_images; i++)
		if (strcmp(s->images[i].image->id, id) == 0)
			return &s->images[i];
	return NULL;
}

static int take_image(struct save *s, const char *ref, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(mem) char *name = NULL;
	struct save_image *si;
	char digest[SHA256_TEXT_LEN];
	int r = image_find(s->en, ref, &i, e);

	if (r == 0)
		r = image_name_meant(ref, i, &name, e);
	if (r < 0)
		return r;
	si = image_of(s, i->id);
	if (!si) {
		si = &s->images[s->n_images++];
		si->image = take_ptr(&i);
		(void)snprintf(digest, sizeof(digest), "sha256:%s", si->image->id);
		r = image_blob_read(s->en, digest, &si->config, &si->config_len, e);
		if (r == 0)
			r = image_layers(s->en, si->image, &si->layers, &si->n_layers, e);
	}
	if (r == 0 && name && strv_add(&si->names, name) < 0)
		r = err_errno(e, ENOMEM, "save an image");
	return r;
}

/* Without -m what follows the first reference are more names for the same image. */
static int add_tag(struct save *s, const char *target, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	scoped(mem) char *name = NULL;
	int r = reference_parse(target, &ref, e);

	if (r == 0 && !ref.registry)
		r = reference_qualify(&ref, "localhost", e);
	if (r < 0)
		return r;
	name = reference_name(&ref);
	if (!name)
		return err_set(e, -EINVAL, "%s: a name with a digest cannot be given to an image",
			       target);
	return strv_add(&s->images[0].names, name) < 0 ? err_errno(e, ENOMEM, "save an image") : 0;
}

static int take_references(struct save *s, const struct image_save_options *o, struct err *e)
{
	int r = 0;

	s->images = calloc(strv_len(o->references) + 1, sizeof(*s->images));
	if (!s->images)
		return err_errno(e, ENOMEM, "save images");
	for (size_t i = 0; r == 0 && o->references && o->references[i]; i++)
		r = i == 0 || o->multi ? take_image(s, o->references[i], e)
				       : add_tag(s, o->references[i], e);
	if (r == 0 && !s->n_images)
		return err_set(e, -EINVAL, "no image was named");
	return r;
}

/* ---- public ---------------------------------------------------------------------------------- */

static int write_archive(struct save *s, const char *format, struct err *e)
{
	return *format == 'o' ? save_oci(s, e) : save_docker(s, e);
}

static int create_for_user(const struct engine *en, const char *path, struct new_file *ret,
			   struct err *e)
{
	ENGINE_USERS_UMASK(en);

	return new_file_open(path, 0666, ret, e);
}

/* A file appears whole or not at all; pipes and devices are written as they are. */
static int write_file(struct save *s, const char *path, const char *format, struct err *e)
{
	scoped(new_file) struct new_file f = NEW_FILE_NONE;
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		scoped(fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
		s->fd = fd;
		return fd < 0 ? err_sys(e, "open %s", path) : write_archive(s, format, e);
	}
	if (create_for_user(s->en, path, &f, e) < 0)
		return e->code;
	s->fd = f.fd;
	return write_archive(s, format, e) < 0 ? e->code : new_file_publish(&f, e);
}

/* A directory is what a push writes; each further name is one more entry of its index. */
static int save_dir(struct engine *en, const struct image_save_options *o, struct err *e)
{
	int is_oci = strcmp(o->format, "oci-dir") == 0;
	scoped(image) struct image *i = NULL;

	if (o->multi && strv_len(o->references) > 1)
		return err_set(e, -EINVAL, "%s holds one image", o->format);
	if (image_find(en, o->references[0], &i, e) < 0)
		return e->code;
	for (size_t k = 0; o->references[k] && (k == 0 || is_oci); k++) {
		scoped(mem) char *name = NULL;
		scoped(mem) char *to = NULL;
		scoped(mem) char *digest = NULL;
		struct image_push_options p = { .reference = i->id,
						.format = is_oci ? NULL : "v2s2",
						.level = -1,
						.compress = o->compress,
						.quiet = 1,
						.remove_signatures = 1,
						.tls_verify = -1 };
		int r = k ? reference_new_name(o->references[k], &name, e)
			  : image_name_meant(o->references[k], i, &name, e);

		if (r < 0)
			return r;
		to = is_oci ? str_printf("oci:%s%s%s", o->output, name ? ":" : "", name ? name : "")
			    : str_printf("dir:%s", o->output);
		if (!to)
			return err_errno(e, ENOMEM, "save an image");
		p.destination = to;
		if (image_push(en, &p, &digest, e) < 0)
			return e->code;
	}
	return 0;
}

static int save(struct engine *en, const struct image_save_options *o, struct err *e)
{
	scoped(save) struct save s = { .en = en, .fd = -EBADF };
	const char *format = o->format ? o->format : "docker-archive";
	int r;

	if (o->output && (!strcmp(format, "oci-dir") || !strcmp(format, "docker-dir")))
		return save_dir(en, o, e);
	if (strcmp(format, "docker-archive") != 0 && strcmp(format, "oci-archive") != 0)
		return err_set(e, -EINVAL,
			       "unknown format '%s': docker-archive and oci-archive are known",
			       format);
	r = take_references(&s, o, e);
	if (r == 0 && o->oci_name && strv_add(&s.images[0].names, o->oci_name) < 0)
		r = err_errno(e, ENOMEM, "save images");
	if (r < 0)
		return r;
	if (o->output && strcmp(o->output, "-") != 0)
		return write_file(&s, o->output, format, e);
	s.fd = 1;
	return write_archive(&s, format, e);
}

int image_save(struct engine *en, const struct image_save_options *o, struct err *e)
{
	int r = save(en, o, e);

	for (char *const *i = o->references; r >= 0 && i && *i; i++)
		events_write(en, &(struct event){ .type = "image", .status = "save", .name = *i });
	return r;
}

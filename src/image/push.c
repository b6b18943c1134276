/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/push.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/auth.h"
#include "src/image/daemon.h"
#include "src/image/image_store.h"
#include "src/image/image_stores.h"
#include "src/image/layout_archive.h"
#include "src/image/reference.h"
#include "src/image/storage_transport.h"
#include "src/store/events.h"
#include "src/store/store.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

void push_done(struct push *p)
{
	for (size_t i = 0; p->layers && i < p->n; i++) {
		compress_end(&p->layers[i].job);
		pull_call_end(&p->layers[i].crypt);
		fd_close(p->layers[i].fd);
		json_free(p->layers[i].annotations);
	}
	free(p->layers);
	image_layers_free(p->stored, p->n);
	manifest_done(&p->m);
	free(p->manifest);
	free(p->config);
	(void)image_free(p->image);
	pull_progress_done(&p->progress);
}

static int read_documents(struct push *p, struct err *e)
{
	char digest[DIGEST_LEN + 1];
	size_t n = 0;

	(void)snprintf(digest, sizeof(digest), "sha256:%s", p->image->id);
	if (image_blob_read(p->en, digest, &p->config, &p->config_len, e) < 0 ||
	    image_blob_read(p->en, p->image->manifest_digest, &p->manifest, &p->manifest_len, e) <
		    0 ||
	    manifest_parse(p->manifest, p->manifest_len, NULL, &p->m, e) < 0 ||
	    image_layers(p->en, p->image, &p->stored, &n, e) < 0)
		return e->code;
	p->n = n;
	if (n != p->m.n_layers || n > LAYERS_MAX)
		return err_set(e, -EBADMSG, "the record of image %.12s is damaged", p->image->id);
	return push_schema1_blobs(p, e);
}

static int find_was_pulled(struct push *p, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct store *st = engine_store(p->en, e);
	int r;

	if (!st)
		return e->code;
	r = store_query(st, &q, e, "SELECT 1 FROM image_digest WHERE image_id = ?", "s",
			p->image->id);
	if (r == 0)
		r = store_step(q, e);
	p->was_pulled = r > 0;
	return r < 0 ? r : 0;
}

static int check_options(struct push *p, struct err *e)
{
	const struct image_push_options *o = p->o;
	enum compression c = COMPRESS_GZIP;

	if (o->compression && (compression_parse(o->compression, &c) < 0 || c == COMPRESS_NONE))
		return err_set(e, -ENOTSUP,
			       "unsupported compression format '%s': gzip, zstd and zstd:chunked "
			       "are known",
			       o->compression);
	if (compression_check_level(c, o->level, e) < 0)
		return e->code;
	if (o->format && !str_in_words(o->format, strlen(o->format), "oci|v2s1|v2s2"))
		return err_set(e, -ENOTSUP, "unknown format \"%s\". Choose one of: oci, v2s1, v2s2",
			       o->format);
	if (o->format && *o->format == 'v' && compression_is_zstd(c))
		return err_set(e, -EINVAL, "the format %s has no layers compressed with zstd",
			       o->format);
	p->is_schema1 =
		o->format ? !strcmp(o->format, "v2s1") : !compression_is_zstd(c) && p->m.is_schema1;
	p->is_docker = o->format ? *o->format == 'v'
				 : !compression_is_zstd(c) &&
					   strcmp(p->m.media_type, MEDIA_OCI_MANIFEST) != 0;
	return 0;
}

/* May the blob that the manifest names be used, where it is?  zstd:chunked is zstd, too. */
static int is_usable(const struct push *p, const struct descriptor *d)
{
	const char *wanted = p->o->compression ? p->o->compression : "gzip";
	enum compression kind;

	if (!push_kind_of(d, &kind) || (p->is_docker && compression_is_zstd(kind)) ||
	    (d->size < 0 && !p->is_schema1))
		return 0;
	return !p->o->force_compression || !strcmp(compression_word(kind), wanted) ||
	       (compression_is_zstd(kind) && !strcmp(wanted, "zstd"));
}

static int plan_layers(struct push *p, struct err *e)
{
	p->layers = calloc(p->n + 1, sizeof(*p->layers));
	if (!p->layers)
		return err_errno(e, ENOMEM, "push");
	for (size_t i = 0; i < p->n; i++) {
		struct push_layer *l = &p->layers[i];

		*l = (struct push_layer){ .l = &p->stored[i],
					  .job = COMPRESS_JOB_NONE,
					  .crypt = PULL_CALL_NONE,
					  .fd = -EBADF };
		if (is_usable(p, &p->m.layers[i]))
			l->original = &p->m.layers[i];
		while (strcmp(p->stored[l->same].diff_id, p->stored[i].diff_id) != 0)
			l->same++;
	}
	return 0;
}

/* What it is made into, if nothing stands against it. */
static enum compression usual_kind(const struct push *p, const struct push_layer *l)
{
	enum compression was = COMPRESS_GZIP, c;

	if (l->original || l->encrypts)
		(void)push_kind_of(&p->m.layers[l - p->layers], &was);
	if (p->o->compression && compression_parse(p->o->compression, &c) == 0)
		return c;
	if (p->o->compress)
		return was == COMPRESS_NONE ? COMPRESS_GZIP : was;
	/* The very blob, that way. */
	if (p->keeps_plain || (was == COMPRESS_NONE && p->was_pulled && !p->o->force_compression))
		return COMPRESS_NONE;
	return was == COMPRESS_NONE ? COMPRESS_GZIP : was;
}

/* What an absent layer is made into.  Nobody could fetch a part of an encrypted one. */
static enum compression wanted_kind(const struct push *p, const struct push_layer *l)
{
	enum compression c = usual_kind(p, l);

	return l->encrypts && c == COMPRESS_ZSTD_CHUNKED ? COMPRESS_ZSTD : c;
}

void push_is_known(struct push *p, size_t i)
{
	struct push_layer *l = &p->layers[i];

	(void)stpcpy(l->digest, l->known.digest); /* both have room for one digest */
	l->size = l->known.size;
	l->frames = l->known.frames;
	l->kind = wanted_kind(p, l);
	l->state = PUSH_DONE;
}

int push_prepare(struct push *p, struct engine *en, const struct image_push_options *o,
		 struct err *e)
{
	p->en = en;
	p->o = o;
	pull_progress_init(&p->progress, o->quiet);
	if (auth_file_check(o->authfile, e) < 0 || image_find(en, o->reference, &p->image, e) < 0 ||
	    read_documents(p, e) < 0 || find_was_pulled(p, e) < 0 || check_options(p, e) < 0)
		return e->code;
	if (plan_layers(p, e) < 0 || push_plan_encryption(p, e) < 0)
		return e->code;
	for (size_t i = 0; i < p->n; i++)
		if (!p->layers[i].encrypts && wanted_kind(p, &p->layers[i]) != COMPRESS_NONE)
			push_read_known(p, i, wanted_kind(p, &p->layers[i]));
	return 0;
}

int push_make(struct push *p, size_t i, int take_fd_, struct err *e)
{
	struct push_layer *l = &p->layers[i];

	l->fd = take_fd_;
	l->kind = wanted_kind(p, l);
	l->state = PUSH_MAKING;
	if (l->encrypts)
		return push_encrypt(p, l, e);
	return compress_start(&l->job, p->en, l->l, l->kind,
			      l->kind == COMPRESS_NONE ? -1 : p->o->level, l->fd, e);
}

int push_made(struct push *p, size_t i, struct err *e)
{
	struct push_layer *l = &p->layers[i];
	struct compress_result r;

	if ((l->encrypts ? push_encrypted(l, &r, e) : compress_finish(&l->job, l->l, &r, e)) < 0)
		return e->code;
	fd_close(take_fd(&l->fd));
	(void)stpcpy(l->digest, r.digest); /* both have room for one digest */
	l->size = r.size;
	l->frames = r.frames;
	if (l->kind != COMPRESS_NONE && !l->encrypts)
		push_write_known(p, i, l->kind, &r);
	return 0;
}

void push_is_there(struct push *p, size_t i)
{
	struct push_layer *l = &p->layers[i];

	(void)stpcpy(l->digest, l->original->digest); /* both have room for one digest */
	l->size = l->original->size;
	(void)push_kind_of(l->original, &l->kind);
	l->state = PUSH_DONE;
}

/* ---- where to -------------------------------------------------------------------------------- */

/* image_save() writes the archives, with plain layers. */
static int to_archive(struct push *p, const char *format, const char *path, char **ret,
		      struct err *e)
{
	const char *colon = strchr(path, ':');
	scoped(mem) char *file = colon ? strndup(path, (size_t)(colon - path)) : strdup(path);
	scoped(reference) struct reference ref = { 0 };
	scoped(mem) char *name = NULL;
	char *references[] = { p->image->id, NULL, NULL };
	struct image_save_options s = { .references = references, .format = format };

	*ret = NULL;
	if (!file)
		return err_errno(e, ENOMEM, "push");
	if (!*file)
		return err_set(e, -EINVAL, "%s: without the path of a file", format);
	if (p->o->compression || p->o->level >= 0 || p->o->force_compression)
		return err_set(e, -EINVAL, "%s: layers go into an archive uncompressed", format);
	if (push_signatures_to_dir(p, -EBADF, NULL, e) < 0)
		return e->code;
	s.output = file;
	if (colon && *format == 'o') {
		s.oci_name = colon + 1;
	} else if (colon) {
		if (reference_parse(colon + 1, &ref, e) < 0 ||
		    (!ref.registry && reference_qualify(&ref, REFERENCE_HUB, e) < 0))
			return e->code;
		name = reference_format(&ref);
		if (!name)
			return err_errno(e, ENOMEM, "push");
		references[1] = name;
	}
	return image_save(p->en, &s, e);
}

static int to_docker_archive(struct push *p, const char *path, char **ret, struct err *e)
{
	if (push_refuse_encryption(p, e) < 0)
		return e->code;
	return to_archive(p, "docker-archive", path, ret, e);
}

/* image_save() knows plain layers only. */
static int to_encrypted_archive(struct push *p, char **ret, struct err *e)
{
	scoped(layout_archive) struct layout_archive a = LAYOUT_ARCHIVE_NONE;

	if (layout_archive_open(p->en, p->o->destination, &a, e) < 0 ||
	    push_to_oci(p, a.layout + strlen("oci:"), ret, e) < 0)
		return e->code;
	return layout_archive_write(&a, e);
}

static int to_oci_archive(struct push *p, const char *path, char **ret, struct err *e)
{
	if (p->o->encryption_keys)
		return to_encrypted_archive(p, ret, e);
	return to_archive(p, "oci-archive", path, ret, e);
}

static int refuse(struct push *p, const char *path, char **ret, struct err *e)
{
	(void)path;
	(void)ret;
	return err_set(e, -ENOTSUP, "pushing to '%s' is not supported", p->o->destination);
}

static int to_storage(struct push *p, const char *name, char **ret, struct err *e)
{
	if (p->o->encryption_keys)
		return err_set(e, -EINVAL, "the store keeps layers unpacked, not encrypted");
	if (storage_push(p->en, p->image, name, e) < 0)
		return e->code;
	*ret = strdup(p->image->manifest_digest);
	return *ret ? 0 : err_errno(e, ENOMEM, "push");
}

static int to_daemon(struct push *p, const char *name, char **ret, struct err *e)
{
	return push_refuse_encryption(p, e) < 0 ? e->code : push_to_daemon(p, name, ret, e);
}

static const struct {
	const char *prefix;
	int (*push)(struct push *p, const char *rest, char **ret, struct err *e);
	int no_schema1; /* it cannot hold that */
} transports[] = {
	{ "docker://", push_to_registry, 0 },	     { "dir:", push_to_dir, 0 },
	{ "oci-archive:", to_oci_archive, 1 },	     { "oci:", push_to_oci, 1 },
	{ "docker-archive:", to_docker_archive, 1 }, { "docker-daemon:", to_daemon, 1 },
	{ "containers-storage:", to_storage, 0 },    { "sif:", refuse, 0 },
};

static int push_to(struct push *p, const char *to, char **ret_digest, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		if (!str_starts(to, transports[i].prefix))
			continue;
		if (i && push_refuse_signing(p, e) < 0) /* the first is docker:// */
			return e->code;
		if (transports[i].no_schema1 && p->o->format && !strcmp(p->o->format, "v2s1"))
			return err_set(e, -EINVAL, "%s holds no images of the format v2s1", to);
		return transports[i].push(p, to + strlen(transports[i].prefix), ret_digest, e);
	}
	return push_to_registry(p, to, ret_digest, e);
}

/* What failed may be that layers are not there any more. */
static int tell_removal(const struct push *p, const struct image_push_options *o, struct err *e)
{
	scoped(image) struct image *i = NULL;
	struct err gone = { 0 };

	if (!p->image || image_find(p->en, p->image->id, &i, &gone) != -ENOENT)
		return e->code;
	return err_in(e, "%s was removed by another command meanwhile", o->reference);
}

int image_push(struct engine *en, const struct image_push_options *o, char **ret_digest,
	       struct err *e)
{
	scoped(push) struct push p = { 0 };
	scoped(mem) char *own = NULL;
	const char *to = o->destination;

	if (push_prepare(&p, en, o, e) < 0)
		return tell_removal(&p, o, e);
	if (!to) {
		if (image_name_meant(o->reference, p.image, &own, e) < 0)
			return e->code;
		if (!own)
			return err_set(e, -EINVAL, "%s is no name: say where to push the image",
				       o->reference);
		to = own;
	}
	if (push_to(&p, to, ret_digest, e) < 0)
		return tell_removal(&p, o, e);
	events_write(en,
		     &(struct event){
			     .type = "image", .status = "push", .id = p.image->id, .name = to });
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/load_image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/image/image_store.h"
#include "src/image/layer_crypt.h"
#include "src/image/layer_stage.h"
#include "src/image/pull_call.h"
#include "src/image/pull_protocol.h"
#include "src/image/schema1.h"
#include "src/image/signature.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

#define JOBS 4 /* layers unpacked at a time */

static void end_crypts(struct load_image *i)
{
	for (size_t k = 0; i->crypts && k < i->n_layers; k++)
		pull_call_end(&i->crypts[k]);
	free(i->crypts);
	i->crypts = NULL;
}

void load_image_done(struct load_image *i)
{
	if (!i)
		return;
	end_crypts(i);
	free(i->config);
	free(i->manifest);
	strv_free(i->names);
	free(i);
}

void load_result_done(struct load_result *r)
{
	strv_free(r->names);
	strv_free(r->ids);
	*r = (struct load_result){ 0 };
}

/* Wait for layer K and compare it with what was promised. */
static int finish(struct layer_stage *stage, const struct load_image *i, size_t k, struct err *e)
{
	struct layer_result got;
	struct err reading = { 0 };
	int r = layer_stage_finish(stage, k, &got, &reading);

	if (i->want[k].is_encrypted)
		r = err_of_pipe(layer_decrypt_finish(&i->crypts[k], e), r, &reading, e);
	else if (r < 0)
		*e = reading;
	if (r == 0 && *i->want[k].digest && !i->want[k].is_encrypted &&
	    (strcmp(i->want[k].digest, got.digest) != 0 || i->want[k].size != got.size))
		r = err_set(e, -EBADMSG, "it is not the %s of its manifest", i->want[k].digest);
	return r < 0 ? err_in(e, "layer %zu of %zu", k + 1, i->n_layers) : 0;
}

/* By way of the role `crypt`, from a file description of its own. */
static int begin_encrypted(struct layer_stage *stage, const struct load_image *i,
			   const char *diff_id, size_t k, int fd, struct err *e)
{
	char proc[32];
	scoped(fd) int own = open(fd_proc_path(fd, proc), O_RDONLY | O_CLOEXEC);
	scoped(fd) int r = -EBADF;
	scoped(fd) int w = -EBADF;

	if (own < 0 || lseek(own, i->layers[k]->offset, SEEK_SET) < 0)
		return err_sys(e, "open a part of a file");
	if (fd_pipe(&r, &w, e) < 0 || layer_decrypt_start(&i->crypts[k], i->s->decryption_keys,
							  stage->tmp_fd, k, own, 1, w, e) < 0)
		return e->code;
	return layer_stage_begin_stream(stage, diff_id, r, e);
}

static int begin_layer(struct layer_stage *stage, const struct load_image *i, const char *diff_id,
		       size_t k, struct err *e)
{
	scoped(fd) int fd = image_archive_open_item(i->a, i->layers[k], e);

	if (fd < 0)
		return fd;
	if (i->want[k].is_encrypted)
		return begin_encrypted(stage, i, diff_id, k, fd, e);
	return layer_stage_begin(stage, diff_id, fd, i->layers[k]->offset, i->layers[k]->size, e);
}

/* A few layers at a time. */
static int unpack(struct layer_stage *stage, const struct load_image *i, char *const *diff_ids,
		  struct err *e)
{
	size_t busy[JOBS], n_busy = 0;
	int r = 0;

	for (size_t k = 0; r == 0 && k < i->n_layers; k++) {
		if (diff_ids && layer_stage_has(stage, diff_ids[k])) {
			r = layer_stage_known(stage, diff_ids[k], e);
			continue;
		}
		if (n_busy == JOBS) {
			r = finish(stage, i, busy[0], e);
			memmove(busy, busy + 1, --n_busy * sizeof(busy[0]));
		}
		if (r == 0)
			r = begin_layer(stage, i, diff_ids ? diff_ids[k] : "", k, e);
		busy[n_busy++] = k;
	}
	for (size_t b = 0; r == 0 && b < n_busy; b++)
		r = finish(stage, i, busy[b], e);
	return r;
}

static json_object *descriptor_json(const char *type, const char *digest, int64_t size)
{
	json_object *o = json_object_new_object();
	json_put_str(o, "mediaType", type);
	json_put_int(o, "size", size);
	json_put_str(o, "digest", digest);
	return o;
}

/* A docker-archive has no manifest: this one names the plain layers. */
static int make_manifest(struct load_image *i, const struct layer_stage *stage, struct err *e)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *layers = json_object_new_array();
	char digest[SHA256_TEXT_LEN];

	sha256_text(i->config, i->config_len, digest);
	json_put_int(o, "schemaVersion", 2);
	json_put_str(o, "mediaType", MEDIA_DOCKER_MANIFEST);
	json_put(o, "config", descriptor_json(MEDIA_DOCKER_CONFIG, digest, (int64_t)i->config_len));
	for (size_t k = 0; k < stage->n; k++)
		(void)json_object_array_add(
			layers,
			descriptor_json("application/vnd.docker.image.rootfs.diff.tar",
					stage->layers[k].diff_id, stage->layers[k].diff_size));
	json_put(o, "layers", layers);
	i->manifest = json_text(o);
	if (!i->manifest)
		return err_errno(e, ENOMEM, "make a manifest");
	i->manifest_len = strlen(i->manifest);
	(void)stpcpy(i->manifest_type, MEDIA_DOCKER_MANIFEST);
	return 0;
}

/* Can the encrypted layers be read?  Then the stored manifest will be another one. */
static int prepare_crypts(struct load_image *i, const struct layer_stage *stage, struct err *e)
{
	const struct manifest m = { .layers = i->want, .n_layers = i->n_layers };

	if (!layer_crypt_is_needed(&m))
		return 0;
	if (path_replace(stage->tmp_fd, PULL_MANIFEST, i->manifest, i->manifest_len, 0600, 0, e) <
		    0 ||
	    layer_crypt_check(i->s->decryption_keys, &m, stage->tmp_fd, e) < 0)
		return e->code;
	i->crypts = calloc(i->n_layers, sizeof(*i->crypts));
	if (!i->crypts)
		return err_errno(e, ENOMEM, "load an image");
	for (size_t k = 0; k < i->n_layers; k++)
		i->crypts[k] = (struct pull_call)PULL_CALL_NONE;
	return 0;
}

/* PLAIN: the manifest instead of the one that came, or NULL. */
static int publish(struct engine *en, const struct load_image *i, const struct layer_stage *stage,
		   const char *plain, char **ret_id, struct err *e)
{
	struct image_publish p = { .manifest = plain ? plain : i->manifest,
				   .manifest_len = plain ? strlen(plain) : i->manifest_len,
				   .manifest_type = i->manifest_type,
				   .config = i->config,
				   .config_len = i->config_len,
				   .index_digest = *i->index_digest ? i->index_digest : NULL,
				   .layers = stage->layers,
				   .n_layers = stage->n,
				   .name = i->names ? i->names[0] : NULL };
	int r = image_publish(en, &p, ret_id, e);

	for (char **n = i->names; r == 0 && n && *n; n++)
		if (n != i->names)
			r = image_tag(en, *ret_id, *n, e);
	return r;
}

/* The same for the config of schema 1. */
static int make_config(struct load_image *i, const struct layer_stage *stage, struct err *e)
{
	scoped(strv) char **ids = NULL;

	for (size_t k = 0; k < stage->n; k++)
		if (strv_add(&ids, stage->layers[k].diff_id) < 0)
			return err_errno(e, ENOMEM, "make an image config");
	free(i->config);
	i->config = NULL;
	if (schema1_config(i->manifest, i->manifest_len, ids, &i->config, e) < 0)
		return e->code;
	i->config_len = strlen(i->config);
	return 0;
}

static int store_once(struct engine *en, struct load_image *i, char *const *diff_ids, char **ret_id,
		      struct err *e)
{
	scoped(layer_stage) struct layer_stage stage = { .tmp_fd = -EBADF, .lease = -EBADF };
	scoped(mem) char *plain = NULL;
	int r = layer_stage_open(en, i->n_layers, &stage, e);

	if (r == 0)
		r = prepare_crypts(i, &stage, e);
	if (r == 0)
		r = unpack(&stage, i, diff_ids, e);
	if (r == 0 && !i->manifest)
		r = make_manifest(i, &stage, e);
	if (r == 0 && i->is_schema1)
		r = make_config(i, &stage, e);
	if (r == 0 && i->crypts)
		r = layer_crypt_manifest(en, i->manifest, i->manifest_len, stage.layers, stage.n,
					 &plain, e);
	end_crypts(i);
	return r < 0 ? r : publish(en, i, &stage, plain, ret_id, e);
}

/* Signatures that lie beside the manifest of dir:, as files of DIR_FD: their number. */
static int take_signatures(const struct load_image *i, int dir_fd, struct err *e)
{
	int n = 0;

	for (; i->a->dir && n < SIGNATURES_MAX; n++) {
		scoped(mem) char *bytes = NULL;
		const struct archive_item *it;
		char name[32];
		size_t len = 0;

		(void)snprintf(name, sizeof(name), SIGNATURE_FILE, (size_t)n + 1);
		it = image_archive_find(i->a, name);
		if (!it)
			break;
		if (image_archive_read(i->a, it, SIGNATURE_MAX, &bytes, &len, e) < 0 ||
		    path_replace(dir_fd, name, bytes, len, 0600, 0, e) < 0)
			return e->code;
	}
	return n;
}

/* By the policy.  *RET_N signatures are in DIR's directory then. */
static int check_trust(struct engine *en, const struct load_image *i, struct dir_call *dir,
		       int *ret_n, char digest[SHA256_TEXT_LEN], struct err *e)
{
	const struct trust_subject *s = &i->s->subject;
	scoped(json) json_object *requirements = NULL;
	int rc = trust_decide(en, i->s->signature_policy, s, &requirements, e);

	if (rc <= 0)
		return rc;
	if (!i->manifest)
		return err_set(e, -EACCES,
			       "Source image rejected: A signature was required, but no signature "
			       "exists");
	sha256_text(i->manifest, i->manifest_len, digest);
	if (dir_call_open(dir, en, e) < 0)
		return e->code;
	*ret_n = take_signatures(i, dir->tmp_fd, e);
	if (*ret_n < 0)
		return *ret_n;
	return trust_check(en, s, requirements, digest, dir->tmp_fd, (size_t)*ret_n, e);
}

int load_image_store(struct engine *en, struct load_image *i, struct load_result *ret,
		     struct err *e)
{
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	scoped(strv) char **ids = NULL;
	scoped(mem) char *id = NULL;
	char digest[SHA256_TEXT_LEN];
	int n_signatures = 0, r = check_trust(en, i, &dir, &n_signatures, digest, e);

	if (r == 0 && !i->is_schema1)
		r = config_diff_ids(i->config, i->config_len, i->n_layers, &ids, e);
	if (r != 0)
		return r;
	if (!ids && !i->is_schema1)
		return err_set(e, -EBADMSG, "the config has no diff_ids");
	/* A layer that we had may be removed by others before we name it: then it is unpacked after
	 * all. */
	if (n_signatures > 0)
		r = layer_crypt_refuse_signed(
			&(struct manifest){ .layers = i->want, .n_layers = i->n_layers }, e);
	if (r < 0)
		return r;
	r = -EAGAIN;
	for (int tries = 0; r == -EAGAIN && tries < 10; tries++)
		r = store_once(en, i, ids, &id, e);
	if (r < 0)
		return r;
	if (i->s->place && image_source_note(en, id, i->s->place, e) < 0)
		return e->code;
	if (n_signatures > 0 &&
	    signatures_store(en, id, digest, dir.tmp_fd, (size_t)n_signatures, e) < 0)
		return e->code;
	r = strv_add(&ret->ids, id);
	for (char **n = i->names; r == 0 && n && *n; n++)
		r = strv_add(&ret->names, *n);
	if (r == 0 && !i->names) {
		scoped(mem) char *text = str_printf("sha256:%s", id);
		r = text ? strv_add(&ret->names, text) : -ENOMEM;
	}
	return r < 0 ? err_errno(e, r, "load an image") : 0;
}

int load_image_name(struct load_image *i, const char *name, const char *registry, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	scoped(mem) char *full = NULL;
	int r = reference_parse(name, &ref, e);

	if (r == 0 && !ref.registry)
		r = reference_qualify(&ref, registry, e);
	if (r < 0)
		return r;
	full = reference_name(&ref);
	if (!full)
		return ref.digest ? 0
				  : err_errno(e, ENOMEM,
					      "name an image"); /* by digest only: no name */
	return strv_add(&i->names, full) < 0 ? err_errno(e, ENOMEM, "name an image") : 0;
}

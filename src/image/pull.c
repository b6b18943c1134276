/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's side of a pull from one registry: which layers are missing; and the publication. The
 *network is the role's (pull_protocol.h):
 *
 *	pull_name.c: policy -> candidates of the name -> for each: temporary directory, role
 *	started, manifest and config come -> locks of the missing layers -> role fetches them ->
 *image_publish() */
#include <stdlib.h>
#include <string.h>

#include "src/image/image.h"
#include "src/image/layer_crypt.h"
#include "src/image/manifest.h"
#include "src/image/policy.h"
#include "src/image/pull_attempt.h"
#include "src/image/pull_call.h"
#include "src/image/pull_kept.h"
#include "src/image/pull_locks.h"
#include "src/image/pull_progress.h"
#include "src/image/pull_protocol.h"
#include "src/image/reference.h"
#include "src/image/registries.h"
#include "src/image/schema1.h"
#include "src/image/trust.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

#define PLACES_MAX 32 /* mirrors of a registry */
#define ROLE	   "cove-pull"
#define RETRIES	   3
#define KEPT_S	   86400 /* so long has a pull that was cut short to come back */

/* One attempt to pull one name. */
struct pull {
	struct engine *en;
	const struct image_pull_options *o;
	const struct registries *registries;
	const struct reference *ref; /* with registry */
	struct pull_progress progress;

	struct dir_call dir; /* where it brings things */

	char *manifest, *config;
	size_t manifest_len, config_len;
	char *media_type, *index_digest, *digest;
	struct manifest m;
	char **diff_ids;
	struct image_new_layer *layers;
	char **layer_paths; /* of the new ones */
	char *wanted;	    /* one byte a layer */
	struct pull_locks locks;

	int is_encrypted;

	struct trust_subject subject;
	char **scopes, *shown;
	json_object *requirements; /* NULL: no signatures are needed */
	size_t n_signatures;
};

static void pull_done(struct pull *p)
{
	dir_call_end(&p->dir);
	pull_locks_release(&p->locks);
	for (size_t i = 0; p->layer_paths && i < p->m.n_layers; i++)
		free(p->layer_paths[i]);
	free(p->layer_paths);
	free(p->layers);
	free(p->wanted);
	strv_free(p->diff_ids);
	manifest_done(&p->m);
	free(p->manifest);
	free(p->config);
	free(p->media_type);
	free(p->index_digest);
	free(p->digest);
	free(p->shown);
	strv_free(p->scopes);
	json_free(p->requirements);
	pull_progress_done(&p->progress);
}

static void scoped_pull(struct pull *p)
{
	pull_done(p);
}

/* ---- the request ---------------------------------------------------------------------------- */

static int wanted_platform(const struct image_pull_options *o, struct platform *ret, struct err *e)
{
	if (o->platform)
		return platform_parse(o->platform, ret, e);
	platform_host(ret);
	return 0;
}

/* What CONFIG says that its image is for; the architecture of WANT where it says none. */
static void platform_of(json_object *config, const struct platform *want, struct platform *ret)
{
	const char *os = json_get_str(config, "os"), *arch = json_get_str(config, "architecture");
	const char *variant = json_get_str(config, "variant");

	(void)snprintf(ret->os, sizeof(ret->os), "%s", os ? os : "linux");
	(void)snprintf(ret->arch, sizeof(ret->arch), "%s", arch ? arch : want->arch);
	(void)snprintf(ret->variant, sizeof(ret->variant), "%s", variant ? variant : "");
}

/* Is the stored image I of the platform that is asked for? */
int pull_fits_platform(const struct image_pull_options *o, const struct image *i)
{
	struct platform want, have;
	struct err ignored = { 0 };

	if (wanted_platform(o, &want, &ignored) < 0)
		return 0;
	platform_of(i->config, &want, &have);
	return platform_score(&want, &have) > 0;
}

/* An image that is no list is taken whatever it is for; who asked for something else is told. */
static void warn_of_platform(const struct pull *p)
{
	scoped(json) json_object *config = NULL;
	scoped(mem) char *text = NULL;
	struct platform want, have;
	struct err ignored = { 0 };
	char wants[100], has[100];

	if (!p->o->platform || !p->en->warn || wanted_platform(p->o, &want, &ignored) < 0 ||
	    json_parse(p->config, p->config_len, &config, &ignored) < 0)
		return;
	platform_of(config, &want, &have);
	if (platform_score(&want, &have) > 0)
		return;
	text = str_printf("WARNING: image platform (%s) does not match the expected platform (%s)",
			  platform_format(&have, has), platform_format(&want, wants));
	if (text)
		p->en->warn(text);
}

/* Digests that mean "nothing new" for the name we pull. */
static int add_have(struct pull *p, struct pull_request *r, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(mem) char *full = reference_format(p->ref);
	scoped(mem) char *name = p->ref->digest ? NULL : reference_name(p->ref);
	int rc = 0, named = p->ref->digest != NULL;

	if (!full)
		return err_errno(e, ENOMEM, "pull");
	if (image_find(p->en, name ? name : full, &i, e) < 0) {
		err_clear(e);
		return 0;
	}
	for (char **n = i->names; n && *n && name; n++)
		named = named || !strcmp(*n, name);
	if (!named)
		return 0;
	if (i->manifest_digest)
		rc = strv_add(&r->have, i->manifest_digest);
	if (rc == 0 && i->index_digest && pull_fits_platform(p->o, i))
		rc = strv_add(&r->have, i->index_digest);
	return rc < 0 ? err_errno(e, rc, "pull") : 0;
}

static int copy(const char *s, char **ret, struct err *e)
{
	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? err_errno(e, ENOMEM, "pull") : 0;
}

static int add_sources(struct pull *p, struct pull_request *r, struct err *e)
{
	struct registry_source *list = NULL;
	size_t n = 0;
	int rc = registries_sources(p->registries, p->ref, &list, &n, e);

	if (rc < 0)
		return rc;
	r->sources = calloc(n, sizeof(*r->sources));
	if (!r->sources)
		rc = err_errno(e, ENOMEM, "pull");
	for (size_t i = 0; i < n && rc >= 0; i++) {
		struct pull_source *s = &r->sources[i];

		r->n_sources++;
		s->insecure = p->o->tls_verify < 0 ? list[i].insecure : !p->o->tls_verify;
		s->use_creds = !strcmp(list[i].ref.registry, p->ref->registry);
		rc = copy(list[i].ref.registry, &s->registry, e);
		if (rc >= 0)
			rc = copy(list[i].ref.repository, &s->repository, e);
	}
	registry_sources_free(list, n);
	return rc;
}

/* Where the signatures of each source are. */
static int add_places(struct pull *p, struct pull_request *r, struct err *e)
{
	scoped(json) json_object *places = NULL;
	struct reference list[PLACES_MAX];
	const struct reference *refs[PLACES_MAX];

	if (r->n_sources > PLACES_MAX)
		return err_set(e, -E2BIG, "more than %d mirrors", PLACES_MAX - 1);
	for (size_t i = 0; i < r->n_sources; i++) {
		list[i] = (struct reference){ .registry = r->sources[i].registry,
					      .repository = r->sources[i].repository,
					      .tag = p->ref->tag,
					      .digest = p->ref->digest };
		refs[i] = &list[i];
	}
	if (trust_places(p->en, refs, r->n_sources, &places, e) < 0)
		return e->code;
	for (size_t i = 0; i < r->n_sources; i++) {
		json_object *o = json_object_array_get_idx(places, i);

		if (copy(json_get_str(o, "read"), &r->sources[i].lookaside, e) < 0)
			return e->code;
		r->sources[i].attachments = json_get_bool(o, "attachments", 0);
	}
	r->wants_signatures = 1;
	return 0;
}

static int send_request(struct pull *p, struct err *e)
{
	const struct image_pull_options *o = p->o;
	struct pull_request r = { .retries = o->retry < 0 ? RETRIES : o->retry,
				  .retry_delay_ms = o->retry_delay_ms,
				  .progress = p->progress.terminal && !o->quiet };
	int rc = -1;

	r.directory = str_printf("%s/tmp/%s", p->en->graphroot, p->dir.tmp_name);
	r.layers = str_printf("%s/layers", p->en->graphroot);
	r.kept = str_printf("%s/" PULL_KEPT_DIR, p->en->graphroot);
	if (!r.directory || !r.layers || !r.kept) {
		pull_request_done(&r);
		return err_errno(e, ENOMEM, "pull");
	}
	/* What is here already is looked at again when signatures are needed. */
	if (add_sources(p, &r, e) >= 0 &&
	    (p->requirements ? add_places(p, &r, e) : add_have(p, &r, e)) >= 0 &&
	    copy(p->ref->tag, &r.tag, e) >= 0 && copy(p->ref->digest, &r.digest, e) >= 0 &&
	    copy(o->platform, &r.platform, e) >= 0 && copy(o->creds, &r.creds, e) >= 0 &&
	    copy(o->authfile, &r.authfile, e) >= 0 && copy(o->cert_dir, &r.cert_dir, e) >= 0 &&
	    copy(p->en->config_dir, &r.config_dir, e) >= 0)
		rc = pull_send(p->dir.call.socket_fd, pull_request_encode(&r), e);
	pull_request_done(&r);
	return rc < 0 ? e->code : 0;
}

static int start_role(struct pull *p, struct err *e)
{
	if (dir_call_open(&p->dir, p->en, e) < 0 ||
	    pull_call_start(&p->dir.call, p->en->run_fd, p->dir.tmp_fd, e) < 0)
		return e->code;
	return send_request(p, e);
}

/* ---- what comes back ------------------------------------------------------------------------ */

static int need(void *arg, const char *digest, struct err *e)
{
	struct pull *p = arg;
	scoped(mem) char *name = NULL;

	for (size_t i = 0; i < p->m.n_layers && p->diff_ids; i++) {
		int rc;

		if (strcmp(p->m.layers[i].digest, digest) != 0)
			continue;
		rc = image_layer_by_diff_id(p->en, p->diff_ids[i], &name, e);
		if (rc == -ENOENT)
			err_clear(e);
		return rc == -ENOENT ? 1 : rc < 0 ? rc : 0;
	}
	return !p->diff_ids; /* of schema 1 nobody knows before it is unpacked */
}

/* A layer comes through the network when we hold its lock; of one that the image has twice, the
 * first. */
static int is_wanted(const struct pull *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(p->m.layers[k].digest, p->m.layers[i].digest))
			return 0;
	for (size_t k = 0; k < p->locks.n; k++)
		if (!strcmp(p->locks.locks[k].digest, p->m.layers[i].digest))
			return 1;
	return 0;
}

static int prepare_layers(struct pull *p, struct err *e)
{
	size_t n = p->m.n_layers;

	p->layers = calloc(n + 1, sizeof(*p->layers));
	p->layer_paths = calloc(n + 1, sizeof(*p->layer_paths));
	p->wanted = calloc(n + 1, 1);
	if (!p->layers || !p->layer_paths || !p->wanted)
		return err_errno(e, ENOMEM, "pull");
	if (pull_locks_take(&p->locks, p->en, &p->m, need, p, e) < 0)
		return e->code;
	for (size_t i = 0; i < n; i++) {
		struct image_new_layer *l = &p->layers[i];

		p->wanted[i] = (char)is_wanted(p, i);
		if (p->diff_ids) /* valid digests, shorter than the fields */
			(void)stpcpy(l->diff_id, p->diff_ids[i]);
		if (!p->m.layers[i].is_encrypted) { /* else what is in it is known when it came */
			(void)stpcpy(l->blob_digest, p->m.layers[i].digest);
			l->blob_size = p->m.layers[i].size;
		}
		if (!p->wanted[i])
			continue;
		p->layer_paths[i] = str_printf("tmp/%s/layer-%zu", p->dir.tmp_name, i);
		if (!p->layer_paths[i])
			return err_errno(e, ENOMEM, "pull");
		l->tmp_path = p->layer_paths[i];
	}
	return 0;
}

static int read_config(struct pull *p, struct err *e)
{
	if (p->m.is_schema1) /* made of the layers, when they are here */
		return 0;
	return path_read(p->dir.tmp_fd, PULL_CONFIG, MANIFEST_MAX, &p->config, &p->config_len, e) <
				       0 ||
			       config_diff_ids(p->config, p->config_len, p->m.n_layers,
					       &p->diff_ids, e) < 0
		       ? e->code
		       : 0;
}

/* Before anything is fetched: can it be read?  The manifest will be another one. */
static int check_encryption(struct pull *p, struct err *e)
{
	p->is_encrypted = layer_crypt_is_needed(&p->m);
	if (!p->is_encrypted)
		return 0;
	if (layer_crypt_check(p->o->decryption_keys, &p->m, p->dir.tmp_fd, e) < 0)
		return e->code;
	return p->n_signatures ? layer_crypt_refuse_signed(&p->m, e) : 0;
}

/* "image": the documents are in the directory. */
static int on_image(struct pull *p, json_object *o, struct err *e)
{
	const char *index = json_get_str(o, "index_digest");

	if (copy(json_get_str(o, "media_type"), &p->media_type, e) < 0 ||
	    copy(json_get_str(o, "digest"), &p->digest, e) < 0 ||
	    copy(index && *index ? index : NULL, &p->index_digest, e) < 0 ||
	    path_read(p->dir.tmp_fd, PULL_MANIFEST, MANIFEST_MAX, &p->manifest, &p->manifest_len,
		      e) < 0 ||
	    manifest_parse(p->manifest, p->manifest_len, p->media_type, &p->m, e) < 0 ||
	    read_config(p, e) < 0)
		return e->code;
	if (!digest_is_valid(p->digest) || (p->index_digest && !digest_is_valid(p->index_digest)))
		return err_set(e, -EBADMSG, "pull: unexpected message");
	if (!p->m.is_schema1)
		warn_of_platform(p);
	if (p->o->policy == PULL_NEWER)
		pull_progress_say(&p->progress, "Trying to pull %s...",
				  p->shown + strlen("docker://"));
	pull_progress_say(&p->progress, "Getting image source signatures");
	if (p->requirements) {
		int64_t n = json_get_int(o, "signatures", 0);
		char digest[SHA256_TEXT_LEN];

		p->n_signatures = n > 0 ? (size_t)n : 0;
		/* Of the bytes that will be stored, whatever the role says. */
		sha256_text(p->manifest, p->manifest_len, digest);
		if (trust_check(p->en, &p->subject, p->requirements, digest, p->dir.tmp_fd,
				p->n_signatures, e) < 0)
			return e->code;
	}
	if (check_encryption(p, e) < 0)
		return e->code;
	engine_collect(p->en); /* not for a pull that finds nothing new */
	pull_kept_collect(p->en, KEPT_S);
	pull_kept_prepare(p->en);
	return prepare_layers(p, e);
}

static int send_wanted(struct pull *p, struct err *e)
{
	json_object *o = pull_message("fetch"), *list = json_object_new_array();

	for (size_t i = 0; list && i < p->m.n_layers; i++)
		if (p->wanted[i])
			(void)json_object_array_add(list, json_object_new_int64((int64_t)i));
	if (!o) {
		json_free(list);
		return err_errno(e, ENOMEM, "pull");
	}
	json_put(o, "layers", list);
	if (p->is_encrypted)
		json_put(o, "keys", json_object_get(p->o->decryption_keys));
	return pull_send(p->dir.call.socket_fd, o, e);
}

/* What the manifest of schema 1 does not say. */
static int take_diff_id(struct image_new_layer *l, json_object *o, struct err *e)
{
	const char *diff_id = json_get_str(o, "diff_id");

	if (!diff_id || !digest_is_valid(diff_id))
		return err_set(e, -EBADMSG, "pull: unexpected message");
	(void)stpcpy(l->diff_id, diff_id); /* valid, so it fits */
	l->blob_size = json_get_int(o, "size", 0);
	return 0;
}

/* What was in an encrypted layer. */
static int take_plain(struct image_new_layer *l, json_object *o, struct err *e)
{
	const char *digest = json_get_str(o, "digest");

	if (!digest_is_valid(digest))
		return err_set(e, -EBADMSG, "pull: unexpected message");
	(void)stpcpy(l->blob_digest, digest); /* valid, so it fits */
	l->blob_size = json_get_int(o, "size", 0);
	return 0;
}

/* A message about layer N; the role is trusted no further than the array's end. */
static int on_layer(struct pull *p, json_object *o, struct err *e)
{
	int64_t n = json_get_int(o, "layer", -1);

	if (n < 0 || n >= (int64_t)p->m.n_layers || !p->wanted[n])
		return err_set(e, -EBADMSG, "pull: unexpected message");
	if (pull_is(o, "note")) {
		const char *text = json_get_str(o, "text");

		dbg("blob %s: %s", p->m.layers[n].digest, text ? text : "");
		return 0;
	}
	if (pull_is(o, "progress")) {
		pull_progress_bytes(&p->progress, (size_t)n, json_get_int(o, "bytes", 0));
		return 0;
	}
	p->layers[n].diff_size = json_get_int(o, "diff_size", 0);
	p->layers[n].tree_size = json_get_int(o, "tree_size", 0);
	if ((p->m.is_schema1 && take_diff_id(&p->layers[n], o, e) < 0) ||
	    (p->m.layers[n].is_encrypted && take_plain(&p->layers[n], o, e) < 0))
		return e->code;
	p->wanted[n] = 2; /* came */
	pull_progress_ready(&p->progress, (size_t)n);
	return 0;
}

static int wait_for_layers(struct pull *p, struct err *e)
{
	for (;;) {
		scoped(json) json_object *o = NULL;

		if (pull_call_receive(&p->dir.call, &o, e) < 0)
			return e->code;
		if (pull_is(o, "done"))
			break;
		if (!pull_is(o, "layer") && !pull_is(o, "progress") && !pull_is(o, "note"))
			return err_set(e, -EBADMSG, "pull: unexpected message");
		if (on_layer(p, o, e) < 0)
			return e->code;
	}
	for (size_t i = 0; i < p->m.n_layers; i++)
		if (p->wanted[i] == 1)
			return err_set(e, -EIO, "%s did not deliver layer %zu", ROLE, i);
	return 0;
}

/* The config of a manifest of schema 1, now that its layers are known. */
static int make_config(struct pull *p, struct err *e)
{
	for (size_t i = 0; i < p->m.n_layers; i++) {
		struct image_new_layer *l = &p->layers[i];

		for (size_t k = 0; k < i && !p->wanted[i]; k++)
			if (!strcmp(p->m.layers[k].digest, p->m.layers[i].digest)) {
				*l = p->layers[k];
				l->tmp_path = NULL;
			}
		if (strv_add(&p->diff_ids, l->diff_id) < 0)
			return err_errno(e, ENOMEM, "pull");
	}
	if (schema1_config(p->manifest, p->manifest_len, p->diff_ids, &p->config, e) < 0)
		return e->code;
	p->config_len = strlen(p->config);
	warn_of_platform(p);
	return 0;
}

static int publish(struct pull *p, char **ret_id, struct err *e)
{
	scoped(mem) char *name = p->ref->digest ? NULL : reference_name(p->ref);
	scoped(mem) char *plain = NULL;
	scoped(mem) char *digest_name =
		reference_digest_name(p->ref, p->ref->digest	? p->ref->digest
					      : p->index_digest ? p->index_digest
								: p->digest);
	struct image_publish w = { .manifest = p->manifest,
				   .manifest_len = p->manifest_len,
				   .manifest_type = p->media_type,
				   .config = p->config,
				   .config_len = p->config_len,
				   .index_digest = p->index_digest,
				   .layers = p->layers,
				   .n_layers = p->m.n_layers,
				   .name = name,
				   .digest_name = digest_name,
				   .by_digest = p->ref->digest && !p->o->in_passing };

	if (!digest_name || (!name && !p->ref->digest))
		return err_errno(e, ENOMEM, "pull");
	if (p->is_encrypted) {
		if (layer_crypt_manifest(p->en, p->manifest, p->manifest_len, p->layers,
					 p->m.n_layers, &plain, e) < 0)
			return e->code;
		w.manifest = plain;
		w.manifest_len = strlen(plain);
	}
	pull_progress_say(&p->progress, "Writing manifest to image destination");
	if (image_publish(p->en, &w, ret_id, e) < 0)
		return e->code;
	return p->n_signatures ? signatures_store(p->en, *ret_id, p->digest, p->dir.tmp_fd,
						  p->n_signatures, e)
			       : 0;
}

static int stored_id(struct pull *p, char **ret_id, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(mem) char *name = p->ref->digest ? reference_format(p->ref) : reference_name(p->ref);

	if (!name)
		return err_errno(e, ENOMEM, "pull");
	if (image_find(p->en, name, &i, e) < 0) /* or, removed by somebody else just now: again */
		return e->code == -ENOENT ? err_set(e, -EAGAIN, "%s", name) : e->code;
	if (p->ref->digest && !i->store && !p->o->in_passing) {
		scoped(mem) char *pin = reference_digest_name(p->ref, p->ref->digest);

		if (!pin)
			return err_errno(e, ENOMEM, "pull");
		if (image_pin(p->en, i->id, pin, e) < 0)
			return e->code;
	}
	return copy(i->id, ret_id, e);
}

static int converse(struct pull *p, char **ret_id, struct err *e)
{
	scoped(json) json_object *o = NULL;

	if (pull_call_receive(&p->dir.call, &o, e) < 0)
		return e->code;
	if (pull_is(o, "unchanged")) {
		if (p->o->policy != PULL_NEWER) {
			pull_progress_say(&p->progress, "Getting image source signatures");
			pull_progress_say(&p->progress, "Writing manifest to image destination");
		}
		return stored_id(p, ret_id, e);
	}
	if (!pull_is(o, "image"))
		return err_set(e, -EBADMSG, "pull: unexpected message");
	if (on_image(p, o, e) < 0)
		return e->code;
	pull_progress_layers(&p->progress, &p->m, p->wanted);
	if (send_wanted(p, e) < 0 || wait_for_layers(p, e) < 0)
		return e->code;
	if (p->m.is_schema1 && make_config(p, e) < 0)
		return e->code;
	if (!p->m.is_schema1)
		pull_progress_say(&p->progress, "Copying config %s", p->m.config.digest);
	return publish(p, ret_id, e);
}

/* Before anything is asked of anybody. */
static int ask_policy(struct pull *p, struct err *e)
{
	scoped(mem) char *name = p->ref->digest ? reference_format(p->ref) : reference_name(p->ref);

	p->scopes = policy_scopes(p->ref);
	p->shown = name ? str_printf("docker://%s", name) : NULL;
	if (!p->scopes || !p->shown)
		return err_errno(e, ENOMEM, "pull");
	p->subject = (struct trust_subject){
		.transport = "docker", .shown = p->shown, .name = p->ref, .scopes = p->scopes
	};
	return trust_decide(p->en, p->o->signature_policy, &p->subject, &p->requirements, e) < 0
		       ? e->code
		       : 0;
}

int pull_attempt(struct engine *en, const struct image_pull_options *o, const struct registries *r,
		 const struct reference *ref, char **ret_id, struct err *e)
{
	__attribute__((cleanup(scoped_pull))) struct pull p = {
		.en = en, .o = o, .registries = r, .ref = ref, .dir = DIR_CALL_NONE
	};

	pull_progress_init(&p.progress, o->quiet);
	if (ask_policy(&p, e) < 0 || start_role(&p, e) < 0)
		return e->code;
	if (converse(&p, ret_id, e) >= 0)
		return 0;
	if (e->code == -ENOSPC || e->code == -EDQUOT)
		pull_kept_collect(en, 0); /* then at least of what is only kept */
	return e->code;
}

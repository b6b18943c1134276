/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of sigstore's beside an image in its registry: an image of its own, under the tag
 * sha256-HEX.sig, with a layer for each signature: its blob is the payload, its annotation the
 * signature (cosign's specification of signatures). */
#include <stdlib.h>
#include <string.h>

#include "src/image/manifest.h"
#include "src/image/pull_call.h"
#include "src/image/pull_protocol.h"
#include "src/image/sign.h"
#include "src/image/signature.h"
#include "src/util/base64.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

#define RETRIES 3

struct attach {
	struct engine *en;
	const struct sign_place *p;
	struct dir_call dir; /* files blob-N for the role */
	json_object *layers, *diff_ids;
	size_t n_blobs;
	char (*digests)[SHA256_TEXT_LEN];
};

static void scoped_attach(struct attach *a)
{
	dir_call_end(&a->dir);
	json_free(a->layers);
	json_free(a->diff_ids);
	free(a->digests);
}

json_object *sign_place_message(const struct engine *en, const struct sign_place *p,
				const char *type)
{
	json_object *m = pull_message(type);

	json_put_str(m, "registry", p->ref->registry);
	json_put_str(m, "repository", p->ref->repository);
	json_put_bool(m, "insecure", p->insecure);
	json_put_str(m, "creds", p->creds);
	json_put_str(m, "authfile", p->authfile);
	json_put_str(m, "cert_dir", p->cert_dir);
	json_put_str(m, "config_dir", en->config_dir);
	json_put_int(m, "retries", p->retries < 0 ? RETRIES : p->retries);
	json_put_int(m, "retry_delay_ms", p->retry_delay_ms);
	return m;
}

static int add_blob(struct attach *a, const char *bytes, size_t n, struct err *e)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "blob-%zu", a->n_blobs);
	sha256_text(bytes, n, a->digests[a->n_blobs]);
	if (path_replace(a->dir.tmp_fd, name, bytes, n, 0600, 0, e) < 0)
		return e->code;
	a->n_blobs++;
	return 0;
}

static int has_layer(const struct attach *a, const char *digest, const char *signature)
{
	for (size_t i = 0; i < json_len(a->layers); i++) {
		json_object *l = json_object_array_get_idx(a->layers, i);

		if (!strcmp(json_get_str(l, "digest"), digest) &&
		    !strcmp(json_get_str(json_get(l, "annotations"), SIGSTORE_ANNOTATION),
			    signature))
			return 1;
	}
	return 0;
}

/* A signature blob as a layer; others than sigstore's are passed over. */
static int add_layer(struct attach *a, const char *bytes, size_t n, struct err *e)
{
	scoped(sigstore) struct sigstore s = { 0 };
	scoped(mem) char *signature = NULL;
	json_object *layer, *annotations;
	char digest[SHA256_TEXT_LEN];

	if (!signature_is_sigstore(bytes, n))
		return 0;
	if (sigstore_parse(bytes, n, &s, e) < 0)
		return e->code;
	signature = base64_encode(s.signature, s.signature_len);
	if (!signature)
		return err_errno(e, ENOMEM, "attach a signature");
	sha256_text(s.payload, s.payload_len, digest);
	if (has_layer(a, digest, signature))
		return 0;
	if (add_blob(a, s.payload, s.payload_len, e) < 0)
		return e->code;
	layer = manifest_descriptor(SIGSTORE_MEDIA_TYPE, digest, s.payload_len);
	annotations = json_object_new_object();
	json_put_str(annotations, SIGSTORE_ANNOTATION, signature);
	json_put(layer, "annotations", annotations);
	(void)json_object_array_add(a->layers, layer);
	(void)json_object_array_add(a->diff_ids, json_object_new_string(digest));
	return 0;
}

static int add_files(struct attach *a, int dir_fd, size_t n, struct err *e)
{
	for (size_t k = 0; k < n; k++) {
		scoped(mem) char *bytes = NULL;
		char name[32];
		size_t len = 0;

		(void)snprintf(name, sizeof(name), SIGNATURE_FILE, k + 1);
		if (path_read(dir_fd, name, SIGNATURE_MAX, &bytes, &len, e) < 0 ||
		    add_layer(a, bytes, len, e) < 0)
			return e->code;
	}
	return 0;
}

/* Those that are attached already. */
static int add_present(struct attach *a, const char *digest, struct err *e)
{
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	scoped(mem) char *text = NULL;
	json_object *m = sign_place_message(a->en, a->p, "signatures");
	unsigned long long n = 0;

	json_put_str(m, "digest", digest);
	if (dir_call_open(&dir, a->en, e) < 0) {
		json_free(m);
		return e->code;
	}
	if (dir_call_run(&dir, m, e) < 0 ||
	    path_read(dir.tmp_fd, PULL_LIST, 64, &text, NULL, e) < 0)
		return e->code;
	if (str_to_u64(text, SIGNATURES_MAX, &n) < 0)
		return err_set(e, -EBADMSG, "pull: unexpected message");
	return add_files(a, dir.tmp_fd, (size_t)n, e);
}

static int make_manifest(struct attach *a, char **ret, struct err *e)
{
	scoped(json) json_object *config = json_object_new_object();
	scoped(json) json_object *o = json_object_new_object();
	scoped(mem) char *text = NULL;
	json_object *rootfs = json_object_new_object();

	json_put_str(rootfs, "type", "layers");
	json_put(rootfs, "diff_ids", json_object_get(a->diff_ids));
	json_put_str(config, "architecture", "");
	json_put_str(config, "os", "");
	json_put(config, "config", json_object_new_object());
	json_put(config, "rootfs", rootfs);
	text = json_text(config);
	if (!text)
		return err_errno(e, ENOMEM, "attach a signature");
	if (add_blob(a, text, strlen(text), e) < 0)
		return e->code;
	json_put_int(o, "schemaVersion", 2);
	json_put_str(o, "mediaType", MEDIA_OCI_MANIFEST);
	json_put(o, "config",
		 manifest_descriptor(MEDIA_OCI_CONFIG, a->digests[a->n_blobs - 1], strlen(text)));
	json_put(o, "layers", json_object_get(a->layers));
	*ret = json_text(o);
	return *ret ? 0 : err_errno(e, ENOMEM, "attach a signature");
}

static int upload(struct attach *a, struct err *e)
{
	struct pull_call *c = &a->dir.call;

	for (size_t i = 0; i < a->n_blobs; i++) {
		scoped(json) json_object *o = NULL;
		json_object *m = pull_message("upload");

		json_put_int(m, "blob", (int64_t)i);
		json_put_str(m, "digest", a->digests[i]);
		if (pull_send(c->socket_fd, m, e) < 0 || pull_call_receive(c, &o, e) < 0)
			return e->code;
		if (!pull_is(o, "present") && !pull_is(o, "uploaded"))
			return err_set(e, -EBADMSG, "push: unexpected message");
	}
	return 0;
}

static int push(struct attach *a, const char *digest, const char *manifest, struct err *e)
{
	scoped(mem) char *tag = str_printf("sha256-%s.sig", digest_hex(digest));
	scoped(json) json_object *o = NULL;
	struct pull_call *c = &a->dir.call;
	char own[SHA256_TEXT_LEN];
	json_object *m;

	if (!tag)
		return err_errno(e, ENOMEM, "attach a signature");
	sha256_text(manifest, strlen(manifest), own);
	if (path_replace(a->dir.tmp_fd, PULL_MANIFEST, manifest, strlen(manifest), 0600, 0, e) <
		    0 ||
	    pull_call_start(c, -EBADF, a->dir.tmp_fd, e) < 0 ||
	    pull_send(c->socket_fd, sign_place_message(a->en, a->p, "push"), e) < 0 ||
	    upload(a, e) < 0)
		return e->code;
	m = pull_message("manifest");
	json_put_str(m, "reference", tag);
	json_put_str(m, "media_type", MEDIA_OCI_MANIFEST);
	json_put_str(m, "digest", own);
	if (pull_send(c->socket_fd, m, e) < 0 || pull_call_receive(c, &o, e) < 0)
		return e->code;
	return pull_is(o, "done") ? 0 : err_set(e, -EBADMSG, "push: unexpected message");
}

int signatures_attach(struct engine *en, const struct sign_place *p, const char *digest, int dir_fd,
		      size_t n, struct err *e)
{
	__attribute__((cleanup(scoped_attach))) struct attach a = { .en = en,
								    .p = p,
								    .dir = DIR_CALL_NONE };
	scoped(mem) char *manifest = NULL;

	a.layers = json_object_new_array();
	a.diff_ids = json_object_new_array();
	a.digests = calloc(2 * SIGNATURES_MAX + 1, sizeof(*a.digests));
	if (!a.layers || !a.diff_ids || !a.digests)
		return err_errno(e, ENOMEM, "attach a signature");
	if (dir_call_open(&a.dir, en, e) < 0 || add_present(&a, digest, e) < 0 ||
	    add_files(&a, dir_fd, n, e) < 0)
		return err_in(e, "attaching signatures");
	if (!json_len(a.layers))
		return 0;
	if (make_manifest(&a, &manifest, e) < 0 || push(&a, digest, manifest, e) < 0)
		return err_in(e, "attaching signatures");
	return 0;
}

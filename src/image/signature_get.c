/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/signature_get.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/manifest.h"
#include "src/image/pull_protocol.h"
#include "src/image/schema1.h"
#include "src/image/signature.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"

#define FILE_URL "file://"

static int put(int dir_fd, size_t *n, const void *bytes, size_t len, struct err *e)
{
	char name[32];

	if (*n == SIGNATURES_MAX)
		return err_set(e, -E2BIG, "more than %d signatures", SIGNATURES_MAX);
	(void)snprintf(name, sizeof(name), SIGNATURE_FILE, ++*n);
	return path_replace(dir_fd, name, bytes, len, 0600, 0, e);
}

/* ---- lookaside stores ------------------------------------------------------------------------ */

/* 1: it is in *RET, 0: there is none of that number. */
static int read_file(const char *path, struct strbuf *ret, struct err *e)
{
	scoped(mem) char *bytes = NULL;
	size_t n = 0;
	int rc = path_read(AT_FDCWD, path, SIGNATURE_MAX, &bytes, &n, e);

	if (rc == -ENOENT || rc == -ENOTDIR) {
		err_clear(e);
		return 0;
	}
	if (rc < 0)
		return err_in(e, "%s", path);
	return strbuf_add(ret, bytes, n) < 0 ? err_errno(e, ret->failed, "read a signature") : 1;
}

static int read_http(struct registry_session *s, const char *url, struct strbuf *ret, struct err *e)
{
	struct fetch f = { .url = url, .body_max = SIGNATURE_MAX };
	int rc = fetch_run(s, &f, e);

	if (rc >= 0) {
		*ret = f.t->body;
		f.t->body = (struct strbuf){ 0 };
		rc = 1;
	} else if (f.t && f.t->status == 404) {
		err_clear(e);
		rc = 0;
	}
	fetch_done(s, &f);
	return rc < 0 ? err_in(e, "reading signature %s", url) : rc;
}

static int from_lookaside(struct registry_session *s, const char *base, const char *digest,
			  int dir_fd, size_t *n, struct err *e)
{
	int is_file = str_starts(base, FILE_URL), rc = 1;

	if (!is_file && !str_starts(base, "http://") && !str_starts(base, "https://"))
		return err_set(e, -ENOTSUP, "signature store %s: file, http and https are known",
			       base);
	for (size_t k = 1; rc > 0; k++) {
		scoped(strbuf) struct strbuf got = STRBUF_INIT;
		scoped(mem) char *url = str_printf("%s/%s@sha256=%s/signature-%zu", base,
						   s->o.repository, digest_hex(digest), k);

		if (!url)
			return err_errno(e, ENOMEM, "read signatures");
		rc = is_file ? read_file(url + strlen(FILE_URL), &got, e)
			     : read_http(s, url, &got, e);
		if (rc > 0 && put(dir_fd, n, got.s ? got.s : "", got.len, e) < 0)
			return e->code;
	}
	return rc;
}

/* ---- attachments ----------------------------------------------------------------------------- */

static int get_document(struct registry_session *s, const char *path, const char *accept,
			size_t limit, struct strbuf *ret, struct err *e)
{
	struct fetch f = { .path = path, .accept = accept, .body_max = limit };
	int rc = fetch_run(s, &f, e);

	if (rc >= 0) {
		*ret = f.t->body;
		f.t->body = (struct strbuf){ 0 };
	}
	rc = rc < 0 ? (f.t && f.t->status == 404 ? -ENOENT : rc) : 0;
	fetch_done(s, &f);
	return rc;
}

/* One layer of the attached image: the payload is the blob, the signature its annotation. */
static int take_layer(struct registry_session *s, json_object *layer, int dir_fd, size_t *n,
		      struct err *e)
{
	const char *type = json_get_str(layer, "mediaType"),
		   *digest = json_get_str(layer, "digest"),
		   *signature = json_get_str(json_get(layer, "annotations"), SIGSTORE_ANNOTATION);
	scoped(strbuf) struct strbuf payload = STRBUF_INIT;
	scoped(mem) char *path = NULL;
	scoped(mem) char *blob = NULL;
	char got[SHA256_TEXT_LEN];
	size_t len = 0;

	if (!type || strcmp(type, SIGSTORE_MEDIA_TYPE) != 0 || !signature)
		return 0; /* something else that is attached */
	if (!digest || !digest_is_valid(digest))
		return err_set(e, -EBADMSG, "attached signature: invalid digest");
	path = str_printf("/v2/%s/blobs/%s", s->o.repository, digest);
	if (!path)
		return err_errno(e, ENOMEM, "read signatures");
	if (get_document(s, path, NULL, SIGNATURE_MAX, &payload, e) < 0)
		return err_in(e, "attached signature");
	sha256_text(payload.s ? payload.s : "", payload.len, got);
	if (strcmp(got, digest) != 0 || !payload.s || strlen(payload.s) != payload.len)
		return err_set(e, -EBADMSG, "attached signature: it is not %s", digest);
	blob = sigstore_make(payload.s, signature, &len);
	return blob ? put(dir_fd, n, blob, len, e) : err_errno(e, ENOMEM, "read signatures");
}

static int from_registry(struct registry_session *s, const char *digest, int dir_fd, size_t *n,
			 struct err *e)
{
	scoped(mem) char *path =
		str_printf("/v2/%s/manifests/sha256-%s.sig", s->o.repository, digest_hex(digest));
	scoped(strbuf) struct strbuf manifest = STRBUF_INIT;
	scoped(json) json_object *o = NULL;
	json_object *layers;
	int rc = path ? get_document(s, path, MEDIA_OCI_MANIFEST, HTTP_DOCUMENT_MAX, &manifest, e)
		      : err_errno(e, ENOMEM, "read signatures");

	if (rc == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (rc < 0 || json_parse(manifest.s ? manifest.s : "", manifest.len, &o, e) < 0)
		return err_in(e, "attached signatures");
	layers = json_get(o, "layers");
	for (size_t i = 0; i < json_len(layers); i++)
		if (take_layer(s, json_object_array_get_idx(layers, i), dir_fd, n, e) < 0)
			return e->code;
	return 0;
}

int signatures_get(struct registry_session *s, const char *lookaside, int attachments,
		   const char *digest, int dir_fd, size_t *n, struct err *e)
{
	if (lookaside && from_lookaside(s, lookaside, digest, dir_fd, n, e) < 0)
		return e->code;
	return attachments ? from_registry(s, digest, dir_fd, n, e) : 0;
}

/* ---- verbs of the role ----------------------------------------------------------------------- */

static int with_session(json_object *m,
			int (*work)(struct registry_session *s, json_object *m, struct err *e),
			struct err *e)
{
	scoped(http) struct http *h = NULL;
	scoped(registry_session) struct registry_session s = { 0 };
	struct registry_options o = { 0 };

	if (registry_options_decode(m, &o, e) < 0 || http_new(&h, e) < 0 ||
	    registry_open(&s, h, &o, e) < 0 || work(&s, m, e) < 0)
		return e->code;
	return pull_send(PULL_SOCKET_FD, pull_message("done"), e);
}

static int list_signatures(struct registry_session *s, json_object *m, struct err *e)
{
	const char *digest = json_get_str(m, "digest"), *url = json_get_str(m, "lookaside");
	char text[32];
	size_t n = 0;

	if (!digest || !digest_is_valid(digest))
		return err_set(e, -EBADMSG, "signatures: unexpected message");
	if (signatures_get(s, url && *url ? url : NULL, json_get_bool(m, "attachments", 1), digest,
			   PULL_DIR_FD, &n, e) < 0)
		return e->code;
	(void)snprintf(text, sizeof(text), "%zu", n);
	return path_replace(PULL_DIR_FD, PULL_LIST, text, strlen(text), 0600, 0, e);
}

static int fetch_manifest(struct registry_session *s, json_object *m, struct err *e)
{
	const char *name = json_get_str(m, "reference");
	scoped(mem) char *path =
		name ? str_printf("/v2/%s/manifests/%s", s->o.repository, name) : NULL;
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(mem) char *payload = NULL;
	size_t n = 0;

	if (!path)
		return err_set(e, -EBADMSG, "manifest: unexpected message");
	if (get_document(s, path,
			 MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_MANIFEST ", " MEDIA_OCI_INDEX
					    ", " MEDIA_DOCKER_LIST ", " MEDIA_SCHEMA1_SIGNED
					    ", " MEDIA_SCHEMA1,
			 HTTP_DOCUMENT_MAX, &b, e) < 0)
		return s->contacted ? err_in(e, "reading manifest %s", name) : e->code;
	if (schema1_payload(b.s ? b.s : "", b.len, &payload, &n, e) < 0)
		return e->code;
	return path_replace(PULL_DIR_FD, PULL_MANIFEST,
			    payload ? payload
			    : b.s   ? b.s
				    : "",
			    payload ? n : b.len, 0600, 0, e);
}

int signatures_role(json_object *m, struct err *e)
{
	return with_session(m, list_signatures, e);
}

int manifest_role(json_object *m, struct err *e)
{
	return with_session(m, fetch_manifest, e);
}

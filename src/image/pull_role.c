/* SPDX-License-Identifier: Apache-2.0 */
/* Request in; for each place to look: manifest (through an index where there is one), config; then
 * the layers that the engine wants.  Every document is compared with its digest before it is
 * parsed.
 *
 * It starts the roles that write layers, which lock themselves in with namespaces and mounts of
 * their own, so that it keeps the capabilities of its user namespace and cannot have their narrow
 * filter: sandbox_deny() is what is left. */
#include "src/image/pull_role.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/blobs_role.h"
#include "src/image/daemon_role.h"
#include "src/image/download_role.h"
#include "src/image/list_role.h"
#include "src/image/login_role.h"
#include "src/image/manifest.h"
#include "src/image/pull_layers.h"
#include "src/image/pull_protocol.h"
#include "src/image/push_role.h"
#include "src/image/registry.h"
#include "src/image/role_serve.h"
#include "src/image/schema1.h"
#include "src/image/signature_get.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define ACCEPT_IMAGES \
	MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_MANIFEST ", " MEDIA_SCHEMA1_SIGNED ", " MEDIA_SCHEMA1
#define ACCEPT_INDEXES MEDIA_OCI_INDEX ", " MEDIA_DOCKER_LIST
#define ACCEPT_ALL     ACCEPT_IMAGES ", " ACCEPT_INDEXES

/* Descriptors that the engine opened belong to its mount namespace, and the roles `layer` can only
 * be locked into directories of ours: open the very same directory here. */
static int open_directory(const struct pull_request *r, struct err *e)
{
	scoped(fd) int fd = open(r->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat theirs, ours;

	if (fd < 0)
		return err_sys(e, "open %s", r->directory);
	if (fstat(PULL_DIR_FD, &theirs) < 0 || fstat(fd, &ours) < 0)
		return err_sys(e, "stat %s", r->directory);
	if (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino)
		return err_set(e, -ESTALE, "%s is another directory here", r->directory);
	return take_fd(&fd);
}

/* What was found at a source. */
struct found {
	struct registry_session session;
	struct strbuf manifest, config;
	struct manifest m;
	char digest[DIGEST_LEN + 1], index_digest[DIGEST_LEN + 1]; /* "": no index */
	char **diff_ids;
	int unchanged;
	size_t n_signatures;
};

static void found_done(struct found *f)
{
	registry_close(&f->session);
	strbuf_done(&f->manifest);
	strbuf_done(&f->config);
	manifest_done(&f->m);
	strv_free(f->diff_ids);
	*f = (struct found){ 0 };
}

static void scoped_found(struct found *f)
{
	found_done(f);
}

static int digest_of(const struct strbuf *b, char ret[DIGEST_LEN + 1], struct err *e)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char *p = stpcpy(ret, "sha256:");

	if (!EVP_Digest(b->s ? b->s : "", b->len, md, &n, EVP_sha256(), NULL) ||
	    n * 2 != DIGEST_HEX_LEN)
		return err_set(e, -EIO, "cannot compute SHA-256");
	for (unsigned i = 0; i < n; i++)
		p += snprintf(p, 3, "%02x", md[i]);
	return 0;
}

static int compare(const char *expected, const char *got, struct err *e)
{
	if (strcmp(expected, got) != 0)
		return err_set(e, -EBADMSG, "Digest did not match, expected %s, got %s", expected,
			       got);
	return 0;
}

/* Only what is digested of the document: signatures within are not. */
static int strip(struct strbuf *b, struct err *e)
{
	char *payload = NULL;
	size_t n = 0;

	if (schema1_payload(b->s ? b->s : "", b->len, &payload, &n, e) < 0)
		return e->code;
	if (payload) {
		strbuf_done(b);
		*b = (struct strbuf){ .s = payload, .len = n, .cap = n + 1 };
	}
	return 0;
}

static int get_manifest_once(struct found *f, const char *name, int64_t size, const char *accept,
			     struct strbuf *ret, char digest[DIGEST_LEN + 1], char **ret_type,
			     struct err *e)
{
	scoped(mem) char *path = str_printf("/v2/%s/manifests/%s", f->session.o.repository, name);
	struct fetch get = { .path = path, .accept = accept, .body_max = HTTP_DOCUMENT_MAX };
	int rc = path ? fetch_run(&f->session, &get, e) : err_errno(e, ENOMEM, "read manifest");
	size_t came = rc >= 0 ? get.t->body.len : 0;

	if (rc >= 0)
		rc = strip(&get.t->body, e);
	if (rc >= 0)
		rc = digest_of(&get.t->body, digest, e);
	if (rc >= 0 && digest_is_valid(name))
		rc = compare(name, digest, e);
	if (rc >= 0 && digest_is_valid(get.t->digest))
		rc = compare(get.t->digest, digest, e);
	if (rc >= 0 && size >= 0 && (int64_t)came != size)
		rc = err_set(e, -EBADMSG, "Size did not match, expected %lld, got %zu",
			     (long long)size, came);
	if (rc >= 0) {
		free(*ret_type);
		strbuf_done(ret);
		*ret = get.t->body;
		get.t->body = (struct strbuf){ 0 };
		*ret_type = take_ptr(&get.t->content_type);
	}
	fetch_done(&f->session, &get);
	if (rc < 0 && f->session.contacted)
		(void)err_in(e, "reading manifest %s in %s/%s", name, f->session.o.host,
			     f->session.o.repository);
	return rc < 0 ? rc : 0;
}

/* Were other bytes sent than the digest says?  They may be right the next time. */
static int was_damaged(const struct found *f, int rc, struct err *e)
{
	if (rc != -EBADMSG || !f->session.o.retries)
		return 0;
	dbg("fetched again: %s", e->text);
	err_clear(e);
	return 1;
}

/* Bytes and digest of the manifest NAME (a tag or digest).  SIZE >= 0: what an index says of it. */
static int get_manifest(struct found *f, const char *name, int64_t size, const char *accept,
			struct strbuf *ret, char digest[DIGEST_LEN + 1], char **ret_type,
			struct err *e)
{
	int rc = get_manifest_once(f, name, size, accept, ret, digest, ret_type, e);

	return was_damaged(f, rc, e)
		       ? get_manifest_once(f, name, size, accept, ret, digest, ret_type, e)
		       : rc;
}

static int parse(struct found *f, const char *type, struct err *e)
{
	manifest_done(&f->m);
	return manifest_parse(f->manifest.s ? f->manifest.s : "", f->manifest.len, type, &f->m, e);
}

/* The image of the wanted platform in the index that f->m is. */
static int choose(struct found *f, const struct platform *want, struct err *e)
{
	scoped(mem) char *type = NULL;
	const struct descriptor *d = manifest_choose(&f->m, want, e);
	struct descriptor chosen;

	if (!d)
		return e->code;
	chosen = *d;
	(void)stpcpy(f->index_digest, f->digest); /* both have room for one digest */
	if (get_manifest(f, chosen.digest, chosen.size, ACCEPT_IMAGES, &f->manifest, f->digest,
			 &type, e) < 0 ||
	    parse(f, type, e) < 0)
		return e->code;
	if (f->m.kind != MANIFEST_IMAGE)
		return err_set(e, -EBADMSG, "the index leads to another index");
	return 0;
}

static int get_config_once(struct found *f, struct err *e)
{
	scoped(mem) char *path =
		str_printf("/v2/%s/blobs/%s", f->session.o.repository, f->m.config.digest);
	struct fetch get = { .path = path, .body_max = (size_t)f->m.config.size };
	char digest[DIGEST_LEN + 1];
	int rc = path ? fetch_run(&f->session, &get, e) : err_errno(e, ENOMEM, "read config");

	if (rc >= 0 && (int64_t)get.t->body.len != f->m.config.size)
		rc = err_set(e, -EBADMSG, "Size did not match, expected %lld, got %zu",
			     (long long)f->m.config.size, get.t->body.len);
	if (rc >= 0)
		rc = digest_of(&get.t->body, digest, e);
	if (rc >= 0)
		rc = compare(f->m.config.digest, digest, e);
	if (rc >= 0) {
		f->config = get.t->body;
		get.t->body = (struct strbuf){ 0 };
	}
	fetch_done(&f->session, &get);
	if (rc >= 0)
		rc = config_diff_ids(f->config.s ? f->config.s : "", f->config.len, f->m.n_layers,
				     &f->diff_ids, e);
	return rc < 0 ? err_in(e, "reading config %s", f->m.config.digest) : 0;
}

static int get_config(struct found *f, struct err *e)
{
	int rc = get_config_once(f, e);

	return !f->config.len && was_damaged(f, rc, e) ? get_config_once(f, e) : rc;
}

/* How many bytes blob D has; a manifest of schema 1 does not say. */
static int find_size(struct found *f, struct descriptor *d, struct err *e)
{
	scoped(mem) char *path = str_printf("/v2/%s/blobs/%s", f->session.o.repository, d->digest);
	const struct http_body nothing = { .fd = -EBADF };
	struct fetch head = {
		.path = path, .method = "HEAD", .body = &nothing, .body_max = HTTP_SMALL_MAX
	};
	int rc = path ? fetch_run(&f->session, &head, e) : err_errno(e, ENOMEM, "read manifest");
	curl_off_t size = -1;

	if (rc >= 0) {
		(void)curl_easy_getinfo(head.t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
		if (size < 0)
			rc = err_set(e, -EPROTO, "the registry does not say how large it is");
	}
	fetch_done(&f->session, &head);
	d->size = (int64_t)size;
	return rc < 0 ? err_in(e, "reading blob %s", d->digest) : 0;
}

static int find_sizes(struct found *f, struct err *e)
{
	for (size_t i = 0; i < f->m.n_layers; i++) {
		struct descriptor *d = &f->m.layers[i];

		for (size_t k = 0; k < i && d->size < 0; k++)
			if (!strcmp(f->m.layers[k].digest, d->digest))
				d->size = f->m.layers[k].size;
		if (d->size < 0 && find_size(f, d, e) < 0)
			return e->code;
	}
	return 0;
}

static int is_in(char *const *v, const char *s)
{
	for (; v && *v; v++)
		if (!strcmp(*v, s))
			return 1;
	return 0;
}

static int wanted_platform(const struct pull_request *r, struct platform *ret, struct err *e)
{
	if (r->platform)
		return platform_parse(r->platform, ret, e);
	platform_host(ret);
	return 0;
}

/* Everything but the layers, from one place. */
static int look_at(struct http *h, const struct pull_request *r, const struct pull_source *s,
		   const struct platform *want, struct found *f, struct err *e)
{
	scoped(mem) char *type = NULL;
	const char *name = r->digest ? r->digest : r->tag ? r->tag : "latest";
	struct registry_options o = { .host = s->registry,
				      .repository = s->repository,
				      .insecure = s->insecure,
				      .creds = s->use_creds ? r->creds : NULL,
				      .authfile = r->authfile,
				      .cert_dir = r->cert_dir,
				      .config_dir = r->config_dir,
				      .retries = r->retries,
				      .retry_delay_ms = r->retry_delay_ms };

	if (registry_open(&f->session, h, &o, e) < 0 ||
	    get_manifest(f, name, -1, ACCEPT_ALL, &f->manifest, f->digest, &type, e) < 0)
		return e->code;
	f->unchanged = is_in(r->have, f->digest);
	if (f->unchanged)
		return 0;
	if (parse(f, type, e) < 0)
		return e->code;
	if (f->m.kind == MANIFEST_INDEX && choose(f, want, e) < 0)
		return e->code;
	/* An image is judged before its config is read. */
	if (r->wants_signatures && signatures_get(&f->session, s->lookaside, s->attachments,
						  f->digest, PULL_DIR_FD, &f->n_signatures, e) < 0)
		return e->code;
	return f->m.is_schema1 ? find_sizes(f, e) : get_config(f, e);
}

/* The first place that has it.  Of several failures the last one, of the place itself, is told. */
static int look(struct http *h, const struct pull_request *r, struct found *f, struct err *e)
{
	struct platform want;
	int rc = wanted_platform(r, &want, e);

	for (size_t i = 0; i < r->n_sources && rc >= 0; i++) {
		const struct pull_source *s = &r->sources[i];

		rc = look_at(h, r, s, &want, f, e);
		if (rc >= 0)
			return 0;
		found_done(f);
		(void)err_in(e, "initializing source docker://%s/%s%s%s", s->registry,
			     s->repository, r->digest ? "@" : ":",
			     r->digest ? r->digest
			     : r->tag  ? r->tag
				       : "latest");
		if (i + 1 == r->n_sources)
			return rc;
		dbg("%s", e->text);
		err_clear(e);
		rc = 0;
	}
	return rc < 0 ? rc : err_set(e, -EINVAL, "pull: no place to look");
}

static int announce(const struct found *f, int dir_fd, struct err *e)
{
	json_object *o;

	if (path_replace(dir_fd, PULL_MANIFEST, f->manifest.s, f->manifest.len, 0600, 0, e) < 0 ||
	    path_replace(dir_fd, PULL_CONFIG, f->config.s, f->config.len, 0600, 0, e) < 0)
		return e->code;
	o = pull_message("image");
	if (o) {
		json_put_str(o, "digest", f->digest);
		json_put_str(o, "media_type", f->m.media_type);
		json_put_str(o, "index_digest", f->index_digest);
		json_put_int(o, "signatures", (int64_t)f->n_signatures);
	}
	return pull_send(PULL_SOCKET_FD, o, e);
}

/* "fetch": the engine's answer. */
static int read_wanted(const struct found *f, size_t wanted[LAYERS_MAX], size_t *ret_n,
		       json_object **ret_keys, struct err *e)
{
	scoped(json) json_object *o = NULL;
	json_object *list;
	size_t n;
	int rc = pull_receive(PULL_SOCKET_FD, &o, e);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(e, -ECANCELED, "interrupted");
	list = json_get(o, "layers");
	n = json_len(list);
	if (!pull_is(o, "fetch") || n > f->m.n_layers)
		return err_set(e, -EBADMSG, "pull: unexpected message");
	for (size_t i = 0; i < n; i++) {
		int64_t k = json_object_get_int64(json_object_array_get_idx(list, i));
		if (k < 0 || k >= (int64_t)f->m.n_layers)
			return err_set(e, -EBADMSG, "pull: no layer %lld", (long long)k);
		wanted[i] = (size_t)k;
	}
	*ret_n = n;
	*ret_keys = json_object_get(json_get(o, "keys"));
	return 0;
}

static int open_or_not(const char *path)
{
	return path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -EBADF;
}

static int fetch_layers(struct found *f, int dir_fd, const struct pull_request *r, struct err *e)
{
	scoped(fd) int layers = -EBADF;
	scoped(fd) int kept = -EBADF;
	scoped(json) json_object *keys = NULL;
	struct pull_layers p = { .session = &f->session,
				 .socket_fd = PULL_SOCKET_FD,
				 .dir_fd = dir_fd,
				 .manifest = &f->m,
				 .diff_ids = f->diff_ids,
				 .progress = r->progress };
	size_t wanted[LAYERS_MAX], n = 0;

	if (read_wanted(f, wanted, &n, &keys, e) < 0)
		return e->code;
	/* What is not there is no failure: whole layers are fetched, and nothing is kept. */
	layers = open_or_not(r->layers);
	kept = open_or_not(r->kept);
	p.layers_fd = layers;
	p.kept_fd = kept;
	p.keys = keys;
	if (pull_layers(&p, wanted, n, e) < 0)
		return e->code;
	return pull_send(PULL_SOCKET_FD, pull_message("done"), e);
}

static int pull(const struct pull_request *r, struct err *e)
{
	scoped(http) struct http *h = NULL;
	__attribute__((cleanup(scoped_found))) struct found f = { 0 };
	scoped(fd) int dir = -EBADF;
	json_object *o;

	if (http_new(&h, e) < 0 || look(h, r, &f, e) < 0)
		return e->code;
	if (f.unchanged) {
		o = pull_message("unchanged");
		if (o)
			json_put_str(o, "digest", f.digest);
		return pull_send(PULL_SOCKET_FD, o, e);
	}
	dir = open_directory(r, e);
	if (dir < 0 || announce(&f, dir, e) < 0)
		return e->code;
	return fetch_layers(&f, dir, r, e);
}

static int run_pull(json_object *message, struct err *e)
{
	struct pull_request r = { 0 };
	int rc = pull_request_decode(message, &r, e);

	if (rc >= 0)
		rc = pull(&r, e);
	pull_request_done(&r);
	return rc;
}

int role_pull_main(void)
{
	static const struct role_verb verbs[] = {
		{ "pull", run_pull },	       { "push", push_role },
		{ "login", login_role },       { "blobs", blobs_role },
		{ "list", list_role },	       { "daemon", daemon_role },
		{ "manifest", manifest_role }, { "signatures", signatures_role },
		{ "download", download_role },
	};

	return role_serve(verbs, ARRAY_LEN(verbs));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/blob_copy.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/image/manifest.h"
#include "src/image/pull_protocol.h"
#include "src/image/signature.h"
#include "src/image/trust.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

#define BLOB_FILE "blob-0" /* one at a time, so always the same */

/* ---- where ----------------------------------------------------------------------------------- */

void blob_place_done(struct blob_place *p)
{
	reference_done(&p->name);
	reference_done(&p->ref);
}

int blob_place_find(struct engine *en, const char *name, const struct remote_options *r,
		    struct blob_place *ret, struct err *e)
{
	scoped(blob_place) struct blob_place p = { .at = { .authfile = r->authfile,
							   .creds = r->creds,
							   .cert_dir = r->cert_dir,
							   .retries = r->retry,
							   .retry_delay_ms = r->retry_delay_ms } };

	if (reference_parse(str_starts(name, "docker://") ? name + 9 : name, &p.name, e) < 0 ||
	    (!p.name.registry && reference_qualify(&p.name, REFERENCE_HUB, e) < 0) ||
	    pull_place(en, &p.name, r->tls_verify, &p.ref, &p.at.insecure, e) < 0)
		return e->code;
	*ret = p;
	ret->at.ref = &ret->ref;
	p.name = p.ref = (struct reference){ 0 };
	return 0;
}

const char *blob_place_tag(const struct blob_place *p)
{
	return p->name.digest ? p->name.digest : p->name.tag ? p->name.tag : "latest";
}

/* ---- from there ------------------------------------------------------------------------------ */

int blob_manifest(struct engine *en, const struct sign_place *p, const char *name, char **ret,
		  size_t *ret_len, struct err *e)
{
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	scoped(mem) char *bytes = NULL;
	char digest[SHA256_TEXT_LEN];
	json_object *m;
	size_t n = 0;

	if (dir_call_open(&dir, en, e) < 0)
		return e->code;
	m = sign_place_message(en, p, "manifest");
	json_put_str(m, "reference", name);
	if (dir_call_run(&dir, m, e) < 0 ||
	    path_read(dir.tmp_fd, PULL_MANIFEST, MANIFEST_MAX, &bytes, &n, e) < 0)
		return e->code;
	sha256_text(bytes, n, digest);
	if (digest_is_valid(name) && strcmp(name, digest) != 0)
		return err_set(e, -EBADMSG, "Digest did not match, expected %s, got %s", name,
			       digest);
	*ret = take_ptr(&bytes);
	*ret_len = n;
	return 0;
}

int blob_get_start(struct pull_call *c, struct engine *en, const struct sign_place *p, int dir_fd,
		   struct err *e)
{
	json_object *m = sign_place_message(en, p, "blobs");
	json_object *list = json_object_new_array(), *source = json_object_new_object();

	json_put_str(source, "registry", p->ref->registry);
	json_put_str(source, "repository", p->ref->repository);
	json_put_bool(source, "insecure", p->insecure);
	if (list)
		(void)json_object_array_add(list, source);
	json_put(m, "sources", list);
	if (pull_call_start(c, -EBADF, dir_fd, e) < 0) {
		json_free(m);
		return e->code;
	}
	return pull_send(c->socket_fd, m, e);
}

int blob_get(struct pull_call *c, const char *digest, int64_t size, const char *name, struct err *e)
{
	scoped(json) json_object *o = NULL;
	json_object *m = pull_message("get");
	const char *why;

	json_put_str(m, "digest", digest);
	json_put_int(m, "size", size);
	json_put_str(m, "file", name);
	if (pull_send(c->socket_fd, m, e) < 0 || pull_call_receive(c, &o, e) < 0)
		return e->code;
	if (pull_is(o, "got"))
		return 0;
	why = json_get_str(o, "text");
	return err_set(e, -ENOENT, "reading blob %s: %s", digest, why ? why : "it is not there");
}

/* ---- to there -------------------------------------------------------------------------------- */

int blob_push_open(struct blob_push *b, struct engine *en, const struct sign_place *p,
		   char *const *mounts, struct err *e)
{
	json_object *m;

	b->en = en;
	if (dir_call_open(&b->dir, en, e) < 0 ||
	    pull_call_start(&b->dir.call, -EBADF, b->dir.tmp_fd, e) < 0)
		return e->code;
	m = sign_place_message(en, p, "push");
	json_put_strv(m, "mounts", mounts);
	return pull_send(b->dir.call.socket_fd, m, e);
}

/* Ask for blob DIGEST with a message of TYPE. */
static int ask(struct blob_push *b, const char *type, const char *digest, json_object **ret,
	       struct err *e)
{
	json_object *m = pull_message(type);

	json_put_int(m, "blob", 0);
	json_put_str(m, "digest", digest);
	return pull_send(b->dir.call.socket_fd, m, e) < 0 ||
			       pull_call_receive(&b->dir.call, ret, e) < 0
		       ? e->code
		       : 0;
}

int blob_push_one(struct blob_push *b, const char *digest, blob_maker *make, void *arg,
		  struct err *e)
{
	scoped(json) json_object *there = NULL;
	scoped(json) json_object *sent = NULL;

	if (ask(b, "check", digest, &there, e) < 0)
		return e->code;
	if (pull_is(there, "present"))
		return 0;
	if (make(arg, digest, b->dir.tmp_fd, BLOB_FILE, e) < 0 ||
	    ask(b, "upload", digest, &sent, e) < 0)
		return e->code;
	(void)unlinkat(b->dir.tmp_fd, BLOB_FILE, 0); /* goes with the directory, at the latest */
	return pull_is(sent, "uploaded") || pull_is(sent, "present")
		       ? 0
		       : err_set(e, -EBADMSG, "push: unexpected message");
}

int blob_push_manifest(struct blob_push *b, const char *name, const char *media_type,
		       const char *bytes, size_t n, struct err *e)
{
	scoped(json) json_object *o = NULL;
	char digest[SHA256_TEXT_LEN];
	json_object *m;

	if (path_replace(b->dir.tmp_fd, PULL_MANIFEST, bytes, n, 0600, 0, e) < 0)
		return e->code;
	sha256_text(bytes, n, digest);
	m = pull_message("manifest");
	json_put_str(m, "reference", name);
	json_put_str(m, "media_type", media_type);
	json_put_str(m, "digest", digest);
	if (pull_send(b->dir.call.socket_fd, m, e) < 0 ||
	    pull_call_receive(&b->dir.call, &o, e) < 0)
		return e->code;
	return pull_is(o, "done") ? 0 : err_set(e, -EBADMSG, "push: unexpected message");
}

/* Where registries.d has the signatures of P.  *RET owned. */
static int signature_places(struct engine *en, const struct blob_place *p, json_object **ret,
			    struct err *e)
{
	const struct reference *refs[] = { &p->ref };
	scoped(json) json_object *places = NULL;

	if (trust_places(en, refs, 1, &places, e) < 0)
		return e->code;
	*ret = json_object_get(json_object_array_get_idx(places, 0));
	return 0;
}

int blob_signatures(struct engine *en, const struct blob_place *p, const char *digest,
		    struct dir_call *dir, size_t *ret_n, struct err *e)
{
	scoped(json) json_object *place = NULL;
	scoped(mem) char *text = NULL;
	unsigned long long n;
	json_object *m;

	if (dir_call_open(dir, en, e) < 0 || signature_places(en, p, &place, e) < 0)
		return e->code;
	m = sign_place_message(en, &p->at, "signatures");
	json_put_str(m, "digest", digest);
	json_put_str(m, "lookaside", json_get_str(place, "read"));
	json_put_bool(m, "attachments", json_get_bool(place, "attachments", 0));
	if (dir_call_run(dir, m, e) < 0 ||
	    path_read(dir->tmp_fd, PULL_LIST, 32, &text, NULL, e) < 0)
		return e->code;
	if (str_to_u64(text, SIGNATURES_MAX, &n) < 0)
		return err_set(e, -EBADMSG, "signatures: unexpected message");
	*ret_n = (size_t)n;
	return 0;
}

int blob_sign(struct engine *en, const struct blob_place *p, const struct image_push_options *o,
	      const char *digest, const struct blob_place *from, struct err *e)
{
	const struct sign_options how = sign_options_of(o);
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	scoped(json) json_object *at = NULL;
	const char *url;
	size_t n = 0;

	if (!sign_is_asked(o) && (!from || o->remove_signatures))
		return 0;
	if ((from && !o->remove_signatures ? blob_signatures(en, from, digest, &dir, &n, e)
					   : dir_call_open(&dir, en, e)) < 0)
		return e->code;
	if (sign_manifest(&how, &p->name, digest, dir.tmp_fd, &n, e) < 0)
		return e->code;
	if (!n)
		return 0;
	if (signature_places(en, p, &at, e) < 0)
		return e->code;
	url = json_get_str(at, "write");
	if (url && signatures_to_lookaside(url, p->ref.repository, digest, dir.tmp_fd, n, e) < 0)
		return e->code;
	return json_get_bool(at, "attachments", 0)
		       ? signatures_attach(en, &p->at, digest, dir.tmp_fd, n, e)
		       : 0;
}

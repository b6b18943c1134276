/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of what is pushed: those that came with the image, as long as its manifest is the
 * same, and new ones. */
#include <string.h>

#include "src/image/pull_call.h"
#include "src/image/push.h"
#include "src/image/sign.h"
#include "src/image/signature.h"
#include "src/image/trust.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

int push_signs(const struct push *p)
{
	return sign_is_asked(p->o);
}

int push_refuse_signing(const struct push *p, struct err *e)
{
	return push_signs(p)
		       ? err_set(e, -EINVAL,
				 "%s cannot be signed: a signature is for a name in a registry",
				 p->o->destination)
		       : 0;
}

int push_check_signing(struct push *p, const struct reference *place, struct err *e)
{
	scoped(json) json_object *places = NULL;
	const struct reference *refs[] = { place };
	json_object *at;
	const char *url;

	if (!push_signs(p))
		return 0;
	if (sign_check(p->o, e) < 0)
		return e->code;
	if (trust_places(p->en, refs, 1, &places, e) < 0)
		return e->code;
	at = json_object_array_get_idx(places, 0);
	url = json_get_str(at, "write");
	if (p->o->sign_key && !json_get_bool(at, "attachments", 0)) {
		(void)err_set(e, -EINVAL,
			      "writing sigstore attachments is disabled by configuration");
		return err_hint(e, "set use-sigstore-attachments: true in registries.d");
	}
	if ((p->o->sign_by || p->o->sign_sq) && (!url || !str_starts(url, "file://")))
		return err_set(e, -ENOTSUP,
			       "writing signatures to %s: only file: URLs can be written to",
			       url ? url : "nowhere");
	return 0;
}

int push_take_signatures(struct push *p, int dir_fd, const char *digest, size_t *ret_n,
			 struct err *e)
{
	int n;

	*ret_n = 0;
	if (p->o->remove_signatures)
		return 0;
	n = signatures_fetch(p->en, p->image->manifest_digest, dir_fd, e);
	if (n < 0)
		return n;
	if (n && (!digest || strcmp(digest, p->image->manifest_digest) != 0)) {
		(void)err_set(e, -EINVAL,
			      "the image has signatures, which would not hold for what is written");
		return err_hint(e, "push it with --remove-signatures");
	}
	*ret_n = (size_t)n;
	return 0;
}

int push_signatures(struct push *p, const struct sign_place *place, const struct reference *ref,
		    const char *digest, struct err *e)
{
	const struct sign_options how = sign_options_of(p->o);
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	scoped(json) json_object *places = NULL;
	const struct reference *refs[] = { place->ref };
	json_object *at;
	const char *url;
	size_t n = 0;

	if (dir_call_open(&dir, p->en, e) < 0 ||
	    push_take_signatures(p, dir.tmp_fd, digest, &n, e) < 0)
		return e->code;
	if (!n && !push_signs(p))
		return 0;
	pull_progress_say(&p->progress, "Storing signatures");
	if (trust_places(p->en, refs, 1, &places, e) < 0)
		return e->code;
	at = json_object_array_get_idx(places, 0);
	url = json_get_str(at, "write");
	if (sign_manifest(&how, ref, digest, dir.tmp_fd, &n, e) < 0 ||
	    (url &&
	     signatures_to_lookaside(url, place->ref->repository, digest, dir.tmp_fd, n, e) < 0))
		return e->code;
	return json_get_bool(at, "attachments", 0)
		       ? signatures_attach(p->en, place, digest, dir.tmp_fd, n, e)
		       : 0;
}

int signatures_to_dir(int from_fd, size_t n, int dir, const char *digest, struct err *e)
{
	for (size_t k = 0; k < n; k++) {
		scoped(mem) char *bytes = NULL;
		char name[32], to[DIGEST_HEX_LEN + 40];
		size_t len = 0;

		(void)snprintf(name, sizeof(name), SIGNATURE_FILE, k + 1);
		(void)snprintf(to, sizeof(to), "%s%s%s", digest ? digest_hex(digest) : "",
			       digest ? "." : "", name);
		if (path_read(from_fd, name, SIGNATURE_MAX, &bytes, &len, e) < 0 ||
		    path_replace(dir, to, bytes, len, 0644, 0, e) < 0)
			return e->code;
	}
	return 0;
}

int push_signatures_to_dir(struct push *p, int dir, const char *digest, struct err *e)
{
	scoped(dir_call) struct dir_call tmp = DIR_CALL_NONE;
	size_t n = 0;

	if (dir_call_open(&tmp, p->en, e) < 0 ||
	    push_take_signatures(p, tmp.tmp_fd, digest, &n, e) < 0)
		return e->code;
	if (dir < 0)
		return 0;
	return signatures_to_dir(tmp.tmp_fd, n, dir, p->o->by_digest ? digest : NULL, e);
}

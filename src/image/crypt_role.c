/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/crypt_role.h"

#include <string.h>

#include "src/image/key_wrap.h"
#include "src/image/layer_cipher.h"
#include "src/image/layer_crypt.h"
#include "src/image/manifest.h"
#include "src/image/pull_protocol.h"
#include "src/image/role_serve.h"
#include "src/util/base64.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

static int unexpected(struct err *e)
{
	return err_set(e, -EBADMSG, "crypt: unexpected message");
}

static int done(json_object *take_answer, struct err *e)
{
	return pull_send(PULL_SOCKET_FD, take_answer, e);
}

/* ---- encryption ------------------------------------------------------------------------------ */

static int check_recipients(json_object *m, struct err *e)
{
	scoped(wrap_keys) struct wrap_keys keys = { 0 };
	scoped(json) json_object *ignored = json_object_new_object();
	unsigned char none[] = "{}";
	const struct secret nothing = { none, sizeof(none) - 1 };

	if (wrap_keys_read(json_get(m, "recipients"), &keys, e) < 0)
		return e->code;
	/* Nothing else tells whether a key is of a kind that can be used. */
	if (key_wrap(&keys, &nothing, ignored, e) < 0)
		return err_in(e, "invalid encryption keys");
	return done(pull_message("done"), e);
}

static int put_pubopts(const struct cipher_options *o, json_object *annotations, struct err *e)
{
	scoped(mem) char *plain = cipher_options_public(o);
	scoped(mem) char *text = plain ? base64_encode(plain, strlen(plain)) : NULL;

	if (!text)
		return err_errno(e, ENOMEM, "encrypt a layer");
	json_put_str(annotations, ENC_PUBOPTS, text);
	return 0;
}

static int encrypt(json_object *m, struct err *e)
{
	scoped(wrap_keys) struct wrap_keys keys = { 0 };
	scoped(cipher_options) struct cipher_options o = { .key = { 0 } };
	scoped(secret) struct secret private = { 0 };
	scoped(json) json_object *answer = pull_message("done");
	json_object *annotations = json_object_new_object();
	char plain[DIGEST_LEN + 1], digest[DIGEST_LEN + 1];
	int64_t size = 0;

	json_put(answer, "annotations", annotations);
	if (wrap_keys_read(json_get(m, "recipients"), &keys, e) < 0 ||
	    cipher_options_new(&o, e) < 0 || layer_encrypt(&o, 0, 1, plain, digest, &size, e) < 0 ||
	    cipher_options_private(&o, plain, &private, e) < 0 ||
	    key_wrap(&keys, &private, annotations, e) < 0 || put_pubopts(&o, annotations, e) < 0)
		return e->code;
	json_put_str(answer, "digest", digest);
	json_put_int(answer, "size", size);
	json_put_str(answer, "plain", plain);
	return done(take_ptr(&answer), e);
}

/* ---- decryption ------------------------------------------------------------------------------ */

/* What a layer of the manifest is; DOC may be that of an artifact, too. */
struct encrypted_layer {
	const char *digest;
	int64_t size;
	json_object *annotations;
};

static int read_manifest(json_object **ret, struct err *e)
{
	scoped(mem) char *bytes = NULL;
	size_t n = 0;

	if (path_read(PULL_DIR_FD, PULL_MANIFEST, MANIFEST_MAX, &bytes, &n, e) < 0)
		return e->code;
	return json_parse(bytes, n, ret, e) < 0 ? err_in(e, "manifest") : 0;
}

/* Layer I: 1 when it is encrypted, else 0. */
static int read_layer(json_object *doc, size_t i, struct encrypted_layer *ret, struct err *e)
{
	static const char suffix[] = MEDIA_ENCRYPTED;
	json_object *o = json_object_array_get_idx(json_get(doc, "layers"), i);
	const char *type = json_get_str(o, "mediaType");
	size_t n = type ? strlen(type) : 0;

	if (n < strlen(suffix) || strcmp(type + n - strlen(suffix), suffix) != 0)
		return 0;
	ret->digest = json_get_str(o, "digest");
	ret->size = json_get_int(o, "size", -1);
	ret->annotations = json_get(o, "annotations");
	if (!digest_is_valid(ret->digest) || ret->size < 0)
		return err_set(e, -EBADMSG, "manifest: missing or invalid descriptor");
	return 1;
}

/* What it needs to be read. */
static int open_layer(const struct encrypted_layer *l, const struct unwrap_keys *keys,
		      struct cipher_options *ret, struct err *e)
{
	const char *text = json_get_str(l->annotations, ENC_PUBOPTS);
	scoped(secret) struct secret private = { 0 };
	scoped(mem) unsigned char *public = NULL;
	size_t n = 0;

	if (!text)
		return err_set(e, -EBADMSG, "missing annotation '" ENC_PUBOPTS "'");
	if (base64_decode(text, strlen(text), &public, &n, e) < 0)
		return err_in(e, "pubopts");
	if (key_unwrap(keys, l->annotations, &private, e) < 0)
		return e->code;
	return cipher_options_parse((const char *)private.bytes, private.n, (const char *)public, n,
				    ret, e);
}

static int look_at_keys(json_object *m, struct err *e)
{
	scoped(unwrap_keys) struct unwrap_keys keys = { 0 };

	if (unwrap_keys_read(json_get(m, "keys"), &keys, e) < 0)
		return e->code;
	return done(pull_message("done"), e);
}

static int check_keys(json_object *m, struct err *e)
{
	scoped(json) json_object *doc = NULL;
	scoped(unwrap_keys) struct unwrap_keys keys = { 0 };

	if (read_manifest(&doc, e) < 0 || unwrap_keys_read(json_get(m, "keys"), &keys, e) < 0)
		return e->code;
	for (size_t i = 0; i < json_len(json_get(doc, "layers")); i++) {
		scoped(cipher_options) struct cipher_options o = { .key = { 0 } };
		struct encrypted_layer l = { 0 };
		int rc = read_layer(doc, i, &l, e);

		if (rc < 0)
			return rc;
		if (rc > 0 && open_layer(&l, &keys, &o, e) < 0)
			return err_in(e, "decrypting layer %s", l.digest);
	}
	return done(pull_message("done"), e);
}

static int decrypt(json_object *m, struct err *e)
{
	scoped(json) json_object *doc = NULL;
	scoped(unwrap_keys) struct unwrap_keys keys = { 0 };
	scoped(cipher_options) struct cipher_options o = { .key = { 0 } };
	struct encrypted_layer l = { 0 };
	int64_t i = json_get_int(m, "layer", -1);
	int rc;

	if (read_manifest(&doc, e) < 0 || unwrap_keys_read(json_get(m, "keys"), &keys, e) < 0)
		return e->code;
	rc = i < 0 || i >= (int64_t)json_len(json_get(doc, "layers"))
		     ? 0
		     : read_layer(doc, (size_t)i, &l, e);
	if (rc <= 0)
		return rc < 0 ? rc : unexpected(e);
	if (open_layer(&l, &keys, &o, e) < 0 ||
	    layer_decrypt(&o, 0, 1, l.digest, l.size, json_get_bool(m, "part", 0), e) < 0)
		return err_in(e, "decrypting layer %s", l.digest);
	return done(pull_message("done"), e);
}

int role_crypt_main(void)
{
	static const struct role_verb verbs[] = {
		{ "recipients", check_recipients },
		{ "encrypt", encrypt },
		{ "look", look_at_keys },
		{ "keys", check_keys },
		{ "decrypt", decrypt },
	};

	return role_serve(verbs, ARRAY_LEN(verbs));
}

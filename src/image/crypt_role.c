/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/crypt_role.h"

#include <string.h>

#include "src/image/key_wrap.h"
#include "src/image/layer_cipher.h"
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

/* The manifest, as it was parsed and as it stands. */
struct documents {
	struct manifest m;
	json_object *doc;
};

static void scoped_documents(struct documents *d)
{
	manifest_done(&d->m);
	json_free(d->doc);
}

static int read_documents(struct documents *d, struct err *e)
{
	scoped(mem) char *bytes = NULL;
	size_t n = 0;

	if (path_read(PULL_DIR_FD, PULL_MANIFEST, MANIFEST_MAX, &bytes, &n, e) < 0 ||
	    manifest_parse(bytes, n, NULL, &d->m, e) < 0)
		return e->code;
	return json_parse(bytes, n, &d->doc, e);
}

/* What layer I needs to be read. */
static int open_layer(const struct documents *d, size_t i, const struct unwrap_keys *keys,
		      struct cipher_options *ret, struct err *e)
{
	json_object *layer = json_object_array_get_idx(json_get(d->doc, "layers"), i);
	json_object *annotations = json_get(layer, "annotations");
	const char *text = json_get_str(annotations, ENC_PUBOPTS);
	scoped(secret) struct secret private = { 0 };
	scoped(mem) unsigned char *public = NULL;
	size_t n = 0;

	if (!text)
		return err_set(e, -EBADMSG, "missing annotation '" ENC_PUBOPTS "'");
	if (base64_decode(text, strlen(text), &public, &n, e) < 0)
		return err_in(e, "pubopts");
	if (key_unwrap(keys, annotations, &private, e) < 0)
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
	__attribute__((cleanup(scoped_documents))) struct documents d = { .doc = NULL };
	scoped(unwrap_keys) struct unwrap_keys keys = { 0 };

	if (read_documents(&d, e) < 0 || unwrap_keys_read(json_get(m, "keys"), &keys, e) < 0)
		return e->code;
	for (size_t i = 0; i < d.m.n_layers; i++) {
		scoped(cipher_options) struct cipher_options o = { .key = { 0 } };

		if (d.m.layers[i].is_encrypted && open_layer(&d, i, &keys, &o, e) < 0)
			return err_in(e, "decrypting layer %s", d.m.layers[i].digest);
	}
	return done(pull_message("done"), e);
}

static int decrypt(json_object *m, struct err *e)
{
	__attribute__((cleanup(scoped_documents))) struct documents d = { .doc = NULL };
	scoped(unwrap_keys) struct unwrap_keys keys = { 0 };
	scoped(cipher_options) struct cipher_options o = { .key = { 0 } };
	int64_t i = json_get_int(m, "layer", -1);

	if (read_documents(&d, e) < 0 || unwrap_keys_read(json_get(m, "keys"), &keys, e) < 0)
		return e->code;
	if (i < 0 || i >= (int64_t)d.m.n_layers || !d.m.layers[i].is_encrypted)
		return unexpected(e);
	if (open_layer(&d, (size_t)i, &keys, &o, e) < 0 ||
	    layer_decrypt(&o, 0, 1, d.m.layers[i].digest, d.m.layers[i].size,
			  json_get_bool(m, "part", 0), e) < 0)
		return err_in(e, "decrypting layer %s", d.m.layers[i].digest);
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

/* SPDX-License-Identifier: Apache-2.0 */
/* A JWE: the content is encrypted with a random key (CEK), and that once for each recipient:
 *	RSA-OAEP[-256]		with the recipient's RSA key
 *	ECDH-ES+AnnnKW		with AES key wrap, by a key out of the ECDH of the recipient's key
 *				and one made for this purpose, whose public half is the member "epk"
 */
#include "src/image/jwe.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>

#include "src/image/aes_gcm.h"
#include "src/image/jwe_key.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

#define ENC	  "A256GCM"
#define ENC_BYTES 32

/* ---- the content ----------------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t key;
} encs[] = {
	{ "A128GCM", 16 },
	{ "A192GCM", 24 },
	{ ENC, ENC_BYTES },
};

/* What a JWE has beside its recipients, decoded. */
struct content {
	unsigned char *iv, *text, *tag;
	size_t iv_len, text_len, tag_len;
	char *aad;
	size_t enc; /* in encs */
};

static void scoped_content(struct content *c)
{
	free(c->iv);
	free(c->text);
	free(c->tag);
	free(c->aad);
}

static int open_content(const struct content *x, const struct secret *cek, struct secret *ret,
			struct err *e)
{
	int rc = aes_gcm_open(cek->bytes, cek->n, x->iv, x->aad, x->text, x->text_len, x->tag, ret);

	if (rc == -EACCES)
		return err_set(e, rc, "JWE: it is not for this key");
	return rc < 0 ? err_errno(e, rc, "decrypt a JWE") : 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static char *protected_header(void)
{
	static const char text[] = "{\"enc\":\"" ENC "\"}";

	return jwe_b64_encode(text, strlen(text));
}

/* {"header":{...},"encrypted_key"} for KEY, or NULL with the error. */
static json_object *recipient(EVP_PKEY *key, const unsigned char *cek, struct err *e)
{
	scoped(json) json_object *header = json_object_new_object();
	scoped(mem) unsigned char *wrapped = NULL;
	scoped(mem) char *text = NULL;
	json_object *o;
	size_t n = 0;

	if (!header) {
		(void)err_errno(e, ENOMEM, "make a JWE");
		return NULL;
	}
	if (jwe_key_wrap(key, cek, ENC_BYTES, header, &wrapped, &n, e) < 0)
		return NULL;
	text = jwe_b64_encode(wrapped, n);
	o = text ? json_object_new_object() : NULL;
	if (!o) {
		(void)err_errno(e, ENOMEM, "make a JWE");
		return NULL;
	}
	json_put(o, "header", take_ptr(&header));
	json_put_str(o, "encrypted_key", text);
	return o;
}

static int put_b64(json_object *o, const char *name, const void *bytes, size_t n)
{
	scoped(mem) char *text = jwe_b64_encode(bytes, n);

	if (text)
		json_put_str(o, name, text);
	return text != NULL;
}

static int put_content(json_object *o, const unsigned char *cek, const void *plain, size_t n,
		       struct err *e)
{
	scoped(mem) char *head = protected_header();
	scoped(mem) unsigned char *out = malloc(n + 1);
	unsigned char iv[GCM_IV], tag[GCM_TAG];

	if (!head || !out)
		return err_errno(e, ENOMEM, "make a JWE");
	if (RAND_bytes(iv, sizeof(iv)) != 1 ||
	    aes_gcm_seal(cek, ENC_BYTES, iv, head, plain, n, out, tag) < 0)
		return err_set(e, -EIO, "libcrypto failed");
	json_put_str(o, "protected", head);
	if (!put_b64(o, "iv", iv, sizeof(iv)) || !put_b64(o, "ciphertext", out, n) ||
	    !put_b64(o, "tag", tag, sizeof(tag)))
		return err_errno(e, ENOMEM, "make a JWE");
	return 0;
}

int jwe_encrypt(EVP_PKEY *const *keys, size_t n_keys, const void *plain, size_t n, char **ret,
		struct err *e)
{
	scoped(json) json_object *o = json_object_new_object();
	scoped(secret) struct secret cek = { malloc(ENC_BYTES), ENC_BYTES };
	json_object *list = json_object_new_array();

	if (!o || !list || !cek.bytes) {
		json_free(list);
		return err_errno(e, ENOMEM, "make a JWE");
	}
	json_put(o, "recipients", list);
	if (RAND_priv_bytes(cek.bytes, ENC_BYTES) != 1)
		return err_set(e, -EIO, "libcrypto failed");
	for (size_t i = 0; i < n_keys; i++) {
		json_object *r = recipient(keys[i], cek.bytes, e);

		if (!r)
			return e->code;
		(void)json_object_array_add(list, r);
	}
	if (put_content(o, cek.bytes, plain, n, e) < 0)
		return e->code;
	*ret = json_text(o);
	return *ret ? 0 : err_errno(e, ENOMEM, "make a JWE");
}

/* ---- reading --------------------------------------------------------------------------------- */

static int broken(struct err *e)
{
	return err_set(e, -EBADMSG, "it is no JWE");
}

static int get_b64(json_object *o, const char *name, unsigned char **ret, size_t *ret_n,
		   struct err *e)
{
	const char *text = json_get_str(o, name);

	return text ? jwe_b64_decode(text, ret, ret_n, e) : broken(e);
}

/* The protected header, parsed. */
static int read_protected(json_object *o, json_object **ret, struct err *e)
{
	scoped(mem) unsigned char *bytes = NULL;
	scoped(json) json_object *header = NULL;
	size_t n = 0;

	if (get_b64(o, "protected", &bytes, &n, e) < 0 ||
	    json_parse((const char *)bytes, n, &header, e) < 0)
		return broken(e);
	if (!json_object_is_type(header, json_type_object))
		return broken(e);
	if (json_get(header, "crit") || json_get(header, "zip"))
		return err_set(e, -ENOTSUP, "JWE: 'crit' and 'zip' are not known");
	*ret = take_ptr(&header);
	return 0;
}

/* A header's member may be in any of the three places, but not twice. */
static json_object *header_of(json_object *const *headers, size_t n, const char *name)
{
	json_object *found = NULL;

	for (size_t i = 0; i < n; i++) {
		json_object *v = json_get(headers[i], name);

		if (v && found)
			return NULL;
		found = v ? v : found;
	}
	return found;
}

static int read_content(json_object *o, json_object *head, struct content *c, struct err *e)
{
	json_object *const places[] = { head, json_get(o, "unprotected") };
	json_object *v = header_of(places, ARRAY_LEN(places), "enc");
	const char *enc =
		v && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
	const char *aad = json_get_str(o, "aad"), *text = json_get_str(o, "protected");

	if (!enc || !text)
		return broken(e);
	while (c->enc < ARRAY_LEN(encs) && strcmp(encs[c->enc].name, enc) != 0)
		c->enc++;
	if (c->enc == ARRAY_LEN(encs))
		return err_set(e, -ENOTSUP, "JWE: an 'enc' that is not known");
	if (get_b64(o, "iv", &c->iv, &c->iv_len, e) < 0 ||
	    get_b64(o, "ciphertext", &c->text, &c->text_len, e) < 0 ||
	    get_b64(o, "tag", &c->tag, &c->tag_len, e) < 0)
		return broken(e);
	if (c->iv_len != GCM_IV || c->tag_len != GCM_TAG || c->text_len > JWE_MAX)
		return broken(e);
	c->aad = aad ? str_printf("%s.%s", text, aad) : strdup(text);
	return c->aad ? 0 : err_errno(e, ENOMEM, "read a JWE");
}

/* R is the recipient, or the whole of a flattened one. */
static int try_recipient(json_object *o, json_object *head, json_object *r, const struct content *c,
			 EVP_PKEY *key, struct secret *ret, struct err *e)
{
	json_object *const places[] = { head, json_get(o, "unprotected"), json_get(r, "header") };
	struct jwe_header h = { 0 };
	scoped(mem) unsigned char *wrapped = NULL;
	scoped(secret) struct secret cek = { 0 };
	json_object *alg = header_of(places, ARRAY_LEN(places), "alg");
	size_t n = 0;

	if (!alg || !json_object_is_type(alg, json_type_string) ||
	    get_b64(r, "encrypted_key", &wrapped, &n, e) < 0)
		return broken(e);
	h.alg = json_object_get_string(alg);
	h.epk = header_of(places, ARRAY_LEN(places), "epk");
	h.apu = header_of(places, ARRAY_LEN(places), "apu");
	h.apv = header_of(places, ARRAY_LEN(places), "apv");
	if (jwe_key_unwrap(key, &h, wrapped, n, &cek, e) < 0)
		return e->code;
	if (cek.n != encs[c->enc].key)
		return err_set(e, -EACCES, "JWE: it is not for this key");
	return open_content(c, &cek, ret, e);
}

static int try_all(json_object *o, json_object *head, const struct content *c, EVP_PKEY *key,
		   struct secret *ret, struct err *e)
{
	json_object *list = json_get(o, "recipients");
	int rc = -EBADMSG;

	if (!list)
		return try_recipient(o, head, o, c, key, ret, e);
	if (!json_len(list) || json_len(list) > JWE_RECIPIENTS_MAX)
		return broken(e);
	for (size_t i = 0; i < json_len(list); i++) {
		struct err why = { 0 };

		rc = try_recipient(o, head, json_object_array_get_idx(list, i), c, key, ret, &why);
		if (rc == 0) {
			err_clear(e);
			return 0;
		}
		/* That it is for others says less than what is wrong with one. */
		if (!i || e->code == -EACCES)
			*e = why;
	}
	return e->code;
}

int jwe_decrypt(const void *text, size_t n, EVP_PKEY *key, struct secret *ret, struct err *e)
{
	scoped(json) json_object *o = NULL;
	scoped(json) json_object *head = NULL;
	__attribute__((cleanup(scoped_content))) struct content c = { 0 };
	int rc;

	if (n > JWE_MAX || json_parse(text, n, &o, e) < 0 ||
	    !json_object_is_type(o, json_type_object))
		return broken(e);
	rc = read_protected(o, &head, e);
	if (rc == 0)
		rc = read_content(o, head, &c, e);
	if (rc == 0)
		rc = try_all(o, head, &c, key, ret, e);
	ERR_clear_error();
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/key_wrap.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "src/image/jwe.h"
#include "src/image/pgp.h"
#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

#define KEYS_MAX 64

static void free_keys(EVP_PKEY **keys, size_t n)
{
	for (size_t i = 0; keys && i < n; i++)
		EVP_PKEY_free(keys[i]);
	free(keys);
}

void wrap_keys_done(struct wrap_keys *k)
{
	free_keys(k->jwe, k->n_jwe);
	for (size_t i = 0; i < k->n_pkcs7; i++)
		X509_free(k->pkcs7[i]);
	free(k->pkcs7);
	strv_free(k->pgp);
	*k = (struct wrap_keys){ 0 };
}

void unwrap_keys_done(struct unwrap_keys *k)
{
	free_keys(k->keys, k->n);
	free(k->pgp);
	*k = (struct unwrap_keys){ 0 };
}

/* ---- recipients ------------------------------------------------------------------------------ */

static int read_jwe(const char *path, struct wrap_keys *k, struct err *e)
{
	scoped(mem) char *bytes = NULL;
	size_t n = 0;

	if (path_read(AT_FDCWD, path, KEY_FILE_MAX, &bytes, &n, e) < 0)
		return e->code;
	k->jwe[k->n_jwe] = pkey_public(bytes, n);
	if (!k->jwe[k->n_jwe])
		return err_set(e, -EINVAL, "File provided is not a public key");
	k->n_jwe++;
	return 0;
}

static int read_pkcs7(const char *path, struct wrap_keys *k, struct err *e)
{
	scoped(mem) char *bytes = NULL;
	size_t n = 0;

	if (path_read(AT_FDCWD, path, KEY_FILE_MAX, &bytes, &n, e) < 0)
		return e->code;
	k->pkcs7[k->n_pkcs7] = pkcs7_certificate(bytes, n);
	if (!k->pkcs7[k->n_pkcs7])
		return err_set(e, -EINVAL, "File provided is not an x509 cert");
	k->n_pkcs7++;
	return 0;
}

static int find_pgp(const char *who, struct wrap_keys *k, struct err *e)
{
	if (pgp_find(who, &k->pgp, e) < 0)
		return e->code;
	k->n_pgp = strv_len(k->pgp);
	return 0;
}

static int no_pkcs11(const char *who, struct wrap_keys *k, struct err *e)
{
	(void)who;
	(void)k;
	return err_set(e, -ENOTSUP,
		       "keys of PKCS #11 tokens are not used: cove loads no modules for them");
}

static int no_provider(const char *who, struct wrap_keys *k, struct err *e)
{
	(void)who;
	(void)k;
	return err_set(e, -ENOTSUP, "key providers (ocicrypt_keyprovider.conf) are not run");
}

static const struct {
	const char *prefix;
	int (*read)(const char *who, struct wrap_keys *k, struct err *e);
} schemes[] = {
	{ "jwe:", read_jwe },	  { "pkcs7:", read_pkcs7 },	{ "pgp:", find_pgp },
	{ "pkcs11:", no_pkcs11 }, { "provider:", no_provider },
};

static int read_recipient(const char *text, struct wrap_keys *k, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (str_starts(text, schemes[i].prefix))
			return schemes[i].read(text + strlen(schemes[i].prefix), k, e);
	return err_set(e, -EINVAL, "%s",
		       strchr(text, ':') ? "Provided protocol not recognized"
					 : "Invalid recipient format");
}

int wrap_keys_read(json_object *list, struct wrap_keys *ret, struct err *e)
{
	scoped(wrap_keys) struct wrap_keys k = { 0 };
	size_t n = json_len(list);

	if (!n || n > KEYS_MAX)
		return err_set(e, -EINVAL, "invalid encryption keys: %zu of them", n);
	k.jwe = calloc(n, sizeof(EVP_PKEY *));
	k.pkcs7 = calloc(n, sizeof(X509 *));
	if (!k.jwe || !k.pkcs7)
		return err_errno(e, ENOMEM, "read keys");
	for (size_t i = 0; i < n; i++) {
		const char *text = json_str_at(list, i);

		if (!text)
			return err_set(e, -EBADMSG, "crypt: unexpected message");
		if (read_recipient(text, &k, e) < 0)
			return err_in(e, "invalid encryption keys: %s", text);
	}
	*ret = k;
	k = (struct wrap_keys){ 0 };
	return 0;
}

static int wrap_jwe(const struct wrap_keys *k, const struct secret *plain, unsigned char **ret,
		    size_t *ret_n, struct err *e)
{
	char *text = NULL;

	if (jwe_encrypt(k->jwe, k->n_jwe, plain->bytes, plain->n, &text, e) < 0)
		return e->code;
	*ret = (unsigned char *)text;
	*ret_n = strlen(text);
	return 0;
}

static int wrap_pkcs7(const struct wrap_keys *k, const struct secret *plain, unsigned char **ret,
		      size_t *ret_n, struct err *e)
{
	return pkcs7_encrypt(k->pkcs7, k->n_pkcs7, plain->bytes, plain->n, ret, ret_n, e);
}

static int wrap_pgp(const struct wrap_keys *k, const struct secret *plain, unsigned char **ret,
		    size_t *ret_n, struct err *e)
{
	return pgp_encrypt(k->pgp, plain->bytes, plain->n, ret, ret_n, e);
}

static const struct {
	const char *annotation;
	size_t count; /* offset of how many there are */
	int (*wrap)(const struct wrap_keys *k, const struct secret *plain, unsigned char **ret,
		    size_t *ret_n, struct err *e);
} wrappers[] = {
	{ ENC_KEYS "jwe", offsetof(struct wrap_keys, n_jwe), wrap_jwe },
	{ ENC_KEYS "pkcs7", offsetof(struct wrap_keys, n_pkcs7), wrap_pkcs7 },
	{ ENC_KEYS "pgp", offsetof(struct wrap_keys, n_pgp), wrap_pgp },
};

int key_wrap(const struct wrap_keys *k, const struct secret *plain, json_object *annotations,
	     struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(wrappers); i++) {
		scoped(mem) unsigned char *bytes = NULL;
		scoped(mem) char *text = NULL;
		size_t n = 0;

		if (!*(const size_t *)((const char *)k + wrappers[i].count))
			continue;
		if (wrappers[i].wrap(k, plain, &bytes, &n, e) < 0)
			return e->code;
		text = base64_encode(bytes, n);
		if (!text)
			return err_errno(e, ENOMEM, "encrypt a layer");
		json_put_str(annotations, wrappers[i].annotation, text);
	}
	return 0;
}

/* ---- private keys ---------------------------------------------------------------------------- */

static int read_private(json_object *o, struct unwrap_keys *k, struct err *e)
{
	const char *path = json_get_str(o, "path"), *password = json_get_str(o, "password");
	scoped(secret) struct secret bytes = { 0 };
	int rc;

	if (!path)
		return err_set(e, -EBADMSG, "crypt: unexpected message");
	if (path_read(AT_FDCWD, path, KEY_FILE_MAX, (char **)&bytes.bytes, &bytes.n, e) < 0)
		return err_in(e, "invalid decryption keys");
	if (pgp_is_secret_key(bytes.bytes, bytes.n)) {
		k->pgp[k->n_pgp++] = (struct pgp_file){ path, password };
		return 0;
	}
	rc = pkey_private(bytes.bytes, bytes.n, password, &k->keys[k->n], e);
	if (rc == -EBADMSG) {
		err_clear(e);
		return 0;
	}
	if (rc < 0)
		return err_in(e, "invalid decryption keys: %s", path);
	k->n++;
	return 0;
}

int unwrap_keys_read(json_object *list, struct unwrap_keys *ret, struct err *e)
{
	scoped(unwrap_keys) struct unwrap_keys k = { 0 };
	size_t n = json_len(list);

	if (n > KEYS_MAX)
		return err_set(e, -E2BIG, "invalid decryption keys: more than %d", KEYS_MAX);
	k.keys = calloc(n + 1, sizeof(EVP_PKEY *));
	k.pgp = calloc(n + 1, sizeof(*k.pgp));
	if (!k.keys || !k.pgp)
		return err_errno(e, ENOMEM, "read keys");
	for (size_t i = 0; i < n; i++)
		if (read_private(json_object_array_get_idx(list, i), &k, e) < 0)
			return e->code;
	*ret = k;
	k = (struct unwrap_keys){ 0 };
	return 0;
}

typedef int decrypt_fn(const void *bytes, size_t n, EVP_PKEY *key, struct secret *ret,
		       struct err *e);

/* One of the commas' parts, with each key. */
static int try_keys(const struct unwrap_keys *k, decrypt_fn *decrypt, const void *bytes, size_t n,
		    struct secret *ret, struct err *e)
{
	for (size_t i = 0; i < k->n; i++)
		if (decrypt(bytes, n, k->keys[i], ret, e) == 0)
			return 0;
	return k->n ? e->code : err_set(e, -EACCES, "no private key");
}

static int try_jwe(const struct unwrap_keys *k, const void *bytes, size_t n, struct secret *ret,
		   struct err *e)
{
	return try_keys(k, jwe_decrypt, bytes, n, ret, e);
}

static int try_pkcs7(const struct unwrap_keys *k, const void *bytes, size_t n, struct secret *ret,
		     struct err *e)
{
	return try_keys(k, pkcs7_decrypt, bytes, n, ret, e);
}

static int try_pgp(const struct unwrap_keys *k, const void *bytes, size_t n, struct secret *ret,
		   struct err *e)
{
	for (size_t i = 0; i < k->n_pgp; i++)
		if (pgp_decrypt(k->pgp[i].path, k->pgp[i].password, bytes, n, ret, e) == 0)
			return 0;
	return k->n_pgp ? e->code : err_set(e, -EACCES, "no secret key");
}

static const struct {
	const char *annotation;
	int (*open)(const struct unwrap_keys *k, const void *bytes, size_t n, struct secret *ret,
		    struct err *e);
} openers[] = {
	{ ENC_KEYS "jwe", try_jwe },
	{ ENC_KEYS "pkcs7", try_pkcs7 },
	{ ENC_KEYS "pgp", try_pgp },
};

static int try_scheme(const struct unwrap_keys *k, size_t s, const char *list, struct secret *ret,
		      struct err *e)
{
	int rc = -EBADMSG;

	for (const char *p = list; *p && rc < 0; p += *p == ',') {
		scoped(mem) unsigned char *bytes = NULL;
		size_t len = strcspn(p, ","), n = 0;

		rc = base64_decode(p, len, &bytes, &n, e);
		if (rc == 0)
			rc = openers[s].open(k, bytes, n, ret, e);
		p += len;
	}
	return rc;
}

int key_unwrap(const struct unwrap_keys *k, json_object *annotations, struct secret *ret,
	       struct err *e)
{
	struct err broken = { 0 };
	int found = 0;

	for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
		const char *text = json_get_str(annotations, openers[i].annotation);

		if (!text || !*text)
			continue;
		found = 1;
		if (try_scheme(k, i, text, ret, e) == 0) {
			err_clear(e);
			return 0;
		}
		if (e->code != -EACCES)
			broken = *e;
	}
	if (broken.code < 0) {
		*e = broken;
		return e->code;
	}
	if (!found)
		return err_set(e, -EACCES, "its key is not encrypted in a way that is known");
	return err_set(e, -EACCES,
		       k->n + k->n_pgp ? "none of the private keys could be used for decryption"
				       : "missing private key needed for decryption");
}

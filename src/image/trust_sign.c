/* SPDX-License-Identifier: Apache-2.0 */
/* Signing for sigstore: cosign's encrypted private key, scrypt, secretbox, PKCS #8, ECDSA. */
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/lookaside.h"
#include "src/image/pull_protocol.h"
#include "src/image/secretbox.h"
#include "src/image/signature.h"
#include "src/image/trust_role.h"
#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define KEY_FILE_MAX   (64 << 10)
#define PASSPHRASE_MAX 4096
#define SCRYPT_MEMORY  (256 << 20)
#define BEGIN	       "-----BEGIN ENCRYPTED "
#define END_LINE       "-----END ENCRYPTED "

/* What stands between the lines of PEM, decoded. */
static int read_pem(const char *pem, size_t n, unsigned char **ret, size_t *ret_len, struct err *e)
{
	static const char *const labels[] = { "COSIGN PRIVATE KEY-----",
					      "SIGSTORE PRIVATE KEY-----" };
	const char *p = memmem(pem, n, BEGIN, strlen(BEGIN)), *end;

	for (size_t i = 0; p && i < ARRAY_LEN(labels); i++) {
		const char *body = p + strlen(BEGIN);

		if (strncmp(body, labels[i], strlen(labels[i])) != 0)
			continue;
		body += strlen(labels[i]);
		end = memmem(body, (size_t)(pem + n - body), END_LINE, strlen(END_LINE));
		if (end)
			return base64_decode(body, (size_t)(end - body), ret, ret_len, e);
	}
	return err_set(e, -EBADMSG, "it is no encrypted private key of sigstore's");
}

static int member(json_object *o, const char *name, unsigned char **ret, size_t *ret_len,
		  struct err *e)
{
	const char *text = json_get_str(o, name);

	if (!text)
		return err_set(e, -EBADMSG, "'%s' is missing", name);
	return base64_decode(text, strlen(text), ret, ret_len, e);
}

static int derive(json_object *kdf, const char *passphrase, unsigned char key[SECRETBOX_KEY],
		  struct err *e)
{
	json_object *params = json_get(kdf, "params");
	const char *name = json_get_str(kdf, "name");
	int64_t n = json_get_int(params, "N", 0), r = json_get_int(params, "r", 0),
		p = json_get_int(params, "p", 0);
	scoped(mem) unsigned char *salt = NULL;
	size_t len = 0;

	if (!name || strcmp(name, "scrypt") != 0 || n < 2 || r < 1 || p < 1 || n > 1 << 20 ||
	    r > 32 || p > 16)
		return err_set(e, -EBADMSG, "the key's kdf is not known");
	if (member(kdf, "salt", &salt, &len, e) < 0)
		return e->code;
	if (EVP_PBE_scrypt(passphrase, strlen(passphrase), salt, len, (uint64_t)n, (uint64_t)r,
			   (uint64_t)p, SCRYPT_MEMORY, key, SECRETBOX_KEY) != 1)
		return err_set(e, -EIO, "scrypt fails");
	return 0;
}

int sigstore_key_open(const char *pem, size_t n, const char *passphrase, unsigned char **ret,
		      size_t *ret_len, struct err *e)
{
	scoped(mem) unsigned char *text = NULL;
	scoped(mem) unsigned char *nonce = NULL;
	scoped(mem) unsigned char *box = NULL;
	scoped(json) json_object *o = NULL;
	unsigned char key[SECRETBOX_KEY];
	const char *cipher;
	size_t len = 0, nonce_len = 0, box_len = 0;
	int rc;

	if (read_pem(pem, n, &text, &len, e) < 0 || json_parse((const char *)text, len, &o, e) < 0)
		return e->code;
	cipher = json_get_str(json_get(o, "cipher"), "name");
	if (!cipher || strcmp(cipher, "nacl/secretbox") != 0)
		return err_set(e, -EBADMSG, "the key's cipher is not known");
	if (member(json_get(o, "cipher"), "nonce", &nonce, &nonce_len, e) < 0 ||
	    member(o, "ciphertext", &box, &box_len, e) < 0)
		return e->code;
	if (nonce_len != SECRETBOX_NONCE)
		return err_set(e, -EBADMSG, "the key's nonce is broken");
	rc = derive(json_get(o, "kdf"), passphrase, key, e);
	if (rc == 0)
		rc = secretbox_open(box, box_len, nonce, key, ret, e);
	OPENSSL_cleanse(key, sizeof(key));
	if (rc == 0)
		*ret_len = box_len - SECRETBOX_TAG;
	return rc;
}

static EVP_PKEY *load_key(const unsigned char *der, size_t n)
{
	const unsigned char *p = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)n);
	EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

/* Base64 of the signature.  Owned; NULL on failure. */
static char *sign_bytes(EVP_PKEY *key, const char *bytes, size_t n)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	scoped(mem) unsigned char *out = NULL;
	const EVP_MD *md = EVP_PKEY_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
	const unsigned char *in = (const unsigned char *)bytes;
	size_t len = 0;
	int ok = c && EVP_DigestSignInit(c, NULL, md, NULL, key) == 1 &&
		 EVP_DigestSign(c, NULL, &len, in, n) == 1 && (out = malloc(len)) &&
		 EVP_DigestSign(c, out, &len, in, n) == 1;

	EVP_MD_CTX_free(c);
	return ok ? base64_encode(out, len) : NULL;
}

/* The first line of PATH; "" without one. */
static int read_passphrase(const char *path, char **ret, struct err *e)
{
	if (!path || !*path) {
		*ret = strdup("");
		return *ret ? 0 : err_errno(e, ENOMEM, "sign");
	}
	if (path_read(AT_FDCWD, path, PASSPHRASE_MAX, ret, NULL, e) < 0)
		return err_in(e, "passphrase file %s", path);
	(*ret)[strcspn(*ret, "\r\n")] = '\0';
	return 0;
}

static int open_key(const char *path, const char *passphrase_file, EVP_PKEY **ret, struct err *e)
{
	scoped(mem) char *pem = NULL;
	scoped(mem) char *passphrase = NULL;
	unsigned char *der = NULL;
	size_t n = 0, len = 0;
	int rc;

	if (path_read(AT_FDCWD, path, KEY_FILE_MAX, &pem, &n, e) < 0 ||
	    read_passphrase(passphrase_file, &passphrase, e) < 0)
		return e->code;
	rc = sigstore_key_open(pem, n, passphrase, &der, &len, e);
	OPENSSL_cleanse(passphrase, strlen(passphrase));
	if (rc < 0)
		return rc;
	*ret = load_key(der, len);
	OPENSSL_cleanse(der, len);
	free(der);
	return *ret ? 0 : err_set(e, -EBADMSG, "what is encrypted is no private key");
}

/* containers-sigstore-signing-params.yaml(5): of its ways to sign, that with a private key. */
static json_object *read_params(const char *path, struct err *e)
{
	scoped(json) json_object *o = NULL;
	scoped(mem) char *text = NULL;
	size_t n = 0;

	if (path_read(AT_FDCWD, path, KEY_FILE_MAX, &text, &n, e) < 0)
		return NULL;
	o = lookaside_yaml(text, n, e);
	if (!o)
		return NULL;
	json_object_object_foreach(o, name, value)
	{
		(void)value;
		if (str_in_words(name, strlen(name), "privateKeyFile|privateKeyPassphraseFile"))
			continue;
		(void)err_set(e, -ENOTSUP,
			      "'%.100s' is not supported: signatures are made with a private key",
			      name);
		return NULL;
	}
	if (!json_get_str(o, "privateKeyFile")) {
		(void)err_set(e, -EINVAL, "there is no 'privateKeyFile'");
		return NULL;
	}
	return take_ptr(&o);
}

int trust_sign(json_object *m, struct err *e)
{
	const char *path = json_get_str(m, "key"), *payload = json_get_str(m, "payload");
	const char *passphrase = json_get_str(m, "passphrase_file");
	scoped(json) json_object *params = NULL;
	scoped(mem) char *signature = NULL;
	json_object *answer;
	EVP_PKEY *key = NULL;

	if (!path || !payload)
		return err_set(e, -EBADMSG, "trust: unexpected message");
	if (json_get_bool(m, "params", 0)) {
		params = read_params(path, e);
		if (!params)
			return err_in(e, "%s", path);
		path = json_get_str(params, "privateKeyFile");
		if (json_get_str(params, "privateKeyPassphraseFile"))
			passphrase = json_get_str(params, "privateKeyPassphraseFile");
	}
	if (open_key(path, passphrase, &key, e) < 0)
		return err_in(e, "key %s", path);
	signature = sign_bytes(key, payload, strlen(payload));
	EVP_PKEY_free(key);
	if (!signature)
		return err_set(e, -EIO, "key %s: signing fails", path);
	answer = pull_message("done");
	json_put_str(answer, "signature", signature);
	return pull_send(PULL_SOCKET_FD, answer, e);
}

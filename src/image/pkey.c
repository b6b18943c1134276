/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pkey.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

static void bio_free(BIO *b)
{
	(void)BIO_free(b); /* fails for NULL only */
}
DEFINE_SCOPED(bio, BIO *, bio_free);

void secret_done(struct secret *s)
{
	if (s->bytes)
		OPENSSL_cleanse(s->bytes, s->n);
	free(s->bytes);
	*s = (struct secret){ 0 };
}

EVP_PKEY *pkey_public(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)n);
	scoped(bio) BIO *in = key ? NULL : BIO_new_mem_buf(bytes, (int)n);

	if (!key && in)
		key = PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
	ERR_clear_error();
	return key;
}

struct password {
	const char *text; /* NULL: none */
	int was_asked;
};

/* pem_password_cb: libcrypto must not ask the terminal. */
static int give_password(char *buf, int size, int rwflag, void *arg)
{
	struct password *p = arg;
	size_t n = p->text ? strlen(p->text) : 0;

	(void)rwflag;
	p->was_asked = 1;
	if (!p->text || n > (size_t)size)
		return -1;
	memcpy(buf, p->text, n);
	return (int)n;
}

int pkey_private(const void *bytes, size_t n, const char *password, EVP_PKEY **ret, struct err *e)
{
	struct password p = { .text = password };
	const unsigned char *der = bytes;
	scoped(bio) BIO *in = BIO_new_mem_buf(bytes, (int)n);
	EVP_PKEY *key;

	if (!in)
		return err_errno(e, ENOMEM, "read a key");
	key = PEM_read_bio_PrivateKey(in, NULL, give_password, &p);
	if (!key && !p.was_asked)
		key = d2i_AutoPrivateKey(NULL, &der, (long)n);
	if (!key && !p.was_asked) { /* DER, but encrypted */
		(void)BIO_reset(in);
		key = d2i_PKCS8PrivateKey_bio(in, NULL, give_password, &p);
	}
	ERR_clear_error();
	if (key) {
		*ret = key;
		return 0;
	}
	if (!p.was_asked)
		return err_set(e, -EBADMSG, "it is no private key");
	return err_set(e, -EACCES,
		       p.text ? "Wrong password: could not decrypt private key"
			      : "Missing password for encrypted private key");
}

static int set_padding(EVP_PKEY_CTX *c, const EVP_MD *md)
{
	if (!md)
		return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1;
	return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(c, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(c, md) == 1;
}

int pkey_rsa_encrypt(EVP_PKEY *key, const EVP_MD *md, const void *plain, size_t n,
		     unsigned char **ret, size_t *ret_n, struct err *e)
{
	scoped(pkey_ctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	scoped(mem) unsigned char *out = malloc((size_t)EVP_PKEY_size(key));

	*ret_n = (size_t)EVP_PKEY_size(key);
	if (!c || !out || EVP_PKEY_encrypt_init(c) != 1 || !set_padding(c, md) ||
	    EVP_PKEY_encrypt(c, out, ret_n, plain, n) != 1)
		return err_set(e, -EIO, "libcrypto cannot encrypt for this key");
	*ret = take_ptr(&out);
	return 0;
}

int pkey_rsa_decrypt(EVP_PKEY *key, const EVP_MD *md, const unsigned char *text, size_t n,
		     struct secret *ret, struct err *e)
{
	scoped(secret) struct secret plain = { 0 };
	scoped(pkey_ctx) EVP_PKEY_CTX *c = NULL;
	size_t got;

	if (EVP_PKEY_base_id(key) != EVP_PKEY_RSA)
		return err_set(e, -EACCES, "it is not for this key");
	got = (size_t)EVP_PKEY_size(key);
	plain = (struct secret){ malloc(got), got };
	c = EVP_PKEY_CTX_new(key, NULL);
	if (!plain.bytes || !c)
		return err_errno(e, ENOMEM, "decrypt a key");
	if (EVP_PKEY_decrypt_init(c) != 1 || !set_padding(c, md) ||
	    EVP_PKEY_decrypt(c, plain.bytes, &got, text, n) != 1)
		return err_set(e, -EACCES, "it is not for this key");
	plain.n = got;
	*ret = secret_take(&plain);
	return 0;
}

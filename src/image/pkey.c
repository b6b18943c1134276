/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pkey.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
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

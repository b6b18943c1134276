/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/layer_cipher.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "src/util/base64.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

#define CIPHER	    "AES_256_CTR_HMAC_SHA256"
#define CHUNK	    (128 << 10)
#define PRIVATE_MAX 512

/* ---- the documents --------------------------------------------------------------------------- */

void cipher_options_done(struct cipher_options *o)
{
	OPENSSL_cleanse(o, sizeof(*o));
}

int cipher_options_new(struct cipher_options *ret, struct err *e)
{
	return RAND_priv_bytes(ret->key, sizeof(ret->key)) == 1 &&
			       RAND_bytes(ret->nonce, sizeof(ret->nonce)) == 1
		       ? 0
		       : err_set(e, -EIO, "libcrypto failed");
}

int cipher_options_private(const struct cipher_options *o, const char *digest, struct secret *ret,
			   struct err *e)
{
	scoped(secret) struct secret key = { NULL, 0 };
	scoped(secret) struct secret text = { malloc(PRIVATE_MAX), PRIVATE_MAX };
	scoped(mem) char *nonce = base64_encode(o->nonce, sizeof(o->nonce));

	key.bytes = (unsigned char *)base64_encode(o->key, sizeof(o->key));
	if (!key.bytes || !nonce || !text.bytes)
		return err_errno(e, ENOMEM, "encrypt a layer");
	key.n = strlen((char *)key.bytes);
	/* Not through json-c, which would leave the key in memory. */
	text.n = (size_t)snprintf(
		(char *)text.bytes, PRIVATE_MAX,
		"{\"symkey\":\"%s\",\"digest\":\"%s\",\"cipheroptions\":{\"nonce\":\"%s\"}}",
		(char *)key.bytes, digest, nonce);
	*ret = secret_take(&text);
	return 0;
}

char *cipher_options_public(const struct cipher_options *o)
{
	scoped(mem) char *hmac = base64_encode(o->hmac, sizeof(o->hmac));

	return hmac ? str_printf("{\"cipher\":\"" CIPHER "\",\"hmac\":\"%s\",\"cipheroptions\":{}}",
				 hmac)
		    : NULL;
}

/* Member NAME, which must be N bytes. */
static int get_bytes(json_object *o, const char *name, unsigned char *to, size_t n, struct err *e)
{
	scoped(secret) struct secret got = { 0 };
	const char *text = json_get_str(o, name);

	if (!text || base64_decode(text, strlen(text), &got.bytes, &got.n, e) < 0 || got.n != n)
		return err_set(e, -EBADMSG, "missing or invalid '%s'", name);
	memcpy(to, got.bytes, n);
	return 0;
}

int cipher_options_parse(const char *private, size_t private_len, const char *public,
			 size_t public_len, struct cipher_options *ret, struct err *e)
{
	scoped(json) json_object *priv = NULL;
	scoped(json) json_object *pub = NULL;
	scoped(cipher_options) struct cipher_options o = { .key = { 0 } };
	json_object *nonce;
	const char *cipher;

	if (json_parse(private, private_len, &priv, e) < 0)
		return err_set(e, -EBADMSG, "no valid private options"); /* its text is secret */
	if (json_parse(public, public_len, &pub, e) < 0)
		return err_in(e, "pubopts");
	cipher = json_get_str(pub, "cipher");
	if (!cipher || strcmp(cipher, CIPHER) != 0)
		return err_set(e, -ENOTSUP, "unsupported cipher type: %.100s",
			       cipher ? cipher : "none");
	nonce = json_get(pub, "cipheroptions");
	if (!json_get_str(nonce, "nonce"))
		nonce = json_get(priv, "cipheroptions");
	if (get_bytes(priv, "symkey", o.key, sizeof(o.key), e) < 0 ||
	    get_bytes(nonce, "nonce", o.nonce, sizeof(o.nonce), e) < 0 ||
	    get_bytes(pub, "hmac", o.hmac, sizeof(o.hmac), e) < 0)
		return e->code;
	*ret = o;
	return 0;
}

/* ---- streams --------------------------------------------------------------------------------- */

struct stream {
	EVP_CIPHER_CTX *ctr;
	EVP_MD_CTX *hmac, *plain, *cipher;
	unsigned char *in, *out;
	int64_t size;
};

static void stream_done(struct stream *s)
{
	EVP_CIPHER_CTX_free(s->ctr);
	EVP_MD_CTX_free(s->hmac);
	EVP_MD_CTX_free(s->plain);
	EVP_MD_CTX_free(s->cipher);
	free(s->in);
	free(s->out);
}

static void scoped_stream(struct stream *s)
{
	stream_done(s);
}

static int failed(struct err *e)
{
	return err_set(e, -EIO, "libcrypto failed");
}

static int open_stream(struct stream *s, const struct cipher_options *o, struct err *e)
{
	scoped(pkey) EVP_PKEY *key =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, o->key, sizeof(o->key));

	s->ctr = EVP_CIPHER_CTX_new();
	s->hmac = EVP_MD_CTX_new();
	s->plain = EVP_MD_CTX_new();
	s->cipher = EVP_MD_CTX_new();
	s->in = malloc(CHUNK);
	s->out = malloc(CHUNK);
	if (!key || !s->ctr || !s->hmac || !s->plain || !s->cipher || !s->in || !s->out)
		return err_errno(e, ENOMEM, "encrypt a layer");
	/* Counter mode is its own inverse. */
	return EVP_EncryptInit_ex(s->ctr, EVP_aes_256_ctr(), NULL, o->key, o->nonce) == 1 &&
			       EVP_DigestSignInit(s->hmac, NULL, EVP_sha256(), NULL, key) == 1 &&
			       EVP_DigestInit_ex(s->plain, EVP_sha256(), NULL) == 1 &&
			       EVP_DigestInit_ex(s->cipher, EVP_sha256(), NULL) == 1
		       ? 0
		       : failed(e);
}

static int hash_cipher(struct stream *s, const unsigned char *bytes, size_t n)
{
	s->size += (int64_t)n;
	return EVP_DigestSignUpdate(s->hmac, bytes, n) == 1 &&
	       EVP_DigestUpdate(s->cipher, bytes, n) == 1;
}

static int end_digest(EVP_MD_CTX *c, char ret[DIGEST_LEN + 1])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char *p = stpcpy(ret, "sha256:"); /* has room for one digest */

	if (EVP_DigestFinal_ex(c, md, &n) != 1 || 2 * n != DIGEST_HEX_LEN)
		return 0;
	for (unsigned i = 0; i < n; i++)
		p += snprintf(p, 3, "%02x", md[i]);
	return 1;
}

static int put(const struct stream *s, int out, size_t n, struct err *e)
{
	int rc = fd_write_all(out, s->out, n);

	return rc < 0 ? err_errno(e, rc, "write a layer") : 0;
}

static int end_hmac(struct stream *s, unsigned char ret[CIPHER_HMAC])
{
	size_t n = CIPHER_HMAC;

	return EVP_DigestSignFinal(s->hmac, ret, &n) == 1 && n == CIPHER_HMAC;
}

int layer_encrypt(struct cipher_options *o, int in, int out, char plain[DIGEST_LEN + 1],
		  char cipher[DIGEST_LEN + 1], int64_t *ret_size, struct err *e)
{
	__attribute__((cleanup(scoped_stream))) struct stream s = { 0 };
	ssize_t n;

	if (open_stream(&s, o, e) < 0)
		return e->code;
	while ((n = fd_read_full(in, s.in, CHUNK)) > 0) {
		int k = 0;

		if (EVP_DigestUpdate(s.plain, s.in, (size_t)n) != 1 ||
		    EVP_EncryptUpdate(s.ctr, s.out, &k, s.in, (int)n) != 1 ||
		    !hash_cipher(&s, s.out, (size_t)k))
			return failed(e);
		if (put(&s, out, (size_t)k, e) < 0)
			return e->code;
	}
	if (n < 0)
		return err_errno(e, (int)n, "read a layer");
	if (!end_hmac(&s, o->hmac) || !end_digest(s.plain, plain) || !end_digest(s.cipher, cipher))
		return failed(e);
	*ret_size = s.size;
	return 0;
}

static int verify(struct stream *s, const struct cipher_options *o, const char *digest,
		  int64_t size, struct err *e)
{
	char got[DIGEST_LEN + 1];
	unsigned char hmac[CIPHER_HMAC];

	if (!end_digest(s->cipher, got) || !end_hmac(s, hmac))
		return failed(e);
	if (s->size != size)
		return err_set(e, -EBADMSG, "Size did not match, expected %lld, got %lld",
			       (long long)size, (long long)s->size);
	if (strcmp(got, digest) != 0)
		return err_set(e, -EBADMSG, "Digest did not match, expected %s, got %s", digest,
			       got);
	return CRYPTO_memcmp(hmac, o->hmac, sizeof(hmac)) == 0
		       ? 0
		       : err_set(e, -EACCES, "the HMAC of the encrypted layer does not match");
}

/* How much to read next. */
static size_t next_bytes(const struct stream *s, int64_t size, int is_part)
{
	return is_part && size - s->size < CHUNK ? (size_t)(size - s->size) : CHUNK;
}

int layer_decrypt(const struct cipher_options *o, int in, int out, const char *digest, int64_t size,
		  int is_part, struct err *e)
{
	__attribute__((cleanup(scoped_stream))) struct stream s = { 0 };
	size_t held = 0; /* bytes in s.out */
	ssize_t n;

	if (open_stream(&s, o, e) < 0)
		return e->code;
	while ((n = fd_read_full(in, s.in, next_bytes(&s, size, is_part))) > 0) {
		int k = 0;

		if (held && put(&s, out, held, e) < 0)
			return e->code;
		if (!hash_cipher(&s, s.in, (size_t)n) ||
		    EVP_EncryptUpdate(s.ctr, s.out, &k, s.in, (int)n) != 1)
			return failed(e);
		held = (size_t)k;
	}
	if (n < 0)
		return err_errno(e, (int)n, "read a layer");
	if (verify(&s, o, digest, size, e) < 0)
		return e->code;
	return held ? put(&s, out, held, e) : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/jwe_key.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <string.h>

#include "src/image/jwe.h"
#include "src/util/base64.h"
#include "src/util/json.h"

#define KW_BYTES 32
#define KDF_MAX	 1024
#define KW_EXTRA 8   /* bytes that AES key wrap adds (RFC 3394) */
#define CEK_MAX	 64  /* of any content encryption of RFC 7518 */
#define Z_MAX	 66  /* P-521 */
#define SPKI_MAX 200 /* of any of the curves */

char *jwe_b64_encode(const void *bytes, size_t n)
{
	char *text = base64_encode(bytes, n);

	if (!text)
		return NULL;
	for (char *p = text; *p; p++) {
		if (*p == '+')
			*p = '-';
		else if (*p == '/')
			*p = '_';
		else if (*p == '=')
			*p = '\0';
	}
	return text;
}

int jwe_b64_decode(const char *text, unsigned char **ret, size_t *ret_n, struct err *e)
{
	scoped(mem) char *plain = strdup(text);

	if (!plain)
		return err_errno(e, ENOMEM, "decode base64");
	if (strpbrk(plain, "+/= \t\r\n"))
		return err_set(e, -EBADMSG, "it is no base64url");
	for (char *p = plain; *p; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	return base64_decode(plain, strlen(plain), ret, ret_n, e);
}

/* ---- elliptic curves ------------------------------------------------------------------------- */

/* A SubjectPublicKeyInfo (RFC 5480) up to the point, which then has N bytes for each of x and y. */
static const struct curve {
	const char *name;
	size_t n, head_len;
	unsigned char head[32];
} curves[] = {
	{ "P-256", 32, 27, { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
			     0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
			     0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 } },
	{ "P-384",
	  48,
	  24,
	  { 0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
	    0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04 } },
	{ "P-521", 66, 26, { 0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
			     0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
			     0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00, 0x04 } },
};

/* Its curve, and the point in POINT (x, then y); NULL for keys of no such curve. */
static const struct curve *curve_of(EVP_PKEY *key, unsigned char point[2 * Z_MAX])
{
	unsigned char spki[SPKI_MAX], *p = spki;
	int n = i2d_PUBKEY(key, NULL);

	if (n < 0 || (size_t)n > sizeof(spki) || i2d_PUBKEY(key, &p) != n)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
		const struct curve *c = &curves[i];

		if ((size_t)n != c->head_len + 2 * c->n || memcmp(spki, c->head, c->head_len) != 0)
			continue;
		memcpy(point, spki + c->head_len, 2 * c->n);
		return c;
	}
	return NULL;
}

static int put_coordinate(json_object *o, const char *name, const unsigned char *bytes, size_t n)
{
	scoped(mem) char *text = jwe_b64_encode(bytes, n);

	if (text)
		json_put_str(o, name, text);
	return text != NULL;
}

/* The public half of KEY as a JWK (RFC 7518, section 6.2). */
static json_object *jwk_of(EVP_PKEY *key)
{
	scoped(json) json_object *o = json_object_new_object();
	unsigned char point[2 * Z_MAX];
	const struct curve *c = curve_of(key, point);

	if (!o || !c)
		return NULL;
	json_put_str(o, "kty", "EC");
	json_put_str(o, "crv", c->name);
	return put_coordinate(o, "x", point, c->n) && put_coordinate(o, "y", point + c->n, c->n)
		       ? take_ptr(&o)
		       : NULL;
}

/* A coordinate has all the bytes of its field. */
static int get_coordinate(json_object *o, const char *name, size_t n, unsigned char *to,
			  struct err *e)
{
	scoped(mem) unsigned char *bytes = NULL;
	const char *text = json_get_str(o, name);
	size_t got = 0;

	if (!text || jwe_b64_decode(text, &bytes, &got, e) < 0 || got != n)
		return err_set(e, -EBADMSG, "JWE: no valid 'epk'");
	memcpy(to, bytes, n);
	return 0;
}

/* The key that a JWK stands for; libcrypto refuses points that are not on the curve. */
static int key_of(json_object *jwk, EVP_PKEY **ret, struct err *e)
{
	const char *kty = json_get_str(jwk, "kty"), *crv = json_get_str(jwk, "crv");
	unsigned char spki[SPKI_MAX];
	const unsigned char *p = spki;
	const struct curve *c = NULL;

	if (!kty || !crv || strcmp(kty, "EC") != 0)
		return err_set(e, -EBADMSG, "JWE: no valid 'epk'");
	for (size_t i = 0; i < ARRAY_LEN(curves) && !c; i++)
		c = !strcmp(curves[i].name, crv) ? &curves[i] : NULL;
	if (!c)
		return err_set(e, -ENOTSUP, "JWE: a curve that is not known");
	memcpy(spki, c->head, c->head_len);
	if (get_coordinate(jwk, "x", c->n, spki + c->head_len, e) < 0 ||
	    get_coordinate(jwk, "y", c->n, spki + c->head_len + c->n, e) < 0)
		return e->code;
	*ret = d2i_PUBKEY(NULL, &p, (long)(c->head_len + 2 * c->n));
	return *ret ? 0 : err_set(e, -EBADMSG, "JWE: no valid 'epk'");
}

static int agree(EVP_PKEY *own, EVP_PKEY *other, unsigned char z[Z_MAX], size_t *ret_n)
{
	scoped(pkey_ctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(own, NULL);

	*ret_n = Z_MAX;
	return c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, other) == 1 &&
	       EVP_PKEY_derive(c, z, ret_n) == 1;
}

static int add_u32(EVP_MD_CTX *c, size_t v)
{
	unsigned char b[4] = { (unsigned char)(v >> 24), (unsigned char)(v >> 16),
			       (unsigned char)(v >> 8), (unsigned char)v };

	return EVP_DigestUpdate(c, b, sizeof(b)) == 1;
}

static int add_field(EVP_MD_CTX *c, const void *bytes, size_t n)
{
	return add_u32(c, n) && (!n || EVP_DigestUpdate(c, bytes, n) == 1);
}

int jwe_concat_kdf(const unsigned char *z, size_t z_len, const char *alg, const unsigned char *apu,
		   size_t apu_len, const unsigned char *apv, size_t apv_len, unsigned char *ret,
		   size_t len)
{
	scoped(md_ctx) EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char md[EVP_MAX_MD_SIZE];
	int ok = c && len <= KW_BYTES && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 &&
		 add_u32(c, 1) && EVP_DigestUpdate(c, z, z_len) == 1 &&
		 add_field(c, alg, strlen(alg)) && add_field(c, apu, apu_len) &&
		 add_field(c, apv, apv_len) && add_u32(c, len * 8) &&
		 EVP_DigestFinal_ex(c, md, NULL) == 1;

	if (ok)
		memcpy(ret, md, len);
	OPENSSL_cleanse(md, sizeof(md));
	return ok ? 0 : -EIO;
}

/* ---- AES key wrap ---------------------------------------------------------------------------- */

static const struct wrap {
	const char *alg;
	const EVP_CIPHER *(*cipher)(void);
	size_t n;
} wraps[] = {
	{ "ECDH-ES+A256KW", EVP_aes_256_wrap, 32 },
	{ "ECDH-ES+A192KW", EVP_aes_192_wrap, 24 },
	{ "ECDH-ES+A128KW", EVP_aes_128_wrap, 16 },
};

static int aes_wrap(const struct wrap *w, int is_enc, const unsigned char *kek,
		    const unsigned char *in, size_t n, unsigned char *out, size_t *ret_n)
{
	scoped(cipher_ctx) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int k = 0, last = 0;

	if (!c)
		return 0;
	EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_CipherInit_ex(c, w->cipher(), NULL, kek, NULL, is_enc) != 1 ||
	    EVP_CipherUpdate(c, out, &k, in, (int)n) != 1 ||
	    EVP_CipherFinal_ex(c, out + k, &last) != 1)
		return 0;
	*ret_n = (size_t)k + (size_t)last;
	return 1;
}

/* The key that wraps: of ECDH, and the parties' names where they have some. */
static int wrapping_key(const struct wrap *w, EVP_PKEY *own, EVP_PKEY *other,
			const struct jwe_header *h, unsigned char kek[KW_BYTES], struct err *e)
{
	const char *const names[] = { "apu", "apv" };
	json_object *const parties[] = { h ? h->apu : NULL, h ? h->apv : NULL };
	unsigned char *party[2] = { NULL, NULL }, z[Z_MAX];
	scoped(mem) unsigned char *u = NULL;
	scoped(mem) unsigned char *v = NULL;
	size_t n[2] = { 0, 0 }, z_len = 0;
	int ok;

	for (size_t i = 0; i < 2; i++) {
		if (!parties[i])
			continue;
		if (!json_object_is_type(parties[i], json_type_string) ||
		    jwe_b64_decode(json_object_get_string(parties[i]), &party[i], &n[i], e) < 0 ||
		    n[i] > KDF_MAX) {
			free(party[i]);
			free(i ? party[0] : NULL);
			return err_set(e, -EBADMSG, "JWE: no valid '%s'", names[i]);
		}
	}
	u = party[0];
	v = party[1];
	ok = agree(own, other, z, &z_len) &&
	     jwe_concat_kdf(z, z_len, w->alg, u, n[0], v, n[1], kek, w->n) == 0;
	OPENSSL_cleanse(z, sizeof(z));
	return ok ? 0 : err_set(e, -EACCES, "JWE: it is not for this key");
}

static int unwrap_ec(const struct wrap *w, EVP_PKEY *key, const struct jwe_header *h,
		     const unsigned char *wrapped, size_t n, struct secret *ret, struct err *e)
{
	scoped(pkey) EVP_PKEY *other = NULL;
	scoped(secret) struct secret cek = { malloc(CEK_MAX + KW_EXTRA), CEK_MAX + KW_EXTRA };
	unsigned char kek[KW_BYTES];
	int ok;

	if (!cek.bytes)
		return err_errno(e, ENOMEM, "decrypt a JWE");
	if (n > CEK_MAX + KW_EXTRA || n % 8 || n < 2 * KW_EXTRA + 8)
		return err_set(e, -EBADMSG, "JWE: no valid 'encrypted_key'");
	if (EVP_PKEY_base_id(key) != EVP_PKEY_EC)
		return err_set(e, -EACCES, "JWE: it is not for this key");
	if (key_of(h->epk, &other, e) < 0 || wrapping_key(w, key, other, h, kek, e) < 0)
		return e->code;
	ok = aes_wrap(w, 0, kek, wrapped, n, cek.bytes, &cek.n);
	OPENSSL_cleanse(kek, sizeof(kek));
	if (!ok)
		return err_set(e, -EACCES, "JWE: it is not for this key");
	*ret = secret_take(&cek);
	return 0;
}

/* A key of the same curve, for one message. */
static EVP_PKEY *ephemeral(EVP_PKEY *like)
{
	scoped(pkey_ctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(like, NULL);
	EVP_PKEY *key = NULL;

	return c && EVP_PKEY_keygen_init(c) == 1 && EVP_PKEY_keygen(c, &key) == 1 ? key : NULL;
}

static int wrap_ec(EVP_PKEY *key, const unsigned char *cek, size_t n, json_object *header,
		   unsigned char **ret, size_t *ret_n, struct err *e)
{
	const struct wrap *w = &wraps[0];
	scoped(pkey) EVP_PKEY *own = NULL;
	scoped(mem) unsigned char *out = malloc(n + KW_EXTRA + 8);
	unsigned char kek[KW_BYTES], ignored[2 * Z_MAX];
	json_object *epk;
	int ok;

	if (!curve_of(key, ignored))
		return err_set(e, -ENOTSUP,
			       "keys for JWE are of RSA or of the curves P-256, P-384, P-521");
	own = ephemeral(key);
	epk = own ? jwk_of(own) : NULL;
	if (!epk || !out)
		return err_set(e, -EIO, "libcrypto failed");
	json_put_str(header, "alg", w->alg);
	json_put(header, "epk", epk);
	if (wrapping_key(w, own, key, NULL, kek, e) < 0)
		return e->code;
	ok = aes_wrap(w, 1, kek, cek, n, out, ret_n);
	OPENSSL_cleanse(kek, sizeof(kek));
	if (!ok)
		return err_set(e, -EIO, "libcrypto failed");
	*ret = take_ptr(&out);
	return 0;
}

/* ---- RSA ------------------------------------------------------------------------------------- */

static int wrap_rsa(EVP_PKEY *key, const unsigned char *cek, size_t n, json_object *header,
		    unsigned char **ret, size_t *ret_n, struct err *e)
{
	json_put_str(header, "alg", "RSA-OAEP");
	return pkey_rsa_encrypt(key, EVP_sha1(), cek, n, ret, ret_n, e);
}

static int unwrap_rsa(const EVP_MD *md, EVP_PKEY *key, const unsigned char *wrapped, size_t n,
		      struct secret *ret, struct err *e)
{
	return pkey_rsa_decrypt(key, md, wrapped, n, ret, e) < 0 ? err_in(e, "JWE") : 0;
}

int jwe_key_wrap(EVP_PKEY *key, const unsigned char *cek, size_t n, json_object *header,
		 unsigned char **ret, size_t *ret_n, struct err *e)
{
	return EVP_PKEY_base_id(key) == EVP_PKEY_RSA ? wrap_rsa(key, cek, n, header, ret, ret_n, e)
						     : wrap_ec(key, cek, n, header, ret, ret_n, e);
}

int jwe_key_unwrap(EVP_PKEY *key, const struct jwe_header *h, const unsigned char *wrapped,
		   size_t n, struct secret *ret, struct err *e)
{
	if (!strcmp(h->alg, "RSA-OAEP"))
		return unwrap_rsa(EVP_sha1(), key, wrapped, n, ret, e);
	if (!strcmp(h->alg, "RSA-OAEP-256"))
		return unwrap_rsa(EVP_sha256(), key, wrapped, n, ret, e);
	for (size_t i = 0; i < ARRAY_LEN(wraps); i++)
		if (!strcmp(wraps[i].alg, h->alg))
			return unwrap_ec(&wraps[i], key, h, wrapped, n, ret, e);
	return err_set(e, -ENOTSUP, "JWE: an 'alg' that is not known");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pkcs7.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/rand.h>
#include <string.h>

#include "src/image/aes_gcm.h"

#define KEY_BYTES      16
#define RECIPIENTS_MAX 64

DEFINE_SCOPED(pkcs7, PKCS7 *, PKCS7_free);

X509 *pkcs7_certificate(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	X509 *cert = d2i_X509(NULL, &p, (long)n);
	BIO *in = cert ? NULL : BIO_new_mem_buf(bytes, (int)n);

	if (!cert && in)
		cert = PEM_read_bio_X509(in, NULL, NULL, NULL);
	(void)BIO_free(in); /* fails for NULL only */
	ERR_clear_error();
	return cert;
}

static int failed(struct err *e)
{
	return err_set(e, -EIO, "libcrypto failed");
}

/* ---- writing --------------------------------------------------------------------------------- */

static int add_recipient(PKCS7 *p, X509 *cert, const unsigned char *cek, struct err *e)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	scoped(mem) unsigned char *wrapped = NULL;
	PKCS7_RECIP_INFO *r;
	size_t n = 0;

	if (!key || EVP_PKEY_base_id(key) != EVP_PKEY_RSA)
		return err_set(e, -ENOTSUP, "certificates for PKCS #7 have keys of RSA");
	if (pkey_rsa_encrypt(key, NULL, cek, KEY_BYTES, &wrapped, &n, e) < 0)
		return e->code;
	r = PKCS7_add_recipient(p, cert);
	return r && ASN1_OCTET_STRING_set(r->enc_key, wrapped, (int)n) == 1 ? 0 : failed(e);
}

/* SEQUENCE { SEQUENCE { [4] nonce, INTEGER bytes of the tag } }: one SEQUENCE and the tag are
 * ocicrypt's own. */
static int set_algorithm(X509_ALGOR *a, const unsigned char iv[GCM_IV])
{
	unsigned char der[] = { 0x30,	2 + 2 + GCM_IV + 3,
				0x30,	2 + GCM_IV + 3,
				0x84,	GCM_IV,
				0,	0,
				0,	0,
				0,	0,
				0,	0,
				0,	0,
				0,	0,
				0x02,	1,
				GCM_TAG };
	ASN1_STRING *s = ASN1_STRING_new();

	memcpy(der + 6, iv, GCM_IV);
	if (s && ASN1_STRING_set(s, der, sizeof(der)) == 1 &&
	    X509_ALGOR_set0(a, OBJ_nid2obj(NID_aes_128_gcm), V_ASN1_SEQUENCE, s) == 1)
		return 1;
	ASN1_STRING_free(s);
	return 0;
}

static int set_content(PKCS7_ENC_CONTENT *c, const unsigned char *cek, const void *plain, size_t n,
		       struct err *e)
{
	scoped(mem) unsigned char *out = malloc(n + GCM_TAG);
	unsigned char iv[GCM_IV];

	if (!out)
		return err_errno(e, ENOMEM, "encrypt a layer");
	c->enc_data = ASN1_OCTET_STRING_new();
	return c->enc_data && RAND_bytes(iv, sizeof(iv)) == 1 &&
			       aes_gcm_seal(cek, KEY_BYTES, iv, "", plain, n, out, out + n) == 0 &&
			       set_algorithm(c->algorithm, iv) &&
			       ASN1_OCTET_STRING_set(c->enc_data, out, (int)(n + GCM_TAG)) == 1
		       ? 0
		       : failed(e);
}

int pkcs7_encrypt(X509 *const *certs, size_t n_certs, const void *plain, size_t n,
		  unsigned char **ret, size_t *ret_n, struct err *e)
{
	scoped(pkcs7) PKCS7 *p = PKCS7_new();
	scoped(secret) struct secret cek = { malloc(KEY_BYTES), KEY_BYTES };
	unsigned char *der = NULL;
	int len;

	if (!p || !cek.bytes || PKCS7_set_type(p, NID_pkcs7_enveloped) != 1 ||
	    RAND_priv_bytes(cek.bytes, KEY_BYTES) != 1)
		return failed(e);
	for (size_t i = 0; i < n_certs; i++)
		if (add_recipient(p, certs[i], cek.bytes, e) < 0)
			return e->code;
	if (set_content(p->d.enveloped->enc_data, cek.bytes, plain, n, e) < 0)
		return e->code;
	len = i2d_PKCS7(p, &der);
	if (len <= 0)
		return failed(e);
	*ret = malloc((size_t)len);
	if (*ret)
		memcpy(*ret, der, (size_t)len);
	OPENSSL_free(der);
	*ret_n = (size_t)len;
	return *ret ? 0 : err_errno(e, ENOMEM, "encrypt a layer");
}

/* ---- reading --------------------------------------------------------------------------------- */

static int broken(struct err *e)
{
	return err_set(e, -EBADMSG, "it is no enveloped data of PKCS #7");
}

/* What the content is encrypted with. */
struct content {
	const unsigned char *iv, *text;
	size_t n, key_len; /* of TEXT without the tag behind it */
};

/* The nonce in the parameters: SEQUENCE { OCTET STRING or [4], INTEGER of the tag's bytes }, maybe
 * in one more SEQUENCE. */
static const unsigned char *nonce_of(const X509_ALGOR *a)
{
	const ASN1_TYPE *t = a->parameter;
	const unsigned char *p;
	int n;

	if (!t || t->type != V_ASN1_SEQUENCE || !t->value.sequence)
		return NULL;
	p = t->value.sequence->data;
	n = t->value.sequence->length;
	if (n > 4 && p[0] == 0x30 && p[1] == n - 2 && p[2] == 0x30) {
		p += 2;
		n -= 2;
	}
	if (n != 2 + 2 + GCM_IV + 3 || p[0] != 0x30 || p[1] != n - 2 ||
	    (p[2] != 0x84 && p[2] != 0x04) || p[3] != GCM_IV)
		return NULL;
	return p[16] == 0x02 && p[17] == 1 && p[18] == GCM_TAG ? p + 4 : NULL;
}

/* ocicrypt says that the SEQUENCE behind the algorithm's OID is a primitive type: there is none,
 * and libcrypto would refuse it. */
static PKCS7 *parse(const void *der, size_t n)
{
	static const unsigned char oid[] = { 0x06, 0x09, 0x60, 0x86, 0x48,
					     0x01, 0x65, 0x03, 0x04, 0x01 };
	scoped(mem) unsigned char *copy = n > PKCS7_MAX ? NULL : malloc(n + 1);
	const unsigned char *p = copy;
	unsigned char *at;
	PKCS7 *ret;

	if (!copy)
		return NULL;
	memcpy(copy, der, n);
	at = memmem(copy, n, oid, sizeof(oid));
	if (at && (size_t)(at - copy) + sizeof(oid) + 1 < n && at[sizeof(oid) + 1] == 0x10)
		at[sizeof(oid) + 1] = 0x30;
	ret = d2i_PKCS7(NULL, &p, (long)n);
	ERR_clear_error();
	return ret;
}

static int read_content(const PKCS7_ENC_CONTENT *c, struct content *ret, struct err *e)
{
	static const struct {
		int nid;
		size_t key_len;
	} rows[] = { { NID_aes_128_gcm, 16 }, { NID_aes_192_gcm, 24 }, { NID_aes_256_gcm, 32 } };
	int nid = c && c->algorithm ? OBJ_obj2nid(c->algorithm->algorithm) : NID_undef;

	if (!c || !c->enc_data || c->enc_data->length < GCM_TAG)
		return broken(e);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].nid == nid)
			ret->key_len = rows[i].key_len;
	if (!ret->key_len)
		return err_set(e, -ENOTSUP, "PKCS #7: a cipher that is not known");
	ret->iv = nonce_of(c->algorithm);
	ret->text = c->enc_data->data;
	ret->n = (size_t)c->enc_data->length - GCM_TAG;
	return ret->iv ? 0 : broken(e);
}

static int try_recipient(const PKCS7_RECIP_INFO *r, const struct content *c, EVP_PKEY *key,
			 struct secret *ret, struct err *e)
{
	scoped(secret) struct secret cek = { 0 };

	if (!r->enc_key || r->enc_key->length <= 0 ||
	    OBJ_obj2nid(r->key_enc_algor->algorithm) != NID_rsaEncryption ||
	    pkey_rsa_decrypt(key, NULL, r->enc_key->data, (size_t)r->enc_key->length, &cek, e) <
		    0 ||
	    cek.n != c->key_len ||
	    aes_gcm_open(cek.bytes, cek.n, c->iv, "", c->text, c->n, c->text + c->n, ret) < 0)
		return err_set(e, -EACCES, "PKCS #7: it is not for this key");
	return 0;
}

int pkcs7_decrypt(const void *der, size_t n, EVP_PKEY *key, struct secret *ret, struct err *e)
{
	scoped(pkcs7) PKCS7 *p = parse(der, n);
	struct content c = { 0 };
	int rc = -EACCES;

	if (!p || !PKCS7_type_is_enveloped(p) || !p->d.enveloped ||
	    sk_PKCS7_RECIP_INFO_num(p->d.enveloped->recipientinfo) < 1 ||
	    sk_PKCS7_RECIP_INFO_num(p->d.enveloped->recipientinfo) > RECIPIENTS_MAX)
		return broken(e);
	if (read_content(p->d.enveloped->enc_data, &c, e) < 0)
		return e->code;
	for (int i = 0; rc < 0 && i < sk_PKCS7_RECIP_INFO_num(p->d.enveloped->recipientinfo); i++)
		rc = try_recipient(sk_PKCS7_RECIP_INFO_value(p->d.enveloped->recipientinfo, i), &c,
				   key, ret, e);
	ERR_clear_error();
	if (rc == 0)
		err_clear(e);
	return rc;
}

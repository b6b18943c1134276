/* SPDX-License-Identifier: Apache-2.0 */
/* Every requirement must hold; a requirement for signatures holds when one signature is by one of
 * its keys, and says this manifest and an acceptable name. */
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/pull_protocol.h"
#include "src/image/signature.h"
#include "src/image/trust_role.h"
#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define KEY_MAX (4 << 20)

struct signatures {
	struct strbuf *list; /* the blobs */
	size_t n;
};
struct subject {
	const char *digest;
	const struct reference *name; /* or NULL */
	struct signatures all;
};

static void scoped_signatures(struct signatures *s)
{
	for (size_t i = 0; i < s->n; i++)
		strbuf_done(&s->list[i]);
	free(s->list);
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Key number K of R, as it lies in its file. */
static int read_key(const struct requirement *r, size_t k, char **ret, size_t *ret_len,
		    struct err *e)
{
	size_t paths = strv_len(r->key_paths);
	unsigned char *bytes = NULL;

	if (k < paths) {
		if (path_read(AT_FDCWD, r->key_paths[k], KEY_MAX, ret, ret_len, e) < 0)
			return err_in(e, "key %s", r->key_paths[k]);
		return 0;
	}
	if (base64_decode(r->key_data[k - paths], strlen(r->key_data[k - paths]), &bytes, ret_len,
			  e) < 0)
		return err_in(e, "keyData");
	*ret = (char *)bytes;
	return 0;
}

static size_t n_keys(const struct requirement *r)
{
	return strv_len(r->key_paths) + strv_len(r->key_data);
}

/* All keys of R in one keyring. */
static int make_keyring(const struct requirement *r, struct strbuf *ret, struct err *e)
{
	for (size_t k = 0; k < n_keys(r); k++) {
		scoped(mem) char *text = NULL;
		scoped(mem) unsigned char *bytes = NULL;
		size_t len = 0, n = 0;

		if (read_key(r, k, &text, &len, e) < 0 ||
		    keys_dearmor(text, len, &bytes, &n, e) < 0)
			return e->code;
		if (strbuf_add(ret, bytes, n) < 0)
			return err_errno(e, ret->failed, "read keys");
	}
	return 0;
}

static void pkey_free(EVP_PKEY *k)
{
	EVP_PKEY_free(k);
}
static void md_free(EVP_MD_CTX *c)
{
	EVP_MD_CTX_free(c);
}
static void bio_free(BIO *b)
{
	(void)BIO_free(b); /* of memory: cannot fail */
}
DEFINE_SCOPED(pkey, EVP_PKEY *, pkey_free);
DEFINE_SCOPED(md, EVP_MD_CTX *, md_free);
DEFINE_SCOPED(bio, BIO *, bio_free);

int trust_check_key(const char *pem, size_t pem_len, const void *payload, size_t payload_len,
		    const unsigned char *signature, size_t signature_len, struct err *e)
{
	scoped(bio) BIO *in = BIO_new_mem_buf(pem, (int)pem_len);
	scoped(pkey) EVP_PKEY *key = in ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
	scoped(md) EVP_MD_CTX *c = EVP_MD_CTX_new();
	const EVP_MD *md;

	if (!key || !c)
		return err_set(e, -EBADMSG, "it is no public key in PEM");
	md = EVP_PKEY_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
	if (EVP_DigestVerifyInit(c, NULL, md, NULL, key) != 1)
		return err_set(e, -EBADMSG, "the key cannot be used");
	if (EVP_DigestVerify(c, signature, signature_len, payload, payload_len) != 1)
		return err_set(e, -EACCES, "cryptographic signature verification failed");
	return 0;
}

/* ---- one signature --------------------------------------------------------------------------- */

static int check_payload(const struct subject *s, const struct requirement *r, const char *bytes,
			 size_t n, enum payload_type type, struct err *e)
{
	scoped(payload) struct payload p = { 0 };

	if (payload_parse(bytes, n, type, &p, e) < 0)
		return e->code;
	if (strcmp(p.digest, s->digest) != 0)
		return err_set(e, -EACCES, "Signature for docker digest %s does not match",
			       p.digest);
	return identity_matches(r, s->name, p.name, e) ? 0 : -EACCES;
}

static int check_gpg(const struct subject *s, const struct requirement *r,
		     const struct strbuf *keyring, const struct strbuf *blob, struct err *e)
{
	scoped(mem) char *payload = NULL;
	size_t n = 0;

	if (signature_is_sigstore(blob->s, blob->len))
		return err_set(e, -EACCES, "it is one of sigstore's");
	if (trust_gpgv(blob->s, blob->len, (const unsigned char *)keyring->s, keyring->len,
		       &payload, &n, e) < 0)
		return e->code;
	return check_payload(s, r, payload, n, PAYLOAD_GPG, e);
}

static int check_sigstore(const struct subject *s, const struct requirement *r,
			  const struct strbuf *blob, struct err *e)
{
	scoped(sigstore) struct sigstore sig = { 0 };
	int rc = -EACCES;

	if (!signature_is_sigstore(blob->s, blob->len))
		return err_set(e, -EACCES, "it is none of sigstore's");
	if (sigstore_parse(blob->s, blob->len, &sig, e) < 0)
		return e->code;
	for (size_t k = 0; k < n_keys(r) && rc < 0; k++) {
		scoped(mem) char *pem = NULL;
		size_t n = 0;

		err_clear(e);
		if (read_key(r, k, &pem, &n, e) < 0)
			return e->code;
		rc = trust_check_key(pem, n, sig.payload, sig.payload_len, sig.signature,
				     sig.signature_len, e);
	}
	return rc < 0 ? rc : check_payload(s, r, sig.payload, sig.payload_len, PAYLOAD_SIGSTORE, e);
}

/* ---- requirements ---------------------------------------------------------------------------- */

static int check_signed(const struct subject *s, const struct requirement *r, struct err *e)
{
	scoped(strbuf) struct strbuf keyring = STRBUF_INIT;
	scoped(strbuf) struct strbuf reasons = STRBUF_INIT;
	scoped(mem) char *hint = NULL;

	if (!s->all.n)
		return err_set(e, -EACCES, "A signature was required, but no signature exists");
	if (r->kind == REQUIRE_GPG && make_keyring(r, &keyring, e) < 0)
		return e->code;
	for (size_t i = 0; i < s->all.n; i++) {
		struct err why = { 0 };
		int rc = r->kind == REQUIRE_GPG ? check_gpg(s, r, &keyring, &s->all.list[i], &why)
						: check_sigstore(s, r, &s->all.list[i], &why);

		if (rc >= 0)
			return 0;
		if (why.hint[0] && !hint) /* the host lacks something */
			hint = strdup(why.hint);
		(void)strbuf_printf(&reasons, "%s%.300s", reasons.len ? "; " : "", why.text);
	}
	(void)err_set(e, -EACCES, "%s%s",
		      s->all.n > 1 ? "None of the signatures were accepted, reasons: " : "",
		      reasons.s ? reasons.s : "");
	return hint ? err_hint(e, "%s", hint) : e->code;
}

static int check_requirement(const struct subject *s, json_object *o, struct err *e)
{
	scoped(requirement) struct requirement r = { 0 };

	if (requirement_parse(o, &r, e) < 0)
		return e->code;
	switch (r.kind) {
	case REQUIRE_NOTHING:
		return 0;
	case REQUIRE_REJECTION:
		return err_set(e, -EACCES, "it is rejected by policy");
	case REQUIRE_GPG:
	case REQUIRE_SIGSTORE:
		break;
	}
	return check_signed(s, &r, e);
}

static int read_signatures(struct signatures *ret, size_t n, struct err *e)
{
	if (n > SIGNATURES_MAX)
		return err_set(e, -E2BIG, "more than %d signatures", SIGNATURES_MAX);
	ret->list = calloc(n + 1, sizeof(*ret->list));
	if (!ret->list)
		return err_errno(e, ENOMEM, "read signatures");
	for (; ret->n < n; ret->n++) {
		scoped(mem) char *bytes = NULL;
		char name[32];
		size_t len = 0;

		(void)snprintf(name, sizeof(name), SIGNATURE_FILE, ret->n + 1);
		if (path_read(PULL_DIR_FD, name, SIGNATURE_MAX, &bytes, &len, e) < 0)
			return e->code;
		if (strbuf_add(&ret->list[ret->n], bytes, len) < 0)
			return err_errno(e, ENOMEM, "read signatures");
	}
	return 0;
}

int trust_verify(json_object *m, struct err *e)
{
	__attribute__((cleanup(scoped_signatures))) struct signatures all = { 0 };
	scoped(json) json_object *requirements = NULL;
	scoped(reference) struct reference name = { 0 };
	scoped(mem) char *text = NULL;
	const char *digest = json_get_str(m, "digest"), *reference = json_get_str(m, "reference");
	int64_t n = json_get_int(m, "signatures", -1);
	size_t len = 0;

	if (!digest || !digest_is_valid(digest) || !reference || n < 0)
		return err_set(e, -EBADMSG, "trust: unexpected message");
	if (path_read(PULL_DIR_FD, TRUST_REQUIREMENTS, POLICY_MAX, &text, &len, e) < 0 ||
	    json_parse(text, len, &requirements, e) < 0 ||
	    read_signatures(&all, (size_t)n, e) < 0 ||
	    (*reference && reference_parse(reference, &name, e) < 0))
		return e->code;
	if (!json_len(requirements))
		return err_set(e, -EBADMSG, "trust: unexpected message");
	struct subject s = { .digest = digest, .name = *reference ? &name : NULL, .all = all };
	for (size_t i = 0; i < json_len(requirements); i++)
		if (check_requirement(&s, json_object_array_get_idx(requirements, i), e) < 0)
			return e->code;
	return pull_send(PULL_SOCKET_FD, pull_message("done"), e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/signature.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

#define TYPE_GPG      "atomic container signature"
#define TYPE_SIGSTORE "cosign container image signature"
#define ARMOR_BEGIN   "-----BEGIN PGP PUBLIC KEY BLOCK-----"
#define ARMOR_END     "-----END PGP PUBLIC KEY BLOCK-----"

/* ---- payloads -------------------------------------------------------------------------------- */

static int check_members(json_object *o, const char *where, const char *known, struct err *e)
{
	if (!json_object_is_type(o, json_type_object))
		return err_set(e, -EBADMSG, "invalid signature: '%s' is no object", where);
	json_object_object_foreach(o, name, value)
	{
		(void)value;
		if (!str_in_words(name, strlen(name), known))
			return err_set(e, -EBADMSG, "invalid signature: unknown key \"%.100s\"",
				       name);
	}
	return 0;
}

void payload_done(struct payload *p)
{
	free(p->name);
	*p = (struct payload){ 0 };
}

static int read_payload(json_object *o, enum payload_type type, struct payload *ret, struct err *e)
{
	const char *wanted = type == PAYLOAD_GPG ? TYPE_GPG : TYPE_SIGSTORE;
	json_object *critical = json_get(o, "critical"), *image = json_get(critical, "image");
	json_object *identity = json_get(critical, "identity"), *optional = json_get(o, "optional");
	const char *is = json_get_str(critical, "type"),
		   *digest = json_get_str(image, "docker-manifest-digest"),
		   *name = json_get_str(identity, "docker-reference");

	if (check_members(o, "", "critical|optional", e) < 0 ||
	    check_members(critical, "critical", "type|image|identity", e) < 0 ||
	    check_members(image, "image", "docker-manifest-digest", e) < 0 ||
	    check_members(identity, "identity", "docker-reference", e) < 0)
		return e->code;
	/* Both have it; sigstore's may be null. */
	if (optional ? !json_object_is_type(optional, json_type_object) : type == PAYLOAD_GPG)
		return err_set(e, -EBADMSG, "invalid signature: 'optional' is no object");
	if (!is || strcmp(is, wanted) != 0)
		return err_set(e, -EBADMSG, "invalid signature: type \"%.100s\"", is ? is : "");
	if (!digest || !digest_is_valid(digest) || !name || !*name)
		return err_set(e, -EBADMSG, "invalid signature: digest or name are broken");
	(void)stpcpy(ret->digest, digest); /* valid, so it fits */
	ret->name = strdup(name);
	return ret->name ? 0 : err_errno(e, ENOMEM, "read a signature");
}

int payload_parse(const char *bytes, size_t n, enum payload_type type, struct payload *ret,
		  struct err *e)
{
	scoped(json) json_object *o = NULL;

	if (json_parse(bytes, n, &o, e) < 0)
		return err_in(e, "invalid signature");
	return read_payload(o, type, ret, e);
}

char *payload_make(const char *digest, const char *name, enum payload_type type, long long now)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *critical = json_object_new_object(), *image = json_object_new_object(),
		    *identity = json_object_new_object(), *optional = json_object_new_object();

	json_put_str(image, "docker-manifest-digest", digest);
	json_put_str(identity, "docker-reference", name);
	json_put(critical, "identity", identity);
	json_put(critical, "image", image);
	json_put_str(critical, "type", type == PAYLOAD_GPG ? TYPE_GPG : TYPE_SIGSTORE);
	json_put_str(optional, "creator", PACKAGE_NAME " " PACKAGE_VERSION);
	json_put_int(optional, "timestamp", now);
	json_put(o, "critical", critical);
	json_put(o, "optional", optional);
	return json_text(o);
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* One armoured block between BODY and END: headers, an empty line, base64, "=CRC". */
static int add_block(struct strbuf *b, const char *body, const char *end, struct err *e)
{
	scoped(mem) unsigned char *bytes = NULL;
	scoped(strbuf) struct strbuf text = STRBUF_INIT;
	int in_headers = 1;
	size_t n = 0;

	for (const char *line = memchr(body, '\n', (size_t)(end - body)); line;
	     line = memchr(line, '\n', (size_t)(end - line))) {
		size_t len = 0;

		for (line++; line + len < end && line[len] != '\n'; len++)
			;
		in_headers = in_headers && memchr(line, ':', len);
		if (in_headers)
			continue;
		if (len && line[0] == '=')
			break; /* the CRC-24: signatures are checked, transmission is not */
		if (strbuf_add(&text, line, len) < 0)
			return err_errno(e, text.failed, "read a key");
	}
	if (base64_decode(text.s ? text.s : "", text.len, &bytes, &n, e) < 0)
		return err_in(e, "a key's armour is broken");
	return strbuf_add(b, bytes, n) < 0 ? err_errno(e, b->failed, "read a key") : 0;
}

int keys_dearmor(const char *bytes, size_t n, unsigned char **ret, size_t *ret_len, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	const char *p = memmem(bytes, n, ARMOR_BEGIN, strlen(ARMOR_BEGIN)), *end = bytes + n;

	if (!p && strbuf_add(&b, bytes, n) < 0)
		return err_errno(e, b.failed, "read a key");
	while (p) {
		const char *body = p + strlen(ARMOR_BEGIN);
		const char *stop = memmem(body, (size_t)(end - body), ARMOR_END, strlen(ARMOR_END));

		if (!stop)
			return err_set(e, -EBADMSG, "a key's armour has no end");
		if (add_block(&b, body, stop, e) < 0)
			return e->code;
		p = memmem(stop, (size_t)(end - stop), ARMOR_BEGIN, strlen(ARMOR_BEGIN));
	}
	if (!b.len)
		return err_set(e, -EBADMSG, "there is no key");
	*ret_len = b.len;
	*ret = (unsigned char *)strbuf_take(&b);
	return *ret ? 0 : err_errno(e, ENOMEM, "read a key");
}

/* ---- sigstore -------------------------------------------------------------------------------- */

int signature_is_sigstore(const char *bytes, size_t n)
{
	return n >= SIGSTORE_MAGIC_LEN && !memcmp(bytes, SIGSTORE_MAGIC, SIGSTORE_MAGIC_LEN);
}

void sigstore_done(struct sigstore *s)
{
	free(s->payload);
	free(s->signature);
	*s = (struct sigstore){ 0 };
}

static int read_sigstore(const char *bytes, size_t n, struct sigstore *s, struct err *e)
{
	scoped(json) json_object *o = NULL;
	const char *type, *payload, *signature;
	unsigned char *plain = NULL;

	if (!signature_is_sigstore(bytes, n))
		return err_set(e, -EBADMSG, "it is no signature of sigstore's");
	if (json_parse(bytes + SIGSTORE_MAGIC_LEN, n - SIGSTORE_MAGIC_LEN, &o, e) < 0)
		return err_in(e, "invalid signature");
	type = json_get_str(o, "mimeType");
	payload = json_get_str(o, "payload");
	signature = json_get_str(json_get(o, "annotations"), SIGSTORE_ANNOTATION);
	if (!type || strcmp(type, SIGSTORE_MEDIA_TYPE) != 0 || !payload || !signature)
		return err_set(e, -EBADMSG,
			       "invalid signature: type, payload or annotation " SIGSTORE_ANNOTATION
			       " is missing");
	if (base64_decode(payload, strlen(payload), &plain, &s->payload_len, e) < 0)
		return err_in(e, "invalid signature: payload");
	s->payload = (char *)plain;
	if (base64_decode(signature, strlen(signature), &s->signature, &s->signature_len, e) < 0)
		return err_in(e, "invalid signature");
	return 0;
}

int sigstore_parse(const char *bytes, size_t n, struct sigstore *ret, struct err *e)
{
	struct sigstore s = { 0 };

	if (read_sigstore(bytes, n, &s, e) < 0) {
		sigstore_done(&s);
		return e->code;
	}
	*ret = s;
	return 0;
}

char *sigstore_make(const char *payload, const char *signature, size_t *ret_len)
{
	scoped(json) json_object *o = json_object_new_object();
	scoped(mem) char *coded = base64_encode(payload, strlen(payload));
	json_object *annotations = json_object_new_object();
	scoped(mem) char *text = NULL;
	char *blob;

	json_put_str(annotations, SIGSTORE_ANNOTATION, signature);
	json_put_str(o, "mimeType", SIGSTORE_MEDIA_TYPE);
	json_put_str(o, "payload", coded);
	json_put(o, "annotations", annotations);
	text = coded ? json_text(o) : NULL;
	blob = text ? malloc(SIGSTORE_MAGIC_LEN + strlen(text) + 1) : NULL;
	if (!blob)
		return NULL;
	memcpy(blob, SIGSTORE_MAGIC, SIGSTORE_MAGIC_LEN);
	memcpy(blob + SIGSTORE_MAGIC_LEN, text, strlen(text) + 1);
	*ret_len = SIGSTORE_MAGIC_LEN + strlen(text);
	return blob;
}

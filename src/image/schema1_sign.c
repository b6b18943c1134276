/* SPDX-License-Identifier: Apache-2.0 */
/* The signature of a manifest of schema 1: a JWS in the form that libtrust has for documents that
 * stay readable.  The key is the role's. */
#include <string.h>
#include <time.h>

#include "src/image/pull_call.h"
#include "src/image/pull_protocol.h"
#include "src/image/schema1.h"
#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* {"formatLength":N,"formatTail":...,"time":...}: how the payload is found in the signed document.
 * Owned, as base64. */
static char *make_protected(const char *payload, size_t len, size_t n)
{
	scoped(mem) char *tail = base64url_encode(payload + len, n - len);
	scoped(mem) char *text = NULL;
	time_t now = time(NULL);
	struct tm tm;
	char when[32];

	if (!tail || !gmtime_r(&now, &tm) ||
	    !strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return NULL;
	text = str_printf("{\"formatLength\":%zu,\"formatTail\":\"%s\",\"time\":\"%s\"}", len, tail,
			  when);
	return text ? base64url_encode(text, strlen(text)) : NULL;
}

/* The role signs the digest of what a JWS is about: *RET, its answer. */
static int ask_role(const char *protected, const char *payload, size_t n, json_object **ret,
		    struct err *e)
{
	__attribute__((cleanup(scoped_pull_call))) struct pull_call c = PULL_CALL_NONE;
	scoped(mem) char *body = base64url_encode(payload, n);
	scoped(mem) char *all = body ? str_printf("%s.%s", protected, body) : NULL;
	char digest[SHA256_TEXT_LEN];
	json_object *m;

	if (!all)
		return err_errno(e, ENOMEM, "sign a manifest");
	sha256_text(all, strlen(all), digest);
	m = pull_message("jws");
	json_put_str(m, "digest", digest);
	if (pull_call_start_role(&c, "cove-trust", -EBADF, -EBADF, e) < 0) {
		json_free(m);
		return e->code;
	}
	return pull_send(c.socket_fd, m, e) < 0 || pull_call_receive(&c, ret, e) < 0 ? e->code : 0;
}

int schema1_sign(const char *payload, size_t n, char **ret, struct err *e)
{
	static const char *const wanted[] = { "kid", "x", "y", "signature" };
	scoped(json) json_object *answer = NULL;
	scoped(mem) char *protected = NULL;
	size_t end = n, len;

	while (end && is_space(payload[end - 1]))
		end--;
	if (!end || payload[end - 1] != '}')
		return err_set(e, -EBADMSG, "the manifest is no object");
	for (len = end - 1; len && is_space(payload[len - 1]);)
		len--;
	protected = make_protected(payload, len, n);
	if (!protected)
		return err_errno(e, ENOMEM, "sign a manifest");
	if (ask_role(protected, payload, n, &answer, e) < 0)
		return err_in(e, "sign a manifest");
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!json_get_str(answer, wanted[i]))
			return err_set(e, -EBADMSG, "trust: unexpected message");
	*ret = str_printf("%.*s,\"signatures\":[{\"header\":{\"jwk\":{\"crv\":\"P-256\",\"kid\":"
			  "\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"},\"alg\":\"ES256\"},"
			  "\"signature\":\"%s\",\"protected\":\"%s\"}]}",
			  (int)len, payload, json_get_str(answer, "kid"), json_get_str(answer, "x"),
			  json_get_str(answer, "y"), json_get_str(answer, "signature"), protected);
	return *ret ? 0 : err_errno(e, ENOMEM, "sign a manifest");
}

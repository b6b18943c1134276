/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/registry_error.h"

#include <ctype.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/names.h"

#define TEXT_MAX 400

/* X509_V_ERR_* of openssl/x509_vfy.h: a chain that ends in nobody we know. */
static int is_unknown_authority(long verify)
{
	return (verify >= 18 && verify <= 21) || verify == 2;
}

/* "MANIFEST_UNKNOWN" -> "manifest unknown" */
static void add_code(struct strbuf *b, const char *code)
{
	for (; *code; code++)
		(void)strbuf_putc(b, *code == '_' ? ' ' : (char)tolower((unsigned char)*code));
}

/* The first error of the body: 1 when there was one. */
static int add_first_error(const char *body, size_t n, struct strbuf *b)
{
	scoped(json) json_object *doc = NULL;
	struct err ignored = { 0 };
	json_object *first;
	const char *code, *message;

	if (!n || json_parse(body, n, &doc, &ignored) < 0)
		return 0;
	first = json_get(doc, "errors");
	first = json_object_is_type(first, json_type_array) ? json_object_array_get_idx(first, 0)
							    : NULL;
	code = json_get_str(first, "code");
	message = json_get_str(first, "message");
	if (!code || !*code)
		return 0;
	add_code(b, code);
	if (message && *message)
		(void)strbuf_printf(b, ": %s", message);
	return 1;
}

void registry_error_text(long status, const char *body, size_t n, struct strbuf *text)
{
	scoped(strbuf) struct strbuf raw = STRBUF_INIT;

	if (!add_first_error(body, n, &raw)) {
		if (status == 401)
			(void)strbuf_puts(&raw, "unauthorized: authentication required");
		else if (status == 429)
			(void)strbuf_puts(&raw, "toomanyrequests: too many requests to registry");
		else
			(void)strbuf_printf(&raw, "unexpected HTTP status %ld", status);
	}
	if (raw.len > TEXT_MAX)
		raw.s[TEXT_MAX] = '\0';
	if (raw.s)
		(void)name_escape(text, raw.s);
}

int registry_error(const struct http_transfer *t, struct err *e)
{
	scoped(strbuf) struct strbuf text = STRBUF_INIT;
	int code = t->status >= 500 ? -EIO : -EPROTO;

	registry_error_text(t->status, t->body.s ? t->body.s : "", t->body.len, &text);
	if (t->status == 404)
		code = -ENOENT;
	else if (t->status == 401 || t->status == 403)
		code = -EACCES;
	else if (t->status == 429)
		code = -EAGAIN;
	return err_set(e, code, "%s", text.s ? text.s : "");
}

int registry_speaks_plain_http(const struct http_transfer *t)
{
	return t->result == CURLE_SSL_CONNECT_ERROR &&
	       (strstr(t->errbuf, "wrong version number") ||
		strstr(t->errbuf, "packet length too long") || strstr(t->errbuf, "http request"));
}

/* "https://host:port/v2/", as a ping would have asked for. */
static size_t url_base_len(const char *url)
{
	const char *v2 = strstr(url, "/v2/");

	return v2 ? (size_t)(v2 - url) + 4 : strlen(url);
}

static const char *lower_first(char *buf, size_t n, const char *s)
{
	(void)snprintf(buf, n, "%s", s);
	buf[0] = (char)tolower((unsigned char)buf[0]);
	return buf;
}

void registry_wire_error(const struct http_transfer *t, const char *host, const char *url,
			 int contacted, struct err *e)
{
	scoped(strbuf) struct strbuf base = STRBUF_INIT;
	scoped(strbuf) struct strbuf shown_url = STRBUF_INIT;
	scoped(strbuf) struct strbuf why = STRBUF_INIT;
	long os = 0, verify = 0;
	char buf[128];
	int code = -EIO;

	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os);
	(void)curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &verify);
	if (registry_speaks_plain_http(t)) {
		(void)strbuf_puts(&why, "http: server gave HTTP response to HTTPS client");
		code = -EPROTO;
	} else if (t->result == CURLE_COULDNT_CONNECT && os) {
		(void)strbuf_printf(&why, "dial tcp %s: connect: %s", host,
				    lower_first(buf, sizeof(buf), strerror((int)os)));
		code = -(int)os;
	} else if (t->result == CURLE_COULDNT_RESOLVE_HOST) {
		(void)strbuf_printf(&why, "dial tcp: lookup %.*s: no such host",
				    (int)strcspn(host, ":"), host);
		code = -EHOSTUNREACH;
	} else if (t->result == CURLE_PEER_FAILED_VERIFICATION && is_unknown_authority(verify)) {
		(void)strbuf_puts(&why, "x509: certificate signed by unknown authority");
		code = -EPROTO;
	} else if (t->result == CURLE_PEER_FAILED_VERIFICATION) {
		(void)strbuf_printf(&why, "x509: %s", http_failure(t));
		code = -EPROTO;
	} else {
		(void)name_escape(&why, http_failure(t));
		if (t->result == CURLE_OPERATION_TIMEDOUT)
			code = -ETIMEDOUT;
	}
	(void)strbuf_add(&base, url, url_base_len(url));
	(void)name_escape(&shown_url, base.s ? base.s : "");
	if (contacted)
		(void)err_set(e, code, "%s: %s", host, why.s ? why.s : "");
	else
		(void)err_set(e, code, "pinging container registry %s: Get \"%.300s\": %s", host,
			      shown_url.s ? shown_url.s : "", why.s ? why.s : "");
	if (t->result == CURLE_PEER_FAILED_VERIFICATION)
		(void)err_hint(e,
			       "put the registry's CA certificate into certs.d/%s/ca.crt of "
			       "~/.config/containers, or use --tls-verify=false",
			       host);
}

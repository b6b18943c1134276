/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/registry.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/reference.h"
#include "src/image/registry_error.h"
#include "src/image/registry_token.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define HUB_HOST       "registry-1.docker.io" /* where the Hub's names are served */
#define CERT_MAX       (1 << 20)
#define CHALLENGES_MAX 3
#define RETRY_FIRST_MS 250
#define RETRY_MAX_MS   16000
#define PROGRESS_BYTES (1 << 20) /* so much in one connection is no failing registry */

/* Read the files of one certs.d/HOST directory: *.crt are authorities, NAME.cert and NAME.key ours.
 */
static int read_certs(struct http_tls *t, const char *dir, struct err *e)
{
	scoped(dir) DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "open %s", dir);
	while ((entry = readdir(d))) {
		scoped(mem) char *text = NULL;
		size_t n = strlen(entry->d_name), len = 0;

		if (str_ends(entry->d_name, ".crt")) {
			if (path_read(dirfd(d), entry->d_name, CERT_MAX, &text, &len, e) < 0)
				return err_in(e, "%s", dir);
			(void)strbuf_add(&t->ca, text, len);
			if (strbuf_putc(&t->ca, '\n') < 0)
				return err_errno(e, t->ca.failed, "read %s", dir);
		} else if (str_ends(entry->d_name, ".cert") && !t->cert_path) {
			t->cert_path = str_printf("%s/%s", dir, entry->d_name);
			t->key_path = str_printf("%s/%.*s.key", dir, (int)n - 5, entry->d_name);
			if (!t->cert_path || !t->key_path)
				return err_errno(e, ENOMEM, "read %s", dir);
		}
	}
	return 1;
}

/* The first of the places that exists. */
static int find_certs(struct registry_session *s, struct err *e)
{
	static const char *const system[] = { "/etc/containers/certs.d", "/etc/docker/certs.d" };
	scoped(mem) char *own =
		s->o.config_dir ? str_printf("%s/certs.d/%s", s->o.config_dir, s->o.host) : NULL;
	int rc;

	if (s->o.cert_dir) {
		rc = read_certs(&s->tls, s->o.cert_dir, e);
		return rc == 0 ? err_set(e, -ENOENT, "certificate directory %s does not exist",
					 s->o.cert_dir)
			       : rc;
	}
	rc = own ? read_certs(&s->tls, own, e) : 0;
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(system); i++) {
		scoped(mem) char *dir = str_printf("%s/%s", system[i], s->o.host);
		rc = dir ? read_certs(&s->tls, dir, e) : err_errno(e, ENOMEM, "read certificates");
	}
	return rc < 0 ? rc : 0;
}

static const char *text_or_null(json_object *m, const char *name)
{
	const char *text = json_get_str(m, name);

	return text && *text ? text : NULL;
}

int registry_options_decode(json_object *m, struct registry_options *ret, struct err *e)
{
	const struct registry_options o = { .host = json_get_str(m, "registry"),
					    .repository = json_get_str(m, "repository"),
					    .insecure = json_get_bool(m, "insecure", 0),
					    .creds = text_or_null(m, "creds"),
					    .authfile = text_or_null(m, "authfile"),
					    .cert_dir = text_or_null(m, "cert_dir"),
					    .config_dir = text_or_null(m, "config_dir"),
					    .retries = (int)json_get_int(m, "retries", 0),
					    .retry_delay_ms =
						    json_get_int(m, "retry_delay_ms", 0) };

	if (!o.host || !o.repository)
		return err_set(e, -EBADMSG, "unexpected message");
	*ret = o;
	return 0;
}

/* Is HOST, "name[:port]", this machine by its very name?  RFC 6761, 6.3; RFC 6890. */
static int is_loopback(const char *host)
{
	scoped(mem) char *name = host[0] == '[' ? strndup(host + 1, strcspn(host + 1, "]"))
						: strndup(host, strcspn(host, ":"));
	struct in6_addr six;
	struct in_addr four;

	if (!name)
		return 0;
	return !strcmp(name, "localhost") ||
	       (inet_pton(AF_INET, name, &four) == 1 && ntohl(four.s_addr) >> 24 == 127) ||
	       (inet_pton(AF_INET6, name, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six));
}

int registry_open(struct registry_session *s, struct http *h, const struct registry_options *o,
		  struct err *e)
{
	*s = (struct registry_session){ .http = h, .o = *o };
	s->host = strdup(!strcmp(o->host, REFERENCE_HUB) ? HUB_HOST : o->host);
	if (!s->host)
		return err_errno(e, ENOMEM, "open a registry");
	s->tls.insecure = o->insecure;
	/* What is not verified protects from nobody where nobody listens in, and starting TLS in
	 * vain takes as long as the whole answer. */
	s->tries_plain_first = o->insecure && is_loopback(o->host);
	s->plain = s->tries_plain_first;
	return find_certs(s, e);
}

void registry_close(struct registry_session *s)
{
	free(s->host);
	http_tls_done(&s->tls);
	credentials_done(&s->credentials);
	if (s->authorization)
		explicit_bzero(s->authorization, strlen(s->authorization));
	free(s->authorization);
	*s = (struct registry_session){ 0 };
}

void fetch_done(struct registry_session *s, struct fetch *f)
{
	http_end(s->http, f->t);
	f->t = NULL;
	free(f->redirect);
	f->redirect = NULL;
}

static char *origin_url(const struct registry_session *s, const struct fetch *f)
{
	return f->path ? str_printf("%s://%s%s", s->plain ? "http" : "https", s->host, f->path)
		       : strdup(f->url);
}

struct place {
	char *scheme, *host, *port;
};

static void scoped_place(struct place *p)
{
	curl_free(p->scheme);
	curl_free(p->host);
	curl_free(p->port);
}

DEFINE_SCOPED(curlu, CURLU *, curl_url_cleanup);

static int read_place(CURLU *u, struct place *p)
{
	return curl_url_get(u, CURLUPART_SCHEME, &p->scheme, 0) == CURLUE_OK &&
	       curl_url_get(u, CURLUPART_HOST, &p->host, 0) == CURLUE_OK &&
	       curl_url_get(u, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT) == CURLUE_OK;
}

static int place_of(const char *url, struct place *p)
{
	scoped(curlu) CURLU *u = curl_url();

	return u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && read_place(u, p);
}

/* May what was given for the registry be sent to URL? */
static int is_registry_itself(const struct registry_session *s, const struct fetch *f,
			      const char *url)
{
	__attribute__((cleanup(scoped_place))) struct place a = { 0 };
	__attribute__((cleanup(scoped_place))) struct place b = { 0 };
	scoped(mem) char *origin = origin_url(s, f);

	return origin && place_of(origin, &a) && place_of(url, &b) && !strcmp(a.scheme, b.scheme) &&
	       !strcasecmp(a.host, b.host) && !strcmp(a.port, b.port);
}

int fetch_start(struct registry_session *s, struct fetch *f, struct err *e)
{
	scoped(mem) char *url = f->redirect ? strdup(f->redirect) : origin_url(s, f);
	struct http_request r = { .url = url,
				  .accept = f->accept,
				  .form = f->form,
				  .method = f->method,
				  .body = f->body,
				  .range_from = f->offset,
				  .range_end = f->end,
				  .tls = &s->tls,
				  .body_max = f->body_max,
				  .sink = f->sink,
				  .sink_arg = f->sink_arg };

	if (!url)
		return err_errno(e, ENOMEM, "start a request");
	http_end(s->http, f->t);
	f->t = NULL;
	f->retry_at = 0;
	f->generation = s->generation;
	if (!f->path)
		r.authorization = f->authorization;
	else if (!f->redirect || is_registry_itself(s, f, f->redirect))
		r.authorization = s->authorization;
	return http_start(s->http, &r, &f->t, e);
}

int registry_location(struct registry_session *s, const struct fetch *f, struct fetch *next,
		      struct err *e)
{
	__attribute__((cleanup(scoped_place))) struct place p = { 0 };
	scoped(curlu) CURLU *u = curl_url();
	scoped(mem) char *from = f->redirect ? strdup(f->redirect) : origin_url(s, f);
	char *to = NULL, *user = NULL;

	if (!u || !from)
		return err_errno(e, ENOMEM, "follow a redirect");
	if (!f->t->location)
		return err_set(e, -EPROTO, "redirect without a Location");
	if (curl_url_set(u, CURLUPART_URL, from, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_URL, f->t->location, 0) != CURLUE_OK || !read_place(u, &p) ||
	    (strcmp(p.scheme, "https") != 0 && strcmp(p.scheme, "http") != 0))
		return err_set(e, -EPROTO, "redirect to something that is no http or https URL");
	if (!strcmp(p.scheme, "http") && !s->o.insecure)
		return err_set(e, -EPROTO, "redirect from https to plain http is refused");
	if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK) {
		curl_free(user);
		return err_set(e, -EPROTO, "redirect with credentials in the URL is refused");
	}
	if (curl_url_get(u, CURLUPART_URL, &to, 0) != CURLUE_OK)
		return err_errno(e, ENOMEM, "follow a redirect");
	free(next->redirect);
	next->redirect = strdup(to);
	curl_free(to);
	return next->redirect ? 0 : err_errno(e, ENOMEM, "follow a redirect");
}

/* Where "Location" leads, if it may lead there. */
static int follow(struct registry_session *s, struct fetch *f, struct err *e)
{
	long status = f->t->status;

	if (!f->path)
		return err_set(e, -EPROTO, "unexpected redirect from %s", f->url);
	if (++f->redirects > REDIRECTS_MAX)
		return err_set(e, -ELOOP, "stopped after %d redirects", REDIRECTS_MAX);
	/* The others turn what is sent into a GET (RFC 9110, 15.4). */
	if (f->method && strcmp(f->method, "HEAD") != 0 && status != 307 && status != 308)
		return err_set(e, -EPROTO, "unexpected redirect (HTTP status %ld) of an upload",
			       status);
	return registry_location(s, f, f, e) < 0 ? e->code : fetch_start(s, f, e);
}

/* 401: get to know each other and ask again. */
static int answer_challenge(struct registry_session *s, struct fetch *f, struct err *e)
{
	int rc;

	if (!f->path || (f->redirect && !is_registry_itself(s, f, f->redirect)) ||
	    f->t->challenge.scheme == CHALLENGE_NONE || ++f->challenges > CHALLENGES_MAX)
		return registry_error(f->t, e);
	if (f->generation == s->generation) { /* nobody else has fetched a new token meanwhile */
		rc = registry_authorize(s, &f->t->challenge, e);
		if (rc == -ENODATA) /* no credentials, and it wants some */
			return registry_error(f->t, e);
		if (rc < 0)
			return rc;
	}
	return fetch_start(s, f, e);
}

int64_t registry_delay_ms(const struct registry_session *s, int failures)
{
	int64_t delay = RETRY_FIRST_MS;

	for (int i = 1; i < failures && delay < RETRY_MAX_MS; i++)
		delay *= 4;
	if (delay > RETRY_MAX_MS)
		delay = RETRY_MAX_MS;
	return s->o.retry_delay_ms ? s->o.retry_delay_ms : delay;
}

int fetch_retry(struct registry_session *s, struct fetch *f, int64_t at_least_ms, struct err *e)
{
	int64_t delay;

	if (f->is_upload) {
		f->wants_retry = 1;
		f->wants_retry_ms = at_least_ms;
		return e->code;
	}
	if (f->offset - f->failed_at >= PROGRESS_BYTES)
		f->failures = 0;
	f->failed_at = f->offset;
	if (++f->failures > s->o.retries)
		return e->code;
	delay = registry_delay_ms(s, f->failures);
	if (delay < at_least_ms)
		delay = at_least_ms;
	dbg("retry in %lld ms: %s", (long long)delay, e->text);
	err_clear(e);
	free(f->redirect); /* what it led to may be valid for a short time only */
	f->redirect = NULL;
	f->redirects = 0;
	f->retry_at = http_now_ms() + delay;
	return FETCH_RUNNING;
}

static int is_worth_repeating(CURLcode c)
{
	switch (c) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP2:
	case CURLE_AGAIN:
		return 1;
	default:
		return 0;
	}
}

/* An insecure registry may speak either http or https: from now on the other.  Is it to be asked at
 * once, because only the first of the two has been? */
static int try_other_scheme(struct registry_session *s, const struct fetch *f)
{
	s->plain = !s->plain;
	return s->plain != s->tries_plain_first && !f->failures;
}

/* How servers of https answer plain requests; a registry's own errors are JSON. */
static int speaks_tls(const struct registry_session *s, const struct fetch *f)
{
	return s->tries_plain_first && s->plain && !s->contacted && !f->failures &&
	       f->t->status == 400 &&
	       !(f->t->content_type && str_starts(f->t->content_type, "application/json"));
}

/* The transfer itself failed. */
static int wire_failure(struct registry_session *s, struct fetch *f, struct err *e)
{
	scoped(mem) char *url = NULL;

	if (f->t->err.code) { /* we stopped it */
		*e = f->t->err;
		return e->code;
	}
	url = f->redirect ? strdup(f->redirect) : origin_url(s, f);
	registry_wire_error(f->t, s->o.host, url ? url : "", s->contacted, e);
	if (s->o.insecure && !s->contacted && f->path) {
		if (try_other_scheme(s, f)) { /* that is no failure yet */
			err_clear(e);
			return fetch_start(s, f, e);
		}
	} else if (registry_speaks_plain_http(f->t)) {
		return e->code;
	}
	return is_worth_repeating(f->t->result) ? fetch_retry(s, f, 0, e) : e->code;
}

static int on_answer(struct registry_session *s, struct fetch *f, struct err *e)
{
	long status = f->t->status;

	if (status == 200 || (status == 206 && (f->offset > 0 || f->end > 0)) ||
	    ((f->method || f->is_upload) && status > 200 && status < 205)) {
		f->challenges = 0;
		return FETCH_FINISHED;
	}
	if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308)
		return follow(s, f, e);
	if (status == 401)
		return answer_challenge(s, f, e);
	if (status == 416 && f->offset > 0)
		return err_set(e, -EPROTO, "it ends after %lld bytes", (long long)f->offset);
	(void)registry_error(f->t, e);
	if (status == 429 || status == 408 || status >= 500)
		return fetch_retry(s, f,
				   f->t->retry_after > 0 ? f->t->retry_after * 1000
				   : status == 429	 ? 1000
							 : 0,
				   e);
	if (f->redirect && !is_registry_itself(s, f, f->redirect)) /* a signed URL that ran out */
		return fetch_retry(s, f, 0, e);
	return e->code;
}

int fetch_next(struct registry_session *s, struct fetch *f, struct err *e)
{
	int rc;

	if (f->t->result != CURLE_OK) {
		rc = wire_failure(s, f, e);
	} else if (f->path && !f->redirect && speaks_tls(s, f) && try_other_scheme(s, f)) {
		rc = fetch_start(s, f, e);
	} else {
		if (f->path && !f->redirect)
			s->contacted = 1;
		rc = on_answer(s, f, e);
	}
	if (rc < 0)
		return rc;
	return f->t && f->t->done && !f->retry_at ? FETCH_FINISHED : FETCH_RUNNING;
}

int fetch_run(struct registry_session *s, struct fetch *f, struct err *e)
{
	int rc = fetch_start(s, f, e);

	while (rc >= 0) {
		if (f->retry_at) {
			rc = http_sleep(s->http, f->retry_at - http_now_ms(), e);
			if (rc >= 0)
				rc = fetch_start(s, f, e);
			continue;
		}
		if (http_wait(s->http, f->t, e) < 0)
			return e->code;
		rc = fetch_next(s, f, e);
		if (rc == FETCH_FINISHED)
			return 0;
	}
	return rc;
}

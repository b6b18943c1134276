/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/registry_http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "src/util/scoped.h"

#define BUFFER_SIZE	(512L << 10) /* curl's largest; 1200 MB/s against 740 at its default */
#define CONNECT_S	30L
#define DOCUMENT_S	300L /* for a whole document, so that no server drips for ever */
#define RETRY_AFTER_MAX 120

struct http {
	CURLM *multi;
	struct http_waiter waiter;
};

int64_t http_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void http_tls_done(struct http_tls *t)
{
	strbuf_done(&t->ca);
	free(t->cert_path);
	free(t->key_path);
	*t = (struct http_tls){ 0 };
}

int http_new(struct http **ret, struct err *e)
{
	scoped(http) struct http *h = calloc(1, sizeof(*h));

	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_errno(e, ENOMEM, "start libcurl");
	h->multi = curl_multi_init();
	if (!h->multi)
		return err_errno(e, ENOMEM, "start libcurl");
	*ret = take_ptr(&h);
	return 0;
}

struct http *http_free(struct http *h)
{
	if (!h)
		return NULL;
	if (h->multi)
		(void)curl_multi_cleanup(h->multi); /* fails only for a bad handle */
	free(h);
	return NULL;
}

void http_set_waiter(struct http *h, const struct http_waiter *w)
{
	h->waiter = w ? *w : (struct http_waiter){ 0 };
}

/* "NAME: value" with the name compared in any case: the value without blanks round it, else NULL.
 */
static const char *header_value(const char *line, size_t n, const char *name, size_t *ret_n)
{
	size_t skip = strlen(name);

	if (n <= skip || strncasecmp(line, name, skip) != 0 || line[skip] != ':')
		return NULL;
	line += skip + 1;
	n -= skip + 1;
	while (n && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	while (n && strchr(" \t\r\n", line[n - 1]))
		n--;
	*ret_n = n;
	return line;
}

static long read_retry_after(const char *v, size_t n)
{
	scoped(mem) char *s = strndup(v, n);
	unsigned long long secs;
	time_t at;

	if (!s)
		return -1;
	if (str_to_u64(s, 1000000, &secs) == 0)
		return secs > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : (long)secs;
	at = curl_getdate(s, NULL);
	if (at < 0)
		return -1;
	at -= time(NULL);
	return at < 0 ? 0 : at > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : (long)at;
}

/* "bytes 100-199/200" -> 100 */
static int64_t read_range_start(const char *v, size_t n)
{
	scoped(mem) char *s = strndup(v, n);
	unsigned long long start;
	char *dash;

	if (!s || strncasecmp(s, "bytes ", 6) != 0)
		return -1;
	dash = strchr(s, '-');
	if (!dash)
		return -1;
	*dash = '\0';
	return str_to_u64(s + 6, INT64_MAX, &start) == 0 ? (int64_t)start : -1;
}

/* "0-199" (of an upload's state) -> 199 */
static int64_t read_range_end(const char *v, size_t n)
{
	scoped(mem) char *s = strndup(v, n);
	const char *from = s && !strncasecmp(s, "bytes=", 6) ? s + 6 : s;
	unsigned long long end;

	if (!from || !str_starts(from, "0-"))
		return -1;
	return str_to_u64(from + 2, INT64_MAX - 1, &end) == 0 ? (int64_t)end : -1;
}

/* A new answer begins (after "100 Continue", or a proxy's own): forget the headers of the last. */
static void forget_headers(struct http_transfer *t)
{
	free(t->content_type);
	free(t->location);
	free(t->link);
	t->content_type = t->location = t->link = NULL;
	t->digest[0] = '\0';
	t->retry_after = -1;
	t->range_start = -1;
	t->range_end = -1;
	challenge_done(&t->challenge);
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct http_transfer *t = arg;
	size_t n = size * count, len;
	const char *v;

	t->header_bytes += n;
	if (t->header_bytes > HTTP_HEADERS_MAX) {
		(void)err_set(&t->err, -E2BIG, "the answer's headers are too large");
		return 0;
	}
	t->has_headers = line[0] == '\r' || line[0] == '\n';
	if (n > 5 && !memcmp(line, "HTTP/", 5)) {
		forget_headers(t);
	} else if ((v = header_value(line, n, "content-type", &len)) && !t->content_type) {
		const char *params = memchr(v, ';', len);
		t->content_type = strndup(v, params ? (size_t)(params - v) : len);
	} else if ((v = header_value(line, n, "location", &len)) && !t->location) {
		t->location = strndup(v, len);
	} else if ((v = header_value(line, n, "link", &len)) && !t->link) {
		t->link = strndup(v, len);
	} else if ((v = header_value(line, n, "docker-content-digest", &len)) &&
		   len < sizeof(t->digest)) {
		memcpy(t->digest, v, len);
		t->digest[len] = '\0';
	} else if ((v = header_value(line, n, "retry-after", &len))) {
		t->retry_after = read_retry_after(v, len);
	} else if ((v = header_value(line, n, "content-range", &len))) {
		t->range_start = read_range_start(v, len);
	} else if ((v = header_value(line, n, "range", &len))) {
		t->range_end = read_range_end(v, len);
	} else if ((v = header_value(line, n, "www-authenticate", &len))) {
		if (challenge_parse(v, len, &t->challenge, &t->err) < 0)
			return 0;
	}
	return n;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_transfer *t = arg;
	size_t n = size * count;
	int rc;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status); /* cannot fail */
	if (t->sink && (t->status == 200 || t->status == 206)) {
		rc = t->sink(t->sink_arg, bytes, n, &t->err);
		if (rc == -EAGAIN)
			return CURL_WRITEFUNC_PAUSE;
		return rc < 0 ? 0 : n;
	}
	if (t->body.len + n > (t->status == 200 ? t->body_max : HTTP_SMALL_MAX)) {
		(void)err_set(&t->err, -E2BIG, "the answer is larger than %zu bytes",
			      t->status == 200 ? t->body_max : (size_t)HTTP_SMALL_MAX);
		return 0;
	}
	rc = strbuf_add(&t->body, bytes, n);
	if (rc < 0)
		(void)err_errno(&t->err, rc, "read an answer");
	return rc < 0 ? 0 : n;
}

/* The next bytes of what is sent. */
static size_t on_send(char *to, size_t size, size_t count, void *arg)
{
	struct http_transfer *t = arg;
	int64_t left = t->body_out.length - t->sent;
	size_t n = size * count;
	ssize_t got;

	if ((int64_t)n > left)
		n = (size_t)left;
	if (!n)
		return 0;
	if (t->body_out.bytes) {
		memcpy(to, t->body_out.bytes + t->sent, n);
		got = (ssize_t)n;
	} else {
		do
			got = pread(t->body_out.fd, to, n, (off_t)(t->body_out.offset + t->sent));
		while (got < 0 && errno == EINTR);
	}
	if (got <= 0) {
		(void)err_set(&t->err, got < 0 ? -errno : -EIO, "read what is to be sent: %s",
			      got < 0 ? strerror(errno) : "the file is too short");
		return CURL_READFUNC_ABORT;
	}
	t->sent += got;
	return (size_t)got;
}

/* curl sends again from OFFSET: a kept connection had been closed by the other side. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_transfer *t = arg;

	if (origin != SEEK_SET || offset < 0 || offset > t->body_out.length)
		return CURL_SEEKFUNC_FAIL;
	t->sent = offset;
	return CURL_SEEKFUNC_OK;
}

static void transfer_free(struct http_transfer *t)
{
	if (!t)
		return;
	if (t->easy)
		curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	forget_headers(t);
	strbuf_done(&t->body);
	free(t);
}
DEFINE_SCOPED(transfer, struct http_transfer *, transfer_free);

static int add_header(struct http_transfer *t, const char *name, const char *value)
{
	scoped(mem) char *line = value ? str_printf("%s: %s", name, value) : NULL;
	struct curl_slist *l;

	if (!value)
		return 0;
	l = line ? curl_slist_append(t->headers, line) : NULL;
	if (line)
		explicit_bzero(line, strlen(line));
	if (!l)
		return -ENOMEM;
	t->headers = l;
	return 0;
}

static void set_protocols(CURL *c)
{
#if LIBCURL_VERSION_NUM >= 0x075500 /* 7.85.0 */
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static int set_tls(CURL *c, const struct http_tls *tls)
{
	const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");
	CURLcode rc = CURLE_OK;

	if (file && *file)
		rc |= curl_easy_setopt(c, CURLOPT_CAINFO, file);
	if (dir && *dir)
		rc |= curl_easy_setopt(c, CURLOPT_CAPATH, dir);
	if (!tls)
		return rc;
	rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, tls->insecure ? 0L : 1L);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, tls->insecure ? 0L : 2L);
	if (tls->ca.len) {
#if LIBCURL_VERSION_NUM >= 0x074d00 /* 7.77.0 */
		struct curl_blob blob = { tls->ca.s, tls->ca.len, CURL_BLOB_COPY };
		rc |= curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
#else
		return CURLE_NOT_BUILT_IN;
#endif
	}
	if (tls->cert_path && tls->key_path) {
		rc |= curl_easy_setopt(c, CURLOPT_SSLCERT, tls->cert_path);
		rc |= curl_easy_setopt(c, CURLOPT_SSLKEY, tls->key_path);
	}
	return rc;
}

/* Another request than GET and a form. */
static CURLcode set_method(struct http_transfer *t, const struct http_request *r)
{
	CURL *c = t->easy;
	CURLcode rc = CURLE_OK;

	if (!strcmp(r->method, "HEAD"))
		return curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
	rc |= curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body_out.length);
	rc |= curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
	rc |= curl_easy_setopt(c, CURLOPT_READDATA, t);
	rc |= curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
	rc |= curl_easy_setopt(c, CURLOPT_SEEKDATA, t);
	rc |= curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_SIZE);
	return rc;
}

static int set_options(struct http_transfer *t, const struct http_request *r)
{
	CURL *c = t->easy;
	CURLcode rc = CURLE_OK;

	set_protocols(c);
	rc |= curl_easy_setopt(c, CURLOPT_URL, r->url);
	rc |= curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	rc |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->errbuf);
	rc |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	rc |= curl_easy_setopt(c, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	rc |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	rc |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	/* A registry that was given all of a blob may need a while to look at it. */
	rc |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
			       r->method ? DOCUMENT_S : (long)HTTP_STALL_S);
	rc |= curl_easy_setopt(c, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
	rc |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
	rc |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	rc |= curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	rc |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	rc |= curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (r->unix_socket)
		rc |= curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
	if (!r->sink && !(r->body && !r->body->bytes))
		rc |= curl_easy_setopt(c, CURLOPT_TIMEOUT, DOCUMENT_S);
	if (r->range_from > 0 || r->range_end > 0) {
		char range[48], last[24] = "";
		if (r->range_end > 0)
			(void)snprintf(last, sizeof(last), "%lld", (long long)r->range_end - 1);
		(void)snprintf(range, sizeof(range), "%lld-%s", (long long)r->range_from, last);
		rc |= curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
	if (r->form)
		rc |= curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, r->form);
	if (r->method)
		rc |= set_method(t, r);
	return rc | set_tls(c, r->tls);
}

int http_start(struct http *h, const struct http_request *r, struct http_transfer **ret,
	       struct err *e)
{
	scoped(transfer) struct http_transfer *t = calloc(1, sizeof(*t));

	if (!t || !(t->easy = curl_easy_init()))
		return err_errno(e, ENOMEM, "start a request");
	t->sink = r->sink;
	t->sink_arg = r->sink_arg;
	t->body_max = r->body_max;
	t->retry_after = t->range_start = t->range_end = -1;
	if (r->body)
		t->body_out = *r->body;
	if (add_header(t, "Accept", r->accept) < 0 ||
	    add_header(t, "Authorization", r->authorization) < 0 ||
	    (r->body && (add_header(t, "Content-Type", r->body->content_type) < 0 ||
			 add_header(t, "Content-Range", r->body->range) < 0)) ||
	    (r->form && add_header(t, "Content-Type", "application/x-www-form-urlencoded") < 0))
		return err_errno(e, ENOMEM, "start a request");
	if (set_options(t, r) != CURLE_OK)
		return err_set(e, -EINVAL, "libcurl refuses the request to %.200s", r->url);
	if (curl_multi_add_handle(h->multi, t->easy) != CURLM_OK)
		return err_set(e, -ENOMEM, "libcurl takes no more requests");
	*ret = take_ptr(&t);
	return 0;
}

void http_end(struct http *h, struct http_transfer *t)
{
	if (!t)
		return;
	(void)curl_multi_remove_handle(h->multi, t->easy); /* it was added */
	transfer_free(t);
}

void http_pause(struct http_transfer *t)
{
	(void)curl_easy_pause(t->easy, CURLPAUSE_RECV); /* fails only for a bad handle */
}

void http_resume(struct http_transfer *t)
{
	(void)curl_easy_pause(t->easy,
			      CURLPAUSE_CONT); /* a failure ends the transfer with its code */
}

/* Returns how many transfers became done. */
static int reap(struct http *h)
{
	CURLMsg *m;
	int left, n = 0;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_transfer *t = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		if (!t)
			continue;
		t->result = m->data.result;
		(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
		/* libcurl 7.88 says nothing of a connection that ends among the headers. */
		if (t->result == CURLE_OK && !t->has_headers)
			t->result = CURLE_GOT_NOTHING;
		t->done = 1;
		n++;
	}
	return n;
}

int http_round(struct http *h, int timeout_ms, struct err *e)
{
	struct curl_waitfd fds[HTTP_WAIT_FDS];
	size_t n = 0;
	int running;

	if (curl_multi_perform(h->multi, &running) != CURLM_OK)
		return err_set(e, -EIO, "libcurl's event loop failed");
	if (reap(h))
		timeout_ms = 0; /* somebody waits for it */
	if (h->waiter.fill)
		n = h->waiter.fill(h->waiter.arg, fds);
	if (curl_multi_poll(h->multi, fds, (unsigned)n, timeout_ms, NULL) != CURLM_OK)
		return err_set(e, -EIO, "libcurl's event loop failed");
	if (h->waiter.serve)
		h->waiter.serve(h->waiter.arg, fds, n);
	return 0;
}

int http_wait(struct http *h, struct http_transfer *t, struct err *e)
{
	while (!t->done)
		if (http_round(h, 1000, e) < 0)
			return e->code;
	return 0;
}

int http_sleep(struct http *h, int64_t ms, struct err *e)
{
	int64_t until = http_now_ms() + ms, left;

	while ((left = until - http_now_ms()) > 0)
		if (http_round(h, left > 1000 ? 1000 : (int)left, e) < 0)
			return e->code;
	return 0;
}

const char *http_failure(const struct http_transfer *t)
{
	if (t->err.code)
		return t->err.text;
	return t->errbuf[0] ? t->errbuf : curl_easy_strerror(t->result);
}

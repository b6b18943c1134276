/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP for registries: one event loop round libcurl's multi interface.
 *
 * One request is one transfer: no redirect is followed and nothing is repeated here (registry.h
 * does both), so that what a request carries goes to the host in its URL and nowhere else.  Answers
 * are read with limits.  The loop also waits for descriptors of its owner (the pipes of layers). */
#ifndef COVE_IMAGE_REGISTRY_HTTP_H
#define COVE_IMAGE_REGISTRY_HTTP_H

#include <curl/curl.h>
#include <stdint.h>

#include "src/image/registry_challenge.h"
#include "src/util/err.h"
#include "src/util/strbuf.h"

#define HTTP_DOCUMENT_MAX (4 << 20)   /* bytes of a manifest or config */
#define HTTP_SMALL_MAX	  (1 << 20)   /* bytes of an error body or a token answer */
#define HTTP_HEADERS_MAX  (256 << 10) /* bytes of all headers of an answer */
#define HTTP_STALL_S	  60	      /* no byte for so long: given up */
#define HTTP_WAIT_FDS	  64	      /* descriptors of the owner */

/* Trust of one host beside the system's: PEM texts, any may be NULL.  Owned. */
struct http_tls {
	int insecure; /* take any certificate */
	struct strbuf ca;
	char *cert_path, *key_path;
};
void http_tls_done(struct http_tls *t);

/* Takes all N bytes of a 200 or 206 answer (returns 0), asks to be called again with them when
 * http_resume() was called (-EAGAIN), or stops the transfer (any other error, filled in E). */
typedef int http_sink(void *arg, const char *bytes, size_t n, struct err *e);

/* A body to be sent: LENGTH bytes at BYTES, or of the regular file FD from OFFSET on.  Borrowed
 * until the transfer has ended. */
struct http_body {
	const char *content_type;
	const char *range; /* "0-99": Content-Range, or NULL */
	const char *bytes; /* NULL: FD */
	int fd;
	int64_t offset, length;
};

struct http_request {
	const char *url;
	const char *unix_socket;      /* path of a socket to connect to instead of the host */
	const char *accept;	      /* header value, or NULL */
	const char *authorization;    /* header value, or NULL */
	const char *form;	      /* POST this body, or NULL: GET */
	const char *method;	      /* NULL: GET, or POST with a form */
	const struct http_body *body; /* what is sent with a method, or NULL: nothing */
	int64_t range_from;	      /* > 0: ask for the bytes from here on */
	int64_t range_end;	      /* > 0: and only for those before this one */
	const struct http_tls *tls;
	size_t body_max; /* of a 200 answer without sink */
	http_sink *sink;
	void *sink_arg;
};

struct http_transfer {
	CURL *easy;
	struct curl_slist *headers;
	struct http_body body_out; /* what is sent, and how much of it was */
	int64_t sent;
	http_sink *sink;
	void *sink_arg;
	size_t body_max, header_bytes;
	int done;
	int has_headers; /* all of them, up to the empty line */
	int sink_began;	 /* the sink's own: it has seen bytes of this answer */
	CURLcode result; /* when done */
	char errbuf[CURL_ERROR_SIZE];
	struct err err; /* why we stopped it; code 0: we did not */

	long status;
	char *content_type, *location, *link; /* owned, or NULL */
	char digest[72];		      /* Docker-Content-Digest, unchecked; "" when absent */
	long retry_after;		      /* seconds, -1: absent */
	int64_t range_start;		      /* of Content-Range, -1: absent */
	int64_t range_end;		      /* of Range in an answer ("0-99"), -1: absent */
	struct challenge challenge;
	struct strbuf body;
};

struct http;
int http_new(struct http **ret, struct err *e);
struct http *http_free(struct http *h);
DEFINE_SCOPED(http, struct http *, http_free);

/* Called in each round of the loop: FILL adds what is to be waited for to the array (at most
 * HTTP_WAIT_FDS) and returns how many; SERVE looks at revents.  One owner at a time; NULL: none. */
struct http_waiter {
	size_t (*fill)(void *arg, struct curl_waitfd *fds);
	void (*serve)(void *arg, const struct curl_waitfd *fds, size_t n);
	void *arg;
};
void http_set_waiter(struct http *h, const struct http_waiter *w);

/* Begin.  *RET is owned; http_end() may come at any time. */
int http_start(struct http *h, const struct http_request *r, struct http_transfer **ret,
	       struct err *e);
void http_end(struct http *h, struct http_transfer *t);
/* From inside a sink: no more bytes until http_resume(). */
void http_pause(struct http_transfer *t);
/* Go on with a transfer that was paused, or whose sink said -EAGAIN. */
void http_resume(struct http_transfer *t);
/* One round: move bytes, wait at most TIMEOUT_MS for something to happen.  Finished transfers have
 * done set. */
int http_round(struct http *h, int timeout_ms, struct err *e);
/* Rounds until T is done. */
int http_wait(struct http *h, struct http_transfer *t, struct err *e);
/* Rounds for so long. */
int http_sleep(struct http *h, int64_t ms, struct err *e);

/* What went wrong on the wire, for a message. */
const char *http_failure(const struct http_transfer *t);
/* CLOCK_MONOTONIC in milliseconds. */
int64_t http_now_ms(void);

#endif

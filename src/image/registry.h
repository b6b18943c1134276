/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to one repository of one registry: where it is, whom it knows us as, and requests that
 * survive redirects, challenges, busy servers and broken connections.
 *
 * Rules: credentials and tokens go to the registry (and, of a Bearer challenge, to the realm it
 * names) only; a redirect to another host goes without them and that host cannot ask for any.  TLS
 * is verified unless the registry is insecure; plain HTTP is only spoken to an insecure one. */
#ifndef COVE_IMAGE_REGISTRY_H
#define COVE_IMAGE_REGISTRY_H

#include <json-c/json_object.h>

#include "src/image/auth.h"
#include "src/image/registry_http.h"

#define REDIRECTS_MAX 5

struct registry_options {
	const char *host; /* "host[:port]" as in the reference */
	const char *repository;
	int insecure;		/* skip verification, allow plain HTTP */
	const char *creds;	/* "user:password" or NULL: look it up */
	const char *authfile;	/* see auth_lookup() */
	const char *cert_dir;	/* NULL: certs.d */
	const char *config_dir; /* the user's containers directory, for certs.d */
	int retries;		/* how often one request is repeated */
	int64_t retry_delay_ms; /* at least so long before it is; 0: a short while that grows */
	/* NULL: what a token is good for is what the challenge says; else these scopes, "{ NULL }"
	 * for none.  Borrowed. */
	char *const *scopes;
};

struct registry_session {
	struct http *http;
	struct registry_options o;
	char *host; /* to connect to: the Hub's name differs */
	int plain;  /* http:// */
	int tries_plain_first;
	int contacted; /* it has answered */
	struct http_tls tls;
	int has_credentials, looked_up;
	struct credentials credentials;
	char *authorization; /* header value for the repository, NULL: none so far */
	unsigned generation; /* counts the values */
};

/* What a message of the engine's says of a registry; strings are borrowed from M.  -EBADMSG. */
int registry_options_decode(json_object *m, struct registry_options *ret, struct err *e);
int registry_open(struct registry_session *s, struct http *h, const struct registry_options *o,
		  struct err *e);
void registry_close(struct registry_session *s);
static inline __attribute__((unused)) void scoped_registry_session(struct registry_session *s)
{
	registry_close(s);
}

/* One thing to get, through as many requests as it takes. */
struct fetch {
	/* set by the caller */
	const char *path; /* below the registry, "/v2/..."; or NULL: url */
	const char *url;  /* of another place (a token realm): no redirects, no challenge */
	const char *accept, *form, *authorization; /* the last two with url */
	const char *method;			   /* see struct http_request */
	const struct http_body *body;		   /* borrowed */
	int is_upload; /* the place it goes to is REDIRECT (registry_location()); a failure that is
			* worth another try is the caller's business: WANTS_RETRY */
	size_t body_max;
	http_sink *sink; /* streams; may be asked to go on at offset */
	void *sink_arg;
	int64_t offset; /* kept by the sink: bytes that are in hand */
	int64_t end;	/* > 0: no bytes from this one on are wanted */

	/* kept by fetch_* */
	struct http_transfer *t;
	int64_t retry_at; /* > 0: to be started then (http_now_ms()) */
	char *redirect;
	int redirects, challenges, failures;
	int wants_retry;
	int64_t wants_retry_ms; /* not before that, as the registry said */
	unsigned generation;
	int64_t failed_at; /* offset of the last failure */
};
void fetch_done(struct registry_session *s, struct fetch *f);

enum fetch_state { FETCH_FINISHED, FETCH_RUNNING };
/* Begin, or begin again. */
int fetch_start(struct registry_session *s, struct fetch *f, struct err *e);
/* Call when f->t->done: FETCH_FINISHED with the good answer in f->t; FETCH_RUNNING when it was
 * started again or shall be at retry_at; or the error: -ENOENT (404), -EACCES (401, 403),
 * -ECONNREFUSED, -EPROTO, -ETIMEDOUT, ... with the registry's own words. */
int fetch_next(struct registry_session *s, struct fetch *f, struct err *e);
/* The answer was no good after all (E says why): to be started again at retry_at, FETCH_RUNNING, or
 * when there were too many failures, the error of E. */
int fetch_retry(struct registry_session *s, struct fetch *f, int64_t at_least_ms, struct err *e);
/* Take the Location of the answer in F->t, with the rules of redirects, as the place of NEXT (whose
 * path is set). */
int registry_location(struct registry_session *s, const struct fetch *f, struct fetch *next,
		      struct err *e);
/* How long to wait before the try after FAILURES (from 1 on). */
int64_t registry_delay_ms(const struct registry_session *s, int failures);
/* From start to finish. */
int fetch_run(struct registry_session *s, struct fetch *f, struct err *e);

#endif

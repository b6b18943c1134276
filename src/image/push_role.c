/* SPDX-License-Identifier: Apache-2.0 */
/* A blob's way (OCI distribution-spec 1.1, "Pushing blobs"):
 *
 *	CHECKING  HEAD of the blob: there already?
 *	MOUNTING  POST ?mount=&from=, for each other repository that may have it
 *	OPENING   POST: begin an upload; the answer's Location is its place, whatever host that is
 *on SENDING   PATCH with the bytes from the file ASKING    GET of the place after a broken PATCH:
 *how much is there; goes on from there CLOSING   PUT with the digest
 *
 * What goes wrong after OPENING is tried again, so often as any request is: from where the registry
 * is, else from the start.  After a failed CLOSING the blob is looked for first. */
#include "src/image/push_role.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/manifest.h"
#include "src/image/pull_protocol.h"
#include "src/image/registry.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define BLOBS_MAX   (LAYERS_MAX + 1)
#define AT_ONCE	    6
#define PROGRESS_MS 100

enum blob_state { IDLE, WAITING, CHECKING, MOUNTING, OPENING, SENDING, ASKING, CLOSING };

struct blob {
	enum blob_state state, then; /* WAITING: begin THEN, at AT */
	int64_t at;
	char digest[DIGEST_LEN + 1];
	int64_t size, offset, reported;
	int fd; /* -EBADF: only to be looked for */
	struct fetch f;
	struct http_body body;
	char range[48];
	char *path;
	size_t mount; /* the next repository to try */
	int failures;
};

struct push {
	struct registry_session session;
	struct http *http;
	char **mounts;
	struct blob *blobs; /* BLOBS_MAX */
	int progress, readable;
	json_object *manifest; /* the last message: nothing else is to come */
};

static void push_done(struct push *p)
{
	if (p->http)
		http_set_waiter(p->http, NULL);
	for (size_t i = 0; p->blobs && i < BLOBS_MAX; i++) {
		fetch_done(&p->session, &p->blobs[i].f);
		free(p->blobs[i].path);
		fd_close(p->blobs[i].fd);
	}
	free(p->blobs);
	registry_close(&p->session);
	strv_free(p->mounts);
	json_free(p->manifest);
	(void)http_free(p->http);
}

static void scoped_push(struct push *p)
{
	push_done(p);
}

/* ---- requests -------------------------------------------------------------------------------- */

static const struct http_body nothing = { .fd = -EBADF };

/* Set up the request of STATE; places of uploads are in B->f.redirect already. */
static int set_request(struct push *p, struct blob *b, struct err *e)
{
	const char *repository = p->session.o.repository;

	b->body = nothing;
	b->f.body = &b->body;
	b->f.body_max = HTTP_SMALL_MAX;
	b->f.is_upload = b->state >= SENDING;
	switch (b->state) {
	case CHECKING:
		b->f.method = "HEAD";
		b->path = str_printf("/v2/%s/blobs/%s", repository, b->digest);
		break;
	case MOUNTING:
		b->f.method = "POST";
		b->path = str_printf("/v2/%s/blobs/uploads/?mount=%s&from=%s", repository,
				     b->digest, p->mounts[b->mount++]);
		break;
	case OPENING:
		b->f.method = "POST";
		b->path = str_printf("/v2/%s/blobs/uploads/", repository);
		break;
	case SENDING:
		b->f.method = "PATCH";
		b->body.content_type = "application/octet-stream";
		b->body.fd = b->fd;
		b->body.offset = b->offset;
		b->body.length = b->size - b->offset;
		if (b->offset) {
			(void)snprintf(b->range, sizeof(b->range), "%lld-%lld",
				       (long long)b->offset, (long long)b->size - 1);
			b->body.range = b->range;
		}
		break;
	case CLOSING:
		b->f.method = "PUT";
		break;
	default:
		b->f.method = NULL;
		b->f.body = NULL;
	}
	if (!b->path)
		return err_errno(e, ENOMEM, "push");
	b->f.path = b->path;
	return 0;
}

/* Begin STATE.  From OPENING on the place of the upload is taken from the last answer, when that
 * had one. */
static int begin(struct push *p, struct blob *b, enum blob_state state, struct err *e)
{
	struct fetch next = { .path = b->path };

	b->state = state;
	if (state >= SENDING) {
		if (b->f.t && b->f.t->location &&
		    registry_location(&p->session, &b->f, &next, e) < 0)
			return e->code;
		if (!next.redirect)
			next.redirect = take_ptr(&b->f.redirect);
	}
	fetch_done(&p->session, &b->f);
	b->f = next;
	if (state < SENDING) {
		free(b->path);
		b->path = NULL;
		b->f.path = NULL;
	}
	if (set_request(p, b, e) < 0)
		return e->code;
	return fetch_start(&p->session, &b->f, e);
}

/* The place with the digest as one more parameter. */
static int begin_closing(struct push *p, struct blob *b, struct err *e)
{
	struct fetch next = { .path = b->path };
	scoped(mem) char *place = NULL;

	if (b->f.t->location && registry_location(&p->session, &b->f, &next, e) < 0)
		return e->code;
	place = next.redirect ? next.redirect : strdup(b->f.redirect);
	fetch_done(&p->session, &b->f);
	b->f = (struct fetch){ .path = b->path };
	b->f.redirect = place ? str_printf("%s%cdigest=%s", place, strchr(place, '?') ? '&' : '?',
					   b->digest)
			      : NULL;
	b->state = CLOSING;
	if (!b->f.redirect)
		return err_errno(e, ENOMEM, "push");
	return set_request(p, b, e) < 0 ? e->code : fetch_start(&p->session, &b->f, e);
}

/* ---- what came of them ----------------------------------------------------------------------- */

static int say(const struct push *p, const struct blob *b, const char *type, struct err *e)
{
	json_object *o = pull_message(type);

	if (o) {
		json_put_int(o, "blob", b - p->blobs);
		json_put_int(o, "bytes", b->offset);
	}
	return pull_send(PULL_SOCKET_FD, o, e);
}

static int settle(struct push *p, struct blob *b, const char *word, struct err *e)
{
	fetch_done(&p->session, &b->f);
	b->state = IDLE;
	fd_close(take_fd(&b->fd));
	return say(p, b, word, e);
}

static int not_there(struct push *p, struct blob *b, struct err *e)
{
	if (p->mounts && p->mounts[b->mount])
		return begin(p, b, MOUNTING, e);
	if (b->fd < 0)
		return settle(p, b, "absent", e);
	return begin(p, b, OPENING, e);
}

/* E says what happened to an upload: once more, if there is another try. */
static int again(struct push *p, struct blob *b, enum blob_state then, struct err *e)
{
	int64_t delay;

	if (++b->failures > p->session.o.retries || e->code == -EACCES || e->code == -ECANCELED)
		return e->code;
	delay = registry_delay_ms(&p->session, b->failures);
	if (delay < b->f.wants_retry_ms)
		delay = b->f.wants_retry_ms;
	dbg("push: retry in %lld ms: %s", (long long)delay, e->text);
	err_clear(e);
	b->then = then;
	b->at = http_now_ms() + delay;
	b->state = WAITING;
	if (then != ASKING)
		b->offset = 0;
	return 0;
}

static int failed(struct push *p, struct blob *b, struct err *e)
{
	switch (b->state) {
	case CHECKING:
		if (e->code == -EACCES && !b->f.t->body.len)
			(void)err_set(e, -EACCES, "authentication required");
		if (e->code != -ENOENT)
			return err_in(e, "checking whether a blob %s exists in %s/%s", b->digest,
				      p->session.o.host, p->session.o.repository);
		err_clear(e);
		return not_there(p, b, e);
	case MOUNTING: /* it may not be ours to read there */
		if (e->code != -ENOENT && e->code != -EACCES && e->code != -EPROTO)
			return e->code;
		err_clear(e);
		return not_there(p, b, e);
	case SENDING:
		return again(p, b, b->f.wants_retry ? ASKING : OPENING, e);
	case ASKING:
		return again(p, b, OPENING, e);
	case CLOSING:
		return again(p, b, CHECKING, e);
	default:
		return e->code;
	}
}

/* The registry has so many bytes of it. */
static int on_sent(struct push *p, struct blob *b, int64_t have, struct err *e)
{
	if (have < 0 || have > b->size) {
		(void)err_set(e, -EPROTO, "the registry has %lld of %lld bytes", (long long)have,
			      (long long)b->size);
		return again(p, b, OPENING, e);
	}
	if (have == b->offset && b->state == SENDING && b->size) {
		(void)err_set(e, -EPROTO, "the registry took no bytes");
		return again(p, b, OPENING, e);
	}
	b->offset = have;
	return have == b->size ? begin_closing(p, b, e) : begin(p, b, SENDING, e);
}

static int finished(struct push *p, struct blob *b, struct err *e)
{
	const struct http_transfer *t = b->f.t;

	switch (b->state) {
	case CHECKING:
		b->offset = b->size;
		return settle(p, b, "present", e);
	case MOUNTING:
		b->offset = b->size;
		return t->status == 201 ? settle(p, b, "present", e) : not_there(p, b, e);
	case OPENING:
		if (!t->location)
			return err_set(e, -EPROTO, "upload without a Location");
		b->offset = 0;
		return b->size ? begin(p, b, SENDING, e) : begin_closing(p, b, e);
	case SENDING:
		return on_sent(p, b, t->range_end >= 0 ? t->range_end + 1 : b->size, e);
	case ASKING:
		/* "0-0" is also what registries say of an upload that has nothing yet. */
		return on_sent(p, b, t->range_end > 0 ? t->range_end + 1 : 0, e);
	case CLOSING:
		b->offset = b->size;
		return settle(p, b, "uploaded", e);
	default:
		return err_set(e, -EIO, "push: unexpected state");
	}
}

static int step(struct push *p, struct blob *b, struct err *e)
{
	int rc;

	if (b->state == IDLE)
		return 0;
	if (b->state == WAITING)
		return b->at <= http_now_ms() ? begin(p, b, b->then, e) : 0;
	if (b->f.retry_at)
		return b->f.retry_at <= http_now_ms() ? fetch_start(&p->session, &b->f, e) : 0;
	if (!b->f.t->done)
		return 0;
	rc = fetch_next(&p->session, &b->f, e);
	if (rc < 0)
		return failed(p, b, e);
	return rc == FETCH_FINISHED && b->f.t && b->f.t->done ? finished(p, b, e) : 0;
}

/* ---- the engine's words ---------------------------------------------------------------------- */

static struct blob *blob_of(struct push *p, json_object *o)
{
	const char *digest = json_get_str(o, "digest");
	int64_t n = json_get_int(o, "blob", -1);
	struct blob *b = n >= 0 && n < BLOBS_MAX ? &p->blobs[n] : NULL;

	if (!b || b->state != IDLE || !digest || !digest_is_valid(digest))
		return NULL;
	(void)stpcpy(b->digest, digest); /* valid, so it fits */
	return b;
}

static int open_blob(struct blob *b, size_t n, struct err *e)
{
	struct stat st;
	char name[32];

	(void)snprintf(name, sizeof(name), "blob-%zu", n);
	b->fd = openat(PULL_DIR_FD, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (b->fd < 0 || fstat(b->fd, &st) < 0)
		return err_sys(e, "open %s", name);
	b->size = st.st_size;
	return 0;
}

/* "check" and "upload". */
static int on_blob(struct push *p, json_object *o, struct err *e)
{
	struct blob *b = blob_of(p, o);

	if (!b)
		return err_set(e, -EBADMSG, "push: unexpected message");
	b->offset = b->reported = b->failures = 0;
	b->mount = 0;
	if (pull_is(o, "upload") && open_blob(b, (size_t)(b - p->blobs), e) < 0)
		return e->code;
	b->then = CHECKING;
	b->at = 0;
	b->state = WAITING;
	return 0;
}

static int hear(struct push *p, struct err *e)
{
	scoped(json) json_object *o = NULL;
	int rc;

	p->readable = 0;
	rc = pull_receive(PULL_SOCKET_FD, &o, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(e, -ECANCELED, "interrupted");
	if (pull_is(o, "check") || pull_is(o, "upload"))
		return on_blob(p, o, e);
	if (!pull_is(o, "manifest"))
		return err_set(e, -EBADMSG, "push: unexpected message");
	p->manifest = take_ptr(&o);
	return 0;
}

static size_t fill(void *arg, struct curl_waitfd *fds)
{
	(void)arg;
	fds[0] = (struct curl_waitfd){ .fd = PULL_SOCKET_FD, .events = CURL_WAIT_POLLIN };
	return 1;
}

static void serve(void *arg, const struct curl_waitfd *fds, size_t n)
{
	struct push *p = arg;

	if (n && fds[0].revents)
		p->readable = 1;
}

/* How long nothing is to be done unless something happens. */
static int wait_ms(const struct push *p)
{
	int64_t ms = p->progress ? PROGRESS_MS : 1000, now = http_now_ms();

	for (size_t i = 0; i < BLOBS_MAX; i++) {
		const struct blob *b = &p->blobs[i];
		int64_t at = b->state == WAITING ? b->at : b->f.retry_at;

		if (b->state != IDLE && (at || b->state == WAITING) && at - now < ms)
			ms = at > now ? at - now : 0;
	}
	return (int)ms;
}

static int tell_progress(struct push *p, struct err *e)
{
	for (size_t i = 0; i < BLOBS_MAX; i++) {
		struct blob *b = &p->blobs[i];
		int64_t at = b->state == SENDING && b->f.t ? b->offset + b->f.t->sent : 0;
		json_object *o;

		if (at <= b->reported)
			continue;
		b->reported = at;
		o = pull_message("progress");
		if (o) {
			json_put_int(o, "blob", (int64_t)i);
			json_put_int(o, "bytes", at);
		}
		if (pull_send(PULL_SOCKET_FD, o, e) < 0)
			return e->code;
	}
	return 0;
}

/* Few at once; the others wait their turn. */
static int step_all(struct push *p, struct err *e)
{
	int running = 0;

	for (size_t i = 0; i < BLOBS_MAX; i++)
		running += p->blobs[i].state > WAITING;
	for (size_t i = 0; i < BLOBS_MAX; i++) {
		struct blob *b = &p->blobs[i];
		int is_new = b->state == WAITING;

		if (is_new && running >= AT_ONCE) {
			if (b->at <= http_now_ms())
				b->at = http_now_ms() + 20;
			continue;
		}
		if (step(p, b, e) < 0)
			return b->state == CHECKING ? e->code
						    : err_in(e, "writing blob %s", b->digest);
		running += is_new && b->state > WAITING;
	}
	return 0;
}

static int serve_blobs(struct push *p, struct err *e)
{
	int64_t reported = 0;

	while (!p->manifest) {
		if (http_round(p->http, wait_ms(p), e) < 0 || (p->readable && hear(p, e) < 0) ||
		    step_all(p, e) < 0)
			return e->code;
		if (p->progress && http_now_ms() - reported >= PROGRESS_MS) {
			reported = http_now_ms();
			if (tell_progress(p, e) < 0)
				return e->code;
		}
	}
	return 0;
}

static int put_manifest(struct push *p, struct err *e)
{
	const char *type = json_get_str(p->manifest, "media_type");
	const char *name = json_get_str(p->manifest, "reference");
	const char *digest = json_get_str(p->manifest, "digest");
	scoped(mem) char *bytes = NULL;
	scoped(mem) char *path = NULL;
	size_t n = 0;
	int rc;

	if (!type || !name || !digest)
		return err_set(e, -EBADMSG, "push: unexpected message");
	if (path_read(PULL_DIR_FD, PULL_MANIFEST, MANIFEST_MAX, &bytes, &n, e) < 0)
		return e->code;
	path = str_printf("/v2/%s/manifests/%s", p->session.o.repository, name);
	struct http_body body = {
		.content_type = type, .bytes = bytes, .fd = -EBADF, .length = (int64_t)n
	};
	struct fetch f = {
		.path = path, .method = "PUT", .body = &body, .body_max = HTTP_SMALL_MAX
	};
	if (!path)
		return err_errno(e, ENOMEM, "push");
	rc = fetch_run(&p->session, &f, e);
	if (rc >= 0 && digest_is_valid(f.t->digest) && strcmp(f.t->digest, digest) != 0)
		rc = err_set(e, -EBADMSG, "the registry calls it %s, not %s", f.t->digest, digest);
	fetch_done(&p->session, &f);
	return rc < 0 ? err_in(e, "writing manifest") : 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* What a token must be good for: writing here, and reading where blobs may be mounted from. */
static int make_scopes(char *const *mounts, const char *repository, char ***ret, struct err *e)
{
	scoped(mem) char *own = str_printf("repository:%s:pull,push", repository);
	int rc = own ? strv_add(ret, own) : -ENOMEM;

	for (; mounts && *mounts && rc == 0; mounts++) {
		scoped(mem) char *other = str_printf("repository:%s:pull", *mounts);
		rc = other ? strv_add(ret, other) : -ENOMEM;
	}
	return rc < 0 ? err_errno(e, rc, "push") : 0;
}

/* Who are we, and does it speak TLS: before many requests find out at once. */
static int knock(struct push *p, struct err *e)
{
	struct fetch f = { .path = "/v2/", .body_max = HTTP_SMALL_MAX };
	int rc = fetch_run(&p->session, &f, e);

	fetch_done(&p->session, &f);
	if (rc == -EACCES) { /* what is refused is told by what is asked for */
		err_clear(e);
		rc = 0;
	}
	return rc;
}

int push_role(json_object *m, struct err *e)
{
	__attribute__((cleanup(scoped_push))) struct push p = { 0 };
	struct http_waiter waiter = { .fill = fill, .serve = serve, .arg = &p };
	scoped(strv) char **scopes = NULL;
	struct registry_options o = { 0 };

	p.progress = json_get_bool(m, "progress", 0);
	if (registry_options_decode(m, &o, e) < 0)
		return err_in(e, "push");
	if (json_to_strv(json_get(m, "mounts"), &p.mounts) < 0)
		return err_set(e, -EBADMSG, "push: unexpected message");
	p.blobs = calloc(BLOBS_MAX, sizeof(*p.blobs));
	if (!p.blobs)
		return err_errno(e, ENOMEM, "push");
	for (size_t i = 0; i < BLOBS_MAX; i++)
		p.blobs[i].fd = -EBADF;
	if (make_scopes(p.mounts, o.repository, &scopes, e) < 0)
		return e->code;
	o.scopes = scopes;
	if (http_new(&p.http, e) < 0 || registry_open(&p.session, p.http, &o, e) < 0 ||
	    knock(&p, e) < 0)
		return e->code;
	http_set_waiter(p.http, &waiter);
	if (serve_blobs(&p, e) < 0)
		return e->code;
	http_set_waiter(p.http, NULL);
	if (put_manifest(&p, e) < 0)
		return e->code;
	return pull_send(PULL_SOCKET_FD, pull_message("done"), e);
}

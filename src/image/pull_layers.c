/* SPDX-License-Identifier: Apache-2.0 */
/* A layer's way:
 *
 * WAITING -> FETCHING: directory made, role `layer` started, request sent
 *
 * WAITING -> RESUMING: the same of a layer whose first bytes an earlier pull has left; when the
 * role has them -> FETCHING
 *
 * WAITING -> PLANNING: the same of a layer that may be fetched in parts (pull_parts.h): the role
 * `assemble` is between us and the role `layer`, and says which ranges it needs next
 *
 * PLANNING -> FETCHING: those ranges one by one -> PLANNING again, or FINISHING
 *
 * FETCHING: curl's bytes go into the role's pipe.  What the pipe does not take is kept (at most one
 * buffer of curl's) and the transfer is paused until the pipe has room, so that a slow role holds
 * up only its own connection.  A broken connection goes on at the same byte; the role notices
 * nothing and its digests go on.
 *
 * Between us and the role `layer` of an encrypted layer stands the role `crypt`: the pipe is its.
 *
 * -> FINISHING: all bytes written, pipe closed; the role unpacks the rest and syncs
 *
 * -> READY: its result came and size, both digests hold
 *
 * -> WAITING, once: what came was not what the digest says; all of it is fetched again
 *
 * -> WAITING, once: it did not work in parts; all of it is fetched
 */
#include "src/image/pull_layers.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "overlay/layer.h"
#include "src/image/layer_crypt.h"
#include "src/image/pull_kept.h"
#include "src/image/pull_parts.h"
#include "src/image/pull_protocol.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define PIPE_BYTES  (1 << 20) /* pipe-max-size of an ordinary user */
#define PROGRESS_MS 100
#define KEPT_CHUNK  (128 << 10)
#define REST_MAX    ((int64_t)1 << 60)
#define SPACE_BYTES (1 << 20) /* that come from one look at the free space to the next */

enum layer_state {
	LAYER_WAITING,
	LAYER_PLANNING,
	LAYER_RESUMING,
	LAYER_FETCHING,
	LAYER_FINISHING,
	LAYER_READY
};

struct layer {
	enum layer_state state;
	size_t index;
	const struct descriptor *d;
	const char *diff_id;
	struct fetch fetch;
	struct pull_parts parts;
	struct pull_kept kept; /* of an encrypted layer: its bytes as they come */
	struct pull_call crypt;
	int resumed;	 /* it began with kept bytes */
	int whole;	 /* not in parts, that has failed */
	int64_t fetched; /* bytes, of parts */
	struct layer_writer writer;
	struct layer_result result;
	char *pending; /* what the pipe did not take */
	size_t pending_len, pending_at;
	int64_t skip;	  /* bytes we have already, of an answer that begins at 0 */
	int64_t reported; /* to the engine */
	int broken;	  /* the role went away */
	int tries;	  /* that brought other bytes than the digest says */
};

struct work {
	const struct pull_layers *p;
	struct layer *layers;
	size_t n;
	int engine_gone;
	int keeps;	/* what comes, for the next pull if this one is killed */
	int64_t looked; /* at the free space, when so many bytes had come */
};

static void work_done(struct work *w)
{
	http_set_waiter(w->p->session->http, NULL);
	for (size_t i = 0; i < w->n; i++) {
		fetch_done(w->p->session, &w->layers[i].fetch);
		pull_parts_end(&w->layers[i].parts);
		layer_writer_end(&w->layers[i].writer);
		pull_call_end(&w->layers[i].crypt);
		pull_kept_close(&w->layers[i].kept);
		free((void *)w->layers[i].fetch.path);
		free(w->layers[i].pending);
	}
	free(w->layers);
}

static void scoped_work(struct work *w)
{
	work_done(w);
}

/* The first bytes of an answer: where in the layer do they belong? */
static int begin_answer(struct layer *l, struct http_transfer *t, struct err *e)
{
	t->sink_began = 1;
	l->skip = 0;
	if (t->status == 200 && l->parts.is_on)
		return err_set(e, -ENOTSUP, "the server knows no ranges");
	if (t->status == 200) /* the server knows no ranges: the front comes again */
		l->skip = l->fetch.offset;
	else if (t->range_start != l->fetch.offset)
		return err_set(e, -EPROTO, "the server answers with the wrong range");
	return 0;
}

/* The pipe that the bytes go into. */
static int feed_fd(const struct layer *l)
{
	return l->parts.is_on ? l->parts.role.stream_fd : l->writer.stream_fd;
}

static int64_t end_of(const struct layer *l)
{
	return l->parts.is_on ? l->fetch.end : l->d->size;
}

/* Write until the pipe is full: bytes taken, or a negative errno. */
static ssize_t feed(struct layer *l, const char *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t k = write(feed_fd(l), bytes + done, n - done);

		if (k > 0)
			done += (size_t)k;
		else if (k < 0 && errno == EAGAIN)
			break;
		else if (k < 0 && errno != EINTR)
			return -errno;
	}
	return (ssize_t)done;
}

static int keep(struct layer *l, const char *bytes, size_t n, struct err *e)
{
	char *p = realloc(l->pending, n);

	if (!p)
		return err_errno(e, ENOMEM, "keep bytes of a layer");
	memcpy(p, bytes, n);
	l->pending = p;
	l->pending_len = n;
	l->pending_at = 0;
	http_pause(l->fetch.t);
	return 0;
}

static int sink(void *arg, const char *bytes, size_t n, struct err *e)
{
	struct layer *l = arg;
	ssize_t taken;

	if (l->pending_len)
		return -EAGAIN;
	if (!l->fetch.t->sink_began && begin_answer(l, l->fetch.t, e) < 0)
		return e->code;
	if (l->skip) {
		size_t k = l->skip < (int64_t)n ? (size_t)l->skip : n;
		l->skip -= (int64_t)k;
		bytes += k;
		n -= k;
	}
	if ((int64_t)n > end_of(l) - l->fetch.offset)
		return err_set(e, -EFBIG, "it is larger than the %lld bytes that %s",
			       (long long)end_of(l),
			       l->parts.is_on ? "were asked for" : "the manifest says");
	taken = feed(l, bytes, n);
	if (taken < 0) {
		l->broken = 1;
		return err_errno(e, (int)taken, "unpack");
	}
	pull_kept_add(&l->kept, bytes, n);
	l->fetch.offset += (int64_t)n;
	l->fetched += (int64_t)n;
	return (size_t)taken < n ? keep(l, bytes + taken, n - (size_t)taken, e) : 0;
}

/* The pipe has room again. */
static void drain(struct layer *l)
{
	ssize_t taken = feed(l, l->pending + l->pending_at, l->pending_len);

	if (taken < 0) {
		l->broken = 1;
		l->pending_len = 0;
		return;
	}
	l->pending_at += (size_t)taken;
	l->pending_len -= (size_t)taken;
	if (!l->pending_len && l->fetch.t && !l->fetch.t->done)
		http_resume(l->fetch.t);
}

static size_t fill(void *arg, struct curl_waitfd *fds)
{
	struct work *w = arg;
	size_t n = 0;

	fds[n++] = (struct curl_waitfd){ .fd = w->p->socket_fd, .events = CURL_WAIT_POLLIN };
	for (size_t i = 0; i < w->n && n < HTTP_WAIT_FDS; i++) {
		const struct layer *l = &w->layers[i];
		if (l->state == LAYER_RESUMING || (l->state == LAYER_FETCHING && l->pending_len))
			fds[n++] = (struct curl_waitfd){ .fd = feed_fd(l),
							 .events = CURL_WAIT_POLLOUT };
		else if (l->state == LAYER_PLANNING)
			fds[n++] = (struct curl_waitfd){ .fd = l->parts.role.control_fd,
							 .events = CURL_WAIT_POLLIN };
		else if (l->state == LAYER_FINISHING)
			fds[n++] = (struct curl_waitfd){ .fd = l->writer.control_fd,
							 .events = CURL_WAIT_POLLIN };
	}
	return n;
}

static void serve(void *arg, const struct curl_waitfd *fds, size_t n)
{
	struct work *w = arg;

	for (size_t i = 0; i < n; i++)
		if (fds[i].fd == w->p->socket_fd && fds[i].revents)
			w->engine_gone = 1; /* it has nothing more to say but that */
	/* Not by revents: curl does not tell of POLLERR, which is all that a full pipe without
	 * reader has to say. */
	for (size_t i = 0; i < w->n; i++)
		if (w->layers[i].state == LAYER_FETCHING && w->layers[i].pending_len)
			drain(&w->layers[i]);
}

/* Put the role `crypt` before the role `layer`. */
static int start_crypt(struct work *w, struct layer *l, struct err *e)
{
	scoped(fd) int r = -EBADF;
	scoped(fd) int in = -EBADF;

	if (fd_pipe(&r, &in, e) < 0 ||
	    layer_decrypt_start(&l->crypt, w->p->keys, w->p->dir_fd, l->index, r, 0,
				l->writer.stream_fd, e) < 0)
		return e->code;
	fd_close(l->writer.stream_fd);
	l->writer.stream_fd = take_fd(&in);
	return 0;
}

static int start(struct work *w, struct layer *l, struct err *e)
{
	scoped(fd) int dir = -EBADF;
	char name[32];

	(void)snprintf(name, sizeof(name), "layer-%zu", l->index);
	if (mkdirat(w->p->dir_fd, name, 0700) < 0)
		return err_sys(e, "make directory %s", name);
	dir = openat(w->p->dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return err_sys(e, "open %s", name);
	if (layer_writer_start(&l->writer, -1, dir, -1, e) < 0)
		return e->code;
	if (!l->whole && pull_parts_may(l->d, w->p->layers_fd)) {
		l->state = LAYER_PLANNING;
		return pull_parts_start(&l->parts, l->d, w->p->layers_fd, &l->writer.stream_fd, e);
	}
	if (l->d->is_encrypted && start_crypt(w, l, e) < 0)
		return e->code;
	if (fd_set_nonblock(l->writer.stream_fd, 1) < 0)
		return err_sys(e, "set up the pipe of a layer");
	/* More room means fewer turns; without it (a user with many pipes) it works too. */
	(void)fcntl(l->writer.stream_fd, F_SETPIPE_SZ, PIPE_BYTES);
	pull_kept_open(&l->kept, w->keeps ? w->p->kept_fd : -EBADF, l->d->digest, l->d->size);
	l->resumed = l->kept.have > 0;
	l->state = l->resumed ? LAYER_RESUMING : LAYER_FETCHING;
	return l->resumed ? 0 : fetch_start(w->p->session, &l->fetch, e);
}

/* For the log, where the engine has one. */
__attribute__((format(printf, 3, 4))) static void note(struct work *w, const struct layer *l,
						       const char *fmt, ...)
{
	json_object *o = pull_message("note");
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (o) {
		json_put_int(o, "layer", (int64_t)l->index);
		json_put_str(o, "text", text);
	}
	(void)pull_send(w->p->socket_fd, o, &(struct err){ 0 }); /* not worth a failure */
}

static int verify(const struct layer *l, struct err *e)
{
	const struct layer_result *r = &l->result;

	if (l->parts.is_on) /* only the tar stream was made */
		return strcmp(r->diff_id, l->diff_id) != 0
			       ? err_set(e, -EBADMSG, "its parts make another layer, %s",
					 r->diff_id)
			       : 0;
	/* The role `crypt` has compared what came with the manifest. */
	if (!l->d->is_encrypted && r->size != l->d->size)
		return err_set(e, -EBADMSG, "Size did not match, expected %lld, got %lld",
			       (long long)l->d->size, (long long)r->size);
	if (!l->d->is_encrypted && strcmp(r->digest, l->d->digest) != 0)
		return err_set(e, -EBADMSG, "Digest did not match, expected %s, got %s",
			       l->d->digest, r->digest);
	if (l->diff_id && strcmp(r->diff_id, l->diff_id) != 0)
		return err_set(e, -EBADMSG,
			       "diff ID did not match the image config, expected %s, got %s",
			       l->diff_id, r->diff_id);
	return 0;
}

static int report(struct work *w, const struct layer *l, struct err *e)
{
	json_object *o = pull_message("layer");

	if (o) {
		json_put_int(o, "layer", (int64_t)l->index);
		json_put_int(o, "diff_size", l->result.diff_size);
		json_put_int(o, "tree_size", l->result.tree_size);
		json_put_str(o, "digest", l->result.digest);
		json_put_int(o, "size", l->result.size);
		json_put_str(o, "diff_id", l->result.diff_id);
	}
	return pull_send(w->p->socket_fd, o, e);
}

/* Forget what came, to begin again. */
static int restart(struct work *w, struct layer *l, struct err *e)
{
	char name[32];

	err_clear(e);
	pull_parts_end(&l->parts);
	pull_kept_drop(&l->kept);
	layer_writer_end(&l->writer);
	l->writer = (struct layer_writer)LAYER_WRITER_NONE;
	pull_call_end(&l->crypt);
	l->crypt = (struct pull_call)PULL_CALL_NONE;
	fetch_done(w->p->session, &l->fetch);
	l->fetch = (struct fetch){ .path = l->fetch.path, .sink = sink, .sink_arg = l };
	l->pending_len = 0;
	l->fetched = 0;
	l->broken = 0;
	(void)snprintf(name, sizeof(name), "layer-%zu", l->index);
	if (path_rmtree(w->p->dir_fd, name) < 0)
		return err_set(e, -EIO, "cannot remove %s", name);
	l->state = LAYER_WAITING;
	return 0;
}

static void keep_no_more(struct work *w)
{
	for (size_t i = 0; i < w->n; i++)
		pull_kept_drop(&w->layers[i].kept);
	w->keeps = 0;
}

/* Now and then: before the disk is full. */
static void look_at_space(struct work *w)
{
	int64_t rest = 0, came = 0;

	for (size_t i = 0; i < w->n; i++) {
		const struct layer *l = &w->layers[i];

		came += l->fetch.offset;
		if (l->state == LAYER_READY || l->state == LAYER_FINISHING)
			continue;
		/* Sizes of a stranger's: no sum is larger than any disk. */
		rest = l->d->size - l->fetch.offset > REST_MAX - rest
			       ? REST_MAX
			       : rest + l->d->size - l->fetch.offset;
	}
	if (w->looked && came - w->looked < SPACE_BYTES)
		return;
	w->looked = came ? came : 1;
	if (!pull_kept_fits(w->p->kept_fd, rest))
		keep_no_more(w);
}

/* Bytes that were damaged on the way, or by a cache, or since they were kept, may be right the next
 * time. */
static int once_more(struct work *w, struct layer *l, struct err *e)
{
	pull_kept_drop(&l->kept);
	if ((e->code == -ENOSPC || e->code == -EDQUOT) && w->keeps) {
		keep_no_more(w);
		return restart(w, l, e);
	}
	if (l->resumed)
		return restart(w, l, e);
	if (l->parts.is_on || e->code != -EBADMSG || l->tries++ || !w->p->session->o.retries ||
	    !strcmp(l->result.digest, l->d->digest))
		return e->code;
	dbg("blob %s is fetched again: %s", l->d->digest, e->text);
	return restart(w, l, e);
}

/* The results of the roles. */
static int take_results(struct layer *l, struct err *e)
{
	struct err reading = { 0 };
	int read;

	if (!l->d->is_encrypted)
		return layer_writer_finish(&l->writer, &l->result, e);
	read = layer_writer_finish(&l->writer, &l->result, &reading);
	return err_of_pipe(layer_decrypt_finish(&l->crypt, e), read, &reading, e);
}

/* The role has a result, or has failed. */
static int finish(struct work *w, struct layer *l, struct err *e)
{
	if (take_results(l, e) < 0 || verify(l, e) < 0)
		return once_more(w, l, e);
	if (l->parts.is_on)
		note(w, l, "%lld of %lld bytes were fetched", (long long)l->fetched,
		     (long long)l->d->size);
	l->state = LAYER_READY;
	free(l->pending);
	l->pending = NULL;
	return report(w, l, e);
}

static int is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* The role stopped reading: its own words are the reason. */
static int fail_by_role(struct work *w, struct layer *l, struct err *e)
{
	err_clear(e);
	if (take_results(l, e) < 0)
		return once_more(w, l, e);
	return err_set(e, -EIO, "the layer goes on behind the end of its archive");
}

/* An answer has ended, well or not. */
static int after_transfer(struct work *w, struct layer *l, struct err *e)
{
	int rc = fetch_next(w->p->session, &l->fetch, e);

	if (rc != FETCH_FINISHED)
		return rc;
	if (l->fetch.offset == end_of(l))
		return 0;
	(void)err_set(e, -EBADMSG, "it ends after %lld of %lld bytes", (long long)l->fetch.offset,
		      (long long)end_of(l));
	return fetch_retry(w->p->session, &l->fetch, 0, e);
}

/* All has come of the blob, or of what the role `assemble` asked for so far. */
static int came(struct work *w, struct layer *l, struct err *e)
{
	if (!l->parts.is_on) {
		fd_close(take_fd(&l->writer.stream_fd));
		l->state = LAYER_FINISHING;
		return 0;
	}
	if (pull_parts_next(&l->parts, &l->fetch)) {
		l->state = LAYER_FETCHING;
		return fetch_start(w->p->session, &l->fetch, e);
	}
	l->state = LAYER_PLANNING;
	return 0;
}

/* The role `assemble` speaks. */
static int listen_to(struct work *w, struct layer *l, struct err *e)
{
	int rc = pull_parts_message(&l->parts, l->d, e);

	if (rc > 0)
		return came(w, l, e);
	l->state = LAYER_FINISHING;
	return rc;
}

/* The role gets what was kept, as fast as it takes it; then the network's turn comes. */
static int feed_kept(struct work *w, struct layer *l, struct err *e)
{
	char buf[KEPT_CHUNK];
	size_t n = pull_kept_read(&l->kept, l->fetch.offset, buf, sizeof(buf));
	ssize_t taken = feed(l, buf, n);

	if (taken < 0)
		return fail_by_role(w, l, e);
	l->fetch.offset += taken;
	l->fetched += taken;
	if (n)
		return 0;
	if (l->fetch.offset != l->kept.have) /* it cannot be read: no good place to go on from */
		pull_kept_drop(&l->kept);
	l->state = LAYER_FETCHING;
	return l->fetch.offset == l->d->size ? came(w, l, e)
					     : fetch_start(w->p->session, &l->fetch, e);
}

static int step(struct work *w, struct layer *l, int64_t now, struct err *e)
{
	if (l->state == LAYER_RESUMING)
		return feed_kept(w, l, e);
	if (l->state == LAYER_PLANNING)
		return is_readable(l->parts.role.control_fd) ? listen_to(w, l, e) : 0;
	if (l->state == LAYER_FINISHING)
		return is_readable(l->writer.control_fd) ? finish(w, l, e) : 0;
	if (l->state != LAYER_FETCHING)
		return 0;
	if (l->broken && l->parts.is_on) /* its last word is why */
		return listen_to(w, l, e);
	if (l->broken)
		return fail_by_role(w, l, e);
	if (l->fetch.retry_at)
		return l->fetch.retry_at <= now ? fetch_start(w->p->session, &l->fetch, e) : 0;
	if (!l->fetch.t->done || l->pending_len)
		return 0;
	if (after_transfer(w, l, e) < 0)
		return l->broken && !l->parts.is_on ? fail_by_role(w, l, e) : e->code;
	if (l->fetch.t->done && !l->fetch.retry_at && l->fetch.offset == end_of(l))
		return came(w, l, e);
	return 0;
}

/* RC is how a step of L ended; what does not work in parts is done as a whole. */
static int or_whole(struct work *w, struct layer *l, int rc, struct err *e)
{
	if (rc >= 0 || !l->parts.is_on)
		return rc;
	l->whole = 1;
	note(w, l, "is fetched as a whole: %s", e->text);
	return restart(w, l, e);
}

static int send_progress(struct work *w, struct err *e)
{
	for (size_t i = 0; i < w->n; i++) {
		struct layer *l = &w->layers[i];
		json_object *o;

		if (l->fetched == l->reported)
			continue;
		l->reported = l->fetched;
		o = pull_message("progress");
		if (o) {
			json_put_int(o, "layer", (int64_t)l->index);
			json_put_int(o, "bytes", l->reported);
		}
		if (pull_send(w->p->socket_fd, o, e) < 0)
			return e->code;
	}
	return 0;
}

/* Start what may run; returns how many are unfinished. */
static int begin(struct work *w, struct err *e)
{
	int running = 0, unfinished = 0;

	for (size_t i = 0; i < w->n; i++)
		running += w->layers[i].state != LAYER_WAITING && w->layers[i].state != LAYER_READY;
	for (size_t i = 0; i < w->n; i++) {
		struct layer *l = &w->layers[i];

		if (l->state == LAYER_WAITING && running < LAYERS_AT_ONCE) {
			if (or_whole(w, l, start(w, l, e), e) < 0)
				return err_in(e, "writing blob %s", l->d->digest);
			running++;
		}
		unfinished += l->state != LAYER_READY;
	}
	return unfinished;
}

static int wait_ms(const struct work *w, int64_t now)
{
	int64_t ms = w->p->progress ? PROGRESS_MS : 1000;

	for (size_t i = 0; i < w->n; i++) {
		int64_t at = w->layers[i].fetch.retry_at;
		if (at && at - now < ms)
			ms = at > now ? at - now : 0;
	}
	return (int)ms;
}

static int run(struct work *w, struct err *e)
{
	int64_t reported = 0, now;
	int rc;

	while ((rc = begin(w, e)) > 0) {
		if (w->keeps)
			look_at_space(w);
		if (http_round(w->p->session->http, wait_ms(w, http_now_ms()), e) < 0)
			return e->code;
		if (w->engine_gone)
			return err_set(e, -ECANCELED, "interrupted");
		now = http_now_ms();
		for (size_t i = 0; i < w->n; i++)
			if (or_whole(w, &w->layers[i], step(w, &w->layers[i], now, e), e) < 0)
				return err_in(e, "writing blob %s", w->layers[i].d->digest);
		if (w->p->progress && now - reported >= PROGRESS_MS) {
			reported = now;
			if (send_progress(w, e) < 0)
				return e->code;
		}
	}
	return rc;
}

int pull_layers(const struct pull_layers *p, const size_t *wanted, size_t n, struct err *e)
{
	__attribute__((cleanup(scoped_work))) struct work w = { .p = p, .keeps = p->kept_fd >= 0 };
	struct http_waiter waiter = { .fill = fill, .serve = serve, .arg = &w };

	w.layers = calloc(n ? n : 1, sizeof(*w.layers));
	if (!w.layers)
		return err_errno(e, ENOMEM, "pull layers");
	for (; w.n < n; w.n++) {
		struct layer *l = &w.layers[w.n];

		*l = (struct layer){ .index = wanted[w.n],
				     .writer = LAYER_WRITER_NONE,
				     .crypt = PULL_CALL_NONE,
				     .parts = PULL_PARTS_NONE,
				     .kept = PULL_KEPT_NONE };
		l->d = &p->manifest->layers[l->index];
		l->diff_id = p->diff_ids ? p->diff_ids[l->index] : NULL;
		l->fetch.sink = sink;
		l->fetch.sink_arg = l;
		l->fetch.path =
			str_printf("/v2/%s/blobs/%s", p->session->o.repository, l->d->digest);
		if (!l->fetch.path)
			return err_errno(e, ENOMEM, "pull layers");
	}
	http_set_waiter(p->session->http, &waiter);
	if (run(&w, e) < 0)
		return e->code;
	for (size_t i = 0; i < n; i++)
		pull_kept_drop(&w.layers[i].kept);
	return 0;
}

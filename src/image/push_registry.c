/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's half of a push to a registry: blobs are made, two at a time, while the role `pull`
 * looks for them and sends them. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/pull_call.h"
#include "src/image/pull_protocol.h"
#include "src/image/push.h"
#include "src/image/push_source.h"
#include "src/image/reference.h"
#include "src/image/schema1.h"
#include "src/image/sign.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define MAKES_AT_ONCE 2
#define MOUNTS_MAX    4
#define RETRIES	      3

struct target {
	struct push *p;
	struct reference ref;	/* as the user means it */
	struct reference place; /* where that is, by registries.conf */
	int insecure;
	char *tmp_name;
	int tmp_fd, lease_fd;
	struct pull_call call;
	struct push_source source;
	int config_done;
};

static void scoped_target(struct target *t)
{
	pull_call_end(&t->call);
	push_source_done(&t->source);
	if (t->tmp_name)
		engine_tmpdir_remove(t->p->en, t->tmp_name);
	free(t->tmp_name);
	fd_close(t->tmp_fd);
	fd_close(t->lease_fd);
	reference_done(&t->ref);
	reference_done(&t->place);
}

/* ---- where ----------------------------------------------------------------------------------- */

static int read_target(struct target *t, const char *name, struct err *e)
{
	if (reference_parse(name, &t->ref, e) < 0 ||
	    (!t->ref.registry && reference_qualify(&t->ref, REFERENCE_HUB, e) < 0))
		return e->code;
	return pull_place(t->p->en, &t->ref, t->p->o->tls_verify, &t->place, &t->insecure, e);
}

/* Other repositories of the same registry that may have the blobs. */
static json_object *mounts(const struct target *t)
{
	json_object *list = json_object_new_array();

	for (char **d = t->p->image->digests; list && d && *d; d++) {
		scoped(reference) struct reference r = { 0 };
		struct err ignored = { 0 };
		int is_new = 1;

		if (json_len(list) == MOUNTS_MAX)
			break;
		if (reference_parse(*d, &r, &ignored) < 0 || !r.registry ||
		    strcmp(r.registry, t->ref.registry) != 0 ||
		    !strcmp(r.repository, t->place.repository))
			continue;
		for (size_t i = 0; i < json_len(list); i++)
			is_new = is_new && strcmp(json_str_at(list, i), r.repository) != 0;
		if (is_new)
			(void)json_object_array_add(list, json_object_new_string(r.repository));
	}
	return list;
}

static int send_request(struct target *t, struct err *e)
{
	const struct image_push_options *o = t->p->o;
	json_object *m = pull_message("push");

	if (!m)
		return err_errno(e, ENOMEM, "push");
	json_put_str(m, "registry", t->place.registry);
	json_put_str(m, "repository", t->place.repository);
	json_put(m, "mounts", mounts(t));
	json_put_bool(m, "insecure", t->insecure);
	json_put_str(m, "creds", o->creds);
	json_put_str(m, "authfile", o->authfile);
	json_put_str(m, "cert_dir", o->cert_dir);
	json_put_str(m, "config_dir", t->p->en->config_dir);
	json_put_int(m, "retries", o->retry < 0 ? RETRIES : o->retry);
	json_put_int(m, "retry_delay_ms", o->retry_delay_ms);
	json_put_bool(m, "progress", t->p->progress.terminal && !t->p->progress.quiet);
	return pull_send(t->call.socket_fd, m, e);
}

/* ---- the conversation ------------------------------------------------------------------------ */

static int say(const struct target *t, const char *type, size_t blob, const char *digest,
	       struct err *e)
{
	json_object *m = pull_message(type);

	if (m) {
		json_put_int(m, "blob", (int64_t)blob);
		json_put_str(m, "digest", digest);
	}
	return pull_send(t->call.socket_fd, m, e);
}

static void blob_name(size_t i, char name[32])
{
	(void)snprintf(name, 32, "blob-%zu", i);
}

/* The config is blob number N; schema 1 has the empty layer, where there is need, but no config. */
static int send_config(struct target *t, struct err *e)
{
	struct push *p = t->p;
	const void *bytes = p->is_schema1 ? (const void *)schema1_empty_layer : p->config;
	char name[32], digest[DIGEST_LEN + 1];

	if (p->is_schema1 && !push_needs_empty(p)) {
		t->config_done = 1;
		return 0;
	}
	blob_name(p->n, name);
	(void)snprintf(digest, sizeof(digest), "sha256:%s",
		       p->is_schema1 ? digest_hex(SCHEMA1_EMPTY_DIGEST) : p->image->id);
	if (path_replace(t->tmp_fd, name, bytes, p->is_schema1 ? SCHEMA1_EMPTY_SIZE : p->config_len,
			 0600, 0, e) < 0)
		return e->code;
	return say(t, "upload", p->n, digest, e);
}

/* The original is not to be had: is the blob there that was made of it before? */
static int ask_for_known(struct target *t, size_t i, struct err *e)
{
	struct push_layer *l = &t->p->layers[i];

	l->state = l->known.digest[0] ? PUSH_KNOWN : PUSH_ABSENT;
	return l->state == PUSH_KNOWN ? say(t, "check", i, l->known.digest, e) : 0;
}

static int ask_for_layers(struct target *t, struct err *e)
{
	struct push *p = t->p;

	for (size_t i = 0; i < p->n; i++) {
		struct push_layer *l = &p->layers[i];

		if (l->same != i)
			continue;
		l->state = PUSH_ASKED;
		if ((l->original ? say(t, "check", i, l->original->digest, e)
				 : ask_for_known(t, i, e)) < 0)
			return e->code;
	}
	return 0;
}

/* Fetch the next original blob; one at a time, while others are sent. */
static int fetch_blobs(struct target *t, struct err *e)
{
	for (size_t i = 0; i < t->p->n; i++) {
		struct push_layer *l = &t->p->layers[i];
		char name[32];

		if (l->state != PUSH_QUEUED || t->source.is_busy)
			continue;
		blob_name(i, name);
		t->source.dir_fd = t->tmp_fd;
		if (!push_source_has(&t->source, i) || push_source_ask(&t->source, i, name) < 0) {
			if (ask_for_known(t, i, e) < 0)
				return e->code;
			continue;
		}
		l->state = PUSH_FETCHING;
	}
	return 0;
}

static int on_fetched(struct target *t, struct err *e)
{
	size_t i = t->source.layer;
	struct push_layer *l = &t->p->layers[i];

	if (!push_source_answer(&t->source))
		return ask_for_known(t, i, e);
	push_is_there(t->p, i);
	l->state = PUSH_SENT;
	return say(t, "upload", i, l->digest, e);
}

/* Make what is absent, as much as may run at once. */
static int make_blobs(struct target *t, struct err *e)
{
	struct push *p = t->p;
	int running = 0;

	for (size_t i = 0; i < p->n; i++)
		running += p->layers[i].state == PUSH_MAKING;
	for (size_t i = 0; i < p->n && running < MAKES_AT_ONCE; i++) {
		char name[32];
		int fd;

		if (p->layers[i].state != PUSH_ABSENT)
			continue;
		blob_name(i, name);
		fd = openat(t->tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			return err_sys(e, "create %s/tmp/%s/%s", p->en->graphroot, t->tmp_name,
				       name);
		if (push_make(p, i, fd, e) < 0)
			return e->code;
		running++;
	}
	return 0;
}

/* Layer I is at the registry. */
static void settle(struct target *t, size_t i)
{
	struct push_layer *l = &t->p->layers[i];
	char name[32];

	l->state = PUSH_DONE;
	pull_progress_ready(&t->p->progress, i);
	blob_name(i, name);
	(void)unlinkat(t->tmp_fd, name, 0); /* goes with the directory, at the latest */
}

static int on_layer(struct target *t, size_t i, json_object *o, struct err *e)
{
	struct push_layer *l = &t->p->layers[i];

	if (pull_is(o, "progress")) {
		pull_progress_bytes(&t->p->progress, i, json_get_int(o, "bytes", 0));
		return 0;
	}
	if (l->state == PUSH_ASKED && pull_is(o, "present")) {
		push_is_there(t->p, i);
		pull_progress_ready(&t->p->progress, i);
		return 0;
	}
	if (l->state == PUSH_ASKED && pull_is(o, "absent") && push_source_has(&t->source, i)) {
		l->state = PUSH_QUEUED;
		return 0;
	}
	if (l->state == PUSH_ASKED && pull_is(o, "absent"))
		return ask_for_known(t, i, e);
	if (l->state == PUSH_KNOWN && pull_is(o, "present")) {
		push_is_known(t->p, i);
		pull_progress_ready(&t->p->progress, i);
		return 0;
	}
	if (l->state == PUSH_KNOWN && pull_is(o, "absent")) {
		l->state = PUSH_ABSENT;
		return 0;
	}
	if (l->state != PUSH_SENT || (!pull_is(o, "present") && !pull_is(o, "uploaded")))
		return err_set(e, -EBADMSG, "push: unexpected message");
	settle(t, i);
	return 0;
}

static int on_message(struct target *t, struct err *e)
{
	scoped(json) json_object *o = NULL;
	int64_t n;

	if (pull_call_receive(&t->call, &o, e) < 0)
		return e->code;
	n = json_get_int(o, "blob", -1);
	if (n < 0 || n > (int64_t)t->p->n)
		return err_set(e, -EBADMSG, "push: unexpected message");
	if (n < (int64_t)t->p->n)
		return on_layer(t, (size_t)n, o, e);
	t->config_done = t->config_done || !pull_is(o, "progress");
	return 0;
}

static int on_made(struct target *t, size_t i, struct err *e)
{
	struct push_layer *l = &t->p->layers[i];

	if (push_made(t->p, i, e) < 0)
		return e->code;
	l->state = PUSH_SENT;
	if (i < t->p->progress.n)
		t->p->progress.lines[i].size = l->size;
	return say(t, "upload", i, l->digest, e);
}

/* Something from the role, or a blob that is made. */
static int wait(struct target *t, struct err *e)
{
	struct pollfd fds[2 + MAKES_AT_ONCE] = {
		{ .fd = t->call.socket_fd, .events = POLLIN },
		{ .fd = t->source.is_busy ? t->source.call.socket_fd : -1, .events = POLLIN },
	};
	size_t of[2 + MAKES_AT_ONCE] = { 0 };
	nfds_t n = 2;

	for (size_t i = 0; i < t->p->n && n < ARRAY_LEN(fds); i++)
		if (t->p->layers[i].state == PUSH_MAKING) {
			of[n] = i;
			fds[n++] = (struct pollfd){ .fd = push_made_fd(&t->p->layers[i]),
						    .events = POLLIN };
		}
	if (poll(fds, n, -1) < 0)
		return errno == EINTR ? 0 : err_sys(e, "poll");
	for (nfds_t k = 2; k < n; k++)
		if (fds[k].revents && on_made(t, of[k], e) < 0)
			return e->code;
	if (fds[1].revents && on_fetched(t, e) < 0)
		return e->code;
	return fds[0].revents ? on_message(t, e) : 0;
}

static int is_done(const struct target *t)
{
	for (size_t i = 0; i < t->p->n; i++)
		if (t->p->layers[i].same == i && t->p->layers[i].state != PUSH_DONE)
			return 0;
	return t->config_done;
}

static int push_blobs(struct target *t, struct err *e)
{
	struct push *p = t->p;

	if (send_config(t, e) < 0 || ask_for_layers(t, e) < 0)
		return e->code;
	while (!is_done(t))
		if (fetch_blobs(t, e) < 0 || make_blobs(t, e) < 0 || wait(t, e) < 0)
			return e->code;
	for (size_t i = 0; i < p->n; i++) {
		const struct push_layer *l = &p->layers[p->layers[i].same];

		if (l == &p->layers[i])
			continue;
		(void)stpcpy(p->layers[i].digest, l->digest); /* both have room for one digest */
		p->layers[i].size = l->size;
		p->layers[i].kind = l->kind;
		p->layers[i].frames = l->frames;
	}
	return 0;
}

static int push_document(struct target *t, char **ret, struct err *e)
{
	scoped(push_manifest) struct push_manifest m = { 0 };
	scoped(json) json_object *answer = NULL;
	const char *name = t->p->o->by_digest ? m.digest
			   : t->ref.digest    ? t->ref.digest
			   : t->ref.tag	      ? t->ref.tag
					      : "latest";
	const struct sign_place place = { .ref = &t->place,
					  .insecure = t->insecure,
					  .authfile = t->p->o->authfile,
					  .creds = t->p->o->creds,
					  .cert_dir = t->p->o->cert_dir,
					  .retries = t->p->o->retry,
					  .retry_delay_ms = t->p->o->retry_delay_ms };
	size_t n_signatures = 0;
	json_object *o;

	t->p->name = t->ref.repository;
	t->p->tag = t->p->o->by_digest || t->ref.digest ? "" : name;
	if (push_manifest(t->p, &m, e) < 0)
		return e->code;
	if (t->p->o->pushed)
		push_say_what(&m, t->p->o->pushed);
	if (t->ref.digest && strcmp(t->ref.digest, m.digest) != 0)
		return err_set(e, -EINVAL,
			       "the image cannot be pushed as %s: its manifest there is %s",
			       t->ref.digest, m.digest);
	/* Before the image is there: can it have the signatures that it had? */
	if (push_take_signatures(t->p, t->tmp_fd, m.digest, &n_signatures, e) < 0)
		return e->code;
	if (path_replace(t->tmp_fd, PULL_MANIFEST, m.bytes, m.len, 0600, 0, e) < 0)
		return e->code;
	o = pull_message("manifest");
	if (o) {
		json_put_str(o, "reference", name);
		json_put_str(o, "media_type", m.media_type);
		json_put_str(o, "digest", m.digest);
	}
	if (pull_send(t->call.socket_fd, o, e) < 0 || pull_call_receive(&t->call, &answer, e) < 0)
		return e->code;
	if (!pull_is(answer, "done"))
		return err_set(e, -EBADMSG, "push: unexpected message");
	if ((n_signatures || push_signs(t->p)) &&
	    push_signatures(t->p, &place, &t->ref, m.digest, e) < 0)
		return e->code;
	*ret = strdup(m.digest);
	return *ret ? 0 : err_errno(e, ENOMEM, "push");
}

static int converse(struct target *t, char **ret, struct err *e)
{
	struct push *p = t->p;
	scoped(mem) char *wanted = malloc(p->n + 1);

	if (!wanted)
		return err_errno(e, ENOMEM, "push");
	memset(wanted, 1, p->n + 1);
	if (engine_tmpdir(p->en, &t->tmp_name, &t->tmp_fd, &t->lease_fd, e) < 0 ||
	    pull_call_start(&t->call, -EBADF, t->tmp_fd, e) < 0 || send_request(t, e) < 0)
		return e->code;
	pull_progress_say(&p->progress, "Getting image source signatures");
	pull_progress_layers(&p->progress, &p->m, wanted);
	if (push_blobs(t, e) < 0)
		return e->code;
	if (!p->is_schema1)
		pull_progress_say(&p->progress, "Copying config sha256:%s", p->image->id);
	pull_progress_say(&p->progress, "Writing manifest to image destination");
	return push_document(t, ret, e);
}

/* We could not tell the role something because it is gone: why is among its last words. */
static void take_last_words(struct target *t, struct err *e)
{
	struct err why = { 0 };
	json_object *o = NULL;

	while (pull_call_receive(&t->call, &o, &why) >= 0) {
		json_free(o);
		o = NULL;
	}
	if (t->call.ended)
		*e = why;
}

int push_to_registry(struct push *p, const char *target, char **ret, struct err *e)
{
	__attribute__((cleanup(scoped_target))) struct target t = { .p = p,
								    .tmp_fd = -EBADF,
								    .lease_fd = -EBADF,
								    .call = PULL_CALL_NONE,
								    .source = PUSH_SOURCE_NONE };
	scoped(mem) char *shown = NULL;

	t.source.p = p;
	if (read_target(&t, target, e) < 0 || push_check_signing(p, &t.place, e) < 0)
		return e->code;
	if (converse(&t, ret, e) >= 0)
		return 0;
	if (e->code == -EPIPE && !t.call.ended && t.call.socket_fd >= 0)
		take_last_words(&t, e);
	shown = reference_format(&t.ref);
	return err_in(e, "pushing to docker://%s", shown ? shown : target);
}

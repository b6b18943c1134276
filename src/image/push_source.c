/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/push_source.h"

#include <stdlib.h>
#include <string.h>

#include "src/image/image_store.h"
#include "src/image/pull_protocol.h"
#include "src/image/registries.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define SOURCES_MAX 4

void push_source_done(struct push_source *s)
{
	pull_call_end(&s->call);
	free(s->place);
	(void)image_archive_free(s->local);
}

/* Open the archive or directory that the image was loaded from, if it is still there. */
static void look_for_place(struct push_source *s)
{
	struct engine *en = s->p->en;
	struct err e = { 0 };
	const char *path;

	s->looked = 1;
	if (image_source_of(en, s->p->image->id, &s->place, &e) < 0 || !s->place)
		return;
	path = strchr(s->place, ':') + 1; /* as load_format() writes it */
	if ((str_starts(s->place, "oci-archive:")
		     ? image_archive_open(en, path, &s->local, &e)
		     : image_archive_open_dir(path, &s->local, &e)) < 0)
		dbg("push: %s", e.text);
}

int push_source_has(struct push_source *s, size_t i)
{
	const struct image_push_options *o = s->p->o;
	const struct push_layer *l = &s->p->layers[i];

	if (!s->looked)
		look_for_place(s);
	return s->started >= 0 && (s->p->was_pulled || s->local) && l->original &&
	       l->original->size >= 0 && !o->compression && o->level < 0 && !o->force_compression;
}

/* The places of one name that the image was pulled as. */
static int add_places(struct push_source *s, const struct registries *r, const char *name,
		      json_object *list, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	struct registry_source *places = NULL;
	size_t n = 0;

	if (reference_parse(name, &ref, e) < 0 || !ref.registry ||
	    registries_sources(r, &ref, &places, &n, e) < 0)
		return e->code;
	for (size_t i = 0; i < n && json_len(list) < SOURCES_MAX; i++) {
		json_object *o = json_object_new_object();

		json_put_str(o, "registry", places[i].ref.registry);
		json_put_str(o, "repository", places[i].ref.repository);
		json_put_bool(o, "insecure", places[i].insecure || s->p->o->tls_verify == 0);
		(void)json_object_array_add(list, o);
	}
	registry_sources_free(places, n);
	return 0;
}

static int start(struct push_source *s, struct err *e)
{
	struct push *p = s->p;
	scoped(registries) struct registries *r = NULL;
	scoped(json) json_object *m = pull_message("blobs");
	scoped(strv) char **pulled = NULL;
	json_object *list = json_object_new_array();

	if (!m)
		return err_errno(e, ENOMEM, "push");
	json_put(m, "sources", list);
	json_put_str(m, "authfile", p->o->authfile);
	json_put_str(m, "config_dir", p->en->config_dir);
	if (pull_registries(p->en, &r, e) < 0 ||
	    image_pulled_as(p->en, p->image->id, &pulled, e) < 0)
		return e->code;
	for (char **d = pulled; d && *d; d++) {
		struct err ignored = { 0 };
		(void)add_places(s, r, *d, list, &ignored); /* one of them may do */
	}
	if (!json_len(list) && !s->local)
		return err_set(e, -ENOENT, "the image was pulled from nowhere");
	if (pull_call_start(&s->call, -EBADF, s->dir_fd, e) < 0)
		return e->code;
	return pull_send(s->call.socket_fd, take_ptr(&m), e);
}

static int give_up(struct push_source *s, const struct err *e)
{
	dbg("push: original blobs: %s", e->text);
	s->started = -1;
	s->is_busy = 0;
	return e->code;
}

/* Where blob DIGEST lies on this host. */
static void add_local(const struct push_source *s, const char *digest, json_object *m)
{
	const char *place = s->place && s->local ? strchr(s->place, ':') : NULL;
	const struct archive_item *it;
	scoped(mem) char *name = NULL;
	scoped(mem) char *path = NULL;

	if (!place)
		return;
	name = str_printf("%s%s", str_starts(s->place, "dir:") ? "" : "blobs/sha256/",
			  digest_hex(digest));
	it = name ? image_archive_find(s->local, name) : NULL;
	if (!it)
		return;
	path = s->local->dir ? str_printf("%s/%s", place + 1, name) : strdup(place + 1);
	json_put_str(m, "path", path);
	json_put_int(m, "offset", it->offset);
}

int push_source_ask(struct push_source *s, size_t i, const char *name)
{
	const struct descriptor *d = s->p->layers[i].original;
	struct err e = { 0 };
	json_object *m;

	if (!s->started && start(s, &e) < 0)
		return give_up(s, &e);
	s->started = 1;
	m = pull_message("get");
	json_put_str(m, "digest", d->digest);
	json_put_int(m, "size", d->size);
	json_put_str(m, "file", name);
	add_local(s, d->digest, m);
	if (pull_send(s->call.socket_fd, m, &e) < 0)
		return give_up(s, &e);
	s->is_busy = 1;
	s->layer = i;
	return 0;
}

int push_source_answer(struct push_source *s)
{
	scoped(json) json_object *o = NULL;
	struct err e = { 0 };

	s->is_busy = 0;
	if (pull_call_receive(&s->call, &o, &e) < 0) {
		(void)give_up(s, &e);
		return 0;
	}
	return pull_is(o, "got");
}

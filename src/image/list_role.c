/* SPDX-License-Identifier: Apache-2.0 */
/* Tags: /v2/NAME/tags/list.  Searches: /v1/search, as the Hub has it, and where that gives nothing
 * the catalogue /v2/_catalog, of which the names that hold the word are taken.  Long lists come in
 * pages; the next one is where the Link header leads (distribution specification, "Listing tags").
 */
#include "src/image/list_role.h"

#include <stdlib.h>
#include <string.h>

#include "src/image/pull_protocol.h"
#include "src/image/reference.h"
#include "src/image/registry.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define SEARCH_HOST "index.docker.io" /* where the Hub can be searched */
#define PAGES_MAX   1000
#define TEXT_MAX    (64 << 10)

struct list {
	struct registry_session session;
	json_object *found;
	int64_t limit;
};

/* Path and query behind "<" in a Link header, if they are of this registry's API. */
static char *next_page(const char *link)
{
	const char *p = link ? strchr(link, '<') : NULL, *end = p ? strchr(p, '>') : NULL;
	const char *v2;

	if (!end)
		return NULL;
	v2 = memmem(p, (size_t)(end - p), "/v2/", 4);
	return v2 && v2 < end ? strndup(v2, (size_t)(end - v2)) : NULL;
}

/* One document; *RET_NEXT (owned) is the path of the page behind it, or NULL. */
static int get(struct list *l, const char *path, json_object **ret, char **ret_next, struct err *e)
{
	struct fetch f = { .path = path, .body_max = HTTP_DOCUMENT_MAX };
	int rc = fetch_run(&l->session, &f, e);

	if (rc >= 0)
		rc = json_parse(f.t->body.s ? f.t->body.s : "", f.t->body.len, ret, e);
	if (rc >= 0 && ret_next)
		*ret_next = next_page(f.t->link);
	fetch_done(&l->session, &f);
	return rc < 0 ? rc : 0;
}

static int is_full(const struct list *l)
{
	return l->limit > 0 && (int64_t)json_len(l->found) >= l->limit;
}

/* Every page from PATH on, until ADD has filled the list. */
static int walk(struct list *l, const char *path, int (*add)(struct list *, json_object *, void *),
		void *arg, struct err *e)
{
	scoped(mem) char *at = strdup(path);

	for (int i = 0; at && !is_full(l); i++) {
		scoped(json) json_object *o = NULL;
		char *next = NULL;

		if (i == PAGES_MAX)
			return err_set(e, -E2BIG, "the list has more than %d pages", PAGES_MAX);
		if (get(l, at, &o, &next, e) < 0)
			return e->code;
		free(at);
		at = next;
		if (add(l, o, arg) < 0)
			return err_set(e, -EBADMSG, "the registry's list is broken");
	}
	return 0;
}

static int add_tags(struct list *l, json_object *page, void *arg)
{
	json_object *tags = json_get(page, "tags");

	(void)arg;
	if (tags && !json_object_is_type(tags, json_type_array))
		return -EBADMSG;
	for (size_t i = 0; i < json_len(tags) && !is_full(l); i++) {
		const char *tag = json_str_at(tags, i);

		if (!tag || strlen(tag) > 128)
			return -EBADMSG;
		(void)json_object_array_add(l->found, json_object_new_string(tag));
	}
	return 0;
}

static int list_tags(struct list *l, struct err *e)
{
	scoped(mem) char *path = str_printf("/v2/%s/tags/list", l->session.o.repository);

	if (!path)
		return err_errno(e, ENOMEM, "list tags");
	return walk(l, path, add_tags, NULL, e) < 0 ? err_in(e, "fetching tags list") : 0;
}

/* One result, in the form of version 1, checked. */
static int add_result(struct list *l, const char *name, json_object *from)
{
	json_object *o = json_object_new_object();
	const char *text = json_get_str(from, "description");

	if (!o || !name || strlen(name) > 512) {
		json_free(o);
		return -EBADMSG;
	}
	json_put_str(o, "name", name);
	json_put(o, "description",
		 json_object_new_string_len(text ? text : "",
					    text ? (int)strnlen(text, TEXT_MAX) : 0));
	json_put_int(o, "stars", json_get_int(from, "star_count", 0));
	json_put_bool(o, "official", json_get_bool(from, "is_official", 0));
	json_put_bool(o, "automated", json_get_bool(from, "is_automated", 0));
	(void)json_object_array_add(l->found, o);
	return 0;
}

static int add_names(struct list *l, json_object *page, void *arg)
{
	const char *word = arg;
	json_object *names = json_get(page, "repositories");

	for (size_t i = 0; i < json_len(names) && !is_full(l); i++) {
		const char *name = json_str_at(names, i);

		if (!name)
			return -EBADMSG;
		if (strstr(name, word) && add_result(l, name, NULL) < 0)
			return -EBADMSG;
	}
	return 0;
}

/* The form of version 1: 1, 0 when the registry does not know it, or the error. */
static int search_v1(struct list *l, const char *word, struct err *e)
{
	scoped(mem) char *quoted = curl_easy_escape(NULL, word, 0);
	scoped(mem) char *path = NULL;
	scoped(json) json_object *o = NULL;
	json_object *results;

	path = quoted ? str_printf("/v1/search?q=%s&n=%lld", quoted, (long long)l->limit) : NULL;
	if (!path)
		return err_errno(e, ENOMEM, "search");
	if (get(l, path, &o, NULL, e) < 0) {
		if (!l->session.contacted)
			return e->code;
		err_clear(e);
		return 0;
	}
	results = json_get(o, "results");
	if (!json_object_is_type(results, json_type_array))
		return 0;
	for (size_t i = 0; i < json_len(results) && !is_full(l); i++) {
		json_object *r = json_object_array_get_idx(results, i);

		if (add_result(l, json_get_str(r, "name"), r) < 0)
			return err_set(e, -EBADMSG, "the registry's list is broken");
	}
	return 1;
}

static int search(struct list *l, const char *word, struct err *e)
{
	int rc = *word ? search_v1(l, word, e) : 0;

	if (rc != 0)
		return rc < 0 ? rc : 0;
	return walk(l, "/v2/_catalog", add_names, (void *)word, e);
}

static int write_list(const struct list *l, struct err *e)
{
	scoped(mem) char *text = json_text(l->found);

	if (!text)
		return err_errno(e, ENOMEM, "write a list");
	if (strlen(text) > PULL_LIST_MAX)
		return err_set(e, -E2BIG, "the list is larger than %d bytes", PULL_LIST_MAX);
	return path_replace(PULL_DIR_FD, PULL_LIST, text, strlen(text), 0600, 0, e);
}

static int run(struct list *l, json_object *m, struct err *e)
{
	const char *what = json_get_str(m, "what"), *word = json_get_str(m, "query");
	int rc;

	if (what && !strcmp(what, "tags"))
		rc = list_tags(l, e);
	else if (what && word)
		rc = search(l, word, e);
	else
		return err_set(e, -EBADMSG, "list: unexpected message");
	return rc < 0 || write_list(l, e) < 0 ? e->code : 0;
}

int list_role(json_object *m, struct err *e)
{
	scoped(http) struct http *h = NULL;
	scoped(json) json_object *found = json_object_new_array();
	struct list l = { .found = found, .limit = json_get_int(m, "limit", 0) };
	struct registry_options o = { 0 };
	const char *what = json_get_str(m, "what");
	int rc;

	if (!found || !what)
		return err_set(e, -EBADMSG, "list: unexpected message");
	if (registry_options_decode(m, &o, e) < 0 || http_new(&h, e) < 0)
		return e->code;
	if (strcmp(what, "tags") != 0 && !strcmp(o.host, REFERENCE_HUB))
		o.host = SEARCH_HOST;
	rc = registry_open(&l.session, h, &o, e);
	if (rc >= 0)
		rc = run(&l, m, e);
	registry_close(&l.session);
	return rc < 0 ? rc : pull_send(PULL_SOCKET_FD, pull_message("done"), e);
}

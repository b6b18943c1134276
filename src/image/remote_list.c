/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/remote_list.h"

#include <stdlib.h>
#include <string.h>

#include "src/image/auth.h"
#include "src/image/pull_call.h"
#include "src/image/pull_protocol.h"
#include "src/image/registries.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define RETRIES	      3
#define SEARCH_LIMIT  25 /* results of one registry when nothing was said */
#define OFFICIAL_PATH "library/"

struct query {
	const char *what, *registry, *repository, *word;
	int64_t limit;
	int insecure;
};

static json_object *request(const struct engine *en, const struct remote_options *o,
			    const struct query *q)
{
	json_object *m = pull_message("list");

	json_put_str(m, "what", q->what);
	json_put_str(m, "registry", q->registry);
	json_put_str(m, "repository", q->repository);
	json_put_str(m, "query", q->word);
	json_put_int(m, "limit", q->limit);
	json_put_bool(m, "insecure", q->insecure);
	json_put_str(m, "creds", o->creds);
	json_put_str(m, "authfile", o->authfile);
	json_put_str(m, "cert_dir", o->cert_dir);
	json_put_str(m, "config_dir", en->config_dir);
	json_put_int(m, "retries", o->retry < 0 ? RETRIES : o->retry);
	json_put_int(m, "retry_delay_ms", o->retry_delay_ms);
	return m;
}

/* Ask one place.  *RET owned: an array. */
static int ask(struct engine *en, const struct remote_options *o, const struct query *q,
	       json_object **ret, struct err *e)
{
	scoped(dir_call) struct dir_call c = DIR_CALL_NONE;
	scoped(mem) char *text = NULL;
	size_t n = 0;

	if (dir_call_open(&c, en, e) < 0 || dir_call_run(&c, request(en, o, q), e) < 0 ||
	    path_read(c.tmp_fd, PULL_LIST, PULL_LIST_MAX, &text, &n, e) < 0 ||
	    json_parse(text, n, ret, e) < 0)
		return e->code;
	return 0;
}

/* ---- tags ------------------------------------------------------------------------------------ */

int remote_tags(struct engine *en, const struct remote_options *o, const struct reference *name,
		int64_t limit, char ***ret, struct err *e)
{
	scoped(registries) struct registries *r = NULL;
	scoped(json) json_object *list = NULL;
	struct registry_source *places = NULL;
	size_t n = 0;
	int rc;

	if (pull_registries(en, &r, e) < 0 || registries_sources(r, name, &places, &n, e) < 0)
		return e->code;
	rc = -ENOENT;
	for (size_t i = 0; i < n && rc < 0; i++) {
		struct query q = { .what = "tags",
				   .registry = places[i].ref.registry,
				   .repository = places[i].ref.repository,
				   .limit = limit };

		q.insecure = o->tls_verify < 0 ? places[i].insecure : !o->tls_verify;
		err_clear(e);
		rc = ask(en, o, &q, &list, e);
	}
	registry_sources_free(places, n);
	if (rc >= 0 && json_to_strv(list, ret) < 0)
		rc = err_set(e, -EBADMSG, "the registry's list is broken");
	return rc < 0 ? err_in(e, "getting repository tags") : 0;
}

/* ---- search ---------------------------------------------------------------------------------- */

/* "stars=3", "is-official[=BOOL]", "is-automated[=BOOL]" */
struct filter {
	unsigned long long stars;
	int official, automated; /* -1: not asked for */
};

static int read_bool(const char *text, int *ret)
{
	if (!*text || !strcmp(text, "true"))
		*ret = 1;
	else if (!strcmp(text, "false"))
		*ret = 0;
	else
		return -EINVAL;
	return 0;
}

static int read_filter(const char *text, struct filter *f, struct err *e)
{
	const char *equals = strchr(text, '='), *value = equals ? equals + 1 : "";
	size_t n = strcspn(text, "=");
	int rc;

	if (n == strlen("stars") && !strncmp(text, "stars", n)) {
		if (str_to_u64(value, INT64_MAX, &f->stars) < 0)
			return err_set(e, -EINVAL,
				       "incorrect value type for stars filter: '%s' is no number",
				       value);
		return 0;
	}
	if (n == strlen("is-official") && !strncmp(text, "is-official", n))
		rc = read_bool(value, &f->official);
	else if (n == strlen("is-automated") && !strncmp(text, "is-automated", n))
		rc = read_bool(value, &f->automated);
	else
		return err_set(e, -EINVAL, "invalid filter type \"%s\"", text);
	return rc < 0 ? err_set(e, rc, "incorrect value for filter '%s': true and false are known",
				text)
		      : 0;
}

static int passes(const struct filter *f, json_object *o)
{
	return json_get_int(o, "stars", 0) >= (int64_t)f->stars &&
	       (f->official < 0 || f->official == json_get_bool(o, "official", 0)) &&
	       (f->automated < 0 || f->automated == json_get_bool(o, "automated", 0));
}

static json_object *result(const char *index, const char *name, json_object *from)
{
	json_object *o = json_object_new_object();
	int is_hub = !strcmp(index, REFERENCE_HUB);
	scoped(mem) char *full = str_printf(
		"%s/%s%s", index, is_hub && !strchr(name, '/') ? OFFICIAL_PATH : "", name);
	const char *text = json_get_str(from, "description");

	json_put_str(o, "Index", index);
	json_put_str(o, "Name", full);
	json_put_str(o, "Description", text);
	json_put_int(o, "Stars", json_get_int(from, "stars", 0));
	json_put_str(o, "Official", json_get_bool(from, "official", 0) ? "[OK]" : "");
	json_put_str(o, "Automated", json_get_bool(from, "automated", 0) ? "[OK]" : "");
	json_put_str(o, "Tag", "");
	return o;
}

/* Results of one registry, added to LIST. */
static int search_one(struct engine *en, const struct image_search_options *o, const char *registry,
		      const char *word, const struct filter *f, json_object *list, struct err *e)
{
	scoped(json) json_object *found = NULL;
	struct query q = { .what = "search",
			   .registry = registry,
			   .repository = "",
			   .limit = o->limit ? o->limit : SEARCH_LIMIT };
	int insecure = pull_is_insecure(en, registry, o->remote.tls_verify, e);

	if (insecure < 0)
		return insecure;
	/* The Hub finds its own images without their path alone. */
	q.word = !strcmp(registry, REFERENCE_HUB) && str_starts(word, OFFICIAL_PATH)
			 ? word + strlen(OFFICIAL_PATH)
			 : word;
	q.insecure = insecure;
	if (ask(en, &o->remote, &q, &found, e) < 0)
		return err_in(e, "couldn't search registry \"%s\"", registry);
	for (size_t i = 0; i < json_len(found); i++) {
		json_object *r = json_object_array_get_idx(found, i);
		const char *name = json_get_str(r, "name");

		if (name && passes(f, r))
			(void)json_object_array_add(list, result(registry, name, r));
	}
	return 0;
}

/* Tags of one repository, added to LIST. */
static int tags_of(struct engine *en, const struct image_search_options *o, const char *registry,
		   const char *word, const struct filter *f, json_object *list, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	scoped(strv) char **tags = NULL;
	scoped(mem) char *name = NULL;

	(void)f;
	if (reference_parse(word, &ref, e) < 0)
		return e->code;
	free(ref.registry);
	ref.registry = NULL;
	if (reference_qualify(&ref, registry, e) < 0)
		return e->code;
	name = reference_path(&ref);
	if (!name ||
	    remote_tags(en, &o->remote, &ref, o->limit ? o->limit : SEARCH_LIMIT, &tags, e) < 0)
		return name ? e->code : err_errno(e, ENOMEM, "search");
	for (char **t = tags; t && *t; t++) {
		json_object *r = json_object_new_object();

		json_put_str(r, "Index", registry);
		json_put_str(r, "Name", name);
		json_put_str(r, "Tag", *t);
		(void)json_object_array_add(list, r);
	}
	return 0;
}

/* Where to look, and for what: a registry may stand before the word. */
static int read_term(struct engine *en, const char *term, char ***ret_registries,
		     const char **ret_word, struct err *e)
{
	scoped(registries) struct registries *r = NULL;
	const char *slash = strchr(term, '/');
	scoped(mem) char *host = slash ? strndup(term, (size_t)(slash - term)) : NULL;

	if (host && (strpbrk(host, ".:") || !strcmp(host, "localhost"))) {
		*ret_word = slash + 1;
		return strv_add(ret_registries, host) < 0 ? err_errno(e, ENOMEM, "search") : 0;
	}
	*ret_word = term;
	if (pull_registries(en, &r, e) < 0)
		return e->code;
	for (char **s = r->search; s && *s; s++)
		if (strv_add(ret_registries, *s) < 0)
			return err_errno(e, ENOMEM, "search");
	if (!*ret_registries)
		return err_set(e, -ENOENT,
			       "no registries to search: unqualified-search-registries is empty in "
			       "\"%s\"",
			       r->path);
	return 0;
}

int image_search(struct engine *en, const struct image_search_options *o, json_object **ret,
		 struct err *e)
{
	struct filter f = { .official = -1, .automated = -1 };
	scoped(json) json_object *list = json_object_new_array();
	scoped(strv) char **registries = NULL;
	const char *term = str_starts(o->term, "docker://") ? o->term + 9 : o->term, *word;
	size_t failures = 0;

	for (char *const *t = o->filters; t && *t; t++)
		if (read_filter(*t, &f, e) < 0)
			return e->code;
	if (auth_file_check(o->remote.authfile, e) < 0)
		return e->code;
	if (!list || read_term(en, term, &registries, &word, e) < 0)
		return list ? e->code : err_errno(e, ENOMEM, "search");
	for (char **r = registries; r && *r; r++) {
		struct err one = { 0 };

		if ((o->list_tags ? tags_of : search_one)(en, o, *r, word, &f, list, &one) >= 0)
			continue;
		if (failures++ && en->warn)
			en->warn(e->text);
		*e = one;
	}
	if (failures == strv_len(registries))
		return e->code;
	if (failures && en->warn)
		en->warn(e->text);
	err_clear(e);
	*ret = take_ptr(&list);
	return 0;
}

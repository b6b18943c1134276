/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/registries.h"

#include <dirent.h>
#include <fcntl.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "src/util/toml.h"

#define SYSTEM_DIR   "/etc/containers"
#define ALIASES_FILE "short-name-aliases.conf"

static const struct field mirror_fields[] = {
	{ "location", FIELD_STR, offsetof(struct registry_mirror, location), FIELD_REQUIRED, NULL },
	{ "insecure", FIELD_BOOL, offsetof(struct registry_mirror, insecure), 0, NULL },
	{ "pull-from-mirror", FIELD_STR, offsetof(struct registry_mirror, pull_from_mirror), 0,
	  NULL },
	{ NULL, FIELD_END, 0, 0, NULL },
};

static const struct field registry_fields[] = {
	{ "prefix", FIELD_STR, offsetof(struct registry, prefix), 0, NULL },
	{ "location", FIELD_STR, offsetof(struct registry, location), 0, NULL },
	{ "insecure", FIELD_BOOL, offsetof(struct registry, insecure), 0, NULL },
	{ "blocked", FIELD_BOOL, offsetof(struct registry, blocked), 0, NULL },
	{ "mirror-by-digest-only", FIELD_BOOL, offsetof(struct registry, mirror_by_digest_only), 0,
	  NULL },
	{ NULL, FIELD_END, 0, 0, NULL },
};

static void registry_done(struct registry *r)
{
	for (size_t i = 0; i < r->n_mirrors; i++)
		field_done(mirror_fields, &r->mirrors[i]);
	free(r->mirrors);
	field_done(registry_fields, r);
	*r = (struct registry){ 0 };
}

static void scoped_registry(struct registry *r)
{
	registry_done(r);
}

struct registries *registries_free(struct registries *r)
{
	if (!r)
		return NULL;
	for (size_t i = 0; i < r->n_registries; i++)
		registry_done(&r->registries[i]);
	free(r->registries);
	free(r->path);
	strv_free(r->search);
	strv_free(r->helpers);
	json_free(r->aliases);
	json_free(r->origins);
	free(r);
	return NULL;
}

/* "host[:port][/path]" without scheme; slashes at the end are taken away. */
static int check_location(char *s, const char *where, struct err *e)
{
	size_t n = strlen(s);

	if (strstr(s, "://"))
		return err_set(e, -EBADMSG,
			       "%s: invalid location '%s': URI schemes are not supported", where,
			       s);
	while (n && s[n - 1] == '/')
		s[--n] = '\0';
	if (!n)
		return err_set(e, -EBADMSG, "%s: invalid location: cannot be empty", where);
	return 0;
}

static int read_mirrors(struct registry *r, json_object *list, const char *where, struct err *e)
{
	size_t n = json_len(list);

	if (list && !json_object_is_type(list, json_type_array))
		return err_set(e, -EBADMSG, "%s: 'mirror' has the wrong type", where);
	r->mirrors = calloc(n ? n : 1, sizeof(*r->mirrors));
	if (!r->mirrors)
		return err_errno(e, ENOMEM, "%s", where);
	for (; r->n_mirrors < n; r->n_mirrors++) {
		struct registry_mirror *m = &r->mirrors[r->n_mirrors];
		int rc = field_decode(mirror_fields, json_object_array_get_idx(list, r->n_mirrors),
				      m, where, e);

		if (rc >= 0)
			rc = check_location(m->location, where, e);
		if (rc >= 0 && m->pull_from_mirror && *m->pull_from_mirror &&
		    (r->mirror_by_digest_only ||
		     !str_in_words(m->pull_from_mirror, strlen(m->pull_from_mirror),
				   "all|digest-only|tag-only")))
			rc = err_set(e, -EBADMSG,
				     r->mirror_by_digest_only
					     ? "%s: pull-from-mirror and mirror-by-digest-only "
					       "exclude each other ('%s')"
					     : "%s: invalid pull-from-mirror '%s'",
				     where, m->pull_from_mirror);
		if (rc < 0) {
			field_done(mirror_fields, m);
			return rc;
		}
	}
	return 0;
}

/* The later file's entry for a prefix replaces the earlier one. */
static int put_registry(struct registries *all, struct registry *take_r, struct err *e)
{
	struct registry *list;

	for (size_t i = 0; i < all->n_registries; i++) {
		if (!strcmp(all->registries[i].prefix, take_r->prefix)) {
			registry_done(&all->registries[i]);
			all->registries[i] = *take_r;
			*take_r = (struct registry){ 0 };
			return 0;
		}
	}
	list = reallocarray(all->registries, all->n_registries + 1, sizeof(*list));
	if (!list)
		return err_errno(e, ENOMEM, "read registries");
	all->registries = list;
	list[all->n_registries++] = *take_r;
	*take_r = (struct registry){ 0 };
	return 0;
}

static int read_registry(struct registries *all, json_object *o, const char *where, struct err *e)
{
	__attribute__((cleanup(scoped_registry))) struct registry r = { 0 };
	int rc = field_decode(registry_fields, o, &r, where, e);

	if (rc >= 0)
		rc = read_mirrors(&r, json_get(o, "mirror"), where, e);
	if (rc < 0)
		return rc;
	if (!r.prefix && !r.location)
		return err_set(e, -EBADMSG, "%s: [[registry]] has neither prefix nor location",
			       where);
	if (!r.prefix && !(r.prefix = strdup(r.location)))
		return err_errno(e, ENOMEM, "%s", where);
	if (r.location && !*r.location && str_starts(r.prefix, "*.")) {
		free(r.location);
		r.location = NULL;
	}
	if (check_location(r.prefix, where, e) < 0 ||
	    (r.location && check_location(r.location, where, e) < 0))
		return e->code;
	if (strchr(r.prefix, '*') &&
	    (!str_starts(r.prefix, "*.") || strchr(r.prefix + 1, '*') || strpbrk(r.prefix, "/@")))
		return err_set(e, -EBADMSG, "%s: invalid prefix '%s'", where, r.prefix);
	return put_registry(all, &r, e);
}

static int read_aliases(struct registries *r, json_object *aliases, const char *where,
			struct err *e)
{
	if (aliases && !json_object_is_type(aliases, json_type_object))
		return err_set(e, -EBADMSG, "%s: 'aliases' has the wrong type", where);
	if (!aliases)
		return 0;
	json_object_object_foreach(aliases, name, value)
	{
		if (!json_object_is_type(value, json_type_string))
			return err_set(e, -EBADMSG, "%s: alias '%s' has the wrong type", where,
				       name);
		/* The empty name takes away what an earlier file had. */
		json_object_object_del(r->aliases, name);
		if (!json_object_get_string_len(value))
			continue;
		json_put(r->aliases, name, json_object_get(value));
		if (r->origins)
			json_put_str(r->origins, name, where);
	}
	return 0;
}

static int read_mode(struct registries *r, const char *mode, const char *where, struct err *e)
{
	if (!mode || !*mode)
		return 0;
	if (!strcmp(mode, "permissive"))
		r->mode = SHORT_NAME_PERMISSIVE;
	else if (!strcmp(mode, "enforcing"))
		r->mode = SHORT_NAME_ENFORCING;
	else if (!strcmp(mode, "disabled"))
		r->mode = SHORT_NAME_DISABLED;
	else
		return err_set(e, -EBADMSG, "%s: invalid short-name-mode '%s'", where, mode);
	return 0;
}

/* A later file's list replaces the earlier one. */
static int read_list(json_object *list, const char *what, const char *where, char ***ret,
		     struct err *e)
{
	char **v = NULL;

	if (!list)
		return 0;
	if (!json_object_is_type(list, json_type_array) || json_to_strv(list, &v) < 0)
		return err_set(e, -EBADMSG, "%s: '%s' has the wrong type", where, what);
	strv_free(*ret);
	*ret = v;
	return 0;
}

int registries_merge(struct registries *r, json_object *document, const char *name, struct err *e)
{
	json_object *search = json_get(document, "unqualified-search-registries");
	json_object *list = json_get(document, "registry");

	if (json_get(document, "registries"))
		return err_set(e, -EBADMSG,
			       "%s: version 1 of the format ([registries.search]) is not supported",
			       name);
	if (read_list(search, "unqualified-search-registries", name, &r->search, e) < 0 ||
	    read_list(json_get(document, "credential-helpers"), "credential-helpers", name,
		      &r->helpers, e) < 0)
		return e->code;
	if (list && !json_object_is_type(list, json_type_array))
		return err_set(e, -EBADMSG, "%s: 'registry' has the wrong type", name);
	for (size_t i = 0; i < json_len(list); i++)
		if (read_registry(r, json_object_array_get_idx(list, i), name, e) < 0)
			return e->code;
	if (read_mode(r, json_get_str(document, "short-name-mode"), name, e) < 0)
		return e->code;
	return read_aliases(r, json_get(document, "aliases"), name, e);
}

/* 1: read, 0: there is none. */
static int merge_file(struct registries *r, const char *path, struct err *e)
{
	scoped(json) json_object *o = NULL;
	int rc = toml_read(path, &o, e);

	if (rc == -ENOENT || rc == -ENOTDIR) {
		err_clear(e);
		return 0;
	}
	if (rc >= 0)
		rc = registries_merge(r, o, path, e);
	return rc < 0 ? rc : 1;
}

static int is_conf(const struct dirent *d)
{
	return d->d_name[0] != '.' && str_ends(d->d_name, ".conf");
}

static int merge_dir(struct registries *r, const char *dir, struct err *e)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, is_conf, alphasort), rc = 0;

	for (int i = 0; i < n; i++) {
		scoped(mem) char *path = str_printf("%s/%s", dir, names[i]->d_name);

		free(names[i]);
		if (rc >= 0)
			rc = path ? merge_file(r, path, e) : err_errno(e, ENOMEM, "read %s", dir);
	}
	free(names);
	return rc < 0 ? rc : 0;
}

static int merge_user_dir(struct registries *r, const char *config_dir, struct err *e)
{
	scoped(mem) char *dir = config_dir ? str_printf("%s/registries.conf.d", config_dir) : NULL;

	return dir ? merge_dir(r, dir, e) : 0;
}

static int merge_drop_ins(struct registries *r, const char *config_dir, struct err *e)
{
	return merge_dir(r, SYSTEM_DIR "/registries.conf.d", e) < 0
		       ? e->code
		       : merge_user_dir(r, config_dir, e);
}

/* Set r->path and read it; then the drop-ins that belong to it. */
static int load_files(struct registries *r, const char *config_dir, struct err *e)
{
	const char *given = getenv("CONTAINERS_REGISTRIES_CONF");
	int rc;

	if (given && *given) {
		r->path = strdup(given);
		if (!r->path)
			return err_errno(e, ENOMEM, "read registries.conf");
		rc = merge_file(r, given, e);
		if (rc == 0)
			return err_set(e, -ENOENT,
				       "loading registries configuration %s: no such file", given);
		return rc < 0 ? rc : merge_drop_ins(r, config_dir, e);
	}
	if (config_dir) {
		r->path = str_printf("%s/registries.conf", config_dir);
		rc = r->path ? merge_file(r, r->path, e)
			     : err_errno(e, ENOMEM, "read registries.conf");
		if (rc != 0)
			return rc < 0 ? rc : merge_user_dir(r, config_dir, e);
		free(r->path);
	}
	r->path = strdup(SYSTEM_DIR "/registries.conf");
	if (!r->path)
		return err_errno(e, ENOMEM, "read registries.conf");
	rc = merge_file(r, r->path, e);
	return rc < 0 ? rc : merge_drop_ins(r, config_dir, e);
}

int registries_load(const char *config_dir, const char *cache_dir, struct registries **ret,
		    struct err *e)
{
	scoped(registries) struct registries *r = calloc(1, sizeof(*r));
	scoped(mem) char *cached = NULL;
	int rc;

	if (!r || !(r->aliases = json_object_new_object()) ||
	    !(r->origins = json_object_new_object()))
		return err_errno(e, ENOMEM, "read registries.conf");
	rc = load_files(r, config_dir, e);
	if (rc >= 0 && cache_dir) {
		cached = str_printf("%s/" ALIASES_FILE, cache_dir);
		rc = cached ? merge_file(r, cached, e) : err_errno(e, ENOMEM, "read aliases");
	}
	if (rc < 0)
		return rc;
	*ret = take_ptr(&r);
	return 0;
}

/* One line of the file's table; what TOML would have to quote is in no name. */
static int add_alias(struct strbuf *b, const char *name, const char *target)
{
	return strbuf_printf(b, "\"%s\" = \"%s\"\n", name, target);
}

int registries_remember(const char *cache_dir, const char *short_name, const char *target,
			struct err *e)
{
	scoped(mem) char *path = str_printf("%s/" ALIASES_FILE, cache_dir);
	scoped(registries) struct registries *old = calloc(1, sizeof(*old));
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(fd) int dir = -EBADF;
	scoped(fd) int lock = -EBADF;

	if (!path || !old || !(old->aliases = json_object_new_object()))
		return err_errno(e, ENOMEM, "remember a name");
	if (path_mkdirs(cache_dir, 0700, e) < 0)
		return e->code;
	dir = open(cache_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open %s", cache_dir);
	lock = lock_file(dir, ALIASES_FILE ".lock", LOCK_EXCLUSIVE, 1, e);
	if (lock < 0 || merge_file(old, path, e) < 0)
		return e->code;
	json_put_str(old->aliases, short_name, target);
	(void)strbuf_puts(&b, "[aliases]\n");
	json_object_object_foreach(old->aliases, name, value)
	{
		(void)add_alias(&b, name, json_object_get_string(value));
	}
	if (b.failed)
		return err_errno(e, b.failed, "remember a name");
	return path_replace(dir, ALIASES_FILE, b.s, b.len, 0600, 0, e);
}

void reference_list_free(struct reference *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		reference_done(&list[i]);
	free(list);
}

/* The alias of a short name, with the tag and digest of the name. */
static int resolve_alias(const char *target, const struct reference *name, struct reference *ret,
			 struct err *e)
{
	scoped(reference) struct reference a = { 0 };
	scoped(reference) struct reference n = { 0 };

	if (reference_parse(target, &a, e) < 0)
		return err_in(e, "alias of '%s'", name->repository);
	if (!a.registry || a.tag || a.digest)
		return err_set(e, -EBADMSG,
			       "alias of '%s': '%s' must be a registry and repository alone",
			       name->repository, target);
	if (reference_copy(name, &n, e) < 0)
		return e->code;
	a.tag = take_ptr(&n.tag);
	a.digest = take_ptr(&n.digest);
	*ret = a;
	a = (struct reference){ 0 };
	return 0;
}

static const char *alias_of(const struct registries *r, const struct reference *name)
{
	return name->registry ? NULL : json_get_str(r->aliases, name->repository);
}

int registries_wants_choice(const struct registries *r, const struct reference *name)
{
	return !name->registry && !alias_of(r, name) && strv_len(r->search) > 1 &&
	       r->mode != SHORT_NAME_DISABLED;
}

int registries_candidates(const struct registries *r, const struct reference *name,
			  struct reference **ret, size_t *ret_n, struct err *e)
{
	if (registries_wants_choice(r, name) && r->mode == SHORT_NAME_ENFORCING) {
		(void)err_set(e, -EPERM,
			      "short-name resolution enforced but cannot prompt without a TTY");
		return err_hint(e, "write the registry too, or give \"%s\" an alias in \"%s\"",
				name->repository, r->path);
	}
	return registries_all(r, name, ret, ret_n, e);
}

int registries_all(const struct registries *r, const struct reference *name, struct reference **ret,
		   size_t *ret_n, struct err *e)
{
	const char *alias = alias_of(r, name);
	size_t n = name->registry || alias ? 1 : strv_len(r->search), made = 0;
	struct reference *list;
	int rc = 0;

	if (!n) {
		(void)err_set(
			e, -ENOENT,
			"short-name \"%s\" did not resolve to an alias and no unqualified-search "
			"registries are defined in \"%s\"",
			name->repository, r->path);
		return err_hint(e, "write the registry too, for instance docker.io/%s%s",
				strchr(name->repository, '/') ? "" : "library/", name->repository);
	}
	list = calloc(n, sizeof(*list));
	if (!list)
		return err_errno(e, ENOMEM, "resolve a name");
	for (; made < n && rc >= 0; made++) {
		if (alias) {
			rc = resolve_alias(alias, name, &list[made], e);
			continue;
		}
		rc = reference_copy(name, &list[made], e);
		if (rc >= 0 && !name->registry)
			rc = reference_qualify(&list[made], r->search[made], e);
	}
	if (rc < 0) {
		reference_list_free(list, made);
		return rc;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

/* How many bytes of NAME does PREFIX cover?  0: no match. */
static size_t match(const char *prefix, const char *name)
{
	size_t n = strlen(prefix), host = strcspn(name, "/:");

	if (prefix[0] == '*') { /* "*.example.com" covers the host */
		size_t tail = n - 1;
		return host > tail && !memcmp(name + host - tail, prefix + 1, tail) ? host : 0;
	}
	if (strncmp(name, prefix, n) != 0)
		return 0;
	return name[n] == '\0' || strchr("/:@", name[n]) ? n : 0;
}

static int add_source(struct registry_source *list, size_t *n, const char *location,
		      const char *rest, int insecure, struct err *e)
{
	scoped(mem) char *name = str_printf("%s%s", location, rest);

	if (!name)
		return err_errno(e, ENOMEM, "rewrite a name");
	if (reference_parse(name, &list[*n].ref, e) < 0)
		return e->code;
	if (!list[*n].ref.registry) {
		reference_done(&list[*n].ref);
		return err_set(e, -EBADMSG, "location '%s' is not a registry", location);
	}
	list[(*n)++].insecure = insecure;
	return 0;
}

static int mirror_applies(const struct registry *r, const struct registry_mirror *m,
			  const struct reference *name)
{
	const char *from =
		m->pull_from_mirror && *m->pull_from_mirror ? m->pull_from_mirror : "all";

	if (r->mirror_by_digest_only || !strcmp(from, "digest-only"))
		return name->digest != NULL;
	return strcmp(from, "tag-only") != 0 || !name->digest;
}

void registry_sources_free(struct registry_source *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		reference_done(&list[i].ref);
	free(list);
}

static const struct registry *find(const struct registries *r, const char *name,
				   size_t *ret_covered)
{
	const struct registry *best = NULL;
	size_t best_len = 0;

	for (size_t i = 0; i < r->n_registries; i++) {
		size_t n = match(r->registries[i].prefix, name),
		       len = strlen(r->registries[i].prefix);
		if (n && len > best_len) {
			best = &r->registries[i];
			best_len = len;
			*ret_covered = n;
		}
	}
	return best;
}

int registries_sources(const struct registries *r, const struct reference *name,
		       struct registry_source **ret, size_t *ret_n, struct err *e)
{
	scoped(mem) char *full = reference_format(name);
	struct registry_source *list;
	const struct registry *reg;
	size_t covered = 0, n = 0;
	int rc = 0;

	if (!full)
		return err_errno(e, ENOMEM, "look up a registry");
	reg = find(r, full, &covered);
	if (reg && reg->blocked)
		return err_set(e, -EPERM, "registry %s is blocked in %s", reg->prefix, r->path);
	list = calloc(reg ? reg->n_mirrors + 1 : 1, sizeof(*list));
	if (!list)
		return err_errno(e, ENOMEM, "look up a registry");
	for (size_t i = 0; reg && i < reg->n_mirrors && rc >= 0; i++)
		if (mirror_applies(reg, &reg->mirrors[i], name))
			rc = add_source(list, &n, reg->mirrors[i].location, full + covered,
					reg->mirrors[i].insecure, e);
	if (rc >= 0 && reg && reg->location)
		rc = add_source(list, &n, reg->location, full + covered, reg->insecure, e);
	else if (rc >= 0)
		rc = add_source(list, &n, "", full, reg ? reg->insecure : 0, e);
	if (rc < 0) {
		registry_sources_free(list, n);
		return err_in(e, "%s", r->path);
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

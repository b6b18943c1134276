/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/image/filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "src/image/image_parent.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

#define NS_PER_S 1000000000LL

/* One filter, its value understood once. */
struct filter {
	const char *key, *value; /* key is one of the table below */
	int64_t when;		 /* before, since, until: seconds */
	int negated;
	int claim; /* dangling and the like: wanted truth */
	struct engine *en;
};

static int match_name(const char *name, const char *pattern)
{
	/* From the start, and from behind each "/". */
	for (const char *s = name; s; s = strchr(s, '/'), s = s ? s + 1 : NULL)
		if (fnmatch(pattern, s, FNM_PATHNAME) == 0)
			return 1;
	return 0;
}

int image_filter_reference(const struct image *i, const char *pattern)
{
	for (char **name = i->names; name && *name; name++) {
		const char *slash = strrchr(*name, '/');
		const char *colon = strchr(slash ? slash : *name, ':');
		scoped(mem) char *bare =
			strndup(*name, colon ? (size_t)(colon - *name) : strlen(*name));
		if (match_name(*name, pattern) || (bare && match_name(bare, pattern)))
			return 1;
	}
	for (char **pin = i->pinned; pin && *pin; pin++) {
		scoped(mem) char *bare = strndup(*pin, strcspn(*pin, "@"));
		if (bare && match_name(bare, pattern))
			return 1;
	}
	for (char **digest = i->digests; digest && *digest; digest++)
		if (strchr(pattern, '@') && match_name(*digest, pattern))
			return 1;
	return strlen(pattern) >= 3 &&
	       (str_starts(i->id, pattern) ||
		(str_starts(pattern, "sha256:") && str_starts(i->id, pattern + 7)));
}

static int has_label(const struct image *i, const char *want)
{
	json_object *labels = json_path(i->config, "config", "Labels", NULL);
	const char *eq = strchr(want, '=');
	scoped(mem) char *key = strndup(want, eq ? (size_t)(eq - want) : strlen(want));
	const char *have = key ? json_get_str(labels, key) : NULL;

	return have && (!eq || strcmp(have, eq + 1) == 0);
}

static int passes(const struct image *i, const struct filter *f)
{
	if (strcmp(f->key, "reference") == 0)
		return image_filter_reference(i, f->value);
	if (strcmp(f->key, "label") == 0)
		return has_label(i, f->value);
	if (strcmp(f->key, "id") == 0)
		return str_starts(i->id, str_starts(f->value, "sha256:") ? f->value + 7 : f->value);
	if (strcmp(f->key, "digest") == 0)
		return str_starts(i->manifest_digest, f->value) ||
		       (i->index_digest && str_starts(i->index_digest, f->value));
	if (strcmp(f->key, "dangling") == 0)
		return image_is_dangling(i) == f->claim;
	if (strcmp(f->key, "intermediate") == 0)
		return (i->children && !image_has_name(i)) == f->claim;
	if (strcmp(f->key, "readonly") == 0)
		return (i->store != NULL) == f->claim;
	if (strcmp(f->key, "containers") == 0)
		return (image_containers(f->en, i->id) > 0) == f->claim;
	if (strcmp(f->key, "since") == 0 || strcmp(f->key, "after") == 0)
		return i->created > f->when;
	return i->created < f->when; /* before, until */
}

static int truth(const char *key, const char *value, int *ret, struct err *e)
{
	if (strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		*ret = 1;
	else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*ret = 0;
	else
		return err_set(e, -EINVAL, "non-boolean value \"%s\" for %s filter", value, key);
	return 0;
}

/* Understand "key=value"; KEY holds the key's text. */
static int parse(struct engine *en, const char *text, char *key, size_t key_size, struct filter *f,
		 struct err *e)
{
	static const char keys[] =
		"reference|label|id|digest|dangling|intermediate|containers|readonly|before|since|"
		"after|until";
	const char *eq = strchr(text, '=');
	size_t n = eq ? (size_t)(eq - text) : strlen(text);

	if (!eq)
		return err_set(
			e, -EINVAL,
			"invalid image filter \"%s\": must be in the format \"filter=value or "
			"filter!=value\"",
			text);
	f->negated = n > 0 && text[n - 1] == '!';
	n -= (size_t)f->negated;
	if (n >= key_size || !str_in_words(text, n, keys))
		return err_set(e, -EINVAL, "unsupported image filter \"%.*s\"", (int)(eq - text),
			       text);
	memcpy(key, text, n);
	key[n] = '\0';
	f->key = key;
	f->value = eq + 1;
	f->en = en;
	if (str_in_words(key, n, "dangling|intermediate|containers|readonly"))
		return truth(key, f->value, &f->claim, e);
	if (str_in_words(key, n, "before|since|after")) {
		scoped(image) struct image *other = NULL;
		int r = image_find(en, f->value, &other, e);
		if (r < 0)
			return err_in(e, "could not find local image for filter \"%s\"=\"%s\"", key,
				      f->value);
		f->when = other->created;
	}
	if (strcmp(key, "until") == 0) {
		int64_t ns;
		if (time_parse(f->value, time_now_ns(), &ns) < 0)
			return err_set(e, -EINVAL, "invalid time \"%s\" for until filter",
				       f->value);
		f->when = ns / NS_PER_S;
	}
	return 0;
}

#define FILTERS_MAX 64
#define KEY_MAX	    16

/* Filters of one key: any of them is enough, except that labels must all hold. */
static int passes_all(const struct image *i, const struct filter *f, size_t n)
{
	for (size_t a = 0; a < n; a++) {
		int all = strcmp(f[a].key, "label") == 0 || f[a].negated, ok = 0;
		for (size_t b = 0; b < n && !ok; b++)
			if (a == b || (!all && strcmp(f[a].key, f[b].key) == 0 && !f[b].negated))
				ok = passes(i, &f[b]) != f[b].negated;
		if (!ok)
			return 0;
	}
	return 1;
}

int image_filter(struct engine *en, struct image **list, size_t n, char *const *filters,
		 struct err *e)
{
	struct filter f[FILTERS_MAX] = { 0 };
	char keys[FILTERS_MAX][KEY_MAX];
	size_t n_filters = 0, kept = 0;

	for (; filters && filters[n_filters]; n_filters++) {
		int r;
		if (n_filters == FILTERS_MAX)
			return err_set(e, -E2BIG, "more than %d filters", FILTERS_MAX);
		r = parse(en, filters[n_filters], keys[n_filters], KEY_MAX, &f[n_filters], e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < n; i++) {
		if (passes_all(list[i], f, n_filters))
			list[kept++] = list[i];
		else
			(void)image_free(list[i]);
	}
	return (int)kept;
}

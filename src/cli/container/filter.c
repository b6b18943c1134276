/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/container/filter.h"
#include "src/cli/container/options.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <string.h>
#include <strings.h>

#include "src/image/image.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

static int matches_regex(const char *pattern, const char *s, struct err *e)
{
	regex_t re;
	int r;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(e, -EINVAL, "invalid regular expression \"%s\"", pattern);
	r = regexec(&re, s, 0, NULL, 0) == 0;
	regfree(&re);
	return r;
}

static int has_label(const struct container *c, const char *want)
{
	const char *eq = strchr(want, '=');
	scoped(mem) char *key = eq ? strndup(want, (size_t)(eq - want)) : strdup(want);
	const char *v = key ? json_get_str(c->labels, key) : NULL;
	return v && (!eq || strcmp(v, eq + 1) == 0);
}

static int is_ancestor(struct engine *en, const struct container *c, const char *want)
{
	scoped(image) struct image *i = NULL;
	struct err ignored;
	if (strcmp(c->image_name, want) == 0 ||
	    (*want && strncmp(c->image_id, want, strlen(want)) == 0))
		return 1;
	return image_find(en, want, &i, &ignored) == 0 && strcmp(i->id, c->image_id) == 0;
}

static int is_on_network(json_object *spec, const char *value)
{
	json_object *networks = json_get(spec, "Networks");

	for (size_t i = 0; i < json_len(networks); i++)
		if (strcmp(json_get_str(json_object_array_get_idx(networks, i), "name"), value) ==
		    0)
			return 1;
	return strcmp(json_get_str(spec, "Network"), value) == 0;
}

/* 1: passes, 0: not, or -EINVAL. */
static int passes(struct engine *en, const struct container *c, const char *key, const char *value,
		  struct err *e)
{
	scoped(container) struct container *other = NULL;
	int64_t t = 0;
	int r;

	if (strcmp(key, "name") == 0) {
		/* docker's names begin with a slash. */
		scoped(mem) char *with = str_printf("/%s", c->name);
		r = matches_regex(value, c->name, e);
		return r != 0 || !with ? r : matches_regex(value, with, e);
	}
	if (strcmp(key, "id") == 0)
		return value[strspn(value, "0123456789abcdefABCDEF")]
			       ? matches_regex(value, c->id, e)
			       : strncasecmp(c->id, value, strlen(value)) == 0;
	if (strcmp(key, "label") == 0)
		return has_label(c, value);
	if (strcmp(key, "label!") == 0)
		return !has_label(c, value);
	if (strcmp(key, "status") == 0) {
		static const char *const known[] = { "created",	  "initialized", "running",
						     "paused",	  "stopped",	 "stopping",
						     "exited",	  "removing",	 "unknown",
						     "configured" };
		const char *state = container_state_text(c);
		size_t k;
		for (k = 0; k < ARRAY_LEN(known); k++)
			if (strcmp(value, known[k]) == 0)
				break;
		if (k == ARRAY_LEN(known))
			return err_set(e, -EINVAL, "%s is not a valid status", value);
		return strcmp(value, state) == 0 ||
		       (strcmp(value, "stopped") == 0 && c->state == CONTAINER_EXITED) ||
		       (strcmp(value, "configured") == 0 && c->state == CONTAINER_CREATED);
	}
	if (strcmp(key, "exited") == 0) {
		unsigned long long n = 0;
		if (str_to_u64(value, 255, &n) < 0)
			return err_set(e, -EINVAL, "exited code out of range \"%s\"", value);
		return c->state == CONTAINER_EXITED && c->exit_code == (int)n;
	}
	if (strcmp(key, "ancestor") == 0)
		return is_ancestor(en, c, value);
	if (strcmp(key, "until") == 0) {
		if (time_parse(value, time_now_ns(), &t) < 0)
			return err_set(e, -EINVAL, "unable to parse time \"%s\"", value);
		return c->created <= t;
	}
	if (strcmp(key, "before") == 0 || strcmp(key, "since") == 0) {
		r = container_find(en, value, &other, e);
		if (r < 0)
			return r;
		return key[0] == 'b' ? c->created < other->created : c->created > other->created;
	}
	if (strcmp(key, "network") == 0 || strcmp(key, "volume") == 0) {
		r = container_find(en, c->id, &other, e);
		if (r < 0)
			return r;
		if (key[0] == 'n')
			return is_on_network(other->spec, value);
		json_object *mounts = json_get(other->spec, "Mounts");
		for (size_t i = 0; i < json_len(mounts); i++) {
			json_object *m = json_object_array_get_idx(mounts, i);
			const char *v = json_get_str(m, "volume"),
				   *d = json_get_str(m, "destination");
			if ((v && strcmp(v, value) == 0) || (d && strcmp(d, value) == 0))
				return 1;
		}
		return 0;
	}
	return err_set(e, -EINVAL, "%s is an invalid filter", key);
}

/* The same key twice means either, but labels mean all; different keys mean all. */
int container_passes(struct engine *en, char *const *filters, const struct container *c,
		     struct err *e)
{
	for (size_t i = 0; filters && filters[i]; i++) {
		size_t n = strcspn(filters[i], "=");
		scoped(mem) char *key = NULL;
		int any = 0;
		/* "label!=x": the '!' belongs to the key. */
		key = strndup(filters[i], n);
		if (!key || !filters[i][n])
			return err_set(e, -EINVAL, "invalid filter \"%s\": must be KEY=VALUE",
				       filters[i]);
		if (strncmp(key, "label", 5) == 0) {
			any = passes(en, c, key, filters[i] + n + 1, e);
			if (any <= 0)
				return any;
			continue;
		}
		for (size_t k = 0; filters[k] && any == 0; k++) {
			if (strncmp(filters[k], filters[i], n + 1) != 0)
				continue;
			any = passes(en, c, key, filters[k] + n + 1, e);
		}
		if (any <= 0)
			return any;
	}
	return 1;
}

static int add_cidfile(const char *path, char ***list, struct err *e)
{
	scoped(mem) char *text = NULL;
	int r = path_read(AT_FDCWD, path, 4096, &text, NULL, e);

	if (r < 0)
		return err_in(e, "reading CIDFile");
	text[strcspn(text, "\n")] = '\0';
	return strv_add(list, text) < 0 ? err_errno(e, ENOMEM, "select containers") : 0;
}

static int add_passing(struct engine *en, char *const *filters, char ***list, struct err *e)
{
	struct container **all = NULL;
	size_t n = 0;
	int r = container_list(en, 1, &all, &n, e);

	for (size_t i = 0; i < n && r >= 0; i++) {
		r = container_passes(en, filters, all[i], e);
		if (r > 0 && strv_add(list, all[i]->id) < 0)
			r = err_errno(e, ENOMEM, "select containers");
	}
	container_list_free(all, n);
	return r < 0 ? r : 0;
}

int container_each_of(struct engine *en, char *const *names, const struct container_selection *s,
		      int rule,
		      int (*fn)(struct engine *en, const char *ref, void *arg, struct err *e),
		      void *arg, struct err *e)
{
	scoped(strv) char **list = NULL;
	int by_filter = s->filters && *s->filters, r = 0;

	for (; names && *names; names++)
		if (strv_add(&list, *names) < 0)
			return err_errno(e, ENOMEM, "select containers");
	for (char **file = s->cidfiles; file && *file; file++) {
		r = add_cidfile(*file, &list, e);
		if (r < 0 && !(r == -ENOENT && s->ignore))
			return r;
		err_clear(e);
	}
	if (by_filter && add_passing(en, s->filters, &list, e) < 0)
		return e->code;
	if (!list && (by_filter || (s->cidfiles && s->ignore)))
		return 0;
	return container_each(en, list, by_filter ? 0 : s->all, s->latest, 1, rule, fn, arg, e);
}

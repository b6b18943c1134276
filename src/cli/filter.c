/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/filter.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/scoped.h"

int filter_regex(const char *text, const char *pattern, struct err *e)
{
	regex_t re;
	int found;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(e, -EINVAL, "invalid regular expression \"%s\"", pattern);
	found = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

int filter_label(json_object *labels, const char *value)
{
	size_t n = strcspn(value, "=");
	scoped(mem) char *key = strndup(value, n);
	const char *have = key ? json_get_str(labels, key) : NULL;

	return have && (!value[n] || strcmp(have, value + n + 1) == 0);
}

static const struct filter_key *find_key(const struct filter_keys *keys, const char *filter,
					 const char **ret_value)
{
	for (size_t i = 0; i < keys->n; i++) {
		size_t n = strlen(keys->key[i].key);
		if (strncmp(filter, keys->key[i].key, n) == 0 && filter[n] == '=') {
			*ret_value = filter + n + 1;
			return &keys->key[i];
		}
	}
	return NULL;
}

int filter_check(const struct filter_keys *keys, char *const *filters, struct err *e)
{
	for (; filters && *filters; filters++) {
		const char *value;
		if (!find_key(keys, *filters, &value))
			return err_set(e, -EINVAL, "%s%.*s%s", keys->before,
				       (int)strcspn(*filters, "="), *filters, keys->after);
	}
	return 0;
}

/* Do the filters of key K let O pass? */
static int passes(struct engine *en, json_object *o, const struct filter_keys *keys,
		  const struct filter_key *k, char *const *filters, struct err *e)
{
	int any = 0, one = 0;

	for (; filters && *filters; filters++) {
		const char *value;
		int r;
		if (find_key(keys, *filters, &value) != k)
			continue;
		r = k->fn(en, o, value, e);
		if (r < 0 || (k->all && !r))
			return r;
		any = 1;
		one |= r;
	}
	return !any || one;
}

int filter_list(struct engine *en, const struct filter_keys *keys, json_object *list,
		char *const *filters, json_object **ret, struct err *e)
{
	scoped(json) json_object *kept = json_object_new_array();
	int r = filter_check(keys, filters, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		r = 1;
		for (size_t k = 0; k < keys->n && r > 0; k++)
			r = passes(en, o, keys, &keys->key[k], filters, e);
		if (r < 0)
			return r;
		if (r)
			(void)json_object_array_add(kept, json_object_get(o));
	}
	*ret = take_ptr(&kept);
	return 0;
}

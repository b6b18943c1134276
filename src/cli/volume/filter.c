/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/volume/filter.h"

#include <errno.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/filter.h"
#include "src/container/volumes.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"
#include "src/volume/volume.h"

/* Others' documents are one in the other, whose members are seen from outside, too. */
static json_object *member(void *ctx, json_object *o, const char *name, const char *arg)
{
	(void)ctx;
	(void)arg;
	return str_in_words(name, strlen(name), "VolumeConfigResponse|InspectVolumeData")
		       ? json_object_get(o)
		       : NULL;
}

const struct template_schema volume_schema = {
	.maps = "Labels|Options|Status",
	.times = "CreatedAt",
	.member = member,
};

/* ---- documents ------------------------------------------------------------------------------- */

/* How many containers have it mounted: plain ones need no mount. */
static int count_mounts(struct engine *en, const struct volume *v, int *ret, struct err *e)
{
	scoped(strv) char **ids = NULL;

	return volume_needs_mount(v) ? volumes_users(en, v->name, &ids, ret, e) : 0;
}

static void put_number(json_object *o, const char *name, int64_t n, int for_template)
{
	if (n || for_template)
		json_put_int(o, name, n);
}

static void put_flag(json_object *o, const char *name, int is_set, int for_template)
{
	if (is_set || for_template)
		json_put_bool(o, name, is_set);
}

static int by_word(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Podman's order. */
static json_object *sorted(json_object *o)
{
	scoped(strv) char **keys = NULL;
	json_object *out = json_object_new_object();

	json_object_object_foreach(o, key, unused)
	{
		(void)unused;
		if (strv_add(&keys, key) < 0)
			return out;
	}
	if (keys)
		qsort(keys, strv_len(keys), sizeof(*keys), by_word);
	for (char **k = keys; k && *k; k++)
		json_put(out, *k, json_object_get(json_get(o, *k)));
	return out;
}

static int make_document(struct engine *en, const struct volume *v, int for_template,
			 json_object **ret, struct err *e)
{
	scoped(json) json_object *o = json_object_new_object();
	scoped(mem) char *path = str_printf("%s/volumes/%s/_data", en->graphroot, v->name);
	int mounts = 0, is_fresh = volume_is_empty(en, v->name);
	int r = count_mounts(en, v, &mounts, e);

	if (r == 0 && (!o || !path))
		r = err_errno(e, ENOMEM, "inspect");
	if (r < 0)
		return r;
	json_put_str(o, "Name", v->name);
	json_put_str(o, "Driver", v->driver);
	json_put_str(o, "Mountpoint", path);
	json_put_str(o, "CreatedAt", v->created);
	json_put(o, "Labels", sorted(v->labels));
	json_put_str(o, "Scope", "local");
	json_put(o, "Options", sorted(v->options));
	put_number(o, "UID", v->uid, for_template);
	put_number(o, "GID", v->gid, for_template);
	put_flag(o, "Anonymous", v->is_anonymous, for_template);
	json_put_int(o, "MountCount", mounts);
	put_flag(o, "NeedsCopyUp", is_fresh, for_template);
	put_flag(o, "NeedsChown", is_fresh && !v->uid && !v->gid, for_template);
	if (for_template) {
		json_put_str(o, "StorageID", "");
		json_put_int(o, "Timeout", 0);
		json_put_int(o, "LockNumber", 0);
		json_put(o, "Status", json_object_new_object());
	}
	*ret = take_ptr(&o);
	return 0;
}

int volume_inspect(struct engine *en, const char *ref, int for_template, json_object **ret,
		   struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	int r = volume_find(en, ref, &v, e);

	if (r == -ENOENT)
		return err_set(e, r, "inspecting object: no such volume %s", ref);
	if (r < 0 || !v)
		return r;
	return make_document(en, v, for_template, ret, e);
}

/* ---- filters --------------------------------------------------------------------------------- */

static int test_name(struct engine *en, json_object *o, const char *value, struct err *e)
{
	(void)en;
	return filter_regex(json_get_str(o, "Name"), value, e);
}

static int test_driver(struct engine *en, json_object *o, const char *value, struct err *e)
{
	(void)en;
	(void)e;
	return strcmp(json_get_str(o, "Driver"), value) == 0;
}

static int test_scope(struct engine *en, json_object *o, const char *value, struct err *e)
{
	(void)en;
	(void)e;
	return strcmp(json_get_str(o, "Scope"), value) == 0;
}

static int test_label(struct engine *en, json_object *o, const char *value, struct err *e)
{
	(void)en;
	(void)e;
	return filter_label(json_get(o, "Labels"), value);
}

static int test_no_label(struct engine *en, json_object *o, const char *value, struct err *e)
{
	return !test_label(en, o, value, e);
}

static int test_opt(struct engine *en, json_object *o, const char *value, struct err *e)
{
	(void)en;
	(void)e;
	return filter_label(json_get(o, "Options"), value);
}

static int parse_bool(const char *key, const char *value, int *ret, struct err *e)
{
	*ret = str_in_words(value, strlen(value), "true|1");
	if (*ret || str_in_words(value, strlen(value), "false|0"))
		return 0;
	return err_set(e, -EINVAL,
		       "\"%s\" is not a valid value for the \"%s\" filter - must be true or false",
		       value, key);
}

static int test_dangling(struct engine *en, json_object *o, const char *value, struct err *e)
{
	scoped(strv) char **ids = NULL;
	int want, r = parse_bool("dangling", value, &want, e);

	if (r == 0)
		r = volumes_users(en, json_get_str(o, "Name"), &ids, NULL, e);
	return r < 0 ? r : (ids == NULL) == want;
}

static int test_anonymous(struct engine *en, json_object *o, const char *value, struct err *e)
{
	int want, r = parse_bool("anonymous", value, &want, e);

	(void)en;
	return r < 0 ? r : json_get_bool(o, "Anonymous", 0) == want;
}

/* Volumes without a name or with one: prune takes both anyway. */
static int test_all(struct engine *en, json_object *o, const char *value, struct err *e)
{
	int any, r = parse_bool("all", value, &any, e);

	(void)en;
	return r < 0 ? r : any || json_get_bool(o, "Anonymous", 0);
}

static int64_t created(json_object *o)
{
	int64_t ns = 0;

	(void)time_parse(json_get_str(o, "CreatedAt"), 0, &ns);
	return ns;
}

static int test_until(struct engine *en, json_object *o, const char *value, struct err *e)
{
	int64_t limit = 0;

	(void)en;
	if (time_parse(value, time_now_ns(), &limit) < 0)
		return err_set(e, -EINVAL, "unable to parse time \"%s\"", value);
	return created(o) < limit;
}

static int test_since(struct engine *en, json_object *o, const char *value, struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	int64_t limit = 0;
	int r = volume_find(en, value, &v, e);

	if (r < 0 || !v)
		return r;
	(void)time_parse(v->created, 0, &limit);
	return created(o) > limit;
}

static const struct filter_key ls_keys[] = {
	{ "name", test_name, 0 },	  { "label", test_label, 1 },
	{ "label!", test_no_label, 1 },	  { "driver", test_driver, 0 },
	{ "opt", test_opt, 0 },		  { "scope", test_scope, 0 },
	{ "dangling", test_dangling, 0 }, { "anonymous", test_anonymous, 0 },
	{ "until", test_until, 0 },	  { "after", test_since, 0 },
	{ "since", test_since, 0 },	  { "all", test_all, 0 },
};

static const struct filter_keys keys = { ls_keys, ARRAY_LEN(ls_keys), "\"",
					 "\" is an invalid volume filter" };

int volume_check_prune_filters(char *const *filters, struct err *e)
{
	for (; filters && *filters; filters++) {
		size_t n = strcspn(*filters, "=");
		if (!str_in_words(*filters, n, "label|label!|until|since|after|anonymous|all") ||
		    !(*filters)[n])
			return err_set(e, -EINVAL, "%s%.*s%s", keys.before, (int)n, *filters,
				       keys.after);
	}
	return 0;
}

int volume_filter(struct engine *en, char *const *filters, int for_template, json_object **ret,
		  struct err *e)
{
	scoped(json) json_object *all = json_object_new_array();
	scoped(strv) char **names = NULL;
	int r = filter_check(&keys, filters, e);

	if (r == 0)
		r = all ? volume_list(en, &names, e) : err_errno(e, ENOMEM, "list volumes");
	for (char **name = names; name && *name && r == 0; name++) {
		scoped(volume) struct volume *v = NULL;
		json_object *o = NULL;
		r = volume_load(en, *name, &v, e);
		if (r == -ENOENT) { /* removed just now */
			err_clear(e);
			r = 0;
			continue;
		}
		if (r == 0 && v)
			r = make_document(en, v, for_template, &o, e);
		if (r == 0)
			(void)json_object_array_add(all, o);
	}
	return r < 0 ? r : filter_list(en, &keys, all, filters, ret, e);
}

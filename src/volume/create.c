/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"
#include "src/volume/make.h"

/* KEY[=VALUE] of LIST into O. */
static int set_pairs(json_object *o, char *const *list, const char *what, struct err *e)
{
	for (; list && *list; list++) {
		size_t n = strcspn(*list, "=");
		scoped(mem) char *key = strndup(*list, n);
		if (!key)
			return err_errno(e, ENOMEM, "make a volume");
		if (!n)
			return err_set(e, -EINVAL,
				       "unable to process %s: invalid label format: \"%s\"", what,
				       *list);
		json_put_str(o, key, (*list)[n] ? *list + n + 1 : "");
	}
	return 0;
}

static int to_id(const char *word, const char *key, int *ret, struct err *e)
{
	unsigned long long id = 0;

	if (str_to_u64(word, INT32_MAX, &id) < 0)
		return err_set(e, -EINVAL, "cannot convert %s %s to integer", key, word);
	*ret = (int)id;
	return 0;
}

/* One word of o=: is it of the driver's own?  1 when it stays in o=, too. */
static int own_word(struct volume *v, const char *word, struct err *e)
{
	const char *value = strchr(word, '=');
	size_t n = strcspn(word, "=");
	int r = 1;

	value = value ? value + 1 : "";
	if (strcmp(word, "noquota") == 0) {
		json_put_str(v->options, "NOQUOTA", "true");
		return 0;
	}
	if (str_in_words(word, n, "uid|gid")) {
		int is_uid = *word == 'u';
		r = to_id(value, is_uid ? "UID" : "GID", is_uid ? &v->uid : &v->gid, e);
		json_put_str(v->options, is_uid ? "UID" : "GID", value);
		return r < 0 ? r : 1;
	}
	if (str_in_words(word, n, "size|inodes")) {
		int64_t size = 0;
		if (size_parse_decimal(value, &size) < 0 || size < 0)
			return err_set(e, -EINVAL, "cannot convert %.*s %s to integer", (int)n,
				       word, value);
		json_put_str(v->options, *word == 's' ? "SIZE" : "INODES", value);
		return 1;
	}
	if (str_in_words(word, n, "timeout"))
		return err_set(e, -EINVAL,
			       "running volume create option: Volume driver timeout can only be "
			       "used with non-local volume drivers: invalid argument");
	return 1;
}

static int set_words(struct volume *v, const char *o, struct err *e)
{
	scoped(strv) char **words = strv_split(o, ',');
	scoped(strbuf) struct strbuf kept = STRBUF_INIT;

	for (char **w = words; w && *w; w++) {
		int r = own_word(v, *w, e);
		if (r < 0)
			return r;
		if (r)
			(void)strbuf_printf(&kept, "%s%s", kept.len ? "," : "", *w);
	}
	if (kept.len)
		json_put_str(v->options, "o", kept.s);
	else
		json_object_object_del(v->options, "o");
	return !words || kept.failed ? err_errno(e, ENOMEM, "make a volume") : 0;
}

static int check_device(struct volume *v, struct err *e)
{
	const char *type = json_get_str(v->options, "type");
	const char *device = json_get_str(v->options, "device");

	if (!type || !device || strcmp(type, "bind") != 0 || access(device, F_OK) == 0)
		return 0;
	return err_set(e, -EINVAL,
		       "invalid volume option device for driver 'local': faccessat %s: %s", device,
		       errno == ENOENT ? "no such file or directory" : strerror(errno));
}

int volume_set_options(struct volume *v, char *const *opts, struct err *e)
{
	scoped(mem) char *o = NULL;
	const char *type;
	int r = set_pairs(v->options, opts, "options", e);

	if (r < 0)
		return r;
	json_object_object_foreach(v->options, key, unused)
	{
		(void)unused;
		if (!str_in_words(key, strlen(key), "type|device|o|copy|nocopy"))
			return err_set(e, -EINVAL,
				       "invalid mount option %s for driver 'local': invalid "
				       "argument",
				       key);
	}
	if (json_get_str(v->options, "o")) {
		o = strdup(json_get_str(v->options, "o"));
		r = o ? set_words(v, o, e) : err_errno(e, ENOMEM, "make a volume");
	}
	type = json_get_str(v->options, "type");
	if (r == 0 && (json_get(v->options, "SIZE") || json_get(v->options, "INODES")) &&
	    (!type || strcmp(type, "tmpfs") != 0))
		return err_set(e, -ENOTSUP,
			       "volume options size and inodes not supported. Filesystem does not "
			       "support Project Quota");
	return r < 0 ? r : check_device(v, e);
}

static int check(const struct volume_create_options *o, struct err *e)
{
	const char *driver = o->driver ? o->driver : "local";

	if (o->name && *o->name && !name_is_valid(o->name))
		return err_set(e, -EINVAL,
			       "running volume create option: names must match "
			       "[a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument");
	if (!*driver || strcmp(driver, "local") == 0)
		return 0;
	if (strcmp(driver, "image") == 0)
		return err_set(e, -ENOTSUP,
			       "volumes of the driver image are not supported: `cove image mount` "
			       "shows what is in an image");
	return err_set(e, -ENOTSUP,
		       "no volume plugin with name %s available: required plugin missing", driver);
}

int volume_create(struct engine *en, const struct volume_create_options *o, char **ret_name,
		  struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	char name[ID_LEN + 1];
	int r = check(o, e);

	if (r < 0)
		return r;
	r = id_random(name, ID_LEN);
	if (r < 0)
		return err_errno(e, r, "name a volume");
	v = volume_new(o->name && *o->name ? o->name : name, time_now_ns());
	if (!v)
		return err_errno(e, ENOMEM, "make a volume");
	r = set_pairs(v->labels, o->label, "labels", e);
	if (r == 0)
		r = volume_set_options(v, o->opt, e);
	if (r < 0)
		return r;
	v->is_anonymous = o->is_anonymous;
	if (o->uid >= 0)
		v->uid = o->uid;
	if (o->gid >= 0)
		v->gid = o->gid;
	/* An anonymous one is as durable as its container, which is no promise. */
	r = volume_make(en, v, !o->is_anonymous, e);
	if (r == -EEXIST && o->ignore) {
		err_clear(e);
		r = 0;
	}
	if (r == 0)
		*ret_name = take_ptr(&v->name);
	return r;
}

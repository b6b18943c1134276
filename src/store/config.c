/* SPDX-License-Identifier: Apache-2.0 */
#include "src/store/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/util/toml.h"

#define NAME "containers.conf"

/* ["a", "b", {append=true}] adds to what was there; the mark itself is no element. */
static json_object *merge_array(json_object *old, json_object *new)
{
	json_object *out = json_object_new_array();
	int append = 0;

	for (size_t i = 0; i < json_len(new); i++)
		append |= json_get_bool(json_object_array_get_idx(new, i), "append", 0);
	for (size_t i = 0; append && i < json_len(old); i++)
		(void)json_object_array_add(out,
					    json_object_get(json_object_array_get_idx(old, i)));
	for (size_t i = 0; i < json_len(new); i++) {
		json_object *v = json_object_array_get_idx(new, i);
		if (!json_object_is_type(v, json_type_object))
			(void)json_object_array_add(out, json_object_get(v));
	}
	return out;
}

/* Tables are merged, and tables within tables; everything else is replaced. */
void config_merge(json_object *into, json_object *from)
{
	json_object_object_foreach(from, key, value)
	{
		json_object *old = json_get(into, key);
		if (json_object_is_type(value, json_type_array))
			json_put(into, key, merge_array(old, value));
		else if (json_object_is_type(value, json_type_object) &&
			 json_object_is_type(old, json_type_object))
			config_merge(old, value);
		else
			json_put(into, key, json_object_get(value));
	}
}

int config_add_file(json_object *all, const char *path, struct err *e)
{
	scoped(json) json_object *o = NULL;
	/* "None" is said so. */
	int r = strcmp(path, "/dev/null") == 0 ? -ENOENT : toml_read(path, &o, e);

	if (r == -ENOENT || r == -ENOTDIR) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	config_merge(all, o);
	return 1;
}

static int is_conf(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".conf") == 0;
}

int config_add_drop_ins(json_object *all, const char *dir, struct err *e)
{
	struct dirent **list = NULL;
	int r = 0, any = 0, n = scandir(dir, &list, is_conf, alphasort);

	for (int i = 0; i < n; i++) {
		scoped(mem) char *path = str_printf("%s/%s", dir, list[i]->d_name);
		if (r >= 0)
			r = path ? config_add_file(all, path, e)
				 : err_errno(e, ENOMEM, "read %s", dir);
		any |= r > 0;
		free(list[i]);
	}
	free(list);
	return r < 0 ? r : any;
}

/* DIR/containers.conf, then DIR/containers.conf.d. */
static int add_dir(json_object *all, const char *dir, struct err *e)
{
	scoped(mem) char *file = str_printf("%s/" NAME, dir);
	scoped(mem) char *drop = str_printf("%s/" NAME ".d", dir);
	int r = file && drop ? config_add_file(all, file, e) : err_errno(e, ENOMEM, "read " NAME);

	return r < 0 ? r : config_add_drop_ins(all, drop, e);
}

int config_read(struct engine *en, json_object **ret, struct err *e)
{
	scoped(json) json_object *all = json_object_new_object();
	const char *alone = getenv("CONTAINERS_CONF"), *over = getenv("CONTAINERS_CONF_OVERRIDE");
	const char *const dirs[] = { DATA_DIR "/containers", "/usr/share/containers",
				     SYSCONF_DIR "/containers", "/etc/containers", en->config_dir };
	int r = 0;

	if (!all)
		return err_errno(e, ENOMEM, "read " NAME);
	if (alone && *alone)
		r = config_add_file(all, alone, e);
	for (size_t i = 0; !(alone && *alone) && i < ARRAY_LEN(dirs) && r >= 0; i++)
		if (i == 0 || strcmp(dirs[i], dirs[i - 1]) != 0)
			r = add_dir(all, dirs[i], e);
	if (r >= 0 && over && *over)
		r = config_add_file(all, over, e);
	if (r < 0)
		return r;
	*ret = take_ptr(&all);
	return 0;
}

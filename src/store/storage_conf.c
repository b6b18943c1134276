/* SPDX-License-Identifier: Apache-2.0 */
#include "src/store/storage_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/store/config.h"
#include "src/util/account.h"
#include "src/util/expand.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

#define NAME "storage.conf"

void storage_conf_done(struct storage_conf *c)
{
	free(c->graphroot);
	free(c->runroot);
	strv_free(c->stores);
	*c = (struct storage_conf){ 0 };
}

/* ---- values ---------------------------------------------------------------------------------- */

struct user {
	uid_t uid;
	const char *home;
};

static void add_variable(void *arg, const char *name, struct strbuf *b)
{
	const struct user *u = arg;
	const char *value = getenv(name);
	scoped(account) struct account a = ACCOUNT_NONE;

	if (strcmp(name, "UID") == 0)
		(void)strbuf_printf(b, "%u", (unsigned)u->uid);
	else if (value)
		(void)strbuf_puts(b, value);
	else if (strcmp(name, "HOME") == 0)
		(void)strbuf_puts(b, u->home ? u->home : "");
	else if (strcmp(name, "USER") == 0 && account_find(u->uid, &a))
		(void)strbuf_puts(b, a.name);
}

char *storage_conf_expand(const char *text, uid_t uid, const char *home)
{
	struct user u = { .uid = uid, .home = home };

	return expand(text, add_variable, &u);
}

static int wrong(struct err *e, const char *key)
{
	return err_set(e, -EINVAL, NAME ": %s is not as it should be", key);
}

/* The path that TABLE has under KEY: absolute, clean, owned; NULL when nothing is said. */
static int get_path(const struct engine *en, json_object *table, const char *key, char **ret,
		    struct err *e)
{
	json_object *v = json_get(table, key);
	const char *text = json_get_str(table, key);
	scoped(mem) char *full = NULL;

	if (!v || (text && !*text))
		return 0;
	if (!text)
		return wrong(e, key);
	full = storage_conf_expand(text, en->uid, en->home);
	if (!full)
		return err_errno(e, ENOMEM, "read " NAME);
	if (full[0] != '/')
		return err_set(e, -EINVAL, NAME ": %s: %s is no absolute path", key, full);
	*ret = path_clean(full);
	return *ret ? 0 : err_errno(e, ENOMEM, "read " NAME);
}

static int is_same(char *take_path, const char *path)
{
	scoped(mem) char *p = take_path;
	return p && strcmp(p, path) == 0;
}

/* One of the places that Podman uses anyhow? */
static int is_podmans_default(const struct engine *en, const char *path)
{
	const char *data = getenv("XDG_DATA_HOME"), *run = getenv("XDG_RUNTIME_DIR");

	if (str_in_words(path, strlen(path),
			 "/var/lib/containers/storage|/run/containers/storage"
			 "|/var/run/containers/storage"))
		return 1;
	return is_same(str_printf("%s/.local/share/containers/storage", en->home), path) ||
	       (data && is_same(str_printf("%s/containers/storage", data), path)) ||
	       (run && is_same(str_printf("%s/containers", run), path)) ||
	       is_same(str_printf("/run/user/%u/containers", (unsigned)en->uid), path);
}

static int has(const char *dir, const char *name)
{
	scoped(mem) char *path = str_printf("%s/%s", dir, name);
	return path && access(path, F_OK) == 0;
}

/* *PATH becomes ours: MARK is what a directory has that is ours already. */
static int settle(const struct engine *en, char **path, const char *mark, struct err *e)
{
	char *inside;

	if (!*path)
		return 0;
	if (is_podmans_default(en, *path)) {
		free(*path);
		*path = NULL;
		return 0;
	}
	if (has(*path, mark) || (!has(*path, "overlay-layers") && !has(*path, "vfs-layers")))
		return 0;
	inside = str_printf("%s/cove", *path);
	if (!inside)
		return err_errno(e, ENOMEM, "read " NAME);
	free(*path);
	*path = inside;
	return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* What the system's files say of places is root's: a user gets rootless_storage_path. */
static void strip(const struct engine *en, json_object *o)
{
	json_object *storage = json_get(o, "storage");

	if (en->uid == 0 || !storage)
		return;
	json_object_object_del(storage, "graphroot");
	json_object_object_del(storage, "runroot");
}

enum what { MAIN_FILE, DROP_INS };

/* Add one of them in DIR to ALL: 1, or 0 when there is none. */
static int add(const struct engine *en, json_object *all, enum what what, const char *dir,
	       int is_system, struct err *e)
{
	scoped(json) json_object *one = json_object_new_object();
	scoped(mem) char *path = str_printf("%s/" NAME "%s", dir, what == DROP_INS ? ".d" : "");
	int r = !one || !path	   ? err_errno(e, ENOMEM, "read " NAME)
		: what == DROP_INS ? config_add_drop_ins(one, path, e)
				   : config_add_file(one, path, e);

	if (r <= 0)
		return r;
	if (is_system)
		strip(en, one);
	config_merge(all, one);
	return 1;
}

static int read_files(const struct engine *en, json_object *all, struct err *e)
{
	const char *alone = getenv("CONTAINERS_STORAGE_CONF"),
		   *over = getenv("CONTAINERS_STORAGE_CONF_OVERRIDE");
	const struct {
		const char *dir;
		int is_system;
	} dirs[] = { { en->config_dir, 0 },
		     { SYSCONF_DIR "/containers", 1 },
		     { "/etc/containers", 1 },
		     { DATA_DIR "/containers", 1 },
		     { "/usr/share/containers", 1 } };
	const size_t n = ARRAY_LEN(dirs);
	int is_alone = alone && *alone, r = is_alone ? config_add_file(all, alone, e) : 0;

	for (size_t i = is_alone ? n : 0; i < n && r == 0; i++)
		r = add(en, all, MAIN_FILE, dirs[i].dir, dirs[i].is_system, e);
	for (size_t i = is_alone ? 0 : n; i > 0 && r >= 0; i--)
		if (i == n || strcmp(dirs[i - 1].dir, dirs[i].dir) != 0)
			r = add(en, all, DROP_INS, dirs[i - 1].dir, dirs[i - 1].is_system, e);
	if (r >= 0 && over && *over)
		r = config_add_file(all, over, e);
	return r < 0 ? r : 0;
}

/* ---- additional stores ----------------------------------------------------------------------- */

/* The rest of OPT behind "KEY=", whatever driver's name stands in front; or NULL. */
static const char *value_of(const char *opt, const char *key)
{
	size_t n = strlen(key);

	if (str_starts(opt, "overlay.") || str_starts(opt, "overlay2."))
		opt = strchr(opt, '.') + 1;
	else if (opt[0] == '.')
		opt++;
	return strncmp(opt, key, n) == 0 && opt[n] == '=' ? opt + n + 1 : NULL;
}

static int add_store(struct storage_conf *c, const char *path, struct err *e)
{
	scoped(mem) char *clean = NULL;

	if (path[0] != '/')
		return err_set(e, -EINVAL, "additional image store %s is no absolute path", path);
	clean = path_clean(path);
	for (char **s = c->stores; clean && s && *s; s++)
		if (strcmp(*s, clean) == 0)
			return 0;
	return clean && strv_add(&c->stores, clean) == 0 ? 0 : err_errno(e, ENOMEM, "read " NAME);
}

/* What the driver of another engine is told; ours needs none of it. */
static const char *const ignored[] = { "mountopt",	 "mount_program",   "ignore_chown_errors",
				       "force_mask",	 "skip_mount_home", "size",
				       "inodes",	 "use_composefs",   "override_kernel_check",
				       "override_kernel" };

static int add_option(struct storage_conf *c, const char *opt, struct err *e)
{
	const char *path = value_of(opt, "additionalimagestore");

	if (!path)
		path = value_of(opt, "imagestore");
	if (path)
		return add_store(c, path, e);
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		if (value_of(opt, ignored[i])) {
			dbg("storage option %s: layers need it not", opt);
			return 0;
		}
	(void)err_set(e, -EINVAL, "unknown storage option %s", opt);
	return err_hint(e, "additionalimagestore=PATH is one");
}

/* $STORAGE_OPTS stands in place of the file's options, and the command line in place of both. */
static int add_stores(const struct engine *en, json_object *options, char *const *opts,
		      struct storage_conf *c, struct err *e)
{
	const char *env = getenv("STORAGE_OPTS");
	scoped(strv) char **env_opts = !opts && env && *env ? strv_split(env, ',') : NULL;
	json_object *list = json_get(options, "additionalimagestores");
	int r = 0;

	if (!opts && env && *env && !env_opts)
		return err_errno(e, ENOMEM, "read $STORAGE_OPTS");
	for (char *const *o = opts ? opts : env_opts; o && *o && r == 0; o++)
		r = **o ? add_option(c, *o, e) : 0;
	if (opts || env_opts || !list)
		return r;
	if (!json_object_is_type(list, json_type_array))
		return wrong(e, "additionalimagestores");
	for (size_t i = 0; i < json_len(list) && r == 0; i++) {
		const char *text = json_str_at(list, i);
		scoped(mem) char *path = text ? storage_conf_expand(text, en->uid, en->home) : NULL;
		if (!text)
			return wrong(e, "additionalimagestores");
		r = !path ? err_errno(e, ENOMEM, "read " NAME) : *path ? add_store(c, path, e) : 0;
	}
	return r;
}

int storage_conf_read(const struct engine *en, char *const *opts, int files,
		      struct storage_conf *ret, struct err *e)
{
	scoped(json) json_object *all = json_object_new_object();
	scoped(storage_conf) struct storage_conf c = { 0 };
	json_object *storage;
	int r = !all ? err_errno(e, ENOMEM, "read " NAME) : files ? read_files(en, all, e) : 0;

	if (r < 0)
		return r;
	storage = json_get(all, "storage");
	if (json_get_str(storage, "driver") && strcmp(json_get_str(storage, "driver"), "overlay"))
		dbg(NAME ": driver %s is Podman's; ours is overlay",
		    json_get_str(storage, "driver"));
	r = get_path(en, storage, "graphroot", &c.graphroot, e);
	if (r == 0 && !c.graphroot && en->uid != 0)
		r = get_path(en, storage, "rootless_storage_path", &c.graphroot, e);
	if (r == 0)
		r = get_path(en, storage, "runroot", &c.runroot, e);
	if (r == 0)
		r = settle(en, &c.graphroot, "db.sqlite", e);
	if (r == 0)
		r = settle(en, &c.runroot, "c", e);
	if (r == 0)
		r = add_stores(en, json_get(storage, "options"), opts, &c, e);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct storage_conf){ 0 };
	return 0;
}

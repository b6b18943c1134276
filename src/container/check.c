/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/container/record.h"
#include "src/image/image_store.h"
#include "src/image/image_stores.h"
#include "src/secret/secret.h"
#include "src/store/store.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/volume/volume.h"

/* Is FMT's path a directory of the store? */
static int is_dir(struct engine *en, const char *path)
{
	struct stat st;
	return path && fstatat(en->graph_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static int need_dir(struct engine *en, struct check *c, const char *id, const char *dir,
		    const char *name, const char *below)
{
	scoped(mem) char *path = str_printf("%s/%s%s", dir, name, below);

	if (!path)
		return -ENOMEM;
	return is_dir(en, path)
		       ? 0
		       : check_add(c, CHECK_CONTAINER, id, "directory %s is missing", path);
}

static int check_layers(struct engine *en, struct check *c, const char *id,
			const struct container_spec *spec)
{
	int r = 0;

	for (size_t i = 0; spec->layers && spec->layers[i] && r == 0; i++) {
		const char *name = spec->layers[i];
		if (!image_layer_is_elsewhere(name))
			r = need_dir(en, c, id, "layers", name, "/diff");
		else if (!image_layer_is_there(name))
			r = check_add(c, CHECK_CONTAINER, id, "layer %s is missing", name);
		if (r == 0 && check_has(c, CHECK_LAYER, spec->layers[i]))
			r = check_add(c, CHECK_CONTAINER, id, "layer %s is damaged",
				      spec->layers[i]);
	}
	return r;
}

static int check_image(struct engine *en, struct check *c, const char *id, const char *image_id,
		       struct err *e)
{
	scoped(image) struct image *i = NULL;
	int r = image_by_id(en, image_id, &i, e);

	if (r == 0 || (r != -ENOENT && r != -EBADMSG))
		return r;
	r = check_add(c, CHECK_CONTAINER, id, "image %s is %s", image_id,
		      r == -ENOENT ? "missing" : "damaged");
	err_clear(e);
	return r;
}

/* The copies that it was given. */
static int check_secrets(struct engine *en, struct check *c, const char *id,
			 const struct container_spec *spec)
{
	int r = 0;

	for (size_t i = 0; i < json_len(spec->secrets) && r == 0; i++) {
		scoped(mem) char *path = str_printf("containers/%s/secrets/%zu", id, i);
		struct stat st;
		if (!path)
			return -ENOMEM;
		if (fstatat(en->graph_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			r = check_add(c, CHECK_CONTAINER, id, "file %s is missing", path);
	}
	return r;
}

static int check_one(struct engine *en, struct check *c, const struct container *k, struct err *e)
{
	scoped(container_spec) struct container_spec *spec = NULL;
	int r = container_spec_decode(k->spec, &spec, e);

	if (r < 0) {
		r = check_add(c, CHECK_CONTAINER, k->id, "%s", e->text);
		err_clear(e);
		return r;
	}
	r = need_dir(en, c, k->id, "containers", k->id, "");
	if (r == 0 && (!spec->rootfs || spec->rootfs_overlay))
		r = need_dir(en, c, k->id, "containers", k->id, "/upper");
	if (r == 0 && !spec->rootfs)
		r = check_layers(en, c, k->id, spec);
	if (r == 0 && k->image_id && !spec->rootfs)
		r = check_image(en, c, k->id, k->image_id, e);
	if (r == 0)
		r = check_secrets(en, c, k->id, spec);
	for (size_t i = 0; spec->volumes && spec->volumes[i] && r == 0; i++)
		r = need_dir(en, c, k->id, "volumes", spec->volumes[i], "/_data");
	return r;
}

static int list_ids(struct engine *en, const char *image_id, char ***ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct store *s = engine_store(en, e);
	int r = !s	   ? e->code
		: image_id ? store_query(s, &q, e, "SELECT id FROM container WHERE image_id = ?",
					 "s", image_id)
			   : store_query(s, &q, e, "SELECT id FROM container ORDER BY id", "");

	while (r == 0 && (r = store_step(q, e)) > 0)
		r = strv_add(ret, store_text(q, 0)) < 0 ? err_errno(e, ENOMEM, "read records") : 0;
	return r;
}

/* Directories without a record, unless a command is just making or removing the container. */
static int check_leftovers(struct engine *en, struct check *c, struct err *e)
{
	int fd = openat(en->graph_fd, "containers",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
	    r = 0;
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(fd);
		return 0;
	}
	for (struct dirent *de; r == 0 && (de = readdir(d));) {
		scoped(mem) char *path = str_printf("containers/%s", de->d_name);
		scoped(container) struct container *k = NULL;
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    record_is_held(en, de->d_name))
			continue;
		r = container_find(en, de->d_name, &k, e);
		if (r == -ENOENT)
			r = path ? check_add_leftover(en, c, path) : -ENOMEM;
	}
	err_clear(e);
	return r;
}

static int add_secret(void *arg, const char *name, const char *text)
{
	return check_add(arg, CHECK_SECRET, name, "%s", text);
}

/* What lies in them is the containers' own business. */
static int check_volumes(struct engine *en, struct check *c, struct err *e)
{
	scoped(strv) char **names = NULL;
	int r = volume_list(en, &names, e);

	for (char **name = names; name && *name && r == 0; name++) {
		scoped(volume) struct volume *v = NULL;
		r = volume_load(en, *name, &v, e);
		if (r == -ENOENT || r == -EBADMSG)
			r = check_add(c, CHECK_VOLUME, *name, "%s",
				      r == -ENOENT ? "directory _data is missing" : e->text);
		err_clear(e);
	}
	return r;
}

int container_check(struct engine *en, struct check *c, struct err *e)
{
	scoped(strv) char **ids = NULL;
	int r = list_ids(en, NULL, &ids, e);

	for (char **id = ids; id && *id && r == 0; id++) {
		scoped(container) struct container *k = NULL;
		r = container_find(en, *id, &k, e);
		if (r == -ENOENT) { /* removed meanwhile */
			err_clear(e);
			r = 0;
		} else if (r == -EBADMSG) {
			r = check_add(c, CHECK_CONTAINER, *id, "%s", e->text);
			err_clear(e);
		} else if (r == 0) {
			r = check_one(en, c, k, e);
		}
	}
	if (r == 0)
		r = check_leftovers(en, c, e);
	if (r == 0)
		r = secret_check(en, add_secret, c, e);
	if (r == 0)
		r = check_volumes(en, c, e);
	if (r < 0 && !e->code)
		return err_errno(e, r, "check the store");
	return r;
}

/* ---- repair ---------------------------------------------------------------------------------- */

struct repair {
	struct engine *en;
	int force;
	char ***removed;
};

static int remove_one(struct repair *p, const char *id, struct err *e)
{
	const struct rm_options o = { .force = 1, .volumes = 1, .timeout = 0 };
	int r = container_rm(p->en, id, &o, e);

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r == 0 && strv_add(p->removed, id) < 0)
		r = err_errno(e, ENOMEM, "repair the store");
	return r;
}

/* Its data cannot be had any more.  The second look tells what is still there. */
static void remove_secret(struct engine *en, const char *name)
{
	scoped(mem) char *id = NULL;
	struct err e;

	err_clear(&e);
	if (secret_remove(en, name, &id, &e) < 0)
		dbg("%s", e.text);
}

static int remove_users(void *arg, const char *image_id, struct err *e)
{
	struct repair *p = arg;
	scoped(strv) char **ids = NULL;
	int r = p->force ? list_ids(p->en, image_id, &ids, e) : 0;

	for (char **id = ids; id && *id && r == 0; id++)
		r = remove_one(p, *id, e);
	return r < 0 ? r : p->force;
}

int container_check_repair(struct engine *en, const struct check *c, int force, char ***ret_images,
			   char ***ret_containers, struct err *e)
{
	struct repair p = { .en = en, .force = force, .removed = ret_containers };
	int r = 0;

	for (size_t i = 0; i < c->n && force && r == 0; i++)
		if (c->found[i].of == CHECK_CONTAINER)
			r = remove_one(&p, c->found[i].name, e);
		else if (c->found[i].of == CHECK_SECRET)
			remove_secret(en, c->found[i].name);
		else if (c->found[i].of == CHECK_VOLUME)
			r = volume_mend(en, c->found[i].name, e);
	if (r == 0)
		r = image_check_repair(en, c, remove_users, &p, ret_images, e);
	record_collect(en);
	return r;
}

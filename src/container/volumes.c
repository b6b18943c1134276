/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "src/container/container.h"
#include "src/container/mount.h"
#include "src/container/spec.h"
#include "src/runtime/plan.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/volume/volume.h"
#include "userns/mount.h"

/* ---- users ----------------------------------------------------------------------------------- */

static int has_volume(const char *spec, const char *name)
{
	scoped(json) json_object *o = NULL;
	json_object *list;
	struct err ignored;

	/* A damaged record keeps nothing from being removed; system check tells of it. */
	if (!spec || json_parse(spec, strlen(spec), &o, &ignored) < 0)
		return 0;
	list = json_get(o, "Volumes");
	for (size_t i = 0; i < json_len(list); i++)
		if (json_str_at(list, i) && strcmp(json_str_at(list, i), name) == 0)
			return 1;
	return 0;
}

int volumes_users(struct engine *en, const char *name, char ***ret, int *ret_running, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(strv) char **ids = NULL;
	struct store *s = engine_store(en, e);
	int running = 0, r = 0;

	if (!s)
		return e->code;
	r = store_query(s, &q, e,
			"SELECT id, spec, state FROM container WHERE instr(spec, ?) ORDER BY "
			"created",
			"s", name);
	while (r == 0 && (r = store_step(q, e)) > 0) {
		r = 0;
		if (!has_volume(store_text(q, 1), name))
			continue;
		running += strcmp(store_text(q, 2), "running") == 0;
		if (strv_add(&ids, store_text(q, 0)) < 0)
			r = err_errno(e, ENOMEM, "volume %s", name);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&ids);
	if (ret_running)
		*ret_running = running;
	return 0;
}

/* ---- what a container mounts ----------------------------------------------------------------- */

/* A bind's words mean nothing to a new file system. */
static json_object *without_binds(json_object *list)
{
	json_object *out = json_object_new_array();

	for (size_t i = 0; i < json_len(list); i++)
		if (!str_in_words(json_str_at(list, i), strlen(json_str_at(list, i)), "bind|rbind"))
			(void)json_object_array_add(out,
						    json_object_new_string(json_str_at(list, i)));
	return out;
}

/* What is allowed anyway is no word for the container's mount, which may allow less. */
static int is_permission(const char *word)
{
	return str_in_words(word, strlen(word), "rw|exec|suid|dev|defaults");
}

static int add_words(const struct volume *v, const struct volume_mount *plan, json_object *list,
		     struct err *e)
{
	for (char **w = plan->options; w && *w; w++) {
		size_t n = strcspn(*w, "=");
		int is_known = (*w)[n] ? plan->kind == VOLUME_TMPFS &&
						 str_in_words(*w, n, "size|nr_inodes|mode|uid|gid")
				       : spec_is_mount_option(*w) || is_permission(*w);
		if (!is_known)
			return err_set(e, -EINVAL, "volume %s: invalid mount option \"%s\"",
				       v->name, *w);
		if (!is_permission(*w))
			(void)json_object_array_add(list, json_object_new_string(*w));
	}
	return 0;
}

static int set_mount(struct engine *en, const struct volume *v, json_object *m, struct err *e)
{
	scoped(volume_mount) struct volume_mount plan = { .kind = VOLUME_DATA };
	const char *fill = "cove.fill";
	json_object *list;
	int r = volume_mount_plan(en, v, &plan, e), is_tmpfs;

	if (r < 0)
		return r;
	is_tmpfs = plan.kind == VOLUME_TMPFS;
	if (is_tmpfs) {
		json_put_str(m, "type", "tmpfs");
		json_put(m, "options", without_binds(json_get(m, "options")));
	}
	json_put_str(m, "volume", v->name);
	json_put_str(m, "source", plan.source);
	list = json_get(m, "options");
	r = add_words(v, &plan, list, e);
	if (r < 0 || json_get_bool(m, "nocopy", plan.nocopy))
		return r;
	if (is_tmpfs)
		fill = "tmpcopyup";
	else if (plan.kind == VOLUME_BIND || v->uid || v->gid)
		fill = "cove.fill.content"; /* it has its owner */
	(void)json_object_array_add(list, json_object_new_string(fill));
	return 0;
}

int volumes_set_mount(struct engine *en, const char *name, json_object *m, struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	int r = volume_load(en, name, &v, e);

	if (r < 0 || !v)
		return r;
	return set_mount(en, v, m, e);
}

/* ---- removing -------------------------------------------------------------------------------- */

static int is_used(struct engine *en, const char *name, struct err *e)
{
	scoped(strv) char **ids = NULL;
	int r = volumes_users(en, name, &ids, NULL, e);

	return r < 0 ? r : ids != NULL;
}

/* In the transaction nobody becomes a user: who creates a container looks for its volumes again
 * once it has a record.  The slow part comes when it cannot be seen any more. */
static int take_away(struct engine *en, const char *name, const char *tmp, struct err *e)
{
	struct store *s = engine_store(en, e);
	scoped(mem) char *from = str_printf("volumes/%s", name);
	scoped(mem) char *to = str_printf("tmp/%s/%s", tmp, name);
	int r = s ? store_begin(s, STORE_REMOVES, e) : e->code;

	if (r < 0)
		return r;
	r = from && to ? is_used(en, name, e) : err_errno(e, ENOMEM, "remove a volume");
	if (r == 0 && renameat(en->graph_fd, from, en->graph_fd, to) < 0)
		r = errno == ENOENT ? err_set(e, -ENOENT, "no such volume %s", name)
				    : err_sys(e, "remove volume %s", name);
	store_rollback(s); /* nothing was written */
	return r < 0 ? r : !r;
}

int volumes_remove(struct engine *en, const char *name, struct err *e)
{
	scoped(mem) char *tmp = NULL;
	scoped(fd) int dir = -EBADF;
	scoped(fd) int lease = -EBADF;
	int r = engine_tmpdir(en, &tmp, &dir, &lease, e);

	if (r < 0)
		return r;
	r = take_away(en, name, tmp, e);
	engine_tmpdir_remove(en, tmp);
	if (r == 1)
		volume_event(en, name, "remove");
	return r;
}

static int in_use(const char *name, char *const *ids, struct err *e)
{
	scoped(strbuf) struct strbuf list = STRBUF_INIT;

	for (char *const *id = ids; id && *id; id++)
		(void)strbuf_printf(&list, "%s%s", id == ids ? "" : ", ", *id);
	return err_set(e, -EBUSY,
		       "volume %s is being used by the following container(s): %s: volume is being "
		       "used",
		       name, list.s ? list.s : "");
}

int container_volume_rm(struct engine *en, const char *ref, const struct volume_rm_options *o,
			struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	scoped(strv) char **ids = NULL;
	struct err ignored = { 0 };
	int r = volume_find(en, ref, &v, e);

	if (r == -EBADMSG) { /* a damaged record can still be removed */
		err_clear(e);
		r = 0;
	}
	if (r == 0)
		r = volumes_users(en, v ? v->name : ref, &ids, NULL, e);
	if (r < 0)
		return r;
	if (ids && !o->force)
		return in_use(v ? v->name : ref, ids, e);
	r = container_rm_each(en, ids, o->timeout, e);
	if (r == 0 && v)
		(void)container_volume_unmount(en, v->name, &ignored); /* where we can see it */
	if (r == 0)
		r = volumes_remove(en, v ? v->name : ref, e);
	return r == 0 ? in_use(v ? v->name : ref, NULL, e) : r < 0 ? r : 0;
}

/* ---- at its own place ------------------------------------------------------------------------ */

static int mount_at(const struct plan_mount *m, int target, struct err *e)
{
	scoped(fd) int source = -EBADF;

	if (!(m->flags & MS_BIND))
		return mount_fs(target, m->fstype, m->source, m->flags, m->data, NULL, e);
	source = open(m->source, O_PATH | O_CLOEXEC);
	if (source < 0)
		return err_sys(e, "open %s", m->source);
	return mount_bind(source, target, m->recursive, m->flags & MOUNT_ATTR_FLAGS, 0, 0, NULL, e);
}

static int mount_volume(struct engine *en, const struct volume *v, const char *path, struct err *e)
{
	scoped(json) json_object *m = json_object_new_object();
	struct plan_mount plan = { 0 };
	char *const words[] = { "rbind", NULL };
	scoped(fd) int target = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = target < 0 ? err_sys(e, "open %s", path) : 0;

	json_put_str(m, "type", "bind");
	json_put_str(m, "destination", path);
	json_put_strv(m, "options", words);
	json_put_bool(m, "nocopy", 1);
	if (r == 0)
		r = set_mount(en, v, m, e);
	if (r == 0)
		r = plan_parse_mount(m, &plan, e);
	if (r == 0)
		r = mount_at(&plan, target, e);
	plan_mount_done(&plan);
	return r < 0 ? err_in(e, "mount volume %s", v->name) : 0;
}

int container_volume_mount(struct engine *en, const char *ref, char **ret_path, struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	scoped(mem) char *path = NULL;
	int r = mount_allowed("volume mount", e);

	if (r == 0)
		r = volume_find(en, ref, &v, e);
	if (r < 0 || !v)
		return r;
	path = str_printf("%s/volumes/%s/_data", en->graphroot, v->name);
	if (!path)
		return err_errno(e, ENOMEM, "mount volume %s", v->name);
	if (volume_needs_mount(v))
		r = mount_volume(en, v, path, e);
	if (r == 0)
		*ret_path = take_ptr(&path);
	return r;
}

int container_volume_unmount(struct engine *en, const char *ref, struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	scoped(mem) char *path = NULL;
	int r = volume_find(en, ref, &v, e);

	if (r < 0 || !v || !volume_needs_mount(v))
		return r;
	path = str_printf("%s/volumes/%s/_data", en->graphroot, v->name);
	/* EINVAL: it is not mounted; EPERM: not by us, who could not have. */
	if (path && umount2(path, UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != EPERM)
		return err_sys(e, "unmount volume %s", v->name);
	return 0;
}

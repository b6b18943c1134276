/* SPDX-License-Identifier: Apache-2.0 */
/* Creating a container: everything the user typed is parsed and checked (the files create_*.c),
 * then the directory is made, then the record appears.  Nothing that cannot be honoured is left out
 * silently (an option is honoured or stops the command). */
#include "src/container/create.h"
#include "src/container/defaults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/container/creation.h"
#include "src/container/event.h"
#include "src/container/keep_id.h"
#include "src/container/private_network.h"
#include "src/container/root.h"
#include "src/container/secrets.h"
#include "src/runtime/driver.h"
#include "src/util/strbuf.h"
#include "src/volume/volume.h"

static void scoped_creation(struct creation *c)
{
	(void)image_free(c->image);
}

int creation_copy(char **dst, const char *s, struct err *e)
{
	free(*dst);
	*dst = strdup(s);
	return *dst ? 0 : err_errno(e, ENOMEM, "create a container");
}

int creation_copy_list(char ***dst, char *const *v, struct err *e)
{
	*dst = strv_copy(v);
	return *dst ? 0 : err_errno(e, ENOMEM, "create a container");
}

int creation_has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return 1;
	return 0;
}

static int check_early(struct creation *c, struct err *e)
{
	const struct container_create_options *o = c->o;
	struct stat st;

	if (o->name && !name_is_valid(o->name))
		return err_set(e, -EINVAL,
			       "running container create option: names must match "
			       "[a-zA-Z0-9][a-zA-Z0-9_.-]*: "
			       "invalid argument");
	if (o->restart && *o->restart && strcmp(o->restart, "no") != 0 &&
	    strcmp(o->restart, "never") != 0)
		return err_set(e, -ENOTSUP, "restart policy \"%s\" is not available", o->restart);
	if (o->cidfile && lstat(o->cidfile, &st) == 0)
		return err_set(e, -EEXIST,
			       "container id file exists. Ensure another container is not using it "
			       "or delete %s",
			       o->cidfile);
	if (o->image && !*o->image)
		return err_set(e, -EINVAL, "invalid reference format: the image name is empty");
	return 0;
}

/* --runtime-flag takes them without dashes, as "debug" or "log-level=info". */
static int set_runtime(struct creation *c, struct err *e)
{
	const struct engine *en = c->en;
	int r = en->runtime ? driver_find(en->runtime, &c->spec->runtime, e) : 0;

	for (size_t i = 0; en->runtime_flags && en->runtime_flags[i] && r == 0; i++) {
		scoped(mem) char *flag = str_printf("--%s", en->runtime_flags[i]);
		if (!flag || strv_add(&c->spec->runtime_flags, flag) < 0)
			r = err_errno(e, ENOMEM, "--runtime-flag");
	}
	return r;
}

static int make_spec(struct creation *c, struct err *e)
{
	int r = check_early(c, e);

	if (r == 0)
		r = creation_set_secrets(c, e);
	if (r == 0)
		r = set_runtime(c, e);

	if (r == 0)
		r = c->o->rootfs ? creation_resolve_rootfs(c, e) : creation_resolve_image(c, e);
	if (r == 0 && c->image)
		r = creation_take_image(c, e);
	if (r == 0)
		r = creation_set_command(c, e);
	if (r == 0)
		r = creation_set_process(c, e);
	if (r == 0)
		r = creation_set_network(c, e);
	if (r == 0)
		r = private_network_check(c->spec, e);
	if (r == 0)
		r = creation_set_namespaces(c, e);
	if (r == 0)
		r = creation_set_env(c, e);
	if (r == 0)
		r = creation_set_labels(c, e);
	if (r == 0)
		r = creation_set_security(c, e);
	if (r == 0)
		r = creation_set_limits(c, e);
	if (r == 0)
		r = creation_set_sysctls(c, e);
	if (r == 0)
		r = creation_set_log(c, e);
	if (r == 0)
		r = creation_set_mounts(c, e);
	if (r == 0 && c->o->pidfile)
		r = creation_copy(&c->spec->pidfile, c->o->pidfile, e);
	if (r == 0 && c->o->monitor_pidfile)
		r = creation_copy(&c->spec->monitor_pidfile, c->o->monitor_pidfile, e);
	if (r == 0 && c->o->cidfile)
		r = creation_copy(&c->spec->cidfile, c->o->cidfile, e);
	if (r == 0 && c->o->detach_keys)
		r = creation_copy(&c->spec->detach_keys, c->o->detach_keys, e);
	return r;
}

static int make_dirs(struct creation *c, struct err *e)
{
	static const char *const subs[] = { "upper", "work", "merged" };
	char path[128];

	(void)snprintf(path, sizeof(path), "containers/%s", c->id);
	if (mkdirat(c->en->graph_fd, path, 0700) < 0)
		return err_sys(e, "make directory %s/%s", c->en->graphroot, path);
	for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
		(void)snprintf(path, sizeof(path), "containers/%s/%s", c->id, subs[i]);
		/* upper becomes the container's "/". */
		if (mkdirat(c->en->graph_fd, path, 0700) < 0 ||
		    (i == 0 && fchmodat(c->en->graph_fd, path, root_mode(c->en, c->spec), 0) < 0))
			return err_sys(e, "make directory %s/%s", c->en->graphroot, path);
	}
	return 0;
}

static void undo(struct creation *c)
{
	struct err ignored;
	(void)record_remove_files(c->en, c->id, &ignored); /* collected later otherwise */
	for (size_t i = 0; c->spec->anonymous_volumes && c->spec->anonymous_volumes[i]; i++)
		(void)volume_remove(c->en, c->spec->anonymous_volumes[i], &ignored);
	record_forget_run(c->en, c->id);
}

/* From here on rmi sees the record and refuses; before, the image may have been removed under our
 * feet. */
static int keep_image(struct creation *c, struct err *e)
{
	scoped(image) struct image *again = NULL;
	struct err ignored;
	int r = c->image ? image_find(c->en, c->image->id, &again, e) : 0;

	if (r < 0)
		(void)record_delete(c->en, c->id,
				    &ignored); /* the files are collected if this fails */
	return r < 0 ? err_in(e, "the image was removed meanwhile") : 0;
}

/* Likewise `prune` and the volumes: one that was removed is there again, empty. */
static int keep_volumes(struct creation *c, struct err *e)
{
	int r = 0;

	for (char **v = c->spec->volumes; v && *v && r == 0; v++) {
		scoped(mem) char *data = NULL;
		r = volume_ensure(c->en, *v, &data, e);
	}
	return r;
}

static int insert(struct creation *c, const char *state, struct container *ret, struct err *e)
{
	char name[64];
	int r = -EEXIST;

	ret->id = strdup(c->id);
	ret->image_id = c->spec->image_id ? strdup(c->spec->image_id) : NULL;
	ret->image_name = strdup(c->spec->image_name ? c->spec->image_name : c->spec->rootfs);
	ret->created = record_now();
	ret->started = strcmp(state, "running") == 0 ? ret->created : 0;
	ret->command = strv_copy(c->spec->args);
	ret->labels = json_object_get(c->spec->labels);
	ret->ports = json_object_get(c->spec->ports);
	ret->spec = field_encode(container_spec_fields, c->spec);
	if (!ret->id || !ret->image_name || !ret->command || !ret->spec)
		return err_errno(e, ENOMEM, "create a container");
	for (int tries = 0; tries < 16 && r == -EEXIST; tries++) {
		free(ret->name);
		name_random(name);
		ret->name = strdup(c->o->name ? c->o->name : name);
		if (!ret->name)
			return err_errno(e, ENOMEM, "create a container");
		r = record_insert(c->en, ret, state, e);
		if (c->o->name)
			break;
	}
	if (r >= 0)
		r = keep_volumes(c, e);
	return r < 0 ? r : keep_image(c, e);
}

static int write_cidfile(struct engine *en, const char *path, const char *id, struct err *e)
{
	ENGINE_USERS_UMASK(en);
	scoped(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, id, strlen(id)) != (ssize_t)strlen(id))
		return err_sys(e, "write %s", path);
	return 0;
}

static int choose_id(struct creation *c, struct err *e)
{
	scoped(container) struct container *other = NULL;
	struct err ignored;
	int r;

	if (!c->o->id) {
		r = id_random(c->id, ID_LEN);
		return r < 0 ? err_errno(e, r, "name a container") : 0;
	}
	if (container_find(c->en, c->o->id, &other, &ignored) == 0)
		return err_set(e, -EEXIST, "container ID %s is in use: container already exists",
			       c->o->id);
	(void)snprintf(c->id, sizeof(c->id), "%s", c->o->id);
	return 0;
}

int create_record(struct engine *en, const struct container_create_options *o, const char *state,
		  void (*warn)(const char *text), struct container **ret,
		  struct container_spec **ret_spec, int *ret_lock, struct err *e)
{
	scoped(container_spec) struct container_spec *spec = calloc(1, sizeof(*spec));
	scoped(container) struct container *rec = calloc(1, sizeof(*rec));
	scoped(defaults) struct defaults d = { .config = NULL };
	scoped(creation) struct creation c = { .en = en, .spec = spec, .warn = warn };
	scoped(fd) int lock = -EBADF;
	int r;

	if (!spec || !rec)
		return err_errno(e, ENOMEM, "create a container");
	d.options = *o;
	/* One that is restored is as it was. */
	r = o->id ? 0 : defaults_apply(en, o, &d, e);
	if (r < 0)
		return r;
	if (o->name && *o->name == '/') /* as docker writes names */
		d.options.name++;
	c.o = o = &d.options;
	if (o->kernel_memory && warn)
		warn("The --kernel-memory flag is no longer supported. This flag is a noop.");
	r = choose_id(&c, e);
	if (r < 0)
		return r;
	if (o->replace && o->name) {
		struct rm_options rm = { .force = 1, .timeout = -1 };
		r = container_rm(en, o->name, &rm, e);
		if (r < 0 && r != -ENOENT)
			return r;
		err_clear(e);
	}
	r = record_lock(en, c.id, 0, &lock, e);
	if (r < 0)
		return r;
	r = make_spec(&c, e);
	if (r == 0)
		r = keep_id_layers(en, spec, e);
	if (r == 0)
		r = make_dirs(&c, e);
	if (r == 0)
		r = creation_copy_secrets(&c, e);
	if (r == 0 && strcmp(state, "running") == 0)
		r = secrets_load(en, spec, e);
	if (r == 0 && o->cidfile)
		r = write_cidfile(en, o->cidfile, c.id, e);
	if (r == 0)
		r = insert(&c, state, rec, e);
	if (r < 0) {
		undo(&c);
		return r;
	}
	container_event(en, rec, "create");
	*ret = take_ptr(&rec);
	*ret_spec = take_ptr(&spec);
	*ret_lock = take_fd(&lock);
	return 0;
}

int container_create(struct engine *en, const struct container_create_options *o, char **ret_id,
		     void (*warn)(const char *text), struct err *e)
{
	scoped(container) struct container *rec = NULL;
	scoped(container_spec) struct container_spec *spec = NULL;
	scoped(fd) int lock = -EBADF;
	int r = create_record(en, o, "created", warn, &rec, &spec, &lock, e);

	if (r < 0)
		return r;
	record_forget_run(en, rec->id);
	*ret_id = take_ptr(&rec->id);
	return 0;
}

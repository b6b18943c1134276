/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted: -v, --mount, --tmpfs, --device, and the volumes of the image. */
#include "src/container/creation.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/container/volumes.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"
#include "src/volume/volume.h"

static json_object *mount_on(json_object *mounts, const char *target)
{
	for (size_t i = 0; i < json_len(mounts); i++) {
		json_object *m = json_object_array_get_idx(mounts, i);
		const char *t = json_get_str(m, "destination");
		if (t && strcmp(t, target) == 0)
			return m;
	}
	return NULL;
}

static int is_mounted(json_object *mounts, const char *target)
{
	return mount_on(mounts, target) != NULL;
}

static int add_mount(struct creation *c, json_object *take_m, struct err *e)
{
	const char *target = json_get_str(take_m, "destination");
	json_object *before = mount_on(c->spec->mounts, target);

	if (before && json_object_equal(before, take_m)) { /* said twice */
		json_free(take_m);
		return 0;
	}
	if (before) {
		(void)err_set(e, -EINVAL, "%s: duplicate mount destination", target);
		json_free(take_m);
		return e->code;
	}
	(void)json_object_array_add(c->spec->mounts, take_m);
	return 0;
}

/* It is made where it is not there, as M says (see creation_key()); without a name it is the
 * container's own. */
static int have_volume(struct engine *en, json_object *m, const char *source, char **ret_name,
		       struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	scoped(strv) char **label = NULL;
	scoped(strv) char **opt = NULL;
	scoped(mem) char *name = NULL;
	scoped(mem) char *data = NULL;
	const int nocreate = json_get_bool(m, "nocreate", 0);
	struct volume_create_options o = {
		.name = source, .is_anonymous = !*source, .uid = -1, .gid = -1
	};
	int r = *source ? volume_load(en, source, &v, e) : -ENOENT;

	if (r == 0 && v) {
		*ret_name = strdup(v->name);
		return *ret_name ? 0 : err_errno(e, ENOMEM, "volumes");
	}
	if (r != -ENOENT || (nocreate && *source))
		return r;
	err_clear(e);
	o.ignore = 1; /* somebody may be faster */
	r = json_to_strv(json_get(m, "volume-label"), &label);
	if (r == 0)
		r = json_to_strv(json_get(m, "volume-opt"), &opt);
	if (r < 0)
		return err_errno(e, r, "volumes");
	o.label = label;
	o.opt = opt;
	r = volume_create(en, &o, &name, e);
	/* A record can be there without its data. */
	if (r == 0)
		r = volume_ensure(en, name, &data, e);
	if (r == 0)
		*ret_name = take_ptr(&name);
	return r;
}

static int resolve_volume(struct creation *c, json_object *m, const char *source, struct err *e)
{
	static const char *const creation_keys[] = { "nocreate", "volume-label", "volume-opt" };
	struct container_spec *s = c->spec;
	scoped(mem) char *name = NULL;
	int r = have_volume(c->en, m, source, &name, e);

	if (r != 0 || !name)
		return r;
	if ((!*source && strv_add(&s->anonymous_volumes, name) < 0) ||
	    (!strv_has(s->volumes, name) && strv_add(&s->volumes, name) < 0))
		return err_errno(e, ENOMEM, "volumes");
	for (size_t i = 0; i < ARRAY_LEN(creation_keys); i++)
		json_object_object_del(m, creation_keys[i]);
	return volumes_set_mount(c->en, name, m, e);
}

/* A bind's source must be there; a volume's is made. */
static int resolve_source(struct creation *c, json_object *m, struct err *e)
{
	const char *type = json_get_str(m, "type"), *source = json_get_str(m, "source");
	char real[PATH_MAX];

	if (strcmp(type, "bind") == 0) {
		if (!realpath(source, real))
			return err_sys(e, "statfs %s", source);
		json_put_str(m, "source", real);
		return 0;
	}
	return strcmp(type, "volume") == 0 ? resolve_volume(c, m, source, e) : 0;
}

typedef int (*mount_parser)(const char *s, json_object **ret, struct err *e);

static int parse_device(const char *s, json_object **ret, struct err *e)
{
	scoped(strv) char **part = strv_split(s, ':');
	size_t n = strv_len(part);
	const char *to = n > 1 && part[1][0] == '/' ? part[1] : n ? part[0] : "";
	const char *mode = n > 2 ? part[2] : n == 2 && part[1][0] != '/' ? part[1] : "rwm";
	scoped(mem) char *volume = NULL;
	struct stat st;
	int r;

	if (n < 1 || n > 3 || strspn(mode, "rwm") != strlen(mode))
		return err_set(e, -EINVAL, "invalid device specification: %s", s);
	if (stat(part[0], &st) < 0)
		return err_sys(e, "stat %s", part[0]);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, -EINVAL, "%s is not a device node", part[0]);
	volume = str_printf("%s:%s:bind%s", part[0], to, strchr(mode, 'w') ? "" : ",ro");
	r = volume ? spec_parse_volume(volume, ret, e) : err_errno(e, ENOMEM, "%s", s);
	return r;
}

/* IS_DEFAULT: where something is mounted already, that stays. */
static int add_mounts(struct creation *c, char *const *list, mount_parser parse, int is_default,
		      struct err *e)
{
	for (size_t i = 0; list && list[i]; i++) {
		json_object *m = NULL;
		int r = parse(list[i], &m, e);
		if (r == 0 && is_default &&
		    is_mounted(c->spec->mounts, json_get_str(m, "destination"))) {
			json_free(m);
			continue;
		}
		if (r == 0)
			r = resolve_source(c, m, e);
		if (r < 0) {
			json_free(m);
			return r;
		}
		r = add_mount(c, m, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What is mounted explicitly stays. */
static int add_volumes_from(struct creation *c, struct err *e)
{
	struct container_spec *s = c->spec;

	for (char *const *word = c->o->volumes_from; word && *word; word++) {
		scoped(json) json_object *mounts = NULL;

		if (volumes_from(c->en, *word, &mounts, e) < 0)
			return e->code;
		for (size_t i = 0; i < json_len(mounts); i++) {
			json_object *m = json_object_array_get_idx(mounts, i);
			const char *name = json_get_str(m, "volume");

			if (is_mounted(s->mounts, json_get_str(m, "destination")))
				continue;
			(void)json_object_array_add(s->mounts, json_object_get(m));
			if (name && !strv_has(s->volumes, name) && strv_add(&s->volumes, name) < 0)
				return err_errno(e, ENOMEM, "volumes");
		}
	}
	return creation_copy_list(&s->volumes_from, c->o->volumes_from, e);
}

/* The image's VOLUMEs that nothing was mounted on get anonymous ones. */
static int add_image_volumes(struct creation *c, struct err *e)
{
	json_object *vols = json_get(c->config, "Volumes");
	const char *kind = c->o->image_volume ? c->o->image_volume : "anonymous";
	int is_tmpfs = strcmp(kind, "tmpfs") == 0;

	if (!json_object_is_type(vols, json_type_object) || strcmp(kind, "ignore") == 0)
		return 0;
	json_object_object_foreach(vols, key, unused)
	{
		scoped(mem) char *clean = path_clean(key);
		scoped(mem) char *text =
			clean ? str_printf("%s%s", clean, is_tmpfs ? ":exec,suid" : "") : NULL;
		(void)unused;
		if (!text || key[0] != '/' || creation_has_control(key) || strchr(key, ':'))
			return err_set(e, -EINVAL,
				       "the image has a VOLUME that is no absolute path");
		if (!is_mounted(c->spec->mounts, clean)) {
			int r = add_mounts(c, (char *[]){ text, NULL },
					   is_tmpfs ? spec_parse_tmpfs : spec_parse_volume, 0, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int creation_set_mounts(struct creation *c, struct err *e)
{
	const struct container_create_options *o = c->o;
	struct container_spec *s = c->spec;
	int64_t shm = 64 << 20;
	int r;

	s->mounts = json_object_new_array();
	s->read_only = o->read_only > 0;
	s->read_only_tmpfs = s->read_only && o->read_only_tmpfs;
	if (o->shm_size && (size_parse(o->shm_size, &shm) < 0 || shm < 0))
		return err_set(e, -EINVAL, "invalid --shm-size: %s", o->shm_size);
	s->shm_size = shm;
	r = add_mounts(c, o->volume, spec_parse_volume, 0, e);
	if (r == 0)
		r = add_mounts(c, o->mount, spec_parse_mount, 0, e);
	if (r == 0)
		r = add_mounts(c, o->tmpfs, spec_parse_tmpfs, 0, e);
	if (r == 0)
		r = add_mounts(c, o->device, parse_device, 0, e);
	if (r == 0)
		r = add_volumes_from(c, e);
	if (r == 0 && (add_mounts(c, o->default_volume, spec_parse_volume, 1, e) < 0 ||
		       add_mounts(c, o->default_mount, spec_parse_mount, 1, e) < 0))
		return err_in(e, "parsing containers.conf mounts");
	if (r == 0)
		r = add_image_volumes(c, e);
	return r;
}

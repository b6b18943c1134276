/* SPDX-License-Identifier: Apache-2.0 */
/* The limits, and the place of the control group. */
#include "src/container/creation.h"

#include <errno.h>
#include <string.h>

#include "src/container/resources.h"

/* Is S a slice or a path that a cgroup may lie below? */
static int check_parent(const char *s, struct err *e)
{
	if (!*s || creation_has_control(s) || strstr(s, ".."))
		return err_set(e, -EINVAL, "invalid cgroup parent \"%s\"", s);
	return 0;
}

static int set_cgroups(struct creation *c, struct err *e)
{
	const struct container_create_options *o = c->o;
	const char *mode = o->cgroups && *o->cgroups ? o->cgroups : "enabled";
	int r = creation_copy(&c->spec->cgroups, mode, e);

	if (r < 0)
		return r;
	if (strcmp(mode, "disabled") == 0) {
		if (json_object_object_length(c->spec->resources))
			return err_set(e, -EINVAL,
				       "cannot set resource limits when cgroups are disabled");
		if (o->cgroup_parent)
			return err_set(e, -EINVAL,
				       "cannot set a cgroup parent when cgroups are disabled");
		if (strcmp(c->spec->cgroup_mode, "private") == 0 && !o->cgroupns)
			r = creation_copy(&c->spec->cgroup_mode, "host", e);
	}
	if (r == 0 && o->cgroup_parent) {
		r = check_parent(o->cgroup_parent, e);
		if (r == 0)
			r = creation_copy(&c->spec->cgroup_parent, o->cgroup_parent, e);
	}
	return r;
}

int creation_set_limits(struct creation *c, struct err *e)
{
	const struct container_create_options *o = c->o;
	struct container_spec *s = c->spec;
	int r = resources_parse(&o->limits, NULL, &s->resources, e);

	for (size_t i = 0; o->cgroup_conf && o->cgroup_conf[i] && r == 0; i++)
		r = resources_add_conf(s->resources, o->cgroup_conf[i], e);
	for (size_t i = 0; o->device_cgroup_rule && o->device_cgroup_rule[i] && r == 0; i++)
		r = resources_add_device_rule(s->resources, o->device_cgroup_rule[i], e);
	if (r == 0 && o->device_cgroup_rule && s->privileged)
		r = err_set(e, -EINVAL, "device cgroup rules are incompatible with --privileged");
	if (r == 0 && o->oom_kill_disable) {
		json_object *memory = json_get(s->resources, "memory");
		if (!memory) {
			memory = json_object_new_object();
			json_put(s->resources, "memory", memory);
		}
		json_put_bool(memory, "disableOOMKiller", 1);
	}
	return r < 0 ? r : set_cgroups(c, e);
}

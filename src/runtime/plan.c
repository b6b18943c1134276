/* SPDX-License-Identifier: Apache-2.0 */
/* config.json (runtime-spec 1.x) into a struct plan; the parts are in plan_*.c. */
#include "src/runtime/plan.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/runtime/plan_parts.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

struct plan *plan_free(struct plan *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < NS_COUNT; i++)
		free(p->ns_path[i]);
	idmap_done(&p->uids);
	idmap_done(&p->gids);
	for (size_t i = 0; i < p->n_mounts; i++)
		plan_mount_done(&p->mount[i]);
	for (size_t i = 0; i < p->n_sysctl; i++) {
		free(p->sysctl[i].path);
		free(p->sysctl[i].value);
	}
	for (size_t i = 0; i < p->n_devices; i++)
		free(p->device[i].path);
	free(p->mount);
	free(p->sysctl);
	free(p->device);
	strv_free(p->masked);
	strv_free(p->readonly);
	strv_free(p->args);
	strv_free(p->env);
	strv_free(p->warnings);
	free(p->rootfs);
	free(p->hostname);
	free(p->domainname);
	free(p->cwd);
	free(p->groups);
	free(p->rlimit);
	free(p->apparmor);
	free(p->selinux);
	free(p->mount_label);
	free(p->mount_context);
	free(p->cgroup_v1_at);
	free(p->affinity_initial);
	free(p->affinity_final);
	free(p->seccomp);
	free(p->filter);
	free(p);
	return NULL;
}

static const struct plan_member config_members[] = {
	{ "", "process", json_type_object },	   { "", "root", json_type_object },
	{ "", "mounts", json_type_array },	   { "", "linux", json_type_object },
	{ "", "hostname", json_type_string },	   { "", "domainname", json_type_string },
	{ "", "annotations", json_type_object },   { "root", "path", json_type_string },
	{ "root", "readonly", json_type_boolean }, { 0 },
};

int plan_check(json_object *o, const struct plan_member *m, const char *where, struct err *e)
{
	if (!json_object_is_type(o, json_type_object))
		return err_set(e, -EINVAL, "config.json: %s is no object", where);
	for (; m->name; m++) {
		json_object *v = json_get(*m->object ? json_get(o, m->object) : o, m->name);
		if (v && !json_object_is_type(v, m->type))
			return err_set(e, -EINVAL, "config.json: '%s' of %s has the wrong type",
				       m->name, *m->object ? m->object : where);
	}
	return 0;
}

int plan_copy(char **dst, const char *s, struct err *e)
{
	if (!s)
		return 0;
	*dst = strdup(s);
	return *dst ? 0 : err_errno(e, ENOMEM, "config.json");
}

int plan_warn(struct plan *p, struct err *e, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dbg("%s", text);
	return strv_add(&p->warnings, text) < 0 ? err_errno(e, ENOMEM, "config.json") : 0;
}

int plan_read_idmap(struct idmap *m, json_object *list, const char *what, struct err *e)
{
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *x = json_object_array_get_idx(list, i);
		int64_t in = json_get_int(x, "containerID", -1),
			out = json_get_int(x, "hostID", -1);
		int64_t n = json_get_int(x, "size", -1);
		int r;
		if (in < 0 || in > UINT32_MAX || out < 0 || out > UINT32_MAX || n < 1 ||
		    n > UINT32_MAX)
			return err_set(e, -EINVAL, "config.json: line %zu of %s is out of range",
				       i + 1, what);
		r = idmap_append(m, (uint32_t)in, (uint32_t)out, (uint32_t)n);
		if (r < 0)
			return err_errno(e, r, "config.json: line %zu of %s", i + 1, what);
	}
	return 0;
}

/* Annotations that change what the child does; those of cgroups and hooks are read where these are
 * made. */
static int read_annotations(struct plan *p, json_object *a, struct err *e)
{
	static const char *const contexts[] = { "context", "fscontext", "defcontext",
						"rootcontext" };
	/* To start without what they ask for would be another container. */
	static const char *const refused[] = { "run.oci.handler", "run.oci.seccomp.plugins" };
	const char *context = json_get_str(a, "run.oci.mount_context_type");
	const char *v1 = json_get_str(a, "run.oci.systemd.force_cgroup_v1");
	size_t i;
	int r;

	p->keep_groups = json_get(a, "run.oci.keep_original_groups") != NULL;
	for (size_t k = 0; k < ARRAY_LEN(refused); k++)
		if (json_get(a, refused[k]))
			return err_set(e, -ENOTSUP, "config.json: %s '%s' is not supported",
				       refused[k], json_get_str(a, refused[k]));
	if (v1 && v1[0] != '/')
		return err_set(e, -EINVAL,
			       "config.json: run.oci.systemd.force_cgroup_v1 '%s' is not absolute",
			       v1);
	r = plan_copy(&p->cgroup_v1_at, v1, e);
	if (r < 0)
		return r;
	if (!context)
		context = "context";
	for (i = 0; i < ARRAY_LEN(contexts); i++)
		if (strcmp(context, contexts[i]) == 0)
			break;
	if (i == ARRAY_LEN(contexts))
		return err_set(e, -EINVAL,
			       "config.json: run.oci.mount_context_type '%s' is not known",
			       context);
	return plan_copy(&p->mount_context, context, e);
}

/* Capabilities that we do not have are none that we could give (config.md: a warning).  In a user
 * namespace of its own the container has them all. */
static int warn_of_caps(struct plan *p, struct err *e)
{
	caps_set missing = p->caps.bounding & ~caps_bounding();
	char name[40];

	if ((p->clone_flags & CLONE_NEWUSER) || p->ns_path[NS_USER])
		return 0;
	for (int i = 0; i < 64; i++)
		if (missing & CAPS_BIT(i)) {
			int r = plan_warn(p, e, "capability %s cannot be granted and is left out",
					  caps_name(i, name));
			if (r < 0)
				return r;
		}
	return 0;
}

/* Of two values one would be lost. */
static int check_names(const struct plan *p, struct err *e)
{
	for (size_t i = 0; i < p->n_sysctl; i++)
		if ((p->hostname && strcmp(p->sysctl[i].path, "kernel/hostname") == 0) ||
		    (p->domainname && strcmp(p->sysctl[i].path, "kernel/domainname") == 0))
			return err_set(e, -EINVAL,
				       "config.json: sysctl '%s' is there beside the name itself",
				       p->sysctl[i].path);
	return 0;
}

int plan_from_process(json_object *process, struct plan **ret, struct err *e)
{
	scoped(plan) struct plan *p = calloc(1, sizeof(*p));
	int r = p ? plan_read_process(p, process, e) : err_errno(e, ENOMEM, "config.json");
	if (r == 0)
		*ret = take_ptr(&p);
	return r;
}

int plan_from_config(json_object *config, struct plan **ret, struct err *e)
{
	scoped(plan) struct plan *p = calloc(1, sizeof(*p));
	json_object *root = json_get(config, "root"), *linux_object = json_get(config, "linux");
	json_object *annotations = json_get(config, "annotations");
	int r;

	if (!p)
		return err_errno(e, ENOMEM, "config.json");
	r = plan_check(config, config_members, "the document", e);
	if (r == 0)
		r = plan_read_process(p, json_get(config, "process"), e);
	if (r == 0)
		r = plan_read_mounts(p, config, e);
	if (r == 0)
		r = plan_read_linux(p, linux_object, e);
	if (r == 0)
		r = read_annotations(p, annotations, e);
	if (r == 0)
		r = plan_read_time_annotation(p, annotations, e);
	if (r == 0)
		r = plan_read_seccomp(p, json_get(linux_object, "seccomp"), annotations, e);
	if (r == 0)
		r = plan_copy(&p->rootfs, json_get_str(root, "path"), e);
	if (r == 0)
		r = plan_copy(&p->hostname, json_get_str(config, "hostname"), e);
	if (r == 0)
		r = plan_copy(&p->domainname, json_get_str(config, "domainname"), e);
	if (r == 0)
		r = check_names(p, e);
	p->rootfs_readonly = json_get_bool(root, "readonly", 0);
	if (r == 0)
		r = warn_of_caps(p, e);
	if (r == 0)
		*ret = take_ptr(&p);
	return r;
}

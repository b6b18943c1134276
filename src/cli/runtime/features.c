/* SPDX-License-Identifier: Apache-2.0 */
/* What this runtime can do (runtime-spec, features.md). */
#include <errno.h>
#include <stdio.h>

#include "src/cli/report.h"
#include "src/cli/runtime/verb.h"
#include "src/runtime/plan.h"
#include "src/runtime/seccomp.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

static const char *const hook_kinds[] = { "prestart",	    "createRuntime", "createContainer",
					  "startContainer", "poststart",     "poststop" };
static const char *const namespaces[] = { "cgroup", "ipc",  "mount", "network",
					  "pid",    "time", "user",  "uts" };
static const char *const seccomp_archs[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32",
					     "SCMP_ARCH_X86", "SCMP_ARCH_X86_64" };

/* Annotations that do more than to inform: those of crun, and properties of systemd's units. */
static const char *const unsafe_annotations[] = { "run.oci.", "org.systemd.property." };

static json_object *strings(const char *const *list, size_t n)
{
	json_object *a = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(a, json_object_new_string(list[i]));
	return a;
}

/* As many as NAME has. */
static json_object *table(const char *(*name)(size_t i))
{
	json_object *a = json_object_new_array();
	for (size_t i = 0; name(i); i++)
		(void)json_object_array_add(a, json_object_new_string(name(i)));
	return a;
}

static json_object *enabled(int yes)
{
	json_object *o = json_object_new_object();
	json_put_bool(o, "enabled", yes);
	return o;
}

static json_object *capabilities(void)
{
	json_object *a = json_object_new_array();
	caps_set all = caps_all();
	char name[40];

	for (int n = 0; n < 64; n++)
		if (all & CAPS_BIT(n))
			(void)json_object_array_add(a, json_object_new_string(caps_name(n, name)));
	return a;
}

static json_object *cgroup_features(void)
{
	json_object *o = json_object_new_object();
	json_put_bool(o, "v1", 1);
	json_put_bool(o, "v2", 1);
	json_put_bool(o, "systemd", 1);
	json_put_bool(o, "systemdUser", 1);
	json_put_bool(o, "rdma", 1);
	return o;
}

/* Those for one mount, then those for all below it. */
static json_object *mount_options(void)
{
	json_object *a = table(plan_mount_option);

	for (size_t i = 0; plan_mount_option(i); i++) {
		scoped(mem) char *name = NULL;
		if (!plan_mount_option_recurses(i))
			continue;
		name = str_printf("r%s", plan_mount_option(i));
		if (name)
			(void)json_object_array_add(a, json_object_new_string(name));
	}
	return a;
}

static json_object *seccomp_features(void)
{
	json_object *o = enabled(1), *supported = json_object_new_array();

	for (size_t i = 0; plan_seccomp_flag(i); i++)
		if (plan_seccomp_flag_works(i))
			(void)json_object_array_add(supported,
						    json_object_new_string(plan_seccomp_flag(i)));
	json_put(o, "actions", table(seccomp_action));
	json_put(o, "operators", table(seccomp_operator));
	json_put(o, "archs", strings(seccomp_archs, ARRAY_LEN(seccomp_archs)));
	json_put(o, "knownFlags", table(plan_seccomp_flag));
	json_put(o, "supportedFlags", supported);
	return o;
}

static int features(struct oci *oci, void *opts, char **args, struct err *e)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *l = json_object_new_object(), *extensions = json_object_new_object(),
		    *annotations = json_object_new_object();

	(void)oci;
	(void)opts;
	(void)args;
	json_put_str(o, "ociVersionMin", "1.0.0");
	json_put_str(o, "ociVersionMax", RUNTIME_SPEC_VERSION);
	json_put(o, "hooks", strings(hook_kinds, ARRAY_LEN(hook_kinds)));
	json_put(o, "mountOptions", mount_options());
	json_put(l, "namespaces", strings(namespaces, ARRAY_LEN(namespaces)));
	json_put(l, "capabilities", capabilities());
	json_put(l, "cgroup", cgroup_features());
	json_put(l, "seccomp", seccomp_features());
	json_put(l, "apparmor", enabled(1));
	json_put(l, "selinux", enabled(1));
	json_put(l, "intelRdt", enabled(0));
	json_put(extensions, "idmap", enabled(1));
	json_put(l, "mountExtensions", extensions);
	json_put(o, "linux", l);
	json_put_str(annotations, "org.opencontainers.runc.checkpoint.enabled", "true");
	json_put(o, "annotations", annotations);
	json_put(o, "potentiallyUnsafeConfigAnnotations",
		 strings(unsafe_annotations, ARRAY_LEN(unsafe_annotations)));
	return report_json(o, e);
}

const struct verb verb_features = {
	.name = "features",
	.help = "Print what this runtime can do, as JSON",
	.max_args = 0,
	.no_root = 1,
	.run = features,
};

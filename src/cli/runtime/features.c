/* SPDX-License-Identifier: Apache-2.0 */
/* What this runtime can do (runtime-spec, features.md). */
#include <errno.h>
#include <stdio.h>

#include "src/cli/report.h"
#include "src/cli/runtime/verb.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

static const char *const hook_kinds[] = { "prestart",	    "createRuntime", "createContainer",
					  "startContainer", "poststart",     "poststop" };
static const char *const mount_options[] = {
	"acl",	    "async",	  "atime",	   "bind",	 "defaults",
	"dev",	    "diratime",	  "dirsync",	   "exec",	 "iversion",
	"lazytime", "loud",	  "mand",	   "noacl",	 "noatime",
	"nodev",    "nodiratime", "noexec",	   "noiversion", "nolazytime",
	"nomand",   "norelatime", "nostrictatime", "nosuid",	 "private",
	"rbind",    "relatime",	  "remount",	   "ro",	 "rprivate",
	"rro",	    "rrw",	  "rshared",	   "rslave",	 "runbindable",
	"rw",	    "shared",	  "silent",	   "slave",	 "strictatime",
	"suid",	    "sync",	  "tmpcopyup",	   "unbindable"
};
static const char *const namespaces[] = {
	"cgroup", "ipc", "mount", "network", "pid", "user", "uts"
};
static const char *const seccomp_actions[] = { "SCMP_ACT_ALLOW",       "SCMP_ACT_ERRNO",
					       "SCMP_ACT_KILL",	       "SCMP_ACT_KILL_PROCESS",
					       "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
					       "SCMP_ACT_NOTIFY",      "SCMP_ACT_TRACE",
					       "SCMP_ACT_TRAP" };
static const char *const seccomp_operators[] = { "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
						 "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
						 "SCMP_CMP_NE" };
static const char *const seccomp_archs[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32",
					     "SCMP_ARCH_X86", "SCMP_ARCH_X86_64" };

static json_object *strings(const char *const *list, size_t n)
{
	json_object *a = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(a, json_object_new_string(list[i]));
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

static json_object *seccomp_features(void)
{
	json_object *o = enabled(1);
	json_put(o, "actions", strings(seccomp_actions, ARRAY_LEN(seccomp_actions)));
	json_put(o, "operators", strings(seccomp_operators, ARRAY_LEN(seccomp_operators)));
	json_put(o, "archs", strings(seccomp_archs, ARRAY_LEN(seccomp_archs)));
	return o;
}

static int features(struct oci *oci, void *opts, char **args, struct err *e)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *l = json_object_new_object();

	(void)oci;
	(void)opts;
	(void)args;
	json_put_str(o, "ociVersionMin", "1.0.0");
	json_put_str(o, "ociVersionMax", RUNTIME_SPEC_VERSION);
	json_put(o, "hooks", strings(hook_kinds, ARRAY_LEN(hook_kinds)));
	json_put(o, "mountOptions", strings(mount_options, ARRAY_LEN(mount_options)));
	json_put(l, "namespaces", strings(namespaces, ARRAY_LEN(namespaces)));
	json_put(l, "capabilities", capabilities());
	json_put(l, "cgroup", cgroup_features());
	json_put(l, "seccomp", seccomp_features());
	json_put(l, "apparmor", enabled(1));
	json_put(l, "selinux", enabled(1));
	json_put(l, "intelRdt", enabled(0));
	json_put(o, "linux", l);
	return report_json(o, e);
}

const struct verb verb_features = {
	.name = "features",
	.help = "Print what this runtime can do, as JSON",
	.max_args = 0,
	.no_root = 1,
	.run = features,
};

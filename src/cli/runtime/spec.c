/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/runtime/verb.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

struct spec_options {
	const char *bundle;
	int rootless;
};

#define AT(f) offsetof(struct spec_options, f)
static const struct opt options[] = {
	STR('b', "bundle", "DIR", AT(bundle), "Write it into DIR", .def = ".", .complete = "dir"),
	FLAG(0, "rootless", AT(rootless), "One that the caller can run without root"),
	END,
};

/* Quotes are single ones in here. */
static const char process_text[] =
	"{'terminal':true,'user':{'uid':0,'gid':0},'args':['sh'],"
	"'env':['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin','TERM=xterm'],"
	"'cwd':'/','capabilities':{"
	"'bounding':['CAP_AUDIT_WRITE','CAP_KILL','CAP_NET_BIND_SERVICE'],"
	"'effective':['CAP_AUDIT_WRITE','CAP_KILL','CAP_NET_BIND_SERVICE'],"
	"'permitted':['CAP_AUDIT_WRITE','CAP_KILL','CAP_NET_BIND_SERVICE']},"
	"'rlimits':[{'type':'RLIMIT_NOFILE','hard':1024,'soft':1024}],'noNewPrivileges':true}";

struct mount_row {
	const char *destination, *type, *source, *options;
	int root_only; /* left out with --rootless, or replaced by the next row */
	int rootless_only;
};
static const struct mount_row mounts[] = {
	{ "/proc", "proc", "proc", "", 0, 0 },
	{ "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k", 0, 0 },
	{ "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
	  1, 0 },
	{ "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620", 0,
	  1 },
	{ "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k", 0, 0 },
	{ "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev", 0, 0 },
	{ "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro", 1, 0 },
	{ "/sys", "none", "/sys", "rbind,nosuid,noexec,nodev,ro", 0, 1 },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro", 1, 0 },
};

static const char *const masked[] = { "/proc/acpi",
				      "/proc/asound",
				      "/proc/kcore",
				      "/proc/keys",
				      "/proc/latency_stats",
				      "/proc/timer_list",
				      "/proc/timer_stats",
				      "/proc/sched_debug",
				      "/proc/scsi",
				      "/sys/firmware",
				      "/sys/devices/virtual/powercap" };
static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
					"/proc/sysrq-trigger" };

static json_object *strings(const char *const *list, size_t n)
{
	json_object *a = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(a, json_object_new_string(list[i]));
	return a;
}

static json_object *split(const char *text)
{
	scoped(strv) char **list = strv_split(text, ',');
	return json_strv(list);
}

static json_object *mounts_json(int rootless)
{
	json_object *a = json_object_new_array();

	for (size_t i = 0; i < ARRAY_LEN(mounts); i++) {
		const struct mount_row *m = &mounts[i];
		json_object *o;
		if (rootless ? m->root_only : m->rootless_only)
			continue;
		o = json_object_new_object();
		json_put_str(o, "destination", m->destination);
		json_put_str(o, "type", m->type);
		json_put_str(o, "source", m->source);
		if (*m->options)
			json_put(o, "options", split(m->options));
		(void)json_object_array_add(a, o);
	}
	return a;
}

static json_object *mapping(uint32_t id)
{
	json_object *a = json_object_new_array(), *o = json_object_new_object();

	json_put_int(o, "containerID", 0);
	json_put_int(o, "hostID", id);
	json_put_int(o, "size", 1);
	(void)json_object_array_add(a, o);
	return a;
}

static json_object *linux_json(int rootless)
{
	static const char *const names[] = { "pid",   "network", "ipc", "uts",
					     "mount", "cgroup",	 "user" };
	json_object *o = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		json_object *ns;
		/* The network of a user who is not root is what he has; as runc writes it. */
		if (strcmp(names[i], rootless ? "network" : "user") == 0)
			continue;
		ns = json_object_new_object();
		json_put_str(ns, "type", names[i]);
		(void)json_object_array_add(list, ns);
	}
	json_put(o, "namespaces", list);
	if (rootless) {
		json_put(o, "uidMappings", mapping(geteuid()));
		json_put(o, "gidMappings", mapping(getegid()));
	} else {
		json_object *resources = json_object_new_object(), *rule = json_object_new_object(),
			    *devices = json_object_new_array();
		json_put_bool(rule, "allow", 0);
		json_put_str(rule, "access", "rwm");
		(void)json_object_array_add(devices, rule);
		json_put(resources, "devices", devices);
		json_put(o, "resources", resources);
	}
	json_put(o, "maskedPaths", strings(masked, ARRAY_LEN(masked)));
	json_put(o, "readonlyPaths", strings(readonly, ARRAY_LEN(readonly)));
	return o;
}

static json_object *process_json(struct err *e)
{
	scoped(mem) char *text = strdup(process_text);
	json_object *o = NULL;

	for (char *p = text; p && *p; p++)
		if (*p == '\'')
			*p = '"';
	return text && json_parse(text, strlen(text), &o, e) == 0 ? o : NULL;
}

static int spec(struct oci *oci, void *opts, char **args, struct err *e)
{
	const struct spec_options *o = opts;
	scoped(json) json_object *config = json_object_new_object();
	json_object *root = json_object_new_object();
	scoped(mem) char *text = NULL, *path = str_printf("%s/config.json", o->bundle);
	scoped(fd) int fd = -EBADF;
	int r;

	(void)oci;
	(void)args;
	json_put_str(config, "ociVersion", RUNTIME_SPEC_VERSION);
	json_put(config, "process", process_json(e));
	json_put_str(root, "path", "rootfs");
	json_put_bool(root, "readonly", 1);
	json_put(config, "root", root);
	json_put_str(config, "hostname", "cove-runtime");
	json_put(config, "mounts", mounts_json(o->rootless));
	json_put(config, "linux", linux_json(o->rootless));
	text = json_text_pretty(config);
	if (!text || !path)
		return err_errno(e, ENOMEM, "write config.json");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "make %s", path);
	r = fd_write_all(fd, text, strlen(text));
	return r < 0 ? err_errno(e, r, "write %s", path) : 0;
}

const struct verb verb_spec = {
	.name = "spec",
	.help = "Write a config.json to begin with",
	.man = "One that is there already is left alone, and named as a failure.",
	.max_args = 0,
	.no_root = 1,
	.size = sizeof(struct spec_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = spec,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The linux object of config.json, but for devices, seccomp and resources. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <time.h>

#include "src/runtime/plan_parts.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

static const struct plan_member members[] = {
	{ "", "namespaces", json_type_array },	     { "", "uidMappings", json_type_array },
	{ "", "gidMappings", json_type_array },	     { "", "timeOffsets", json_type_object },
	{ "", "devices", json_type_array },	     { "", "rootfsPropagation", json_type_string },
	{ "", "maskedPaths", json_type_array },	     { "", "readonlyPaths", json_type_array },
	{ "", "mountLabel", json_type_string },	     { "", "sysctl", json_type_object },
	{ "", "seccomp", json_type_object },	     { "", "personality", json_type_object },
	{ "", "intelRdt", json_type_object },	     { "personality", "domain", json_type_string },
	{ "personality", "flags", json_type_array }, { 0 },
};

/* ---- namespaces ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned long flag; /* 0: not made by clone */
} ns_types[NS_COUNT] = {
	[NS_USER] = { "user", CLONE_NEWUSER },	     [NS_MOUNT] = { "mount", CLONE_NEWNS },
	[NS_PID] = { "pid", CLONE_NEWPID },	     [NS_IPC] = { "ipc", CLONE_NEWIPC },
	[NS_UTS] = { "uts", CLONE_NEWUTS },	     [NS_NET] = { "network", CLONE_NEWNET },
	[NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP }, [NS_TIME] = { "time", 0 },
};

static int is_named(const struct plan *p, size_t k)
{
	return p->ns_path[k] || (p->clone_flags & ns_types[k].flag) ||
	       (k == NS_TIME && p->new_time);
}

static int read_namespaces(struct plan *p, json_object *list, struct err *e)
{
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *ns = json_object_array_get_idx(list, i), *given = json_get(ns, "path");
		const char *type = json_get_str(ns, "type"), *path = json_get_str(ns, "path");
		size_t k;
		for (k = 0; k < NS_COUNT; k++)
			if (type && strcmp(type, ns_types[k].name) == 0)
				break;
		if (k == NS_COUNT)
			return err_set(e, -ENOTSUP, "config.json: namespace type '%s' is not known",
				       type ? type : "");
		if (given && !path)
			return err_set(e, -EINVAL,
				       "config.json: 'path' of a namespace has the wrong type");
		if (is_named(p, k))
			return err_set(e, -EINVAL, "config.json: namespace '%s' is named twice",
				       type);
		if (path && *path) {
			int r = plan_copy(&p->ns_path[k], path, e);
			if (r < 0)
				return r;
		} else {
			p->clone_flags |= ns_types[k].flag;
			p->new_time |= k == NS_TIME;
		}
	}
	return 0;
}

static int read_user_namespace(struct plan *p, json_object *o, struct err *e)
{
	int r = plan_read_idmap(&p->uids, json_get(o, "uidMappings"), "uidMappings", e);

	if (r == 0)
		r = plan_read_idmap(&p->gids, json_get(o, "gidMappings"), "gidMappings", e);
	if (r < 0)
		return r;
	if ((p->clone_flags & CLONE_NEWUSER) && (p->uids.n == 0 || p->gids.n == 0))
		return err_set(e, -EINVAL,
			       "config.json: a new user namespace has no uidMappings or "
			       "gidMappings");
	return 0;
}

/* time_namespaces(7) */
static int read_time_offsets(struct plan *p, json_object *o, struct err *e)
{
	static const struct {
		const char *name;
		int clock;
	} clocks[] = { { "monotonic", CLOCK_MONOTONIC }, { "boottime", CLOCK_BOOTTIME } };

	if (o && json_object_object_length(o) && !p->new_time)
		return err_set(e, -EINVAL, "config.json: timeOffsets need a new time namespace");
	for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
		json_object *c = json_get(o, clocks[i].name), *secs = json_get(c, "secs"),
			    *nanosecs = json_get(c, "nanosecs");
		int64_t n = json_get_int(c, "nanosecs", 0);
		if (!c)
			continue;
		if (!json_object_is_type(c, json_type_object) ||
		    (secs && !json_object_is_type(secs, json_type_int)) ||
		    (nanosecs && !json_object_is_type(nanosecs, json_type_int)) || n < 0 ||
		    n > 999999999)
			return err_set(e, -EINVAL, "config.json: time offset '%s' is not valid",
				       clocks[i].name);
		p->time_offset[p->n_time_offsets++] =
			(struct plan_time_offset){ .clock = clocks[i].clock,
						   .secs = json_get_int(c, "secs", 0),
						   .nanosecs = (uint32_t)n };
	}
	return 0;
}

static int read_time_line(struct plan *p, const char *line, struct err *e)
{
	static const struct {
		const char *name;
		int clock;
	} clocks[] = { { "monotonic ", CLOCK_MONOTONIC },
		       { "boottime ", CLOCK_BOOTTIME },
		       { "1 ", CLOCK_MONOTONIC },
		       { "7 ", CLOCK_BOOTTIME } };

	for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
		char *end = NULL, *last = NULL;
		long long secs;
		unsigned long nanosecs;

		if (!str_starts(line, clocks[i].name))
			continue;
		errno = 0;
		secs = strtoll(line + strlen(clocks[i].name), &end, 10);
		nanosecs = *end == ' ' ? strtoul(end, &last, 10) : 0;
		if (errno || !last || *last || nanosecs > 999999999 ||
		    p->n_time_offsets == ARRAY_LEN(p->time_offset))
			break;
		p->time_offset[p->n_time_offsets++] = (struct plan_time_offset){
			.clock = clocks[i].clock, .secs = secs, .nanosecs = (uint32_t)nanosecs
		};
		return 0;
	}
	return err_set(e, -EINVAL, "config.json: run.oci.timens_offset '%s' is not valid", line);
}

int plan_read_time_annotation(struct plan *p, json_object *annotations, struct err *e)
{
	const char *text = json_get_str(annotations, "run.oci.timens_offset");
	scoped(strv) char **lines = text ? strv_split(text, '\n') : NULL;
	int r = 0;

	if (!text)
		return 0;
	if (!lines)
		return err_errno(e, ENOMEM, "config.json: run.oci.timens_offset");
	if (!p->new_time)
		return err_set(e, -EINVAL,
			       "config.json: run.oci.timens_offset needs a new time namespace");
	p->n_time_offsets = 0;
	for (size_t i = 0; lines[i] && r == 0; i++)
		if (*lines[i])
			r = read_time_line(p, lines[i], e);
	return r;
}

/* ---- sysctls --------------------------------------------------------------------------------- */

/* Those that belong to a namespace (proc(5), namespaces(7)): any other would change the host. */
static const struct {
	const char *name; /* with a '/' at the end: all below */
	int ns;
} sysctl_namespaces[] = {
	{ "net/", NS_NET },
	{ "fs/mqueue/", NS_IPC },
	{ "kernel/msgmax", NS_IPC },
	{ "kernel/msgmnb", NS_IPC },
	{ "kernel/msgmni", NS_IPC },
	{ "kernel/msg_next_id", NS_IPC },
	{ "kernel/auto_msgmni", NS_IPC },
	{ "kernel/sem", NS_IPC },
	{ "kernel/sem_next_id", NS_IPC },
	{ "kernel/shmall", NS_IPC },
	{ "kernel/shmmax", NS_IPC },
	{ "kernel/shmmni", NS_IPC },
	{ "kernel/shm_next_id", NS_IPC },
	{ "kernel/shm_rmid_forced", NS_IPC },
	{ "kernel/hostname", NS_UTS },
	{ "kernel/domainname", NS_UTS },
	{ "kernel/ns_last_pid", NS_PID },
	{ "user/", NS_USER },
};

static int check_sysctl(const struct plan *p, const char *path, const char *key, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(sysctl_namespaces); i++) {
		const char *name = sysctl_namespaces[i].name;
		int ns = sysctl_namespaces[i].ns;
		if (str_ends(name, "/") ? !str_starts(path, name) : strcmp(path, name) != 0)
			continue;
		if (is_named(p, (size_t)ns))
			return 0;
		return err_set(e, -EPERM,
			       "config.json: sysctl '%s' is the host's: the container has no %s "
			       "namespace of its own",
			       key, ns_types[ns].name);
	}
	return err_set(e, -EPERM, "config.json: sysctl '%s' belongs to no namespace", key);
}

/* The first separator tells which of the two spellings it is: with dots, or with slashes in which a
 * dot is part of a name (sysctl(8)). */
static void sysctl_path(char *s)
{
	size_t n = strcspn(s, "./");
	if (s[n] == '/')
		return;
	for (char *c = s; *c; c++)
		if (*c == '.')
			*c = '/';
}

static int read_sysctls(struct plan *p, json_object *o, struct err *e)
{
	if (!o)
		return 0;
	p->sysctl = calloc((size_t)json_object_object_length(o) + 1, sizeof(*p->sysctl));
	if (!p->sysctl)
		return err_errno(e, ENOMEM, "config.json: sysctl");
	json_object_object_foreach(o, key, value)
	{
		struct plan_sysctl *s = &p->sysctl[p->n_sysctl++];
		size_t n = strcspn(key, "./");
		int r;
		if (strstr(key, "..") || strstr(key, "//") || (key[n] == '.' && strchr(key, '/')))
			return err_set(e, -EINVAL, "config.json: sysctl '%s' is no name", key);
		if (!json_object_is_type(value, json_type_string))
			return err_set(e, -EINVAL,
				       "config.json: the value of sysctl '%s' is no string", key);
		s->path = strdup(key);
		s->value = strdup(json_object_get_string(value));
		if (!s->path || !s->value)
			return err_errno(e, ENOMEM, "config.json: sysctl");
		sysctl_path(s->path);
		r = check_sysctl(p, s->path, key, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int read_propagation(struct plan *p, const char *text, struct err *e)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} words[] = {
		{ "shared", MS_SHARED },	 { "rshared", MS_SHARED | MS_REC },
		{ "slave", MS_SLAVE },		 { "rslave", MS_SLAVE | MS_REC },
		{ "private", MS_PRIVATE },	 { "rprivate", MS_PRIVATE | MS_REC },
		{ "unbindable", MS_UNBINDABLE }, { "runbindable", MS_UNBINDABLE | MS_REC },
	};
	if (!text || !*text)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(text, words[i].name) == 0) {
			p->rootfs_propagation = words[i].flag;
			return 0;
		}
	return err_set(e, -EINVAL, "config.json: rootfsPropagation '%s' is not known", text);
}

static int read_personality(struct plan *p, json_object *o, struct err *e)
{
	const char *domain = json_get_str(o, "domain");

	if (!o)
		return 0;
	if (json_len(json_get(o, "flags")))
		return err_set(e, -ENOTSUP, "config.json: personality has no flags that are known");
	if (domain && strcmp(domain, "LINUX") == 0)
		p->personality = PER_LINUX;
	else if (domain && strcmp(domain, "LINUX32") == 0)
		p->personality = PER_LINUX32;
	else
		return err_set(e, -EINVAL, "config.json: personality '%s' is not known",
			       domain ? domain : "");
	p->has_personality = 1;
	return 0;
}

int plan_read_linux(struct plan *p, json_object *o, struct err *e)
{
	int r = o ? plan_check(o, members, "linux", e) : 0;

	if (r < 0)
		return r;
	/* An empty object asks for nothing. */
	if (json_get(o, "intelRdt") && json_object_object_length(json_get(o, "intelRdt")))
		return err_set(e, -ENOTSUP,
			       "config.json: intelRdt is not supported: cache and memory bandwidth "
			       "classes are for resctrl and its administrator");
	r = read_namespaces(p, json_get(o, "namespaces"), e);
	if (r == 0)
		r = read_user_namespace(p, o, e);
	if (r == 0)
		r = read_time_offsets(p, json_get(o, "timeOffsets"), e);
	if (r == 0)
		r = read_propagation(p, json_get_str(o, "rootfsPropagation"), e);
	if (r == 0 && (json_to_strv(json_get(o, "maskedPaths"), &p->masked) < 0 ||
		       json_to_strv(json_get(o, "readonlyPaths"), &p->readonly) < 0))
		r = err_set(e, -EINVAL,
			    "config.json: maskedPaths and readonlyPaths must be lists of strings");
	if (r == 0)
		r = read_sysctls(p, json_get(o, "sysctl"), e);
	if (r == 0)
		r = plan_read_devices(p, json_get(o, "devices"), e);
	if (r == 0)
		r = read_personality(p, json_get(o, "personality"), e);
	return r < 0 ? r : plan_copy(&p->mount_label, json_get_str(o, "mountLabel"), e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* config.json (runtime-spec 1.x) into a struct plan. */
#include "src/runtime/plan.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "src/util/json.h"
#include "src/util/strbuf.h"

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

void plan_mount_done(struct plan_mount *m)
{
	free(m->source);
	free(m->target);
	free(m->fstype);
	free(m->data);
	memset(m, 0, sizeof(*m));
}

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
	free(p->mount);
	free(p->sysctl);
	strv_free(p->masked);
	strv_free(p->readonly);
	strv_free(p->args);
	strv_free(p->env);
	free(p->rootfs);
	free(p->hostname);
	free(p->domainname);
	free(p->cwd);
	free(p->groups);
	free(p->rlimit);
	free(p->apparmor);
	free(p->filter);
	free(p);
	return NULL;
}

/* ---- types ----------------------------------------------------------------------------------- */

/* A member that is read below must have the type that is read: a list of masks that is no list
 * would mask nothing. */
struct member {
	const char *object; /* "" for the document itself */
	const char *name;
	enum json_type type;
};

static const struct member process_members[] = {
	{ "", "args", json_type_array },
	{ "", "env", json_type_array },
	{ "", "cwd", json_type_string },
	{ "", "terminal", json_type_boolean },
	{ "", "consoleSize", json_type_object },
	{ "", "user", json_type_object },
	{ "", "capabilities", json_type_object },
	{ "", "rlimits", json_type_array },
	{ "", "noNewPrivileges", json_type_boolean },
	{ "", "oomScoreAdj", json_type_int },
	{ "", "apparmorProfile", json_type_string },
	{ "user", "uid", json_type_int },
	{ "user", "gid", json_type_int },
	{ "user", "umask", json_type_int },
	{ "user", "additionalGids", json_type_array },
	{ "capabilities", "bounding", json_type_array },
	{ "capabilities", "effective", json_type_array },
	{ "capabilities", "permitted", json_type_array },
	{ "capabilities", "inheritable", json_type_array },
	{ "capabilities", "ambient", json_type_array },
	{ 0 },
};
static const struct member config_members[] = {
	{ "", "process", json_type_object },
	{ "", "root", json_type_object },
	{ "", "mounts", json_type_array },
	{ "", "linux", json_type_object },
	{ "", "hostname", json_type_string },
	{ "", "domainname", json_type_string },
	{ "root", "path", json_type_string },
	{ "root", "readonly", json_type_boolean },
	{ "linux", "namespaces", json_type_array },
	{ "linux", "uidMappings", json_type_array },
	{ "linux", "gidMappings", json_type_array },
	{ "linux", "rootfsPropagation", json_type_string },
	{ "linux", "maskedPaths", json_type_array },
	{ "linux", "readonlyPaths", json_type_array },
	{ "linux", "sysctl", json_type_object },
	{ 0 },
};
static const struct member mount_members[] = {
	{ "", "destination", json_type_string },
	{ "", "type", json_type_string },
	{ "", "source", json_type_string },
	{ "", "options", json_type_array },
	{ 0 },
};
static const struct member rlimit_members[] = {
	{ "", "type", json_type_string },
	{ "", "soft", json_type_int },
	{ "", "hard", json_type_int },
	{ 0 },
};

static int check_types(json_object *o, const struct member *m, const char *where, struct err *e)
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

/* ---- mounts ---------------------------------------------------------------------------------- */

enum {
	OPT_SET,
	OPT_CLEAR,
	OPT_PROPAGATION,
	OPT_BIND,
	OPT_RBIND,
	OPT_RSET,
	OPT_COPY_UP,
	OPT_FILL,
	OPT_IGNORE
};
static const struct {
	const char *name;
	int kind;
	unsigned long flag;
} mount_options[] = {
	{ "ro", OPT_SET, MS_RDONLY },
	{ "rw", OPT_CLEAR, MS_RDONLY },
	{ "nosuid", OPT_SET, MS_NOSUID },
	{ "suid", OPT_CLEAR, MS_NOSUID },
	{ "nodev", OPT_SET, MS_NODEV },
	{ "dev", OPT_CLEAR, MS_NODEV },
	{ "noexec", OPT_SET, MS_NOEXEC },
	{ "exec", OPT_CLEAR, MS_NOEXEC },
	{ "noatime", OPT_SET, MS_NOATIME },
	{ "atime", OPT_CLEAR, MS_NOATIME },
	{ "nodiratime", OPT_SET, MS_NODIRATIME },
	{ "relatime", OPT_SET, MS_RELATIME },
	{ "norelatime", OPT_CLEAR, MS_RELATIME },
	{ "strictatime", OPT_SET, MS_STRICTATIME },
	{ "sync", OPT_SET, MS_SYNCHRONOUS },
	{ "async", OPT_CLEAR, MS_SYNCHRONOUS },
	{ "dirsync", OPT_SET, MS_DIRSYNC },
	{ "defaults", OPT_IGNORE, 0 },
	{ "bind", OPT_BIND, 0 },
	{ "rbind", OPT_RBIND, 0 },
	{ "private", OPT_PROPAGATION, MS_PRIVATE },
	{ "rprivate", OPT_PROPAGATION, MS_PRIVATE | MS_REC },
	{ "slave", OPT_PROPAGATION, MS_SLAVE },
	{ "rslave", OPT_PROPAGATION, MS_SLAVE | MS_REC },
	{ "shared", OPT_PROPAGATION, MS_SHARED },
	{ "rshared", OPT_PROPAGATION, MS_SHARED | MS_REC },
	{ "unbindable", OPT_PROPAGATION, MS_UNBINDABLE },
	{ "runbindable", OPT_PROPAGATION, MS_UNBINDABLE | MS_REC },
	{ "rro", OPT_RSET, MS_RDONLY },
	{ "rnosuid", OPT_RSET, MS_NOSUID },
	{ "rnodev", OPT_RSET, MS_NODEV },
	{ "rnoexec", OPT_RSET, MS_NOEXEC },
	{ "rnoatime", OPT_RSET, MS_NOATIME },
	{ "tmpcopyup", OPT_COPY_UP, 0 },
	{ "notmpcopyup", OPT_IGNORE, 0 },
	{ "cove.fill", OPT_FILL, 0 },
};

static int apply_option(struct plan_mount *m, const char *o, struct strbuf *data)
{
	for (size_t i = 0; i < ARRAY_LEN(mount_options); i++) {
		if (strcmp(o, mount_options[i].name) != 0)
			continue;
		switch (mount_options[i].kind) {
		case OPT_SET:
			m->flags |= mount_options[i].flag;
			break;
		case OPT_CLEAR:
			m->flags &= ~mount_options[i].flag;
			break;
		case OPT_PROPAGATION:
			m->propagation = mount_options[i].flag;
			break;
		case OPT_RBIND:
			m->recursive = 1;
			m->flags |= MS_BIND;
			break;
		case OPT_BIND:
			m->flags |= MS_BIND;
			break;
		case OPT_RSET:
			m->flags |= mount_options[i].flag;
			m->recursive_set = 1;
			break;
		case OPT_COPY_UP:
			m->copy_up = 1;
			break;
		case OPT_FILL:
			m->fill = 1;
			break;
		default:
			break;
		}
		return 0;
	}
	if (data->len)
		(void)strbuf_putc(data, ',');
	return strbuf_puts(data, o);
}

int plan_parse_mount(json_object *m, struct plan_mount *ret, struct err *e)
{
	struct plan_mount out = { 0 };
	scoped(strbuf) struct strbuf data = STRBUF_INIT;
	const char *target = json_get_str(m, "destination"), *source = json_get_str(m, "source");
	const char *type = json_get_str(m, "type");
	json_object *options = json_get(m, "options");
	int bad = 0, r = check_types(m, mount_members, "a mount", e);

	if (r < 0)
		return r;
	if (!target || target[0] != '/')
		return err_set(e, -EINVAL, "config.json: mount destination '%s' is not absolute",
			       target ? target : "");
	for (size_t i = 0; i < json_len(options); i++) {
		const char *o = json_str_at(options, i);
		if (!o)
			return err_set(e, -EINVAL,
				       "config.json: an option of mount %s is no string", target);
		bad |= apply_option(&out, o, &data) < 0;
	}
	if ((out.flags & MS_BIND) || (type && strcmp(type, "bind") == 0)) {
		type = "bind";
		if (!source)
			return err_set(e, -EINVAL, "config.json: bind mount on %s has no source",
				       target);
	}
	if (!type)
		return err_set(e, -EINVAL, "config.json: mount on %s has no type", target);
	out.target = strdup(target);
	out.fstype = strdup(type);
	out.source = source ? strdup(source) : NULL;
	out.data = data.len ? strbuf_take(&data) : NULL;
	if (bad || !out.target || !out.fstype || (source && !out.source)) {
		plan_mount_done(&out);
		return err_errno(e, ENOMEM, "config.json: mount on %s", target);
	}
	*ret = out;
	return 0;
}

static int parse_mounts(struct plan *p, json_object *mounts, struct err *e)
{
	p->mount = calloc(json_len(mounts) + 1, sizeof(*p->mount));
	if (!p->mount)
		return err_errno(e, ENOMEM, "config.json: mounts");
	for (size_t i = 0; i < json_len(mounts); i++) {
		int r = plan_parse_mount(json_object_array_get_idx(mounts, i), &p->mount[i], e);
		if (r < 0)
			return r;
		p->n_mounts++;
	}
	return 0;
}

/* ---- namespaces ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned long flag;
} ns_types[NS_COUNT] = {
	[NS_USER] = { "user", CLONE_NEWUSER },	     [NS_MOUNT] = { "mount", CLONE_NEWNS },
	[NS_PID] = { "pid", CLONE_NEWPID },	     [NS_IPC] = { "ipc", CLONE_NEWIPC },
	[NS_UTS] = { "uts", CLONE_NEWUTS },	     [NS_NET] = { "network", CLONE_NEWNET },
	[NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
};

static int parse_namespaces(struct plan *p, json_object *list, struct err *e)
{
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *ns = json_object_array_get_idx(list, i);
		const char *type = json_get_str(ns, "type"), *path = json_get_str(ns, "path");
		size_t k;
		for (k = 0; k < NS_COUNT; k++)
			if (type && strcmp(type, ns_types[k].name) == 0)
				break;
		if (k == NS_COUNT)
			return err_set(e, -ENOTSUP, "config.json: namespace type '%s' is not known",
				       type ? type : "");
		if ((p->clone_flags & ns_types[k].flag) || p->ns_path[k])
			return err_set(e, -EINVAL, "config.json: namespace '%s' is named twice",
				       type);
		if (path) {
			p->ns_path[k] = strdup(path);
			if (!p->ns_path[k])
				return err_errno(e, ENOMEM, "config.json: namespaces");
		} else {
			p->clone_flags |= ns_types[k].flag;
		}
	}
	return 0;
}

static int parse_idmap(struct idmap *m, json_object *list, const char *what, struct err *e)
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

/* ---- process --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int resource;
} rlimit_names[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

static rlim_t limit_value(json_object *r, const char *name)
{
	/* uint64 in the spec: json-c says INT64_MAX for what is above, and RLIM_INFINITY is all
	 * ones. */
	json_object *v = json_get(r, name);
	uint64_t u = json_object_get_uint64(v);
	return u >= INT64_MAX ? RLIM_INFINITY : (rlim_t)u;
}

static int parse_rlimits(struct plan *p, json_object *list, struct err *e)
{
	p->rlimit = calloc(json_len(list) + 1, sizeof(*p->rlimit));
	if (!p->rlimit)
		return err_errno(e, ENOMEM, "config.json: rlimits");
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *r = json_object_array_get_idx(list, i);
		const char *type = json_get_str(r, "type");
		size_t k;
		if (check_types(r, rlimit_members, "an rlimit", e) < 0)
			return e->code;
		if (!json_get(r, "soft") || !json_get(r, "hard"))
			return err_set(e, -EINVAL,
				       "config.json: an rlimit has no 'soft' or no 'hard'");
		for (k = 0; k < ARRAY_LEN(rlimit_names); k++)
			if (type && strcmp(type, rlimit_names[k].name) == 0)
				break;
		if (k == ARRAY_LEN(rlimit_names))
			return err_set(e, -EINVAL, "config.json: rlimit '%s' is not known",
				       type ? type : "");
		p->rlimit[p->n_rlimits++] = (struct plan_rlimit){
			.resource = rlimit_names[k].resource,
			.limit = { .rlim_cur = limit_value(r, "soft"),
				   .rlim_max = limit_value(r, "hard") },
		};
	}
	return 0;
}

static int parse_caps_set(json_object *list, caps_set *ret, struct err *e)
{
	caps_set s = 0;
	for (size_t i = 0; i < json_len(list); i++) {
		const char *name = json_str_at(list, i);
		int n = name ? caps_from_name(name) : -EINVAL;
		if (n < 0)
			return err_set(e, -EINVAL, "config.json: capability '%s' is not known",
				       name ? name : "");
		s |= CAPS_BIT(n);
	}
	*ret = s;
	return 0;
}

static int parse_caps(struct plan *p, json_object *o, struct err *e)
{
	struct {
		const char *name;
		caps_set *set;
	} sets[] = { { "bounding", &p->caps.bounding },
		     { "effective", &p->caps.effective },
		     { "permitted", &p->caps.permitted },
		     { "inheritable", &p->caps.inheritable },
		     { "ambient", &p->caps.ambient } };
	p->has_caps = 1;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		int r = parse_caps_set(json_get(o, sets[i].name), sets[i].set, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_user(struct plan *p, json_object *user, struct err *e)
{
	int64_t uid = json_get_int(user, "uid", 0), gid = json_get_int(user, "gid", 0);
	json_object *groups = json_get(user, "additionalGids");

	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return err_set(e, -EINVAL, "config.json: user %lld:%lld is out of range",
			       (long long)uid, (long long)gid);
	p->uid = (uid_t)uid;
	p->gid = (gid_t)gid;
	p->umask = (mode_t)json_get_int(user, "umask", 022) & 0777;
	p->groups = calloc(json_len(groups) + 1, sizeof(*p->groups));
	if (!p->groups)
		return err_errno(e, ENOMEM, "config.json: additionalGids");
	for (size_t i = 0; i < json_len(groups); i++) {
		json_object *v = json_object_array_get_idx(groups, i);
		int64_t g = json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : -1;
		if (g < 0 || g >= UINT32_MAX)
			return err_set(e, -EINVAL,
				       "config.json: additional gid %lld is out of range",
				       (long long)g);
		p->groups[p->n_groups++] = (gid_t)g;
	}
	return 0;
}

static int copy_str(char **dst, const char *s, struct err *e)
{
	if (!s)
		return 0;
	*dst = strdup(s);
	return *dst ? 0 : err_errno(e, ENOMEM, "config.json");
}

static int parse_process(struct plan *p, json_object *o, struct err *e)
{
	json_object *adj = json_get(o, "oomScoreAdj"), *size = json_get(o, "consoleSize");
	int r = check_types(o, process_members, "process", e);

	if (r < 0)
		return r;
	p->terminal = json_get_bool(o, "terminal", 0);
	p->rows = (unsigned short)json_get_int(size, "height", 0);
	p->columns = (unsigned short)json_get_int(size, "width", 0);
	if (json_to_strv(json_get(o, "args"), &p->args) < 0 ||
	    json_to_strv(json_get(o, "env"), &p->env) < 0)
		return err_set(e, -EINVAL, "config.json: args and env must be lists of strings");
	if (strv_len(p->args) == 0)
		return err_set(e, -EINVAL, "config.json: process.args is empty");
	r = copy_str(&p->cwd, json_get_str(o, "cwd"), e);
	if (r == 0 && (!p->cwd || p->cwd[0] != '/'))
		r = err_set(e, -EINVAL, "config.json: cwd '%s' is not absolute",
			    p->cwd ? p->cwd : "");
	if (r == 0)
		r = parse_user(p, json_get(o, "user"), e);
	if (r == 0 && json_get(o, "capabilities"))
		r = parse_caps(p, json_get(o, "capabilities"), e);
	if (r == 0)
		r = parse_rlimits(p, json_get(o, "rlimits"), e);
	if (r == 0)
		r = copy_str(&p->apparmor, json_get_str(o, "apparmorProfile"), e);
	p->no_new_privs = json_get_bool(o, "noNewPrivileges", 0);
	p->has_oom_score_adj = adj != NULL;
	p->oom_score_adj = json_object_get_int(adj);
	return r;
}

/* ---- the rest of linux ----------------------------------------------------------------------- */

/* kernel.shm_rmid_forced -> kernel/shm_rmid_forced; only what belongs to a namespace of the
 * container. */
static int parse_sysctls(struct plan *p, json_object *o, struct err *e)
{
	if (!o)
		return 0;
	p->sysctl = calloc((size_t)json_object_object_length(o) + 1, sizeof(*p->sysctl));
	if (!p->sysctl)
		return err_errno(e, ENOMEM, "config.json: sysctl");
	json_object_object_foreach(o, key, value)
	{
		struct plan_sysctl *s = &p->sysctl[p->n_sysctl++];
		if (strstr(key, "..") || strchr(key, '/'))
			return err_set(e, -EINVAL, "config.json: sysctl '%s' is no name", key);
		if (!json_object_is_type(value, json_type_string))
			return err_set(e, -EINVAL,
				       "config.json: the value of sysctl '%s' is no string", key);
		s->path = strdup(key);
		s->value = strdup(json_object_get_string(value));
		if (!s->path || !s->value)
			return err_errno(e, ENOMEM, "config.json: sysctl");
		for (char *c = s->path; *c; c++)
			if (*c == '.')
				*c = '/';
	}
	return 0;
}

static int parse_linux(struct plan *p, json_object *o, struct err *e)
{
	const char *prop = json_get_str(o, "rootfsPropagation");
	int r = parse_namespaces(p, json_get(o, "namespaces"), e);

	p->rootfs_propagation = prop && strstr(prop, "private") ? MS_PRIVATE : MS_SLAVE;
	if (r == 0)
		r = parse_idmap(&p->uids, json_get(o, "uidMappings"), "uidMappings", e);
	if (r == 0)
		r = parse_idmap(&p->gids, json_get(o, "gidMappings"), "gidMappings", e);
	if (r == 0 && (json_to_strv(json_get(o, "maskedPaths"), &p->masked) < 0 ||
		       json_to_strv(json_get(o, "readonlyPaths"), &p->readonly) < 0))
		r = err_set(e, -EINVAL,
			    "config.json: maskedPaths and readonlyPaths must be lists of strings");
	if (r == 0)
		r = parse_sysctls(p, json_get(o, "sysctl"), e);
	if (r == 0 && (p->clone_flags & CLONE_NEWUSER) && (p->uids.n == 0 || p->gids.n == 0))
		r = err_set(e, -EINVAL,
			    "config.json: a new user namespace has no uidMappings or gidMappings");
	return r;
}

int plan_from_process(json_object *process, struct plan **ret, struct err *e)
{
	scoped(plan) struct plan *p = calloc(1, sizeof(*p));
	int r = p ? parse_process(p, process, e) : err_errno(e, ENOMEM, "config.json");
	if (r == 0)
		*ret = take_ptr(&p);
	return r;
}

int plan_from_config(json_object *config, struct plan **ret, struct err *e)
{
	scoped(plan) struct plan *p = calloc(1, sizeof(*p));
	json_object *root = json_get(config, "root");
	int r;

	if (!p)
		return err_errno(e, ENOMEM, "config.json");
	r = check_types(config, config_members, "the document", e);
	if (r == 0)
		r = parse_process(p, json_get(config, "process"), e);
	if (r == 0)
		r = parse_mounts(p, json_get(config, "mounts"), e);
	if (r == 0)
		r = parse_linux(p, json_get(config, "linux"), e);
	if (r == 0)
		r = copy_str(&p->rootfs, json_get_str(root, "path"), e);
	if (r == 0)
		r = copy_str(&p->hostname, json_get_str(config, "hostname"), e);
	if (r == 0)
		r = copy_str(&p->domainname, json_get_str(config, "domainname"), e);
	p->rootfs_readonly = json_get_bool(root, "readonly", 0);
	if (r == 0 && !(p->clone_flags & CLONE_NEWNS) && !p->ns_path[NS_MOUNT])
		r = err_set(e, -EINVAL,
			    "config.json: a container needs a mount namespace of its own");
	if (r == 0)
		*ret = take_ptr(&p);
	return r;
}

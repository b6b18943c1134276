/* SPDX-License-Identifier: Apache-2.0 */
/* The process object of config.json (config.md, "Process"). */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "src/runtime/plan_parts.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

static const struct plan_member process_members[] = {
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
	{ "", "selinuxLabel", json_type_string },
	{ "consoleSize", "height", json_type_int },
	{ "consoleSize", "width", json_type_int },
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
static const struct plan_member rlimit_members[] = {
	{ "", "type", json_type_string },
	{ "", "soft", json_type_int },
	{ "", "hard", json_type_int },
	{ 0 },
};

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

static int read_rlimits(struct plan *p, json_object *list, struct err *e)
{
	p->rlimit = calloc(json_len(list) + 1, sizeof(*p->rlimit));
	if (!p->rlimit)
		return err_errno(e, ENOMEM, "config.json: rlimits");
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *r = json_object_array_get_idx(list, i);
		const char *type = json_get_str(r, "type");
		size_t k;
		if (plan_check(r, rlimit_members, "an rlimit", e) < 0)
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
		for (size_t n = 0; n < p->n_rlimits; n++)
			if (p->rlimit[n].resource == rlimit_names[k].resource)
				return err_set(e, -EINVAL, "config.json: rlimit %s is there twice",
					       type);
		p->rlimit[p->n_rlimits++] = (struct plan_rlimit){
			.resource = rlimit_names[k].resource,
			.limit = { .rlim_cur = limit_value(r, "soft"),
				   .rlim_max = limit_value(r, "hard") },
		};
	}
	return 0;
}

/* What this kernel has no bit for is told and left out (config.md: MUST be logged as a warning). */
static int read_caps_set(struct plan *p, json_object *list, caps_set *ret, struct err *e)
{
	caps_set s = 0;
	for (size_t i = 0; i < json_len(list); i++) {
		const char *name = json_str_at(list, i);
		int n = name ? caps_from_name(name) : -EINVAL, r;
		if (!name)
			return err_set(e, -EINVAL, "config.json: a capability is no string");
		if (n >= 0) {
			s |= CAPS_BIT(n);
			continue;
		}
		r = plan_warn(p, e, "capability '%s' is not known and left out", name);
		if (r < 0)
			return r;
	}
	*ret = s;
	return 0;
}

static int read_caps(struct plan *p, json_object *o, struct err *e)
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
		int r = read_caps_set(p, json_get(o, sets[i].name), sets[i].set, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_user(struct plan *p, json_object *user, struct err *e)
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

int plan_read_process(struct plan *p, json_object *o, struct err *e)
{
	json_object *adj = json_get(o, "oomScoreAdj"), *size = json_get(o, "consoleSize");
	int r = plan_check(o, process_members, "process", e);

	if (r < 0)
		return r;
	if (json_get_int(size, "height", 0) < 0 || json_get_int(size, "height", 0) > USHRT_MAX ||
	    json_get_int(size, "width", 0) < 0 || json_get_int(size, "width", 0) > USHRT_MAX)
		return err_set(e, -EINVAL, "config.json: consoleSize is out of range");
	p->terminal = json_get_bool(o, "terminal", 0);
	p->rows = (unsigned short)json_get_int(size, "height", 0);
	p->columns = (unsigned short)json_get_int(size, "width", 0);
	if (json_to_strv(json_get(o, "args"), &p->args) < 0 ||
	    json_to_strv(json_get(o, "env"), &p->env) < 0)
		return err_set(e, -EINVAL, "config.json: args and env must be lists of strings");
	if (strv_len(p->args) == 0)
		return err_set(e, -EINVAL, "config.json: process.args is empty");
	r = plan_copy(&p->cwd, json_get_str(o, "cwd"), e);
	if (r == 0 && (!p->cwd || p->cwd[0] != '/'))
		r = err_set(e, -EINVAL, "config.json: cwd '%s' is not absolute",
			    p->cwd ? p->cwd : "");
	if (r == 0)
		r = read_user(p, json_get(o, "user"), e);
	if (r == 0 && json_get(o, "capabilities"))
		r = read_caps(p, json_get(o, "capabilities"), e);
	if (r == 0)
		r = read_rlimits(p, json_get(o, "rlimits"), e);
	if (r == 0)
		r = plan_copy(&p->apparmor, json_get_str(o, "apparmorProfile"), e);
	if (r == 0)
		r = plan_copy(&p->selinux, json_get_str(o, "selinuxLabel"), e);
	if (r == 0)
		r = plan_read_schedule(p, o, e);
	p->no_new_privs = json_get_bool(o, "noNewPrivileges", 0);
	if (r == 0 && adj &&
	    (json_object_get_int64(adj) < -1000 || json_object_get_int64(adj) > 1000))
		r = err_set(e, -EINVAL, "config.json: oomScoreAdj %lld is out of range",
			    (long long)json_object_get_int64(adj));
	p->has_oom_score_adj = adj != NULL;
	p->oom_score_adj = json_object_get_int(adj);
	return r;
}

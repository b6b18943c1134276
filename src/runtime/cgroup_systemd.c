/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's part: a transient scope, asked for through the helper program cove-systemd, which alone
 * is linked with libsystemd.
 *
 * Two uses.  cove-runtime with --systemd-cgroup puts the container's first process into a scope
 * that has the limits as unit properties.  cove itself, where its own cgroup is not delegated (a
 * login session), lets its monitor be moved into a scope of its own and then goes on there as in
 * any delegated cgroup (cgroup_v2.c). */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/runtime/cgroup_backend.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"
#include "userns/join.h"

#define SUBGROUP_DEFAULT "container" /* what other runtimes call it */

/* ---- the helper ------------------------------------------------------------------------------ */

/* REQUEST to the helper, and its answer: nothing, or a struct err. */
static int ask(json_object *request, struct err *e)
{
	scoped(mem) char *program = proc_role_path("cove-systemd");
	scoped(mem) char *text = json_text(request);
	scoped(fd) int r_fd = -EBADF;
	scoped(fd) int w_fd = -EBADF;
	scoped(child) struct child child = CHILD_NONE;
	char name[] = "cove-systemd";
	char *const argv[] = { name, text, NULL };
	struct proc_fd fds[1];
	struct proc_options o = { .path = program,
				  .argv = argv,
				  .fds = fds,
				  .n_fds = 1,
				  .null_stdio = 1,
				  .die_with_us = 1 };
	int r, status;

	if (!program || !text)
		return err_errno(e, ENOMEM, "ask systemd for a scope");
	r = fd_pipe(&r_fd, &w_fd, e);
	if (r < 0)
		return r;
	fds[0] = (struct proc_fd){ .from = w_fd, .to = 1 };
	r = proc_spawn(&o, &child, e);
	fd_close(take_fd(&w_fd));
	if (r < 0)
		return r;
	r = err_recv(r_fd, e);
	status = proc_wait(&child);
	if (r == 0 && status != 0)
		r = err_set(e, -EIO, "cove-systemd ended with status %d", status);
	return r < 0 ? err_in(e, "systemd") : 0;
}

int cgroup_systemd_reach(void)
{
	char path[PATH_MAX];
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (userns_is_host_root())
		return access("/run/systemd/private", W_OK) == 0 ? 2 : 0;
	if (dir && *dir == '/' &&
	    (size_t)snprintf(path, sizeof(path), "%s/systemd/private", dir) < sizeof(path) &&
	    access(path, W_OK) == 0)
		return 1;
	(void)snprintf(path, sizeof(path), "/run/user/%u/systemd/private", (unsigned)geteuid());
	return access(path, W_OK) == 0;
}

/* ---- properties ------------------------------------------------------------------------------ */

static void add(json_object *list, const char *name, const char *type, json_object *take_value)
{
	json_object *o = json_object_new_object();
	json_put_str(o, "name", name);
	json_put_str(o, "type", type);
	json_put(o, "value", take_value);
	(void)json_object_array_add(list, o);
}

/* A limit; negative: none, which systemd writes as the largest number. */
static void add_limit(json_object *list, const char *name, int64_t v)
{
	if (v)
		add(list, name, "t", json_object_new_uint64(v < 0 ? UINT64_MAX : (uint64_t)v));
}

/* "0-2,5" as systemd takes it: bytes of a bit mask, the lowest first. */
static void add_mask(json_object *list, const char *name, const char *cpus)
{
	unsigned char mask[1024] = { 0 };
	size_t used = 0;
	json_object *bytes;

	for (const char *p = cpus; p && *p; p += strcspn(p, ","), p += *p == ',') {
		char *end;
		unsigned long from = strtoul(p, &end, 10);
		unsigned long to = *end == '-' ? strtoul(end + 1, NULL, 10) : from;
		for (; from <= to && from < sizeof(mask) * 8; from++) {
			mask[from / 8] |= (unsigned char)(1U << (from % 8));
			if (from / 8 + 1 > used)
				used = from / 8 + 1;
		}
	}
	if (!used)
		return;
	bytes = json_object_new_array();
	for (size_t i = 0; i < used; i++)
		(void)json_object_array_add(bytes, json_object_new_int(mask[i]));
	add(list, name, "ay", bytes);
}

/* Whole hundredths of a CPU, rounded up: systemd knows no finer ones. */
static void add_quota(json_object *list, int64_t quota, int64_t period)
{
	int64_t us;

	if (!quota)
		return;
	if (period <= 0)
		period = 100000;
	if (quota > INT64_MAX / 1000000) /* more than any machine has: no limit */
		quota = -1;
	us = quota < 0 ? -1 : (quota * 1000000 / period + 9999) / 10000 * 10000;
	add_limit(list, "CPUQuotaPerSecUSec", us);
	add_limit(list, "CPUQuotaPeriodUSec", period);
}

int cgroup_systemd_properties(json_object *resources, int v2, json_object *list, struct err *e)
{
	json_object *memory = json_get(resources, "memory"), *cpu = json_get(resources, "cpu");
	json_object *pids = json_get(resources, "pids"), *io = json_get(resources, "blockIO");
	int64_t swap = json_get_int(memory, "swap", 0), only;

	add_limit(list, v2 ? "MemoryMax" : "MemoryLimit", json_get_int(memory, "limit", 0));
	if (v2) {
		add_limit(list, "MemoryLow", json_get_int(memory, "reservation", 0));
		if (swap) {
			int r = cgroup_swap_of(json_get_int(memory, "limit", 0), swap, &only, e);
			if (r < 0)
				return r;
			add(list, "MemorySwapMax", "t",
			    json_object_new_uint64(only < 0 ? UINT64_MAX : (uint64_t)only));
		}
		add_limit(
			list, "CPUWeight",
			(int64_t)cgroup_weight_of_shares((uint64_t)json_get_int(cpu, "shares", 0)));
		add_limit(list, "IOWeight",
			  (int64_t)cgroup_weight_of_blkio((uint64_t)json_get_int(io, "weight", 0)));
		add_mask(list, "AllowedCPUs", json_get_str(cpu, "cpus"));
		add_mask(list, "AllowedMemoryNodes", json_get_str(cpu, "mems"));
	} else {
		add_limit(list, "CPUShares", json_get_int(cpu, "shares", 0));
		add_limit(list, "BlockIOWeight", json_get_int(io, "weight", 0));
	}
	add_quota(list, json_get_int(cpu, "quota", 0), json_get_int(cpu, "period", 0));
	if (json_get(pids, "limit")) {
		int64_t n = json_get_int(pids, "limit", 0);
		add_limit(list, "TasksMax", n > 0 ? n : -1);
	}
	return 0;
}

/* A list of strings in the text form of GVariant: ['a', 'b']. */
static json_object *parse_strings(const char *s)
{
	json_object *list = json_object_new_array();

	for (s++; *s && *s != ']';) {
		size_t n;
		s += strspn(s, " ,");
		if (*s != '\'')
			break;
		n = strcspn(s + 1, "'");
		(void)json_object_array_add(list, json_object_new_string_len(s + 1, (int)n));
		s += n + 1 + (s[n + 1] == '\'');
	}
	return list;
}

int cgroup_systemd_annotation(const char *name, const char *v, json_object *list, struct err *e)
{
	static const struct {
		const char *prefix, *type;
	} kinds[] = { { "uint64 ", "t" },
		      { "int64 ", "x" },
		      { "uint32 ", "u" },
		      { "int32 ", "i" },
		      { "", "i" } };
	size_t len = strlen(name);

	if (!*name ||
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != len)
		return err_set(e, -EINVAL, "'%s' is no name of a systemd property", name);
	if (strcmp(v, "true") == 0 || strcmp(v, "false") == 0) {
		add(list, name, "b", json_object_new_boolean(*v == 't'));
		return 0;
	}
	if (*v == '\'' && strlen(v) >= 2 && str_ends(v, "'")) {
		add(list, name, "s", json_object_new_string_len(v + 1, (int)strlen(v) - 2));
		return 0;
	}
	if (*v == '[') {
		add(list, name, "as", parse_strings(v));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const char *digits = v + strlen(kinds[i].prefix);
		scoped(mem) char *usec = NULL;
		char *end;
		long long n;
		if (!str_starts(v, kinds[i].prefix))
			continue;
		errno = 0;
		n = strtoll(digits, &end, 10);
		if (end == digits || *end || errno)
			break;
		/* Seconds are for unit files only; the bus has microseconds. */
		if (str_ends(name, "Sec") && !str_ends(name, "USec")) {
			usec = str_printf("%.*sUSec", (int)len - 3, name);
			add(list, usec ? usec : name, "t", json_object_new_int64(n * 1000000));
		} else {
			add(list, name, kinds[i].type, json_object_new_int64(n));
		}
		return 0;
	}
	return err_set(e, -EINVAL, "annotation org.systemd.property.%s: cannot read '%s'", name, v);
}

static int add_annotations(json_object *annotations, json_object *list, struct err *e)
{
	static const char prefix[] = "org.systemd.property.";

	if (!json_object_is_type(annotations, json_type_object))
		return 0;
	json_object_object_foreach(annotations, key, v)
	{
		int r = 0;
		if (str_starts(key, prefix))
			r = cgroup_systemd_annotation(key + sizeof(prefix) - 1,
						      json_object_get_string(v), list, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Letters that unit names have; others would need systemd's escaping. */
static int is_unit_word(const char *s)
{
	return *s && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
			       ":_.-\\@") == strlen(s);
}

int cgroup_systemd_names(const struct cgroup_options *o, int is_user, char **ret_unit,
			 char **ret_slice, struct err *e)
{
	scoped(strv) char **part = o->path ? strv_split(o->path, ':') : NULL;
	scoped(mem) char *unit = NULL;
	scoped(mem) char *slice = NULL;
	const char *given = o->parent && str_ends(o->parent, ".slice") ? o->parent : "";

	if (o->path && strv_len(part) != 3)
		return err_set(e, -EINVAL, "cgroupsPath '%s': with systemd it is SLICE:PREFIX:NAME",
			       o->path);
	if (part)
		given = part[0];
	if (!part)
		unit = str_printf("cove-%.64s.scope", o->id);
	else if (str_ends(part[2], ".slice"))
		return err_set(e, -ENOTSUP, "cgroupsPath '%s': a slice holds no processes",
			       o->path);
	else
		unit = str_printf("%s%s%s.scope", part[1], *part[1] ? "-" : "", part[2]);
	slice = strdup(*given ? given : is_user ? "user.slice" : "machine.slice");
	if (!unit || !slice)
		return err_errno(e, ENOMEM, "name a scope");
	if (!is_unit_word(unit) || !is_unit_word(slice) || !str_ends(slice, ".slice"))
		return err_set(e, -EINVAL, "no valid names of systemd units: '%s', '%s'", slice,
			       unit);
	*ret_unit = take_ptr(&unit);
	*ret_slice = take_ptr(&slice);
	return 0;
}

static json_object *make_request(const char *verb, int is_user, const char *unit)
{
	json_object *q = json_object_new_object();
	json_put_str(q, "verb", verb);
	json_put_bool(q, "user", is_user);
	json_put_str(q, "unit", unit);
	return q;
}

/* A request for a scope in SLICE, without processes yet. */
static json_object *scope_request(const char *id, int is_user, const char *unit, const char *slice,
				  json_object **ret_properties)
{
	json_object *q = make_request("start", is_user, unit), *list = json_object_new_array();
	scoped(mem) char *description = str_printf("container %.64s", id);

	add(list, "Description", "s", json_object_new_string(description ? description : unit));
	add(list, "Slice", "s", json_object_new_string(slice));
	add(list, "Delegate", "b", json_object_new_boolean(1));
	add(list, "DefaultDependencies", "b", json_object_new_boolean(0));
	/* A scope whose processes were killed would stay as failed. */
	add(list, "CollectMode", "s", json_object_new_string("inactive-or-failed"));
	json_put(q, "properties", list);
	*ret_properties = list;
	return q;
}

static void put_pids(json_object *q, const pid_t *pid, size_t n)
{
	json_object *pids = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(pids, json_object_new_int(pid[i]));
	json_put(q, "pids", pids);
}

/* ---- a scope for the container --------------------------------------------------------------- */

int cgroup_systemd_create(const struct cgroup_options *o, struct cgroup *cg, struct err *e)
{
	int reach = cgroup_systemd_reach(), r;
	scoped(mem) char *slice = NULL;
	json_object *list = NULL;
	const char *sub = json_get_str(o->annotations, "run.oci.systemd.subgroup");
	const char *delegate = json_get_str(o->annotations, "run.oci.delegate-cgroup");

	if (!reach)
		return err_set(e, -ENOENT, "no systemd manager can be reached: there is no %s",
			       userns_is_host_root() ? "/run/systemd/private"
						     : "user manager in this session");
	cg->user_bus = reach == 1;
	r = cgroup_systemd_names(o, cg->user_bus, &cg->unit, &slice, e);
	if (r < 0)
		return r;
	if ((sub && strstr(sub, "..")) || (delegate && strstr(delegate, "..")))
		return err_set(e, -EINVAL, "a subgroup's name leads upwards");
	cg->pending = scope_request(o->id, cg->user_bus, cg->unit, slice, &list);
	r = cgroup_systemd_properties(o->resources, cgroup_is_unified(), list, e);
	if (r == 0)
		r = add_annotations(o->annotations, list, e);
	if (o->resources)
		json_put(cg->pending, "resources", json_object_get(o->resources));
	json_put_str(cg->pending, "subgroup", sub ? sub : SUBGROUP_DEFAULT);
	if (delegate && sub)
		json_put_str(cg->pending, "delegate", delegate);
	json_put_bool(cg->pending, "lenient", o->lenient);
	json_put_str(cg->pending, "id", o->id);
	return r;
}

static int enter_v1(struct cgroup *cg, json_object *pending, pid_t pid, struct err *e)
{
	scoped(mem) char *path = cgroup_path_of(pid, "name=systemd");
	struct cgroup_options o = { .path = path,
				    .id = json_get_str(pending, "id"),
				    .resources = json_get(pending, "resources"),
				    .lenient = json_get_bool(pending, "lenient", 0) };
	int r;

	if (!path)
		return err_set(e, -ENOENT, "systemd has put process %d nowhere", (int)pid);
	r = cgroup_v1_create(&o, cg, e);
	return r < 0 ? r : cgroup_v1_enter(cg, pid, e);
}

int cgroup_systemd_enter(struct cgroup *cg, pid_t pid, struct err *e)
{
	scoped(json) json_object *pending = take_ptr(&cg->pending);
	scoped(mem) char *at = NULL;
	scoped(mem) char *scope = NULL;
	int r;

	put_pids(pending, &pid, 1);
	r = ask(pending, e);
	if (r < 0)
		return r;
	if (!cgroup_is_unified())
		return enter_v1(cg, pending, pid, e);
	at = cgroup_path_of(pid, "");
	scope = at ? str_printf("%s%s", cgroup_v2_mount(), at) : NULL;
	if (!scope)
		return err_set(e, -ENOENT, "systemd has put process %d nowhere", (int)pid);
	return cgroup_v2_subgroup(cg, scope, pending, pid, e);
}

int cgroup_systemd_update(const struct cgroup *cg, json_object *resources, struct err *e)
{
	scoped(json) json_object *q = make_request("set", cg->user_bus, cg->unit);
	json_object *list = json_object_new_array();
	int r = cgroup_systemd_properties(resources, cg->kind == CGROUP_KIND_V2, list, e);

	json_put(q, "properties", list);
	if (r < 0 || !json_len(list))
		return r;
	return ask(q, e);
}

/* ---- a scope for ourselves ------------------------------------------------------------------- */

int cgroup_systemd_scope(const struct cgroup_options *o, const pid_t *pids, size_t n,
			 char **ret_unit, struct err *e)
{
	int reach = cgroup_systemd_reach(), r;
	scoped(json) json_object *q = NULL;
	scoped(mem) char *slice = NULL;
	scoped(mem) char *unit = NULL;
	json_object *list = NULL;

	if (!reach)
		return err_set(e, -ENOTSUP, "no systemd manager can be reached");
	r = cgroup_systemd_names(o, reach == 1, &unit, &slice, e);
	if (r < 0)
		return r;
	q = scope_request(o->id, reach == 1, unit, slice, &list);
	put_pids(q, pids, n);
	r = ask(q, e);
	if (r < 0)
		return r;
	*ret_unit = take_ptr(&unit);
	return 0;
}

int cgroup_systemd_own_scope(const struct cgroup_options *o, struct cgroup *cg, struct err *e)
{
	pid_t self = getpid();
	return cgroup_systemd_scope(o, &self, 1, &cg->scope, e);
}

int cgroup_systemd_attach(const char *unit, const char *subgroup, const pid_t *pids, size_t n,
			  struct err *e)
{
	int reach = cgroup_systemd_reach();
	scoped(json) json_object *q = make_request("attach", reach == 1, unit);

	if (!reach)
		return err_set(e, -ENOTSUP, "no systemd manager can be reached");
	json_put_str(q, "subgroup", subgroup);
	put_pids(q, pids, n);
	return ask(q, e);
}

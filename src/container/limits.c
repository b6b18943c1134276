/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/ioprio.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/container/resources.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "userns/holder.h"
#include "userns/join.h"

#define STATE_MAX    65536
#define PIDS_DEFAULT 2048

void limits_done(struct limits *l)
{
	cgroup_done(&l->cgroup);
	*l = (struct limits)LIMITS_NONE;
}

/* ---- who keeps what -------------------------------------------------------------------------- */

enum keeper { BY_CGROUP, BY_RLIMIT, BY_MONITOR, BY_AFFINITY, BY_NICE, BY_IO, BY_NOBODY, KEEPERS };
static const char *const keeper_names[KEEPERS] = {
	[BY_CGROUP] = "cgroup",	      [BY_RLIMIT] = "rlimit and the monitor",
	[BY_MONITOR] = "the monitor", [BY_AFFINITY] = "CPU affinity",
	[BY_NICE] = "nice value",     [BY_IO] = "I/O priority",
	[BY_NOBODY] = "nobody",
};

/* Each limit that can be asked for: who keeps it when the controller is out of reach. */
static const struct known {
	const char *group, *member, *option, *controller;
	enum keeper otherwise;
} known[] = {
	{ "memory", "limit", "memory", "memory", BY_MONITOR },
	{ "memory", "reservation", "memory-reservation", "memory", BY_NOBODY },
	{ "memory", "swappiness", "memory-swappiness", "memory", KEEPERS },
	{ "memory", "disableOOMKiller", "oom-kill-disable", "memory", KEEPERS },
	{ "cpu", "quota", "cpus", "cpu", BY_AFFINITY },
	{ "cpu", "shares", "cpu-shares", "cpu", BY_NICE },
	{ "cpu", "realtimePeriod", "cpu-rt-period", "cpu", KEEPERS },
	{ "cpu", "realtimeRuntime", "cpu-rt-runtime", "cpu", KEEPERS },
	{ "cpu", "cpus", "cpuset-cpus", "cpuset", BY_AFFINITY },
	{ "cpu", "mems", "cpuset-mems", "cpuset", KEEPERS },
	{ "pids", "limit", "pids-limit", "pids", BY_RLIMIT },
	{ "blockIO", "weight", "blkio-weight", "io", BY_IO },
	{ "blockIO", "weightDevice", "blkio-weight-device", "io", KEEPERS },
	{ "blockIO", "throttleReadBpsDevice", "device-read-bps", "io", KEEPERS },
	{ "blockIO", "throttleWriteBpsDevice", "device-write-bps", "io", KEEPERS },
	{ "blockIO", "throttleReadIOPSDevice", "device-read-iops", "io", KEEPERS },
	{ "blockIO", "throttleWriteIOPSDevice", "device-write-iops", "io", KEEPERS },
};

/* v1 calls it blkio. */
static int is_unmet(const char *unmet, const char *controller)
{
	return str_in_words(controller, strlen(controller), unmet) ||
	       (strcmp(controller, "io") == 0 && str_in_words("blkio", 5, unmet));
}

static int64_t number(json_object *resources, const char *name, const char *member)
{
	return json_get_int(json_get(resources, name), member, 0);
}

/* Before Linux 5.14 processes are counted for the user on the whole host, not in each user
 * namespace. */
static int nproc_is_per_namespace(void)
{
	struct utsname u;
	char *end;
	long a, b;

	if (userns_is_root() || uname(&u) < 0)
		return 0;
	a = strtol(u.release, &end, 10);
	b = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
	return a > 5 || (a == 5 && b >= 14);
}

/* The CPUs of LIST among those available. */
static int affinity_of_list(const char *list, const cpu_set_t *available, cpu_set_t *ret,
			    struct err *e)
{
	CPU_ZERO(ret);
	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',') {
		char *end;
		unsigned long from = strtoul(p, &end, 10);
		unsigned long to = *end == '-' ? strtoul(end + 1, NULL, 10) : from;
		for (; from <= to && from < CPU_SETSIZE; from++)
			if (CPU_ISSET(from, available))
				CPU_SET(from, ret);
	}
	return CPU_COUNT(ret) ? 0
			      : err_set(e, -EINVAL, "none of the CPUs %s may be used here", list);
}

/* N of SET, beginning somewhere: not all containers on the first ones. */
static void keep_some(cpu_set_t *set, int n, unsigned salt)
{
	int have = CPU_COUNT(set), skip;
	cpu_set_t out;

	if (n >= have)
		return;
	CPU_ZERO(&out);
	skip = (int)(salt % (unsigned)have);
	for (int round = 0; round < 2; round++)
		for (int cpu = 0, k = 0; cpu < CPU_SETSIZE && CPU_COUNT(&out) < n; cpu++) {
			if (!CPU_ISSET(cpu, set))
				continue;
			if (k++ >= skip || round)
				CPU_SET(cpu, &out);
		}
	*set = out;
}

static int plan_cpus(json_object *resources, const char *unmet, const cpu_set_t *available,
		     unsigned salt, struct limits *l, struct err *e)
{
	/* What the kernel's scheduler makes of the nice values 0 to 19. */
	static const int weights[] = { 1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
				       110,  87,  70,  56,  45,	 36,  29,  23,	18,  15 };
	const char *list = json_get_str(json_get(resources, "cpu"), "cpus");
	int64_t quota = number(resources, "cpu", "quota");
	int64_t period = number(resources, "cpu", "period"),
		shares = number(resources, "cpu", "shares");
	int r = 0;

	l->affinity = *available;
	if (list && is_unmet(unmet, "cpuset")) {
		l->has_affinity = 1;
		r = affinity_of_list(list, available, &l->affinity, e);
	}
	if (r == 0 && is_unmet(unmet, "cpu")) {
		if (period <= 0)
			period = 100000;
		if (quota > 0) {
			int64_t n = (quota + period - 1) / period;
			keep_some(&l->affinity, n < CPU_SETSIZE ? (int)n : CPU_SETSIZE, salt);
			l->has_affinity = 1;
		}
		while (shares > 0 && l->nice < 19 && shares < weights[l->nice + 1] * 9 / 8)
			l->nice++;
	}
	return r;
}

/* Negative numbers ask for no limit. */
static int is_asked(json_object *resources, const struct known *k)
{
	json_object *v = json_path(resources, k->group, k->member, NULL);
	return v && (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) >= 0);
}

const char *limits_unmet(json_object *resources, const char *unmet)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (json_path(resources, known[i].group, known[i].member, NULL) &&
		    is_unmet(unmet, known[i].controller))
			return known[i].option;
	return NULL;
}

static enum keeper keeper_of(const struct known *k, const char *unmet)
{
	if (!is_unmet(unmet, k->controller))
		return BY_CGROUP;
	if (k->otherwise == BY_RLIMIT && !nproc_is_per_namespace())
		return BY_MONITOR;
	return k->otherwise;
}

/* "limits kept by cgroup: cpus, memory; by CPU affinity: cpuset-cpus" */
static char *tell(json_object *resources, const char *unmet)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	(void)strbuf_puts(&b, "limits");
	for (int who = 0; who < KEEPERS; who++) {
		int n = 0;
		for (size_t i = 0; i < ARRAY_LEN(known); i++) {
			if (!is_asked(resources, &known[i]) ||
			    (int)keeper_of(&known[i], unmet) != who)
				continue;
			if (n++ == 0)
				(void)strbuf_printf(&b, "%s kept by %s: %s", b.len > 6 ? ";" : "",
						    keeper_names[who], known[i].option);
			else
				(void)strbuf_printf(&b, ", %s", known[i].option);
		}
	}
	if (b.len == 6)
		strbuf_reset(&b);
	return strbuf_take(&b);
}

int limits_plan(json_object *resources, const char *unmet, const cpu_set_t *available,
		unsigned salt, struct limits *ret, char **ret_line, struct err *e)
{
	struct limits l = LIMITS_NONE;
	json_object *unified = json_get(resources, "unified");
	int r;

	*ret_line = NULL;
	if (!*unmet)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (is_asked(resources, &known[i]) && keeper_of(&known[i], unmet) == KEEPERS) {
			(void)err_set(e, -ENOTSUP,
				      "--%s cannot be kept: the %s controller is not delegated to "
				      "this session",
				      known[i].option, known[i].controller);
			return err_hint(e, "as root: systemctl edit user@.service, and in "
					   "[Service] Delegate=cpu cpuset io memory pids");
		}
	if (unified && json_object_object_length(unified))
		return err_set(e, -ENOTSUP,
			       "--cgroup-conf cannot be kept: the %s controller is not delegated "
			       "to this session",
			       unmet);
	r = plan_cpus(resources, unmet, available, salt, &l, e);
	if (r < 0)
		return r;
	if (is_unmet(unmet, "memory") && number(resources, "memory", "limit") > 0)
		l.watch.memory = number(resources, "memory", "limit");
	if (is_unmet(unmet, "pids") && number(resources, "pids", "limit") > 0) {
		l.watch.pids = number(resources, "pids", "limit");
		l.nproc = nproc_is_per_namespace() ? l.watch.pids : 0;
	}
	/* 1000 and the usual weight of 100 are no less than others have. */
	if (is_unmet(unmet, "io") && number(resources, "blockIO", "weight") > 0) {
		int64_t w = number(resources, "blockIO", "weight");
		l.io_level = w >= 500 ? 4 : w >= 200 ? 5 : w >= 100 ? 6 : 7;
	}
	*ret_line = tell(resources, unmet);
	if (!*ret_line)
		return err_errno(e, ENOMEM, "work out the limits");
	l.cgroup = ret->cgroup;
	*ret = l;
	return 0;
}

/* ---- state ----------------------------------------------------------------------------------- */

static void state_path(const char *id, char *buf, size_t n)
{
	(void)snprintf(buf, n, "c/%s/cgroup", id);
}

static int write_state(struct engine *en, const char *id, const struct cgroup *cg, struct err *e)
{
	scoped(json) json_object *o = cgroup_to_json(cg);
	scoped(mem) char *text = o ? json_text(o) : NULL;
	char path[128];
	scoped(fd) int fd = -EBADF;

	if (!text)
		return err_errno(e, ENOMEM, "note the container's cgroup");
	state_path(id, path, sizeof(path));
	fd = openat(en->run_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, "write %s/%s", en->runroot, path);
	if (fd_write_all(fd, text, strlen(text)) < 0)
		return err_set(e, -EIO, "cannot write %s/%s", en->runroot, path);
	return 0;
}

int limits_open_cgroup(struct engine *en, const char *id, struct cgroup *ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	scoped(json) json_object *o = NULL;
	char path[128];
	size_t n;
	int r;

	state_path(id, path, sizeof(path));
	*ret = (struct cgroup)CGROUP_NONE;
	r = path_read(en->run_fd, path, STATE_MAX, &text, &n, e);
	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		r = json_parse(text, n, &o, e);
	return r < 0 ? r : cgroup_from_json(o, ret, e);
}

/* ---- verbs ----------------------------------------------------------------------------------- */

static int plan(const struct container_spec *s, const char *id, struct limits *l, char **ret_line,
		struct err *e)
{
	cpu_set_t available;
	unsigned salt = 0;

	if (!*l->cgroup.unmet)
		return 0;
	CPU_ZERO(&available);
	if (sched_getaffinity(0, sizeof(available), &available) < 0)
		return err_sys(e, "ask for the CPUs of this process");
	for (const char *p = id; *p; p++)
		salt = salt * 31 + (unsigned char)*p;
	return limits_plan(s->resources, l->cgroup.unmet, &available, salt, l, ret_line, e);
}

static void allow(json_object *list, const char *type, int64_t major_nr, int64_t minor_nr)
{
	json_object *o = json_object_new_object();
	json_put_bool(o, "allow", 1);
	json_put_str(o, "type", type);
	json_put_int(o, "major", major_nr);
	json_put_int(o, "minor", minor_nr);
	json_put_str(o, "access", "rwm");
	(void)json_object_array_add(list, o);
}

/* As root: no device but the usual ones and those that were given. */
static json_object *with_devices(const struct container_spec *s)
{
	json_object *all = json_object_new_object(), *list = json_object_new_array(),
		    *deny = json_object_new_object(), *rules = json_get(s->resources, "devices");
	struct err ignored;

	json_put_bool(deny, "allow", 0);
	json_put_str(deny, "access", "rwm");
	(void)json_object_array_add(list, deny);
	for (size_t i = 0; i < json_len(s->mounts); i++) {
		const char *source =
			json_get_str(json_object_array_get_idx(s->mounts, i), "source");
		struct stat st;
		if (source && *source == '/' && stat(source, &st) == 0 &&
		    (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
			allow(list, S_ISCHR(st.st_mode) ? "c" : "b", major(st.st_rdev),
			      minor(st.st_rdev));
	}
	for (size_t i = 0; i < json_len(rules); i++)
		(void)json_object_array_add(list,
					    json_object_get(json_object_array_get_idx(rules, i)));
	if (s->resources)
		(void)cgroup_resources_merge(all, s->resources, &ignored);
	json_put(all, "devices", list);
	return all;
}

/* Can it be had without a word to systemd, or is one said anyway for other limits? */
static int has_pids(const struct container_spec *s)
{
	char words[256];

	if (cgroup_gives("pids"))
		return 1;
	if (!cgroup_resources_limit(s->resources) || !cgroup_is_unified())
		return 0;
	(void)cgroup_controllers(words, sizeof(words));
	for (char *p = words; *p; p++)
		if (*p == ' ')
			*p = '|';
	return str_in_words("pids", 4, words);
}

/* What containers may have without being asked for, as other engines have it: a limit of processes,
 * where that costs nothing and nobody else would have to keep it.  NULL: nothing is added to
 * RESOURCES. */
static json_object *with_default_pids(const struct container_spec *s, json_object *resources)
{
	json_object *all, *pids;
	struct err ignored;

	if (json_get(s->resources, "pids") || json_get(s->resources, "unified") || !has_pids(s))
		return NULL;
	all = json_object_new_object();
	pids = json_object_new_object();
	if (resources)
		(void)cgroup_resources_merge(all, resources, &ignored);
	json_put_int(pids, "limit", PIDS_DEFAULT);
	json_put(all, "pids", pids);
	return all;
}

/* A holder that is started by the one who moves into a scope would end with that. */
static void start_holder(struct engine *en, const struct container_spec *s)
{
	scoped(child) struct child child = CHILD_NONE;
	struct err e;
	int lease = -EBADF, r;

	if (userns_is_root() || !cgroup_resources_limit(s->resources) || holder_pid(en->run_fd) > 0)
		return;
	r = proc_fork(&child, &e);
	if (r == 0)
		_exit(userns_join(en->run_fd, &lease, &e) < 0);
	if (r > 0)
		(void)proc_wait(&child); /* the start itself tells what is wrong */
}

int limits_make(struct engine *en, const struct container_spec *s, const char *id,
		struct limits *ret, void (*warn)(const char *text), struct err *e)
{
	scoped(limits) struct limits l = LIMITS_NONE;
	scoped(json) json_object *all = userns_is_root() && !s->privileged ? with_devices(s) : NULL;
	scoped(json) json_object *more = NULL;
	scoped(mem) char *line = NULL;
	struct cgroup_options o = { .manager = CGROUP_AUTO,
				    .parent = s->cgroup_parent,
				    .resources = all ? all : s->resources,
				    .lenient = 1,
				    .id = id,
				    .annotations = s->annotations };
	int r;

	if (s->cgroups && strcmp(s->cgroups, "disabled") == 0)
		return 0;
	if (en->cgroup_manager && strcmp(en->cgroup_manager, "cgroupfs") == 0)
		o.manager = CGROUP_CGROUPFS;
	o.own_scope = en->cgroup_manager && strcmp(en->cgroup_manager, "systemd") == 0;
	more = with_default_pids(s, o.resources);
	if (more)
		o.resources = more;
	start_holder(en, s);
	r = cgroup_create(&o, &l.cgroup, e);
	if (r == 0)
		r = plan(s, id, &l, &line, e);
	if (r == 0 && l.watch.memory + l.watch.pids > 0 && strcmp(s->pid_mode, "private") != 0)
		r = err_set(e, -ENOTSUP,
			    "the limits of a container without a pid namespace of its own cannot "
			    "be watched");
	if (r == 0 && (l.cgroup.kind != CGROUP_KIND_NONE || *l.cgroup.unmet))
		r = write_state(en, id, &l.cgroup, e);
	if (r < 0) {
		limits_end(&l.cgroup);
		return r;
	}
	if (line && *line && warn)
		warn(line);
	*ret = l;
	l = (struct limits)LIMITS_NONE;
	return 0;
}

int limits_open(struct engine *en, const struct container_spec *s, const char *id,
		struct limits *ret, struct err *e)
{
	scoped(limits) struct limits l = LIMITS_NONE;
	scoped(mem) char *line = NULL;
	int r = limits_open_cgroup(en, id, &l.cgroup, e);

	if (r == 0)
		r = plan(s, id, &l, &line, e);
	if (r < 0)
		return r;
	*ret = l;
	l = (struct limits)LIMITS_NONE;
	return 0;
}

static int list_members(void *arg, pid_t **ret, size_t *ret_n)
{
	return watch_members(*(const pid_t *)arg, ret, ret_n);
}

int limits_adopt(struct engine *en, const struct container_spec *s, const char *id, pid_t pid,
		 struct cgroup *ret, struct err *e)
{
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	struct cgroup_options o = { .id = id, .parent = s->cgroup_parent };
	int r = limits_open_cgroup(en, id, &cg, e);

	if (r == 0 && cg.kind == CGROUP_KIND_NONE) {
		r = cgroup_adopt(&o, list_members, &pid, &cg, e);
		if (r == 0)
			r = write_state(en, id, &cg, e);
		if (r < 0)
			return err_in(e, "the container has no cgroup");
	}
	if (r < 0)
		return r;
	*ret = cg;
	cg = (struct cgroup)CGROUP_NONE;
	return 0;
}

int limits_move(struct engine *en, const struct container_spec *s, const char *id, pid_t pid,
		struct cgroup *cg, struct err *e)
{
	scoped(cgroup) struct cgroup scope = CGROUP_NONE;
	struct cgroup_options o = { .id = id, .parent = s->cgroup_parent };
	int r = cgroup_adopt(&o, list_members, &pid, &scope, e);

	if (r == 0)
		r = write_state(en, id, &scope, e);
	if (r < 0)
		return r;
	limits_end(cg);
	*cg = scope;
	scope = (struct cgroup)CGROUP_NONE;
	return 0;
}

int limits_apply(const struct limits *l, pid_t pid, struct err *e)
{
	if (l->has_affinity && sched_setaffinity(pid, sizeof(l->affinity), &l->affinity) < 0)
		return err_sys(e, "set the CPUs of the container");
	if (l->nice && setpriority(PRIO_PROCESS, (id_t)pid, l->nice) < 0)
		return err_sys(e, "set the nice value of the container");
	if (l->io_level && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid,
				   IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, l->io_level)) < 0)
		return err_sys(e, "set the I/O priority of the container");
	return 0;
}

void limits_add_rlimits(const struct limits *l, json_object *process)
{
	json_object *list = json_get(process, "rlimits"), *all = json_object_new_array();

	if (l->nproc > 0) {
		json_object *o = json_object_new_object();
		json_put_str(o, "type", "RLIMIT_NPROC");
		json_put_int(o, "soft", l->nproc);
		json_put_int(o, "hard", l->nproc);
		(void)json_object_array_add(all, o);
	}
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		const char *type = json_get_str(o, "type");
		if (l->nproc <= 0 || !type || strcmp(type, "RLIMIT_NPROC") != 0)
			(void)json_object_array_add(all, json_object_get(o));
	}
	json_put(process, "rlimits", all);
}

void limits_end(struct cgroup *cg)
{
	struct err e;
	if (cgroup_destroy(cg, &e) < 0)
		dbg("%s", e.text);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How a process is scheduled: process.scheduler, ioPriority and execCPUAffinity. */
#include <errno.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sched.h>
#include <string.h>

#include "src/runtime/plan_parts.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

#ifndef SCHED_FLAG_RESET_ON_FORK
#define SCHED_FLAG_RESET_ON_FORK 1
#endif

static const struct plan_member members[] = {
	{ "", "scheduler", json_type_object },
	{ "", "ioPriority", json_type_object },
	{ "", "execCPUAffinity", json_type_object },
	{ "scheduler", "policy", json_type_string },
	{ "scheduler", "nice", json_type_int },
	{ "scheduler", "priority", json_type_int },
	{ "scheduler", "flags", json_type_array },
	{ "scheduler", "runtime", json_type_int },
	{ "scheduler", "deadline", json_type_int },
	{ "scheduler", "period", json_type_int },
	{ "ioPriority", "class", json_type_string },
	{ "ioPriority", "priority", json_type_int },
	{ "execCPUAffinity", "initial", json_type_string },
	{ "execCPUAffinity", "final", json_type_string },
	{ 0 },
};

struct word {
	const char *name;
	unsigned value;
};
static const struct word policies[] = {
	{ "SCHED_OTHER", 0 }, /* SCHED_NORMAL */
	{ "SCHED_FIFO", 1 },  { "SCHED_RR", 2 },
	{ "SCHED_BATCH", 3 }, { "SCHED_ISO", 4 }, /* reserved: the kernel refuses it */
	{ "SCHED_IDLE", 5 },  { "SCHED_DEADLINE", 6 },
};
/* sched_setattr(2) and linux/sched.h; utilisation clamps have no value in the config. */
static const struct word flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", 0x01 },  { "SCHED_FLAG_RECLAIM", 0x02 },
	{ "SCHED_FLAG_DL_OVERRUN", 0x04 },     { "SCHED_FLAG_KEEP_POLICY", 0x08 },
	{ "SCHED_FLAG_KEEP_PARAMS", 0x10 },    { "SCHED_FLAG_UTIL_CLAMP_MIN", 0x20 },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", 0x40 },
};
static const struct word io_classes[] = {
	{ "IOPRIO_CLASS_RT", 1 },
	{ "IOPRIO_CLASS_BE", 2 },
	{ "IOPRIO_CLASS_IDLE", 3 },
};

static int find(const struct word *w, size_t n, const char *name, unsigned *ret)
{
	for (size_t i = 0; i < n; i++)
		if (name && strcmp(name, w[i].name) == 0) {
			*ret = w[i].value;
			return 0;
		}
	return -EINVAL;
}

static int read_scheduler(struct plan *p, json_object *o, struct err *e)
{
	struct plan_scheduler *s = &p->scheduler;
	const char *policy = json_get_str(o, "policy");
	json_object *list = json_get(o, "flags");
	int64_t nice = json_get_int(o, "nice", 0), priority = json_get_int(o, "priority", 0);
	unsigned v = 0;

	if (find(policies, ARRAY_LEN(policies), policy, &v) < 0)
		return err_set(e, -EINVAL, "config.json: scheduler policy '%s' is not known",
			       policy ? policy : "");
	s->policy = v;
	if (nice < -20 || nice > 19)
		return err_set(e, -EINVAL, "config.json: scheduler nice %lld is out of range",
			       (long long)nice);
	if (priority < 0 || priority > 99)
		return err_set(e, -EINVAL, "config.json: scheduler priority %lld is out of range",
			       (long long)priority);
	s->nice = (int32_t)nice;
	s->priority = (uint32_t)priority;
	for (size_t i = 0; i < json_len(list); i++) {
		const char *name = json_str_at(list, i);
		if (find(flags, ARRAY_LEN(flags), name, &v) < 0)
			return err_set(e, -EINVAL, "config.json: scheduler flag '%s' is not known",
				       name ? name : "");
		s->flags |= v;
	}
	s->runtime = json_object_get_uint64(json_get(o, "runtime"));
	s->deadline = json_object_get_uint64(json_get(o, "deadline"));
	s->period = json_object_get_uint64(json_get(o, "period"));
	p->has_scheduler = 1;
	return 0;
}

static int read_io_priority(struct plan *p, json_object *o, struct err *e)
{
	const char *name = json_get_str(o, "class");
	int64_t priority = json_get_int(o, "priority", 0);
	unsigned v = 0;

	if (find(io_classes, ARRAY_LEN(io_classes), name, &v) < 0)
		return err_set(e, -EINVAL, "config.json: ioPriority class '%s' is not known",
			       name ? name : "");
	if (priority < 0 || priority > 7)
		return err_set(e, -EINVAL, "config.json: ioPriority %lld is out of range",
			       (long long)priority);
	p->io_priority = (int)(v << 13 | (unsigned)priority); /* IOPRIO_CLASS_SHIFT */
	p->has_io_priority = 1;
	return 0;
}

/* "0-3,7": "" is nothing at all. */
static int read_cpus(char **dst, const char *text, struct err *e)
{
	scoped(strv) char **parts = NULL;

	if (!text || !*text)
		return 0;
	parts = strv_split(text, ',');
	if (!parts)
		return err_errno(e, ENOMEM, "config.json: execCPUAffinity");
	for (size_t i = 0; parts[i]; i++) {
		unsigned long long a, b;
		char *dash = strchr(parts[i], '-');
		if (dash)
			*dash = '\0';
		if (str_to_u64(parts[i], CPU_SETSIZE - 1, &a) < 0 ||
		    (dash && (str_to_u64(dash + 1, CPU_SETSIZE - 1, &b) < 0 || b < a)))
			return err_set(e, -EINVAL,
				       "config.json: execCPUAffinity '%s' is no list of CPUs",
				       text);
	}
	return plan_copy(dst, text, e);
}

int plan_read_schedule(struct plan *p, json_object *process, struct err *e)
{
	json_object *scheduler = json_get(process, "scheduler"),
		    *io = json_get(process, "ioPriority"),
		    *cpus = json_get(process, "execCPUAffinity");
	int r = plan_check(process, members, "process", e);

	if (r == 0 && scheduler)
		r = read_scheduler(p, scheduler, e);
	if (r == 0 && io)
		r = read_io_priority(p, io, e);
	if (r == 0)
		r = read_cpus(&p->affinity_initial, json_get_str(cpus, "initial"), e);
	return r < 0 ? r : read_cpus(&p->affinity_final, json_get_str(cpus, "final"), e);
}

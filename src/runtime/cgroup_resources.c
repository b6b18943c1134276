/* SPDX-License-Identifier: Apache-2.0 */
/* runtime-spec's linux.resources as lines for the files of cgroup v2 and v1.
 *
 * One table: which member is which file, and how its number is written there.  What does not fit a
 * line of the table (several members make one value, or one member several lines) has a function
 * below it.  Nothing here touches the kernel. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/runtime/cgroup_backend.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

void cgroup_settings_done(struct cgroup_settings *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->s[i].file);
		free(l->s[i].value);
	}
	free(l->s);
	*l = (struct cgroup_settings){ 0 };
}

int cgroup_settings_add(struct cgroup_settings *l, const char *file, const char *value,
			unsigned flags, struct err *e)
{
	struct cgroup_setting *more = reallocarray(l->s, l->n + 1, sizeof(*more));

	if (!more)
		return err_errno(e, ENOMEM, "work out the limits");
	l->s = more;
	more[l->n].file = strdup(file);
	more[l->n].value = strdup(value);
	more[l->n].flags = flags;
	if (!more[l->n].file || !more[l->n].value) {
		free(more[l->n].file);
		free(more[l->n].value);
		return err_errno(e, ENOMEM, "work out the limits");
	}
	l->n++;
	return 0;
}

const char *cgroup_setting_controller(const char *file, char *buf, size_t n)
{
	size_t len = strcspn(file, ".");
	if (!file[len] || len >= n)
		len = 0;
	memcpy(buf, file, len);
	buf[len] = '\0';
	return buf;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* log2 and powers of 10 for the range below, without libm: that library would be loaded for every
 * start. */
static double log_2(double x)
{
	double r = 0, bit = 0.5;

	while (x >= 2) {
		x /= 2;
		r += 1;
	}
	for (int i = 0; i < 50; i++) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			r += bit;
		}
		bit /= 2;
	}
	return r;
}

static double power_of_10(double x)
{
	const double ln10 = 2.302585092994046;
	double y = x * ln10 / 64, term = 1, sum = 1;

	for (int i = 1; i < 20; i++) {
		term *= y / i;
		sum += term;
	}
	for (int i = 0; i < 6; i++)
		sum *= sum;
	return sum;
}

/* The curve that OCI runtimes agreed on in 2025: it maps the default (1024) to the default (100),
 * which the straight line from (2, 1) to (262144, 10000) does not. */
uint64_t cgroup_weight_of_shares(uint64_t shares)
{
	double l, w;

	if (!shares)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log_2((double)shares);
	w = power_of_10((l * l + 125 * l) / 612 - 7.0 / 34) - 1e-6;
	return (uint64_t)w + ((double)(uint64_t)w < w);
}

uint64_t cgroup_weight_of_blkio(uint64_t weight)
{
	return weight ? 1 + (weight - 10) * 9999 / 990 : 0;
}

int cgroup_swap_of(int64_t limit, int64_t swap, int64_t *ret, struct err *e)
{
	if (swap < 0) {
		*ret = -1;
		return 0;
	}
	if (limit <= 0 && limit != -1)
		return err_set(e, -EINVAL, "a limit of memory and swap needs a memory limit");
	if (limit == -1)
		return err_set(e, -EINVAL, "a limit of memory and swap needs a limit of memory");
	if (swap < limit)
		return err_set(e, -EINVAL,
			       "the limit of memory and swap (%" PRId64
			       ") is below that of memory (%" PRId64 ")",
			       swap, limit);
	*ret = swap - limit;
	return 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

enum conversion {
	PLAIN,	 /* the number */
	OR_MAX,	 /* the number; negative: "max" */
	PIDS,	 /* the number; 0 and negative: "max" */
	SHARES,	 /* cpu.weight */
	WORD,	 /* a string */
	BOOLEAN, /* 1 or 0 */
	REFUSED, /* has no equivalent */
	IGNORED, /* gone from the kernel, and harmless */
};
struct row {
	const char *group, *member;
	const char *v2;
	enum conversion v2_how;
	const char *v1;
	enum conversion v1_how;
	int zero_counts; /* 0 is a value, not "unset" */
};
static const struct row table[] = {
	{ "memory", "limit", "memory.max", OR_MAX, "memory.limit_in_bytes", PLAIN, 0 },
	{ "memory", "reservation", "memory.low", OR_MAX, "memory.soft_limit_in_bytes", PLAIN, 0 },
	{ "memory", "kernel", NULL, IGNORED, NULL, IGNORED, 0 },
	{ "memory", "kernelTCP", NULL, IGNORED, "memory.kmem.tcp.limit_in_bytes", PLAIN, 0 },
	{ "memory", "swappiness", NULL, REFUSED, "memory.swappiness", PLAIN, 1 },
	{ "memory", "disableOOMKiller", NULL, REFUSED, "memory.oom_control", BOOLEAN, 0 },
	{ "memory", "useHierarchy", NULL, IGNORED, "memory.use_hierarchy", BOOLEAN, 0 },
	{ "cpu", "shares", "cpu.weight", SHARES, "cpu.shares", PLAIN, 0 },
	{ "cpu", "idle", "cpu.idle", PLAIN, "cpu.idle", PLAIN, 1 },
	{ "cpu", "realtimePeriod", NULL, REFUSED, "cpu.rt_period_us", PLAIN, 0 },
	{ "cpu", "realtimeRuntime", NULL, REFUSED, "cpu.rt_runtime_us", PLAIN, 0 },
	{ "cpu", "cpus", "cpuset.cpus", WORD, "cpuset.cpus", WORD, 0 },
	{ "cpu", "mems", "cpuset.mems", WORD, "cpuset.mems", WORD, 0 },
	{ "pids", "limit", "pids.max", PIDS, "pids.max", PIDS, 1 },
	{ "network", "classID", NULL, REFUSED, "net_cls.classid", PLAIN, 0 },
	{ "blockIO", "leafWeight", NULL, REFUSED, "blkio.leaf_weight", PLAIN, 0 },
};

static int add_number(struct cgroup_settings *l, const char *file, enum conversion how, int64_t v,
		      struct err *e)
{
	char text[32];

	if (how == SHARES)
		v = (int64_t)cgroup_weight_of_shares((uint64_t)(v < 0 ? 0 : v));
	if ((how == OR_MAX && v < 0) || (how == PIDS && v <= 0))
		(void)snprintf(text, sizeof(text), "max");
	else
		(void)snprintf(text, sizeof(text), "%" PRId64, v);
	return cgroup_settings_add(l, file, text, 0, e);
}

static int add_row(const struct row *t, const char *file, enum conversion how, json_object *v,
		   struct cgroup_settings *l, struct err *e)
{
	int wants_string = how == WORD || (how == REFUSED && t->v1_how == WORD);

	if (wants_string) {
		if (!json_object_is_type(v, json_type_string))
			return err_set(e, -EINVAL, "linux.resources.%s.%s is no string", t->group,
				       t->member);
		return *json_object_get_string(v)
			       ? cgroup_settings_add(l, file, json_object_get_string(v), 0, e)
			       : 0;
	}
	if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_boolean))
		return err_set(e, -EINVAL, "linux.resources.%s.%s is no number", t->group,
			       t->member);
	if (!t->zero_counts && json_object_get_int64(v) == 0)
		return 0;
	if (how == IGNORED)
		return 0;
	if (how == REFUSED)
		return err_set(e, -EINVAL, "cgroup v2 has no equivalent of linux.resources.%s.%s",
			       t->group, t->member);
	return add_number(l, file, how, how == BOOLEAN ? 1 : json_object_get_int64(v), e);
}

static int from_table(json_object *resources, int v1, const char *only, struct cgroup_settings *l,
		      struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(table) && r == 0; i++) {
		const struct row *t = &table[i];
		json_object *v = json_path(resources, t->group, t->member, NULL);
		if (v && strcmp(t->group, only) == 0)
			r = add_row(t, v1 ? t->v1 : t->v2, v1 ? t->v1_how : t->v2_how, v, l, e);
	}
	return r;
}

/* ---- what is more than a line ---------------------------------------------------------------- */

/* A kernel without accounting of swap still limits memory: the file may be missing. */
static int add_memory_v2(json_object *memory, struct cgroup_settings *l, struct err *e)
{
	int64_t limit = json_get_int(memory, "limit", 0), swap = json_get_int(memory, "swap", 0);
	int64_t only = -1;
	char text[32] = "max";
	int r = swap ? cgroup_swap_of(limit, swap, &only, e) : 0;

	if (r < 0 || (!swap && limit != -1))
		return r;
	if (only >= 0)
		(void)snprintf(text, sizeof(text), "%" PRId64, only);
	return cgroup_settings_add(l, "memory.swap.max", text, CGROUP_SETTING_OPTIONAL, e);
}

static int add_cpu_v2(json_object *cpu, struct cgroup_settings *l, struct err *e)
{
	int64_t quota = json_get_int(cpu, "quota", 0), period = json_get_int(cpu, "period", 0);
	int64_t burst = json_get_int(cpu, "burst", 0);
	char text[64];
	int r = 0;

	if (quota || period) {
		if (quota > 0)
			(void)snprintf(text, sizeof(text), "%" PRId64 " %" PRId64, quota,
				       period > 0 ? period : 100000);
		else
			(void)snprintf(text, sizeof(text), "max %" PRId64,
				       period > 0 ? period : 100000);
		r = cgroup_settings_add(l, "cpu.max", text, 0, e);
	}
	if (r == 0 && burst > 0)
		r = add_number(l, "cpu.max.burst", PLAIN, burst, e);
	return r;
}

/* The period first: a quota is checked against it. */
static int add_cpu_v1(json_object *cpu, struct cgroup_settings *l, struct err *e)
{
	int64_t quota = json_get_int(cpu, "quota", 0), period = json_get_int(cpu, "period", 0);
	int64_t burst = json_get_int(cpu, "burst", 0);
	int r = period > 0 ? add_number(l, "cpu.cfs_period_us", PLAIN, period, e) : 0;

	if (r == 0 && quota)
		r = add_number(l, "cpu.cfs_quota_us", PLAIN, quota < 0 ? -1 : quota, e);
	if (r == 0 && burst > 0)
		r = add_number(l, "cpu.cfs_burst_us", PLAIN, burst, e);
	return r;
}

static int add_memory_v1(json_object *memory, struct cgroup_settings *l, struct err *e)
{
	int64_t limit = json_get_int(memory, "limit", 0), swap = json_get_int(memory, "swap", 0);
	int64_t unused;
	char text[32];
	int r = swap ? cgroup_swap_of(limit, swap, &unused, e) : 0;

	if (r < 0 || (!swap && limit != -1))
		return r;
	(void)snprintf(text, sizeof(text), "%" PRId64, swap > 0 ? swap : -1);
	return cgroup_settings_add(l, "memory.memsw.limit_in_bytes", text, CGROUP_SETTING_OPTIONAL,
				   e);
}

static int add_block_weights(json_object *io, int v1, struct cgroup_settings *l, struct err *e)
{
	int64_t w = json_get_int(io, "weight", 0);
	json_object *devices = json_get(io, "weightDevice");
	char text[64];
	int r = 0;

	if (w && (w < 10 || w > 1000))
		return err_set(e, -EINVAL, "a block IO weight is from 10 to 1000, not %" PRId64, w);
	/* The writer takes the first of the scheduler's file (bfq) and the controller's own (v2:
	 * io.weight, with another scale) that the kernel has. */
	if (w)
		r = add_number(l, v1 ? "blkio.weight" : "io.bfq.weight", PLAIN, w, e);
	for (size_t i = 0; i < json_len(devices) && r == 0; i++) {
		json_object *d = json_object_array_get_idx(devices, i);
		w = json_get_int(d, "weight", 0);
		if (w < 10 || w > 1000)
			return err_set(e, -EINVAL,
				       "a block IO weight is from 10 to 1000, not %" PRId64, w);
		(void)snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %" PRId64,
			       json_get_int(d, "major", 0), json_get_int(d, "minor", 0), w);
		r = cgroup_settings_add(l, v1 ? "blkio.weight_device" : "io.bfq.weight", text,
					CGROUP_SETTING_APPEND, e);
	}
	return r;
}

static int add_throttles(json_object *io, int v1, struct cgroup_settings *l, struct err *e)
{
	static const struct {
		const char *member, *v2, *v1;
	} kinds[] = {
		{ "throttleReadBpsDevice", "rbps", "blkio.throttle.read_bps_device" },
		{ "throttleWriteBpsDevice", "wbps", "blkio.throttle.write_bps_device" },
		{ "throttleReadIOPSDevice", "riops", "blkio.throttle.read_iops_device" },
		{ "throttleWriteIOPSDevice", "wiops", "blkio.throttle.write_iops_device" },
	};
	char text[96];

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		json_object *list = json_get(io, kinds[k].member);
		for (size_t i = 0; i < json_len(list); i++) {
			json_object *d = json_object_array_get_idx(list, i);
			int64_t rate = json_get_int(d, "rate", 0);
			int r;
			if (v1)
				(void)snprintf(text, sizeof(text),
					       "%" PRId64 ":%" PRId64 " %" PRId64,
					       json_get_int(d, "major", 0),
					       json_get_int(d, "minor", 0), rate);
			else if (rate > 0)
				(void)snprintf(text, sizeof(text),
					       "%" PRId64 ":%" PRId64 " %s=%" PRId64,
					       json_get_int(d, "major", 0),
					       json_get_int(d, "minor", 0), kinds[k].v2, rate);
			else
				(void)snprintf(text, sizeof(text), "%" PRId64 ":%" PRId64 " %s=max",
					       json_get_int(d, "major", 0),
					       json_get_int(d, "minor", 0), kinds[k].v2);
			r = cgroup_settings_add(l, v1 ? kinds[k].v1 : "io.max", text,
						CGROUP_SETTING_APPEND, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* A word that becomes part of a file name or of a line. */
static int is_word(const char *s)
{
	if (!s || !*s || *s == '.')
		return 0;
	for (; *s; s++)
		if (*s == '/' || *s == ' ' || (unsigned char)*s < 0x20)
			return 0;
	return 1;
}

static int add_hugetlb(json_object *list, int v1, struct cgroup_settings *l, struct err *e)
{
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *h = json_object_array_get_idx(list, i);
		const char *size = json_get_str(h, "pageSize");
		scoped(mem) char *file = NULL;
		scoped(mem) char *reserved = NULL;
		int r;
		if (!is_word(size))
			return err_set(e, -EINVAL, "a limit of huge pages names no page size");
		file = str_printf(v1 ? "hugetlb.%s.limit_in_bytes" : "hugetlb.%s.max", size);
		/* Linux 5.7: what is reserved counts, not only what is used. */
		reserved = str_printf(v1 ? "hugetlb.%s.rsvd.limit_in_bytes" : "hugetlb.%s.rsvd.max",
				      size);
		if (!file || !reserved)
			return err_errno(e, ENOMEM, "work out the limits");
		r = add_number(l, file, PLAIN, json_get_int(h, "limit", 0), e);
		if (r == 0)
			r = add_number(l, reserved, PLAIN, json_get_int(h, "limit", 0), e);
		if (r < 0)
			return r;
		l->s[l->n - 1].flags |= CGROUP_SETTING_OPTIONAL;
	}
	return 0;
}

static int add_rdma(json_object *devices, struct cgroup_settings *l, struct err *e)
{
	if (!json_object_is_type(devices, json_type_object))
		return 0;
	json_object_object_foreach(devices, name, limits)
	{
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		int64_t handles = json_get_int(limits, "hcaHandles", -1);
		int64_t objects = json_get_int(limits, "hcaObjects", -1);
		int r;
		if (!is_word(name))
			return err_set(e, -EINVAL, "'%s' is no name of an RDMA device", name);
		(void)strbuf_puts(&b, name);
		if (handles >= 0)
			(void)strbuf_printf(&b, " hca_handle=%" PRId64, handles);
		if (objects >= 0)
			(void)strbuf_printf(&b, " hca_object=%" PRId64, objects);
		if (b.failed)
			return err_errno(e, ENOMEM, "work out the limits");
		r = cgroup_settings_add(l, "rdma.max", b.s, CGROUP_SETTING_APPEND, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_unified(json_object *unified, struct cgroup_settings *l, struct err *e)
{
	if (!json_object_is_type(unified, json_type_object))
		return 0;
	json_object_object_foreach(unified, file, value)
	{
		const char *text = json_object_get_string(value);
		char controller[32];
		int r = 0;
		/* Files of the cgroup itself (cgroup.procs, cgroup.type...) are no resources. */
		if (!is_word(file) ||
		    !*cgroup_setting_controller(file, controller, sizeof(controller)) ||
		    strcmp(controller, "cgroup") == 0)
			return err_set(e, -EINVAL,
				       "linux.resources.unified: '%s' is no file of a controller",
				       file);
		/* One line a write: the kernel takes no more. */
		while (r == 0 && text && *text) {
			size_t n = strcspn(text, "\n");
			scoped(mem) char *line = strndup(text, n);
			if (!line)
				return err_errno(e, ENOMEM, "work out the limits");
			r = cgroup_settings_add(l, file, line, CGROUP_SETTING_APPEND, e);
			text += n + (text[n] == '\n');
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_priorities(json_object *list, struct cgroup_settings *l, struct err *e)
{
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *p = json_object_array_get_idx(list, i);
		scoped(mem) char *line = NULL;
		int r;
		if (!is_word(json_get_str(p, "name")))
			return err_set(e, -EINVAL, "a network priority names no interface");
		line = str_printf("%s %" PRId64, json_get_str(p, "name"),
				  json_get_int(p, "priority", 0));
		r = line ? cgroup_settings_add(l, "net_prio.ifpriomap", line, CGROUP_SETTING_APPEND,
					       e)
			 : err_errno(e, ENOMEM, "work out the limits");
		if (r < 0)
			return r;
	}
	return 0;
}

/* What the two have alike; a table's row without a file on one side is nothing there. */
static int add_all(json_object *resources, int v1, struct cgroup_settings *l, struct err *e)
{
	json_object *memory = json_get(resources, "memory"), *cpu = json_get(resources, "cpu"),
		    *io = json_get(resources, "blockIO");
	int r = from_table(resources, v1, "memory", l, e);

	if (r == 0)
		r = v1 ? add_memory_v1(memory, l, e) : add_memory_v2(memory, l, e);
	if (r == 0)
		r = from_table(resources, v1, "cpu", l, e);
	if (r == 0)
		r = v1 ? add_cpu_v1(cpu, l, e) : add_cpu_v2(cpu, l, e);
	if (r == 0)
		r = from_table(resources, v1, "pids", l, e);
	if (r == 0)
		r = from_table(resources, v1, "network", l, e);
	if (r == 0)
		r = from_table(resources, v1, "blockIO", l, e);
	if (r == 0)
		r = add_block_weights(io, v1, l, e);
	if (r == 0)
		r = add_throttles(io, v1, l, e);
	if (r == 0)
		r = add_hugetlb(json_get(resources, "hugepageLimits"), v1, l, e);
	return r < 0 ? r : add_rdma(json_get(resources, "rdma"), l, e);
}

int cgroup_settings_v2(json_object *resources, struct cgroup_settings *l, struct err *e)
{
	int r;

	if (json_len(json_path(resources, "network", "priorities", NULL)))
		return err_set(e, -EINVAL,
			       "cgroup v2 has no equivalent of linux.resources.network.priorities");
	r = add_all(resources, 0, l, e);
	return r < 0 ? r : add_unified(json_get(resources, "unified"), l, e);
}

int cgroup_settings_v1(json_object *resources, struct cgroup_settings *l, struct err *e)
{
	json_object *unified = json_get(resources, "unified");
	int r;

	if (json_object_is_type(unified, json_type_object) && json_object_object_length(unified))
		return err_set(e, -EINVAL, "linux.resources.unified needs cgroup v2");
	r = add_all(resources, 1, l, e);
	return r < 0 ? r
		     : add_priorities(json_path(resources, "network", "priorities", NULL), l, e);
}

/* ---- whole objects --------------------------------------------------------------------------- */

int cgroup_resources_limit(json_object *resources)
{
	if (!json_object_is_type(resources, json_type_object))
		return 0;
	json_object_object_foreach(resources, name, v)
	{
		if (strcmp(name, "devices") == 0)
			continue;
		if (json_object_is_type(v, json_type_object) ? json_object_object_length(v) > 0
							     : json_len(v) > 0)
			return 1;
	}
	return 0;
}

int cgroup_resources_merge(json_object *resources, json_object *update, struct err *e)
{
	if (!json_object_is_type(update, json_type_object))
		return err_set(e, -EINVAL, "the resources to set are no JSON object");
	json_object_object_foreach(update, group, v)
	{
		json_object *old = json_get(resources, group);
		if (!json_object_is_type(v, json_type_object) ||
		    !json_object_is_type(old, json_type_object)) {
			json_put(resources, group, json_object_get(v));
			continue;
		}
		json_object_object_foreach(v, member, value)
			json_put(old, member, json_object_get(value));
	}
	return 0;
}

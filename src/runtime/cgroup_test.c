/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the cgroup code that need no cgroup: what is written where, device programs, unit
 * names and properties. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/runtime/cgroup_backend.h"
#include "src/runtime/cgroup_devices.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

static json_object *parse(const char *text)
{
	json_object *o = NULL;
	struct err e;
	if (json_parse(text, strlen(text), &o, &e) < 0)
		TEST_FAIL("%s: %s", text, e.text);
	return o;
}

/* "file=value file=value" of what RESOURCES become; "EINVAL" and the like for a refusal.  Owned. */
static char *settings(const char *resources, int v1)
{
	scoped(json) json_object *o = parse(resources);
	scoped(cgroup_settings) struct cgroup_settings l = { 0 };
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	struct err e;
	int r = v1 ? cgroup_settings_v1(o, &l, &e) : cgroup_settings_v2(o, &l, &e);

	if (r < 0)
		return strdup(r == -EINVAL ? "EINVAL" : "other");
	for (size_t i = 0; i < l.n; i++)
		(void)strbuf_printf(&b, "%s%s=%s", i ? ";" : "", l.s[i].file, l.s[i].value);
	return strbuf_take(&b);
}

static const struct {
	const char *resources, *v2, *v1;
} conversions[] = {
	{ "{}", "", "" },
	{ "{\"devices\":[{\"allow\":false}]}", "", "" },
	{ "{\"memory\":{\"limit\":1048576}}", "memory.max=1048576",
	  "memory.limit_in_bytes=1048576" },
	{ "{\"memory\":{\"limit\":-1}}", "memory.max=max;memory.swap.max=max",
	  "memory.limit_in_bytes=-1;memory.memsw.limit_in_bytes=-1" },
	{ "{\"memory\":{\"limit\":0}}", "", "" },
	/* v1 counts memory and swap together, v2 swap alone. */
	{ "{\"memory\":{\"limit\":100,\"swap\":150}}", "memory.max=100;memory.swap.max=50",
	  "memory.limit_in_bytes=100;memory.memsw.limit_in_bytes=150" },
	{ "{\"memory\":{\"limit\":100,\"swap\":100}}", "memory.max=100;memory.swap.max=0",
	  "memory.limit_in_bytes=100;memory.memsw.limit_in_bytes=100" },
	{ "{\"memory\":{\"limit\":100,\"swap\":-1}}", "memory.max=100;memory.swap.max=max",
	  "memory.limit_in_bytes=100;memory.memsw.limit_in_bytes=-1" },
	{ "{\"memory\":{\"limit\":100,\"swap\":50}}", "EINVAL", "EINVAL" },
	{ "{\"memory\":{\"swap\":50}}", "EINVAL", "EINVAL" },
	{ "{\"memory\":{\"reservation\":7}}", "memory.low=7", "memory.soft_limit_in_bytes=7" },
	{ "{\"memory\":{\"swappiness\":0}}", "EINVAL", "memory.swappiness=0" },
	{ "{\"memory\":{\"disableOOMKiller\":true}}", "EINVAL", "memory.oom_control=1" },
	{ "{\"memory\":{\"disableOOMKiller\":false}}", "", "" },
	{ "{\"memory\":{\"kernel\":9}}", "", "" },
	{ "{\"memory\":{\"limit\":\"9\"}}", "EINVAL", "EINVAL" },
	{ "{\"cpu\":{\"shares\":1024}}", "cpu.weight=100", "cpu.shares=1024" },
	{ "{\"cpu\":{\"shares\":0}}", "", "" },
	{ "{\"cpu\":{\"quota\":50000}}", "cpu.max=50000 100000", "cpu.cfs_quota_us=50000" },
	{ "{\"cpu\":{\"quota\":5000,\"period\":20000}}", "cpu.max=5000 20000",
	  "cpu.cfs_period_us=20000;cpu.cfs_quota_us=5000" },
	{ "{\"cpu\":{\"quota\":-1}}", "cpu.max=max 100000", "cpu.cfs_quota_us=-1" },
	{ "{\"cpu\":{\"period\":20000}}", "cpu.max=max 20000", "cpu.cfs_period_us=20000" },
	{ "{\"cpu\":{\"burst\":300}}", "cpu.max.burst=300", "cpu.cfs_burst_us=300" },
	{ "{\"cpu\":{\"idle\":1}}", "cpu.idle=1", "cpu.idle=1" },
	{ "{\"cpu\":{\"realtimeRuntime\":9}}", "EINVAL", "cpu.rt_runtime_us=9" },
	{ "{\"cpu\":{\"cpus\":\"0-2,5\",\"mems\":\"0\"}}", "cpuset.cpus=0-2,5;cpuset.mems=0",
	  "cpuset.cpus=0-2,5;cpuset.mems=0" },
	{ "{\"cpu\":{\"cpus\":\"\"}}", "", "" },
	{ "{\"cpu\":{\"cpus\":3}}", "EINVAL", "EINVAL" },
	{ "{\"pids\":{\"limit\":20}}", "pids.max=20", "pids.max=20" },
	{ "{\"pids\":{\"limit\":0}}", "pids.max=max", "pids.max=max" },
	{ "{\"pids\":{\"limit\":-1}}", "pids.max=max", "pids.max=max" },
	{ "{\"blockIO\":{\"weight\":10}}", "io.bfq.weight=10", "blkio.weight=10" },
	{ "{\"blockIO\":{\"weight\":9}}", "EINVAL", "EINVAL" },
	{ "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":1,\"weight\":200}]}}",
	  "io.bfq.weight=8:1 200", "blkio.weight_device=8:1 200" },
	{ "{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":99}],"
	  "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":0}]}}",
	  "io.max=8:0 rbps=99;io.max=8:0 wiops=max",
	  "blkio.throttle.read_bps_device=8:0 99;blkio.throttle.write_iops_device=8:0 0" },
	{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}",
	  "hugetlb.2MB.max=4194304;hugetlb.2MB.rsvd.max=4194304",
	  "hugetlb.2MB.limit_in_bytes=4194304;hugetlb.2MB.rsvd.limit_in_bytes=4194304" },
	{ "{\"hugepageLimits\":[{\"pageSize\":\"../2MB\",\"limit\":4}]}", "EINVAL", "EINVAL" },
	{ "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10}}}",
	  "rdma.max=mlx5_1 hca_handle=3 hca_object=10",
	  "rdma.max=mlx5_1 hca_handle=3 hca_object=10" },
	{ "{\"network\":{\"classID\":1048577}}", "EINVAL", "net_cls.classid=1048577" },
	{ "{\"network\":{\"priorities\":[{\"name\":\"eth0\",\"priority\":5}]}}", "EINVAL",
	  "net_prio.ifpriomap=eth0 5" },
	{ "{\"unified\":{\"memory.high\":\"5\",\"io.max\":\"8:0 rbps=1\\n8:1 rbps=2\"}}",
	  "memory.high=5;io.max=8:0 rbps=1;io.max=8:1 rbps=2", "EINVAL" },
	/* Files that are no limits, or not the container's. */
	{ "{\"unified\":{\"cgroup.procs\":\"1\"}}", "EINVAL", "EINVAL" },
	{ "{\"unified\":{\"../memory.max\":\"1\"}}", "EINVAL", "EINVAL" },
	{ "{\"unified\":{\"x/memory.max\":\"1\"}}", "EINVAL", "EINVAL" },
	{ "{\"unified\":{\"memory\":\"1\"}}", "EINVAL", "EINVAL" },
};

TEST(cgroup_resources_become_lines_for_v2_and_v1)
{
	for (size_t i = 0; i < ARRAY_LEN(conversions); i++) {
		scoped(mem) char *v2 = settings(conversions[i].resources, 0);
		scoped(mem) char *v1 = settings(conversions[i].resources, 1);
		CHECK_STR(v2, conversions[i].v2);
		CHECK_STR(v1, conversions[i].v1);
	}
}

/* Known pairs of the curve, and its ends. */
TEST(cgroup_shares_become_weights)
{
	static const uint64_t pairs[][2] = { { 0, 0 },	    { 1, 1 },	       { 2, 1 },
					     { 256, 35 },   { 512, 59 },       { 1024, 100 },
					     { 2048, 174 }, { 262144, 10000 }, { 999999, 10000 } };
	uint64_t last = 0;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		CHECK_INT(cgroup_weight_of_shares(pairs[i][0]), pairs[i][1]);
	for (uint64_t s = 1; s <= 262144; s += 97) {
		uint64_t w = cgroup_weight_of_shares(s);
		if (w < last || w < 1 || w > 10000)
			TEST_FAIL("shares %llu: weight %llu", (unsigned long long)s,
				  (unsigned long long)w);
		last = w;
	}
	CHECK_INT(cgroup_weight_of_blkio(10), 1);
	CHECK_INT(cgroup_weight_of_blkio(1000), 10000);
	CHECK_INT(cgroup_weight_of_blkio(0), 0);
}

TEST(cgroup_resources_are_merged_member_by_member)
{
	scoped(json) json_object *old = parse("{\"memory\":{\"limit\":1,\"swap\":2},"
					      "\"cpu\":{\"quota\":5}}");
	scoped(json) json_object *update =
		parse("{\"memory\":{\"limit\":9},\"pids\":{\"limit\":3}}");
	struct err e;

	CHECK_INT(cgroup_resources_limit(old), 1);
	CHECK_INT(cgroup_resources_merge(old, update, &e), 0);
	CHECK_INT(json_get_int(json_get(old, "memory"), "limit", 0), 9);
	CHECK_INT(json_get_int(json_get(old, "memory"), "swap", 0), 2);
	CHECK_INT(json_get_int(json_get(old, "cpu"), "quota", 0), 5);
	CHECK_INT(json_get_int(json_get(old, "pids"), "limit", 0), 3);
	CHECK_INT(cgroup_resources_merge(old, NULL, &e), -EINVAL);
}

/* ---- devices --------------------------------------------------------------------------------- */

/* What a program of the few instructions that ours are made of answers. */
static int run_program(const struct bpf_insn *p, size_t n, char type, unsigned access,
		       uint32_t major_nr, uint32_t minor_nr)
{
	uint32_t ctx[3] = { (access << 16) |
				    (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
			    major_nr, minor_nr };
	uint64_t reg[11] = { 0 };

	for (size_t pc = 0; pc < n; pc++) {
		uint64_t operand = BPF_SRC(p[pc].code) == BPF_X ? reg[p[pc].src_reg]
								: (uint64_t)(int64_t)p[pc].imm;
		uint64_t *dst = &reg[p[pc].dst_reg];
		switch (p[pc].code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			*dst = ctx[p[pc].off / 4];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = operand;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			*dst &= operand;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			*dst >>= operand;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			pc += (uint32_t)*dst != (uint32_t)operand ? (size_t)p[pc].off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += *dst == operand ? (size_t)p[pc].off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)reg[0];
		default:
			TEST_FAIL("instruction %zu: unexpected code 0x%x", pc, p[pc].code);
			return -1;
		}
	}
	TEST_FAIL("the program runs off its end");
	return -1;
}

#define R BPF_DEVCG_ACC_READ
#define W BPF_DEVCG_ACC_WRITE
#define M BPF_DEVCG_ACC_MKNOD

TEST(cgroup_device_rules_hold_in_the_program)
{
	static const char rules[] =
		"[{\"allow\":false,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"},"
		"{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"r\"},"
		"{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":1,\"access\":\"w\"},"
		"{\"allow\":false,\"type\":\"b\",\"major\":8,\"minor\":2,\"access\":\"r\"}]";
	static const struct {
		char type;
		unsigned access, major_nr, minor_nr;
		int want;
	} cases[] = {
		{ 'c', R | W, 1, 3, 1 },	/* null: always */
		{ 'c', R | W | M, 136, 77, 1 }, /* ptys */
		{ 'c', R | W, 10, 229, 1 },
		{ 'c', R | W, 10, 200, 1 }, /* tun: for the container's network */
		{ 'b', R | W, 10, 229, 0 },
		{ 'c', R, 10, 228, 0 },
		{ 'b', R, 8, 0, 1 },
		{ 'b', W, 8, 0, 0 },
		{ 'b', R | W, 8, 0, 0 },
		{ 'b', R | W, 8, 1, 1 }, /* of two rules */
		{ 'b', R, 8, 2, 0 },
		{ 'b', M, 8, 2, 1 },
		{ 'c', M, 99, 99, 1 },
		{ 'c', R, 1, 1, 0 }, /* mem */
	};
	scoped(json) json_object *list = parse(rules);
	scoped(device_rules) struct device_rules l = { 0 };
	scoped(mem) struct bpf_insn *p = NULL;
	size_t n = 0;
	struct err e;

	CHECK_INT(device_rules_parse(list, &l, &e), 0);
	CHECK_INT(device_rules_program(&l, &p, &n, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (run_program(p, n, cases[i].type, cases[i].access, cases[i].major_nr,
				cases[i].minor_nr) != cases[i].want)
			TEST_FAIL("%c %u:%u access %u: not %d", cases[i].type, cases[i].major_nr,
				  cases[i].minor_nr, cases[i].access, cases[i].want);
}

TEST(cgroup_device_rules_are_checked_and_written_for_v1)
{
	static const char *const bad[] = { "[{\"type\":\"x\"}]", "[{\"type\":\"cc\"}]",
					   "[{\"access\":\"rx\"}]", "[{\"major\":-2}]",
					   "[{\"type\":\"c\",\"minor\":4294967296}]" };
	scoped(device_rules) struct device_rules l = { 0 };
	scoped(json) json_object *list =
		parse("[{\"allow\":false},{\"allow\":true,\"type\":\"b\",\"major\":8,"
		      "\"access\":\"rm\"}]");
	char text[80];
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		scoped(json) json_object *o = parse(bad[i]);
		CHECK_INT(device_rules_parse(o, &l, &e), -EINVAL);
	}
	CHECK_INT(device_rules_parse(list, &l, &e), 0);
	CHECK_STR(device_rule_text(&l.r[0], text, sizeof(text)), "a");
	CHECK_STR(device_rule_text(&l.r[1], text, sizeof(text)), "b 8:* rm");
	CHECK_STR(device_rule_text(&l.r[l.n - 1], text, sizeof(text)), "c 136:* rwm");
}

/* ---- systemd --------------------------------------------------------------------------------- */

static char *properties(const char *resources, int v2)
{
	scoped(json) json_object *o = parse(resources);
	scoped(json) json_object *list = json_object_new_array();
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	struct err e;

	if (cgroup_systemd_properties(o, v2, list, &e) < 0)
		return strdup("refused");
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *p = json_object_array_get_idx(list, i);
		scoped(mem) char *v = json_text(json_get(p, "value"));
		(void)strbuf_printf(&b, "%s%s(%s)=%s", i ? ";" : "", json_get_str(p, "name"),
				    json_get_str(p, "type"), v);
	}
	return strbuf_take(&b);
}

TEST(cgroup_limits_become_unit_properties)
{
	static const struct {
		const char *resources, *v2, *v1;
	} cases[] = {
		{ "{}", "", "" },
		{ "{\"memory\":{\"limit\":100,\"swap\":150}}",
		  "MemoryMax(t)=100;MemorySwapMax(t)=50", "MemoryLimit(t)=100" },
		{ "{\"memory\":{\"limit\":-1}}", "MemoryMax(t)=18446744073709551615",
		  "MemoryLimit(t)=18446744073709551615" },
		{ "{\"cpu\":{\"shares\":1024}}", "CPUWeight(t)=100", "CPUShares(t)=1024" },
		/* 33.3 % of a CPU: rounded up to a hundredth. */
		{ "{\"cpu\":{\"quota\":33300,\"period\":100000}}",
		  "CPUQuotaPerSecUSec(t)=340000;CPUQuotaPeriodUSec(t)=100000",
		  "CPUQuotaPerSecUSec(t)=340000;CPUQuotaPeriodUSec(t)=100000" },
		{ "{\"cpu\":{\"cpus\":\"0-2,9\"}}", "AllowedCPUs(ay)=[7,2]", "" },
		{ "{\"pids\":{\"limit\":0}}", "TasksMax(t)=18446744073709551615",
		  "TasksMax(t)=18446744073709551615" },
		{ "{\"memory\":{\"limit\":100,\"swap\":50}}", "refused", "MemoryLimit(t)=100" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(mem) char *v2 = properties(cases[i].resources, 1);
		scoped(mem) char *v1 = properties(cases[i].resources, 0);
		CHECK_STR(v2, cases[i].v2);
		CHECK_STR(v1, cases[i].v1);
	}
}

TEST(cgroup_annotations_become_unit_properties)
{
	static const struct {
		const char *name, *value, *type, *text; /* NULL type: refused */
	} cases[] = {
		{ "Description", "'a b'", "s", "\"a b\"" },
		{ "Delegate", "true", "b", "true" },
		{ "TasksMax", "uint64 5", "t", "5" },
		{ "Nice", "-3", "i", "-3" },
		{ "TimeoutStopSec", "uint64 2", "t", "2000000" },
		{ "After", "['a.service', 'b.service']", "as", "[\"a.service\",\"b.service\"]" },
		{ "Nice", "5x", NULL, NULL },
		{ "No Name", "1", NULL, NULL },
		{ "", "1", NULL, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(json) json_object *list = json_object_new_array();
		struct err e;
		int r = cgroup_systemd_annotation(cases[i].name, cases[i].value, list, &e);
		json_object *p = json_object_array_get_idx(list, 0);
		scoped(mem) char *text = json_text(json_get(p, "value"));
		CHECK_INT(r, cases[i].type ? 0 : -EINVAL);
		if (!cases[i].type)
			continue;
		CHECK_STR(json_get_str(p, "type"), cases[i].type);
		CHECK_STR(text, cases[i].text);
	}
}

TEST(cgroup_paths_name_systemd_units)
{
	static const struct {
		const char *path, *parent, *unit, *slice; /* NULL unit: refused */
	} cases[] = {
		{ NULL, NULL, "cove-abc.scope", "user.slice" },
		{ NULL, "my.slice", "cove-abc.scope", "my.slice" },
		{ "machine.slice:libpod:abc", NULL, "libpod-abc.scope", "machine.slice" },
		{ ":libpod:abc", NULL, "libpod-abc.scope", "user.slice" },
		{ "a.slice::abc", NULL, "abc.scope", "a.slice" },
		{ "/a/b", NULL, NULL, NULL },
		{ "a:b", NULL, NULL, NULL },
		{ "a:b:c", NULL, NULL, NULL },
		{ "a.slice:b:../c", NULL, NULL, NULL },
		{ "a.slice:b:c.slice", NULL, NULL, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cgroup_options o = { .path = cases[i].path,
					    .parent = cases[i].parent,
					    .id = "abc" };
		scoped(mem) char *unit = NULL;
		scoped(mem) char *slice = NULL;
		struct err e;
		int r = cgroup_systemd_names(&o, 1, &unit, &slice, &e);
		CHECK_INT(r < 0, cases[i].unit == NULL);
		if (!cases[i].unit)
			continue;
		CHECK_STR(unit, cases[i].unit);
		CHECK_STR(slice, cases[i].slice);
	}
}

TEST(cgroup_state_survives_as_json)
{
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	scoped(cgroup) struct cgroup back = CGROUP_NONE;
	scoped(json) json_object *o = NULL;
	scoped(json) json_object *bad = parse("{\"kind\":1}");
	struct err e;

	cg.kind = CGROUP_KIND_V1;
	cg.v1[CGROUP_V1_PIDS] = strdup("/nowhere/pids/x");
	cg.scope = strdup("cove-x.scope");
	(void)snprintf(cg.unmet, sizeof(cg.unmet), "memory|io");
	o = cgroup_to_json(&cg);
	CHECK_INT(cgroup_from_json(o, &back, &e), 0);
	CHECK_INT(back.kind, CGROUP_KIND_V1);
	CHECK_STR(back.v1[CGROUP_V1_PIDS], "/nowhere/pids/x");
	CHECK(!back.v1[CGROUP_V1_MEMORY]);
	CHECK_STR(back.scope, "cove-x.scope");
	CHECK_STR(back.unmet, "memory|io");
	CHECK_INT(back.fd, -EBADF);
	CHECK_INT(cgroup_from_json(bad, &back, &e), -EBADMSG);
}

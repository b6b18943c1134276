/* SPDX-License-Identifier: Apache-2.0 */
/* Limits as typed, and who keeps them where a controller is out of reach. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/container/limits.h"
#include "src/container/resources.h"
#include "src/util/json.h"
#include "src/util/testing.h"

static char *text_of(const struct resource_options *o)
{
	scoped(json) json_object *r = NULL;
	struct err e;
	if (resources_parse(o, NULL, &r, &e) < 0)
		return strdup(e.text);
	return json_text(r);
}

#define OPTIONS(...)                                   \
	{                                              \
		.memory_swappiness = -1, ##__VA_ARGS__ \
	}

TEST(limits_are_parsed_and_checked)
{
	static const struct {
		struct resource_options o;
		const char *want;
	} cases[] = {
		{ OPTIONS(.cpus = 0), "{}" },
		{ OPTIONS(.memory = "64m"),
		  "{\"memory\":{\"limit\":67108864,\"swap\":134217728}}" },
		{ OPTIONS(.memory = "64m", .memory_swap = "-1"),
		  "{\"memory\":{\"limit\":67108864,\"swap\":-1}}" },
		{ OPTIONS(.memory = "x"), "invalid value for memory: invalid size: 'x'" },
		{ OPTIONS(.memory_swap = "5m"),
		  "you should always set a memory limit when using a memoryswap limit, see usage" },
		{ OPTIONS(.memory = "6m", .memory_swap = "5m"),
		  "minimum memoryswap limit should be larger than memory limit, see usage" },
		{ OPTIONS(.memory = "6m", .memory_reservation = "7m"),
		  "minimum memory limit cannot be less than memory reservation limit, see usage" },
		{ OPTIONS(.cpus = 1.5), "{\"cpu\":{\"quota\":150000,\"period\":100000}}" },
		{ OPTIONS(.cpus = 1, .cpu_quota = 5),
		  "--cpu-quota and --cpus cannot be set together" },
		{ OPTIONS(.cpu_quota = 5), "CPU cfs quota cannot be less than 1ms (i.e. 1000)" },
		{ OPTIONS(.cpu_quota = -1), "{\"cpu\":{\"quota\":-1}}" },
		{ OPTIONS(.cpuset_cpus = "0-1,3"), "{\"cpu\":{\"cpus\":\"0-1,3\"}}" },
		{ OPTIONS(.cpuset_cpus = "3-1"), "invalid value 3-1 for cpuset cpus" },
		{ OPTIONS(.cpuset_cpus = "1,"), "invalid value 1, for cpuset cpus" },
		{ OPTIONS(.cpuset_mems = "x"), "invalid value x for cpuset mems" },
		{ OPTIONS(.pids_limit = 0, .pids_limit_given = 1), "{\"pids\":{\"limit\":-1}}" },
		{ OPTIONS(.blkio_weight = "1001"),
		  "invalid value for blkio-weight: '1001' is not in the range of 10 to 1000" },
		{ { .memory_swappiness = 101 },
		  "invalid value: 101, valid memory swappiness range is 0-100" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct resource_options o = cases[i].o;
		scoped(mem) char *got = NULL;
		got = text_of(&o);
		CHECK_STR(got, cases[i].want);
	}
}

TEST(an_update_is_checked_together_with_what_holds)
{
	scoped(json) json_object *old = json_object_new_object();
	scoped(json) json_object *r = NULL;
	json_object *memory = json_object_new_object();
	struct resource_options o = OPTIONS(.memory_swap = "100m");
	struct err e;

	json_put_int(memory, "limit", 50 << 20);
	json_put(old, "memory", memory);
	CHECK_INT(resources_parse(&o, old, &r, &e), 0);
	o.memory_swap = "40m";
	CHECK_INT(resources_parse(&o, old, &r, &e), -EINVAL);
}

TEST(conf_and_device_rules)
{
	scoped(json) json_object *r = json_object_new_object();
	scoped(mem) char *text = NULL;
	struct err e;

	CHECK_INT(resources_add_conf(r, "memory.high=5", &e), 0);
	CHECK_INT(resources_add_conf(r, "memory.high", &e), -EINVAL);
	CHECK_INT(resources_add_conf(r, "=5", &e), -EINVAL);
	CHECK_INT(resources_add_device_rule(r, "c 1:* rw", &e), 0);
	CHECK_INT(resources_add_device_rule(r, "c 1 rw", &e), -EINVAL);
	CHECK_INT(resources_add_device_rule(r, "d 1:2 rw", &e), -EINVAL);
	CHECK_INT(resources_add_device_rule(r, "c 1:x rw", &e), -EINVAL);
	CHECK_INT(resources_add_device_rule(r, "c 1:2 rx", &e), -EINVAL);
	text = json_text(r);
	CHECK_STR(text,
		  "{\"unified\":{\"memory.high\":\"5\"},\"devices\":[{\"allow\":true,\"type\":"
		  "\"c\",\"major\":1,\"access\":\"rw\"}]}");
}

static json_object *parse(const char *s)
{
	json_object *o = NULL;
	struct err e;
	CHECK_INT(json_parse(s, strlen(s), &o, &e), 0);
	return o;
}

TEST(limits_without_a_controller_are_kept_otherwise_or_refused)
{
	scoped(json) json_object *r =
		parse("{\"memory\":{\"limit\":1000},\"cpu\":{\"quota\":150000,\"period\":100000,"
		      "\"shares\":512,\"cpus\":\"1-3\"},\"blockIO\":{\"weight\":100}}");
	scoped(json) json_object *mems = parse("{\"cpu\":{\"mems\":\"0\"}}");
	scoped(json) json_object *conf = parse("{\"unified\":{\"memory.high\":\"1\"}}");
	struct limits l = LIMITS_NONE;
	scoped(mem) char *line = NULL;
	cpu_set_t all;
	struct err e;

	CPU_ZERO(&all);
	for (int i = 0; i < 8; i++)
		CPU_SET(i, &all);
	CHECK_INT(limits_plan(r, "", &all, 1, &l, &line, &e), 0);
	CHECK(!line && !l.has_affinity && !l.watch.memory);
	CHECK_INT(limits_plan(r, "cpuset|io", &all, 1, &l, &line, &e), 0);
	CHECK_STR(line, "limits kept by cgroup: memory, cpus, cpu-shares; kept by CPU affinity: "
			"cpuset-cpus; kept by I/O priority: blkio-weight");
	CHECK_INT(CPU_COUNT(&l.affinity), 3);
	CHECK_INT(l.io_level, 6);
	CHECK_INT(l.nice, 0);
	free(take_ptr(&line));
	CHECK_INT(limits_plan(r, "memory|cpu|cpuset|blkio", &all, 1, &l, &line, &e), 0);
	CHECK_INT(l.watch.memory, 1000);
	CHECK_INT(CPU_COUNT(&l.affinity), 2); /* 1.5 CPUs, of 1-3 */
	CHECK(!CPU_ISSET(0, &l.affinity));
	CHECK_INT(l.nice, 3); /* half the usual share */
	free(take_ptr(&line));
	CHECK_INT(limits_plan(mems, "cpuset", &all, 1, &l, &line, &e), -ENOTSUP);
	CHECK(strstr(e.hint, "Delegate=") != NULL);
	CHECK_INT(limits_plan(conf, "memory", &all, 1, &l, &line, &e), -ENOTSUP);
	CPU_ZERO(&all);
	CPU_SET(0, &all);
	CHECK_INT(limits_plan(r, "cpuset", &all, 1, &l, &line, &e), -EINVAL);
}

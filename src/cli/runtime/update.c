/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/runtime/verb.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/units.h"

#define RESOURCES_MAX (1U << 20)

/* Values stay text until they are put where their row says: what is not given changes nothing. */
struct update_options {
	const char *resources;
	const char *blkio_weight, *cpu_idle, *cpu_burst, *cpu_period, *cpu_quota, *cpu_rt_period,
		*cpu_rt_runtime, *cpu_share, *cpuset_cpus, *cpuset_mems, *memory,
		*memory_reservation, *memory_swap, *pids_limit;
};

#define AT(f) offsetof(struct update_options, f)
static const struct opt options[] = {
	STR(0, "blkio-weight", "N", AT(blkio_weight), "Weight of input and output, 10 to 1000"),
	STR(0, "cpu-burst", "USEC", AT(cpu_burst), "Time that may be saved up beyond the quota"),
	STR(0, "cpu-idle", "0|1", AT(cpu_idle), "Run only when nothing else does"),
	STR(0, "cpu-period", "USEC", AT(cpu_period), "Period of the quota"),
	STR(0, "cpu-quota", "USEC", AT(cpu_quota), "Processor time in a period"),
	STR(0, "cpu-rt-period", "USEC", AT(cpu_rt_period), "Period of the realtime share"),
	STR(0, "cpu-rt-runtime", "USEC", AT(cpu_rt_runtime), "Realtime share in a period"),
	STR(0, "cpu-share", "N", AT(cpu_share), "Share of processor time against others",
	    .spellings = "cpu-shares"),
	STR(0, "cpuset-cpus", "LIST", AT(cpuset_cpus), "Processors it may use"),
	STR(0, "cpuset-mems", "LIST", AT(cpuset_mems), "Memory nodes it may use"),
	REFUSED(0, "kernel-memory", "the kernel has no such limit any more (Linux 5.11)"),
	REFUSED(0, "kernel-memory-tcp", "the kernel has no such limit any more (Linux 5.11)"),
	REFUSED(0, "l3-cache-schema", "Intel RDT is not supported"),
	REFUSED(0, "mem-bw-schema", "Intel RDT is not supported"),
	STR(0, "memory", "BYTES", AT(memory), "Limit of memory, -1 for none"),
	STR(0, "memory-reservation", "BYTES", AT(memory_reservation), "Memory to be kept for it"),
	STR(0, "memory-swap", "BYTES", AT(memory_swap), "Limit of memory and swap, -1 for none"),
	STR(0, "pids-limit", "N", AT(pids_limit), "How many processes it may have, -1 for any"),
	STR('r', "resources", "FILE", AT(resources),
	    "A JSON object as linux.resources of config.json; - is standard input",
	    .complete = "file"),
	END,
};

enum value { VALUE_INT, VALUE_SIZE, VALUE_TEXT };
static const struct {
	size_t at;
	const char *option, *object, *member;
	enum value value;
} rows[] = {
	{ AT(blkio_weight), "blkio-weight", "blockIO", "weight", VALUE_INT },
	{ AT(cpu_burst), "cpu-burst", "cpu", "burst", VALUE_INT },
	{ AT(cpu_idle), "cpu-idle", "cpu", "idle", VALUE_INT },
	{ AT(cpu_period), "cpu-period", "cpu", "period", VALUE_INT },
	{ AT(cpu_quota), "cpu-quota", "cpu", "quota", VALUE_INT },
	{ AT(cpu_rt_period), "cpu-rt-period", "cpu", "realtimePeriod", VALUE_INT },
	{ AT(cpu_rt_runtime), "cpu-rt-runtime", "cpu", "realtimeRuntime", VALUE_INT },
	{ AT(cpu_share), "cpu-share", "cpu", "shares", VALUE_INT },
	{ AT(cpuset_cpus), "cpuset-cpus", "cpu", "cpus", VALUE_TEXT },
	{ AT(cpuset_mems), "cpuset-mems", "cpu", "mems", VALUE_TEXT },
	{ AT(memory), "memory", "memory", "limit", VALUE_SIZE },
	{ AT(memory_reservation), "memory-reservation", "memory", "reservation", VALUE_SIZE },
	{ AT(memory_swap), "memory-swap", "memory", "swap", VALUE_SIZE },
	{ AT(pids_limit), "pids-limit", "pids", "limit", VALUE_INT },
};

static int parse_value(enum value kind, const char *s, json_object **ret)
{
	char *end;
	int64_t n = -1;

	if (kind == VALUE_TEXT) {
		*ret = json_object_new_string(s);
		return *ret ? 0 : -ENOMEM;
	}
	if (kind == VALUE_SIZE && strcmp(s, "-1") != 0) {
		int r = size_parse(s, &n);
		if (r < 0)
			return r;
	} else if (kind == VALUE_INT) {
		errno = 0;
		n = strtoll(s, &end, 10);
		if (end == s || *end || errno || n < -1)
			return -EINVAL;
	}
	*ret = json_object_new_int64(n);
	return *ret ? 0 : -ENOMEM;
}

static int add_rows(const struct update_options *o, json_object *resources, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *s = *(const char *const *)((const char *)o + rows[i].at);
		json_object *object, *value = NULL;
		if (!s)
			continue;
		if (parse_value(rows[i].value, s, &value) < 0)
			return err_set(e, -EINVAL, "--%s: '%.64s' is no such value", rows[i].option,
				       s);
		object = json_get(resources, rows[i].object);
		if (!object) {
			object = json_object_new_object();
			json_put(resources, rows[i].object, object);
		}
		json_put(object, rows[i].member, value);
	}
	return 0;
}

static int read_resources(const char *file, json_object **ret, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(mem) char *text = NULL;
	size_t n = 0;
	int r;

	strbuf_init(&b, RESOURCES_MAX);
	if (!file) {
		*ret = json_object_new_object();
		return *ret ? 0 : err_errno(e, ENOMEM, "update");
	}
	if (strcmp(file, "-") == 0) {
		r = fd_read_all(0, &b);
		if (r < 0)
			return err_errno(e, r, "read standard input");
		r = json_parse(b.s ? b.s : "", b.len, ret, e);
	} else {
		r = path_read(AT_FDCWD, file, RESOURCES_MAX, &text, &n, e);
		if (r == 0)
			r = json_parse(text, n, ret, e);
	}
	if (r == 0 && !json_object_is_type(*ret, json_type_object))
		r = err_set(e, -EINVAL, "the resources are no object");
	return r < 0 ? err_in(e, "--resources %s", file) : 0;
}

static int update(struct oci *oci, void *opts, char **args, struct err *e)
{
	const struct update_options *o = opts;
	scoped(json) json_object *resources = NULL;
	int r = read_resources(o->resources, &resources, e);

	if (r == 0)
		r = add_rows(o, resources, e);
	if (r == 0 && json_object_object_length(resources) == 0)
		return err_set(e, -EINVAL, "update wants at least one limit");
	return r < 0 ? r : oci_update(oci, args[0], resources, e);
}

const struct verb verb_update = {
	.name = "update",
	.args = "CONTAINER",
	.help = "Change the limits of a container",
	.man = "What is not given stays as it is. Options go before the members of --resources.",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct update_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = update,
};

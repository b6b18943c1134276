/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/resources.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

#define CPU_PERIOD 100000 /* microseconds: what --cpus is counted in */

/* The object NAME of RESOURCES, made when missing. */
static json_object *group(json_object *resources, const char *name)
{
	json_object *o = json_get(resources, name);
	if (!o) {
		o = json_object_new_object();
		json_put(resources, name, o);
	}
	return o;
}

static json_object *list_in(json_object *o, const char *name)
{
	json_object *l = json_get(o, name);
	if (!l) {
		l = json_object_new_array();
		json_put(o, name, l);
	}
	return l;
}

/* A number of NEW, else of OLD. */
static int64_t number(json_object *now, json_object *old, const char *name, const char *member)
{
	return json_get_int(json_get(now, name), member,
			    json_get_int(json_get(old, name), member, 0));
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int memory_size(const char *s, int64_t *ret, struct err *e)
{
	if (strcmp(s, "-1") == 0) {
		*ret = -1;
		return 0;
	}
	if (size_parse(s, ret) < 0 || *ret < 0)
		return err_set(e, -EINVAL, "invalid value for memory: invalid size: '%s'", s);
	return 0;
}

static int check_memory(json_object *r, json_object *old, struct err *e)
{
	int64_t limit = number(r, old, "memory", "limit"), swap = number(r, old, "memory", "swap");
	int64_t reservation = number(r, old, "memory", "reservation");

	if (swap > 0 && limit <= 0)
		return err_set(e, -EINVAL,
			       "you should always set a memory limit when using a memoryswap "
			       "limit, see usage");
	if (swap > 0 && limit > swap)
		return err_set(e, -EINVAL,
			       "minimum memoryswap limit should be larger than memory limit, see "
			       "usage");
	if (limit > 0 && reservation > limit)
		return err_set(e, -EINVAL,
			       "minimum memory limit cannot be less than memory reservation "
			       "limit, see usage");
	return 0;
}

static int parse_memory(const struct resource_options *o, json_object *r, json_object *old,
			struct err *e)
{
	int64_t v;
	int bad = 0;

	if (o->memory) {
		bad = memory_size(o->memory, &v, e);
		if (bad == 0 && v)
			json_put_int(group(r, "memory"), "limit", v);
		/* As much swap as memory, when nothing is said of it. */
		if (bad == 0 && v && !o->memory_swap)
			json_put_int(group(r, "memory"), "swap",
				     v < 0 || v > INT64_MAX / 2 ? -1 : 2 * v);
	}
	if (bad == 0 && o->memory_swap) {
		bad = memory_size(o->memory_swap, &v, e);
		if (bad == 0 && v)
			json_put_int(group(r, "memory"), "swap", v);
	}
	if (bad == 0 && o->memory_reservation) {
		bad = memory_size(o->memory_reservation, &v, e);
		if (bad == 0 && v)
			json_put_int(group(r, "memory"), "reservation", v);
	}
	if (bad < 0)
		return bad;
	if (o->memory_swappiness > 100)
		return err_set(e, -EINVAL,
			       "invalid value: %d, valid memory swappiness range is 0-100",
			       o->memory_swappiness);
	if (o->memory_swappiness >= 0)
		json_put_int(group(r, "memory"), "swappiness", o->memory_swappiness);
	return json_get(r, "memory") ? check_memory(r, old, e) : 0;
}

/* ---- CPUs ------------------------------------------------------------------------------------ */

/* A number below what any machine has; *S moves behind it. */
static int list_number(const char **s)
{
	int v = 0, digits = 0;
	for (; **s >= '0' && **s <= '9' && v < 100000; (*s)++, digits++)
		v = v * 10 + (**s - '0');
	return digits && v < 100000 ? v : -EINVAL;
}

int resources_count_cpus(const char *list)
{
	int n = 0;

	do {
		int from = list_number(&list), to = from;
		if (from >= 0 && *list == '-') {
			list++;
			to = list_number(&list);
		}
		if (from < 0 || to < from)
			return -EINVAL;
		n += to - from + 1;
	} while (*list++ == ',');
	return list[-1] ? -EINVAL : n;
}

static int parse_cpu(const struct resource_options *o, json_object *r, struct err *e)
{
	int64_t quota = o->cpu_quota, period = o->cpu_period;
	const struct {
		const char *text, *member;
	} sets[] = { { o->cpuset_cpus, "cpus" }, { o->cpuset_mems, "mems" } };

	if (o->cpus > 0) {
		if (quota || period)
			return err_set(e, -EINVAL, "--cpu-%s and --cpus cannot be set together",
				       quota ? "quota" : "period");
		if (o->cpus > 1e6)
			return err_set(e, -EINVAL, "no machine has %g CPUs", o->cpus);
		period = CPU_PERIOD;
		quota = (int64_t)(o->cpus * CPU_PERIOD + 0.5);
	}
	if (period && (period < 1000 || period > 1000000))
		return err_set(e, -EINVAL,
			       "CPU cfs period cannot be less than 1ms (i.e. 1000) or larger than "
			       "1s (i.e. 1000000)");
	if (quota > 0 && quota < 1000)
		return err_set(e, -EINVAL, "CPU cfs quota cannot be less than 1ms (i.e. 1000)");
	if (quota)
		json_put_int(group(r, "cpu"), "quota", quota < 0 ? -1 : quota);
	if (period)
		json_put_int(group(r, "cpu"), "period", period);
	if (o->cpu_shares)
		json_put_int(group(r, "cpu"), "shares", o->cpu_shares);
	if (o->cpu_rt_period)
		json_put_int(group(r, "cpu"), "realtimePeriod", o->cpu_rt_period);
	if (o->cpu_rt_runtime)
		json_put_int(group(r, "cpu"), "realtimeRuntime", o->cpu_rt_runtime);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		if (!sets[i].text || !*sets[i].text)
			continue;
		if (resources_count_cpus(sets[i].text) < 0)
			return err_set(e, -EINVAL, "invalid value %s for cpuset %s", sets[i].text,
				       sets[i].member);
		json_put_str(group(r, "cpu"), sets[i].member, sets[i].text);
	}
	return 0;
}

/* ---- block devices --------------------------------------------------------------------------- */

/* "DEVICE:VALUE": the device's numbers into a fresh object, *RET_VALUE the rest. */
static int device_value(const char *s, const char **ret_value, json_object **ret, struct err *e)
{
	const char *colon = strrchr(s, ':');
	scoped(mem) char *path = NULL;
	struct stat st;

	if (!colon || colon == s)
		return err_set(e, -EINVAL, "bad format: %s", s);
	if (!str_starts(s, "/dev/"))
		return err_set(e, -EINVAL, "bad format for device path: %s", s);
	path = strndup(s, (size_t)(colon - s));
	if (!path)
		return err_errno(e, ENOMEM, "%s", s);
	if (stat(path, &st) < 0)
		return err_sys(e, "stat %s", path);
	if (!S_ISBLK(st.st_mode))
		return err_set(e, -EINVAL, "%s is no block device", path);
	*ret = json_object_new_object();
	json_put_int(*ret, "major", major(st.st_rdev));
	json_put_int(*ret, "minor", minor(st.st_rdev));
	*ret_value = colon + 1;
	return 0;
}

static int weight_of(const char *s, unsigned long long *ret)
{
	return str_to_u64(s, 1000, ret) < 0 || (*ret && *ret < 10) ? -EINVAL : 0;
}

static int parse_weights(const struct resource_options *o, json_object *r, struct err *e)
{
	unsigned long long w;

	if (o->blkio_weight && *o->blkio_weight) {
		if (weight_of(o->blkio_weight, &w) < 0)
			return err_set(e, -EINVAL,
				       "invalid value for blkio-weight: '%s' is not in the range "
				       "of 10 to 1000",
				       o->blkio_weight);
		if (w)
			json_put_int(group(r, "blockIO"), "weight", (int64_t)w);
	}
	for (char *const *v = o->blkio_weight_device; v && *v; v++) {
		scoped(json) json_object *d = NULL;
		const char *value;
		int bad = device_value(*v, &value, &d, e);
		if (bad < 0)
			return bad;
		if (weight_of(value, &w) < 0 || !w)
			return err_set(e, -EINVAL, "invalid weight for device: %s", *v);
		json_put_int(d, "weight", (int64_t)w);
		(void)json_object_array_add(list_in(group(r, "blockIO"), "weightDevice"),
					    take_ptr(&d));
	}
	return 0;
}

static int parse_throttle(char *const *list, const char *member, int is_bytes, json_object *r,
			  struct err *e)
{
	for (; list && *list; list++) {
		scoped(json) json_object *d = NULL;
		const char *value;
		unsigned long long n = 0;
		int64_t bytes = 0;
		int bad = device_value(*list, &value, &d, e);
		if (bad < 0)
			return bad;
		if (is_bytes ? size_parse(value, &bytes) < 0 || bytes < 0
			     : str_to_u64(value, INT64_MAX, &n) < 0)
			return err_set(e, -EINVAL,
				       "invalid rate for device: %s. The correct format is "
				       "<device-path>:<number>%s. Number must be a positive "
				       "integer%s",
				       *list, is_bytes ? "[<unit>]" : "",
				       is_bytes ? ". Unit is optional and can be kb, mb, or gb"
						: "");
		json_put_int(d, "rate", is_bytes ? bytes : (int64_t)n);
		(void)json_object_array_add(list_in(group(r, "blockIO"), member), take_ptr(&d));
	}
	return 0;
}

/* ---- all ------------------------------------------------------------------------------------- */

int resources_parse(const struct resource_options *o, json_object *old, json_object **ret,
		    struct err *e)
{
	scoped(json) json_object *r = json_object_new_object();
	int bad = r ? parse_memory(o, r, old, e) : err_errno(e, ENOMEM, "work out the limits");

	if (bad == 0)
		bad = parse_cpu(o, r, e);
	if (bad == 0)
		bad = parse_weights(o, r, e);
	if (bad == 0)
		bad = parse_throttle(o->device_read_bps, "throttleReadBpsDevice", 1, r, e);
	if (bad == 0)
		bad = parse_throttle(o->device_write_bps, "throttleWriteBpsDevice", 1, r, e);
	if (bad == 0)
		bad = parse_throttle(o->device_read_iops, "throttleReadIOPSDevice", 0, r, e);
	if (bad == 0)
		bad = parse_throttle(o->device_write_iops, "throttleWriteIOPSDevice", 0, r, e);
	if (bad < 0)
		return bad;
	if (o->pids_limit_given)
		json_put_int(group(r, "pids"), "limit", o->pids_limit > 0 ? o->pids_limit : -1);
	*ret = take_ptr(&r);
	return 0;
}

int resources_add_conf(json_object *resources, const char *s, struct err *e)
{
	const char *eq = strchr(s, '=');
	scoped(mem) char *key = eq ? strndup(s, (size_t)(eq - s)) : NULL;

	if (!eq || eq == s)
		return err_set(e, -EINVAL, "--cgroup-conf must be formatted KEY=VALUE");
	if (!key)
		return err_errno(e, ENOMEM, "--cgroup-conf");
	json_put_str(group(resources, "unified"), key, eq + 1);
	return 0;
}

static int device_number(const char *s, size_t n, int64_t *ret)
{
	scoped(mem) char *copy = strndup(s, n);
	unsigned long long v;

	*ret = -1;
	if (n == 1 && *s == '*')
		return 0;
	if (!copy || str_to_u64(copy, UINT32_MAX, &v) < 0)
		return -EINVAL;
	*ret = (int64_t)v;
	return 0;
}

int resources_add_device_rule(json_object *resources, const char *s, struct err *e)
{
	scoped(strv) char **word = strv_split(s, ' ');
	const char *colon = strv_len(word) == 3 ? strchr(word[1], ':') : NULL;
	int64_t major_nr, minor_nr;
	json_object *o;

	if (!colon || !strchr("abc", word[0][0]) || strlen(word[0]) != 1 || !*word[2] ||
	    strspn(word[2], "rwm") != strlen(word[2]))
		return err_set(e, -EINVAL,
			       "invalid device cgroup rule requires type, major:Minor, and access "
			       "rules: \"%s\"",
			       s);
	if (device_number(word[1], (size_t)(colon - word[1]), &major_nr) < 0 ||
	    device_number(colon + 1, strlen(colon + 1), &minor_nr) < 0)
		return err_set(e, -EINVAL, "invalid major or minor number in device rule \"%s\"",
			       s);
	o = json_object_new_object();
	json_put_bool(o, "allow", 1);
	json_put_str(o, "type", word[0]);
	if (major_nr >= 0)
		json_put_int(o, "major", major_nr);
	if (minor_nr >= 0)
		json_put_int(o, "minor", minor_nr);
	json_put_str(o, "access", word[2]);
	(void)json_object_array_add(list_in(resources, "devices"), o);
	return 0;
}

/* ---- inspect --------------------------------------------------------------------------------- */

static json_object *inspect_devices(json_object *list, const char *value, const char *shown)
{
	json_object *out = json_object_new_array();

	for (size_t i = 0; i < json_len(list); i++) {
		json_object *d = json_object_array_get_idx(list, i), *o = json_object_new_object();
		scoped(mem) char *path =
			str_printf("/dev/block/%" PRId64 ":%" PRId64, json_get_int(d, "major", 0),
				   json_get_int(d, "minor", 0));
		json_put_str(o, "Path", path);
		json_put_int(o, shown, json_get_int(d, value, 0));
		(void)json_object_array_add(out, o);
	}
	return out;
}

void resources_inspect(json_object *resources, json_object *host_config)
{
	static const struct {
		const char *shown, *group, *member;
	} numbers[] = {
		{ "CpuShares", "cpu", "shares" },
		{ "Memory", "memory", "limit" },
		{ "BlkioWeight", "blockIO", "weight" },
		{ "CpuPeriod", "cpu", "period" },
		{ "CpuQuota", "cpu", "quota" },
		{ "CpuRealtimePeriod", "cpu", "realtimePeriod" },
		{ "CpuRealtimeRuntime", "cpu", "realtimeRuntime" },
		{ "MemoryReservation", "memory", "reservation" },
		{ "MemorySwap", "memory", "swap" },
		{ "PidsLimit", "pids", "limit" },
	};
	static const struct {
		const char *shown, *member, *value, *as;
	} lists[] = {
		{ "BlkioWeightDevice", "weightDevice", "weight", "Weight" },
		{ "BlkioDeviceReadBps", "throttleReadBpsDevice", "rate", "Rate" },
		{ "BlkioDeviceWriteBps", "throttleWriteBpsDevice", "rate", "Rate" },
		{ "BlkioDeviceReadIOps", "throttleReadIOPSDevice", "rate", "Rate" },
		{ "BlkioDeviceWriteIOps", "throttleWriteIOPSDevice", "rate", "Rate" },
	};
	int64_t quota = number(resources, NULL, "cpu", "quota"),
		period = number(resources, NULL, "cpu", "period");
	const char *cpus = json_get_str(json_get(resources, "cpu"), "cpus");
	const char *mems = json_get_str(json_get(resources, "cpu"), "mems");

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		json_put_int(host_config, numbers[i].shown,
			     number(resources, NULL, numbers[i].group, numbers[i].member));
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_put(host_config, lists[i].shown,
			 inspect_devices(json_get(json_get(resources, "blockIO"), lists[i].member),
					 lists[i].value, lists[i].as));
	json_put_int(host_config, "NanoCpus",
		     quota > 0 ? quota * 1000000000 / (period ? period : CPU_PERIOD) : 0);
	json_put_int(host_config, "MemorySwappiness",
		     json_get_int(json_get(resources, "memory"), "swappiness", 0));
	json_put_bool(host_config, "OomKillDisable",
		      json_get_bool(json_get(resources, "memory"), "disableOOMKiller", 0));
	json_put_str(host_config, "CpusetCpus", cpus);
	json_put_str(host_config, "CpusetMems", mems);
}

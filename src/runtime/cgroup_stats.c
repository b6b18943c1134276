/* SPDX-License-Identifier: Apache-2.0 */
/* What a cgroup uses, in the shape that engines know from `runc events --stats`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/runtime/cgroup_backend.h"
#include "src/util/json.h"
#include "src/util/path.h"

#define USEC 1000 /* nanoseconds */

/* "KEY NUMBER" lines as an object. */
static json_object *read_pairs(int fd, const char *name)
{
	scoped(mem) char *text = NULL;
	struct err ignored;
	json_object *o = json_object_new_object();
	char *save = NULL;

	if (!o || path_read(fd, name, 1U << 20, &text, NULL, &ignored) < 0)
		return o;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ' ');
		if (!value)
			continue;
		*value++ = '\0';
		json_put_int(o, line, strtoll(value, NULL, 10));
	}
	return o;
}

/* The amount, the peak, the limit and how often it was hit; a limit of "max" is left out. */
static json_object *amounts(int fd, const char *usage, const char *max, const char *limit,
			    int64_t fails)
{
	json_object *o = json_object_new_object();
	int64_t v = cgroup_read_num(fd, limit, NULL, -1);

	json_put_int(o, "usage", cgroup_read_num(fd, usage, NULL, 0));
	if (max)
		json_put_int(o, "max", cgroup_read_num(fd, max, NULL, 0));
	/* v1 writes "no limit" as the largest number of whole pages. */
	if (v >= 0 && v < INT64_MAX - 65536)
		json_put_int(o, "limit", v);
	json_put_int(o, "failcnt", fails);
	return o;
}

static json_object *cpu_v2(int fd)
{
	json_object *cpu = json_object_new_object(), *usage = json_object_new_object(),
		    *throttling = json_object_new_object();

	json_put_int(usage, "total", cgroup_read_num(fd, "cpu.stat", "usage_usec", 0) * USEC);
	json_put_int(usage, "kernel", cgroup_read_num(fd, "cpu.stat", "system_usec", 0) * USEC);
	json_put_int(usage, "user", cgroup_read_num(fd, "cpu.stat", "user_usec", 0) * USEC);
	json_put_int(throttling, "periods", cgroup_read_num(fd, "cpu.stat", "nr_periods", 0));
	json_put_int(throttling, "throttledPeriods",
		     cgroup_read_num(fd, "cpu.stat", "nr_throttled", 0));
	json_put_int(throttling, "throttledTime",
		     cgroup_read_num(fd, "cpu.stat", "throttled_usec", 0) * USEC);
	json_put(cpu, "usage", usage);
	json_put(cpu, "throttling", throttling);
	return cpu;
}

static json_object *memory_v2(int fd)
{
	json_object *m = json_object_new_object(), *raw = read_pairs(fd, "memory.stat");

	json_put_int(m, "cache", json_get_int(raw, "file", 0));
	json_put(m, "usage",
		 amounts(fd, "memory.current", "memory.peak", "memory.max",
			 cgroup_read_num(fd, "memory.events", "max", 0)));
	json_put(m, "swap",
		 amounts(fd, "memory.swap.current", NULL, "memory.swap.max",
			 cgroup_read_num(fd, "memory.swap.events", "fail", 0)));
	json_put(m, "raw", raw);
	return m;
}

static json_object *pids(int fd)
{
	json_object *o = json_object_new_object();
	int64_t limit = cgroup_read_num(fd, "pids.max", NULL, -1);

	json_put_int(o, "current", cgroup_read_num(fd, "pids.current", NULL, 0));
	json_put_int(o, "limit", limit < 0 ? 0 : limit);
	return o;
}

static void add_bytes(json_object *list, int64_t major, int64_t minor, const char *op, int64_t v)
{
	json_object *o = json_object_new_object();
	json_put_int(o, "major", major);
	json_put_int(o, "minor", minor);
	json_put_str(o, "op", op);
	json_put_int(o, "value", v);
	(void)json_object_array_add(list, o);
}

/* io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..." */
static json_object *blkio_v2(int fd)
{
	json_object *o = json_object_new_object(), *bytes = json_object_new_array(),
		    *count = json_object_new_array();
	scoped(mem) char *text = NULL;
	struct err ignored;
	char *save = NULL;

	if (path_read(fd, "io.stat", 1U << 20, &text, NULL, &ignored) == 0)
		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			static const struct {
				const char *key, *op;
				int is_count;
			} keys[] = { { " rbytes=", "Read", 0 },
				     { " wbytes=", "Write", 0 },
				     { " rios=", "Read", 1 },
				     { " wios=", "Write", 1 } };
			char *end;
			long major = strtol(line, &end, 10);
			long minor = *end == ':' ? strtol(end + 1, NULL, 10) : 0;
			for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
				const char *at = strstr(line, keys[i].key);
				if (at)
					add_bytes(keys[i].is_count ? count : bytes, major, minor,
						  keys[i].op,
						  strtoll(at + strlen(keys[i].key), NULL, 10));
			}
		}
	json_put(o, "ioServiceBytesRecursive", bytes);
	json_put(o, "ioServicedRecursive", count);
	return o;
}

json_object *cgroup_v2_stats(const struct cgroup *cg)
{
	scoped(fd) int fd = cgroup_open_dir(cg->limited);
	json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	json_put(o, "cpu", cpu_v2(fd));
	json_put(o, "memory", memory_v2(fd));
	json_put(o, "pids", pids(fd));
	json_put(o, "blkio", blkio_v2(fd));
	json_put(o, "hugetlb", json_object_new_object());
	return o;
}

/* ---- v1 -------------------------------------------------------------------------------------- */

static json_object *cpu_v1(int cpu_fd, int acct_fd)
{
	json_object *cpu = json_object_new_object(), *usage = json_object_new_object(),
		    *throttling = json_object_new_object();
	int64_t tick = sysconf(_SC_CLK_TCK);
	int64_t ns = 1000000000 / (tick > 0 ? tick : 100);

	json_put_int(usage, "total", cgroup_read_num(acct_fd, "cpuacct.usage", NULL, 0));
	json_put_int(usage, "kernel", cgroup_read_num(acct_fd, "cpuacct.stat", "system", 0) * ns);
	json_put_int(usage, "user", cgroup_read_num(acct_fd, "cpuacct.stat", "user", 0) * ns);
	json_put_int(throttling, "periods", cgroup_read_num(cpu_fd, "cpu.stat", "nr_periods", 0));
	json_put_int(throttling, "throttledPeriods",
		     cgroup_read_num(cpu_fd, "cpu.stat", "nr_throttled", 0));
	json_put_int(throttling, "throttledTime",
		     cgroup_read_num(cpu_fd, "cpu.stat", "throttled_time", 0));
	json_put(cpu, "usage", usage);
	json_put(cpu, "throttling", throttling);
	return cpu;
}

static json_object *memory_v1(int fd)
{
	json_object *m = json_object_new_object(), *raw = read_pairs(fd, "memory.stat");

	json_put_int(m, "cache", json_get_int(raw, "cache", 0));
	json_put(m, "usage",
		 amounts(fd, "memory.usage_in_bytes", "memory.max_usage_in_bytes",
			 "memory.limit_in_bytes", cgroup_read_num(fd, "memory.failcnt", NULL, 0)));
	json_put(m, "swap",
		 amounts(fd, "memory.memsw.usage_in_bytes", "memory.memsw.max_usage_in_bytes",
			 "memory.memsw.limit_in_bytes",
			 cgroup_read_num(fd, "memory.memsw.failcnt", NULL, 0)));
	json_put(m, "raw", raw);
	return m;
}

/* "8:0 Read 4096", and a "Total" line at the end. */
static json_object *blkio_lines(int fd, const char *name)
{
	json_object *list = json_object_new_array();
	scoped(mem) char *text = NULL;
	struct err ignored;
	char *save = NULL;

	if (path_read(fd, name, 1U << 20, &text, NULL, &ignored) < 0)
		return list;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *end, *op, *value;
		long major = strtol(line, &end, 10), minor;
		if (*end != ':')
			continue;
		minor = strtol(end + 1, &end, 10);
		op = *end == ' ' ? end + 1 : end;
		value = strchr(op, ' ');
		if (!value)
			continue;
		*value++ = '\0';
		add_bytes(list, major, minor, op, strtoll(value, NULL, 10));
	}
	return list;
}

json_object *cgroup_v1_stats(const struct cgroup *cg)
{
	static const enum cgroup_v1 trees[] = { CGROUP_V1_CPU, CGROUP_V1_CPUACCT, CGROUP_V1_MEMORY,
						CGROUP_V1_PIDS, CGROUP_V1_BLKIO };
	int fds[ARRAY_LEN(trees)];
	json_object *o = json_object_new_object(), *io = json_object_new_object();

	if (!o || !io) {
		json_free(o);
		json_free(io);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(trees); i++)
		fds[i] = cg->v1[trees[i]] ? cgroup_open_dir(cg->v1[trees[i]]) : -EBADF;
	json_put(o, "cpu", cpu_v1(fds[0], fds[1]));
	json_put(o, "memory", memory_v1(fds[2]));
	json_put(o, "pids", pids(fds[3]));
	json_put(io, "ioServiceBytesRecursive",
		 blkio_lines(fds[4], "blkio.throttle.io_service_bytes_recursive"));
	json_put(io, "ioServicedRecursive",
		 blkio_lines(fds[4], "blkio.throttle.io_serviced_recursive"));
	json_put(o, "blkio", io);
	json_put(o, "hugetlb", json_object_new_object());
	for (size_t i = 0; i < ARRAY_LEN(trees); i++)
		fd_close(fds[i]);
	return o;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a running container uses: its cgroup tells, and its processes where the cgroup does not. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/container/limits.h"
#include "src/container/record.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

static int64_t host_memory(void)
{
	return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

/* Bytes of every interface but the loopback, as the container's first process sees them. */
static void add_network(pid_t pid, struct container_usage *u)
{
	scoped(mem) char *text = NULL;
	struct err ignored;
	char path[64], *save = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	if (path_read(AT_FDCWD, path, 1U << 20, &text, NULL, &ignored) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':'), *end;
		long long v;
		line += strspn(line, " ");
		if (!colon || strncmp(line, "lo:", 3) == 0)
			continue;
		/* proc(5): receive bytes are the first number, transmit bytes the ninth. */
		v = strtoll(colon + 1, &end, 10);
		u->net_in += v;
		for (int i = 1; i < 9; i++)
			v = strtoll(end, &end, 10);
		u->net_out += v;
	}
}

static int64_t sum_of(json_object *list, const char *op)
{
	int64_t sum = 0;
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		const char *name = json_get_str(o, "op");
		if (name && strcmp(name, op) == 0)
			sum += json_get_int(o, "value", 0);
	}
	return sum;
}

static void from_cgroup(json_object *s, struct container_usage *u)
{
	json_object *memory = json_path(s, "memory", "usage", NULL);
	json_object *io = json_path(s, "blkio", "ioServiceBytesRecursive", NULL);
	int64_t idle = json_get_int(
		json_path(s, "memory", "raw", NULL), "inactive_file",
		json_get_int(json_path(s, "memory", "raw", NULL), "total_inactive_file", 0));

	u->cpu_ns = json_get_int(json_path(s, "cpu", "usage", NULL), "total", 0);
	u->memory = json_get_int(memory, "usage", 0);
	/* File pages that would be dropped at once are nothing the container holds. */
	if (idle < u->memory)
		u->memory -= idle;
	u->memory_limit = json_get_int(memory, "limit", 0);
	u->pids = json_get_int(json_get(s, "pids"), "current", 0);
	u->block_in = sum_of(io, "Read");
	u->block_out = sum_of(io, "Write");
}

/* What is still zero is taken from the processes. */
static void from_processes(pid_t init, struct container_usage *u)
{
	scoped(mem) pid_t *pid = NULL;
	struct container_usage sum = { 0 };
	size_t n = 0;

	if (u->cpu_ns && u->memory && u->pids)
		return;
	if (watch_members(init, &pid, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		int64_t cpu, memory, threads;
		watch_usage(pid[i], &cpu, &memory, &threads);
		sum.cpu_ns += cpu;
		sum.memory += memory;
		sum.pids += threads;
	}
	if (!u->cpu_ns)
		u->cpu_ns = sum.cpu_ns;
	if (!u->memory)
		u->memory = sum.memory;
	if (!u->pids)
		u->pids = sum.pids;
}

int container_stats(struct engine *en, const struct container *c, struct container_usage *ret,
		    struct err *e)
{
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	scoped(json) json_object *s = NULL;
	struct container_usage u = { .taken_ns = record_now() };
	json_object *limits = json_get(c->spec, "Resources");
	int64_t limit = json_get_int(json_get(limits, "memory"), "limit", 0);
	int r;

	if (c->state != CONTAINER_RUNNING || c->pid <= 0)
		return err_set(e, -EINVAL, "container %s is not running", c->id);
	r = limits_open_cgroup(en, c->id, &cg, e);
	if (r == 0 && cg.kind != CGROUP_KIND_NONE)
		r = cgroup_stats(&cg, &s, e);
	if (r < 0)
		return r;
	if (s)
		from_cgroup(s, &u);
	from_processes(c->pid, &u);
	add_network(c->pid, &u);
	if (u.memory_limit <= 0)
		u.memory_limit = limit > 0 ? limit : host_memory();
	*ret = u;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/cli/report.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/units.h"

#define NS_PER_S INT64_C(1000000000)

struct stats_cli {
	int all, latest, no_reset, no_stream, no_trunc, interval;
	const char *format;
};

#define AT(f) offsetof(struct stats_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Show containers that do not run, too"),
	STR(0, "format", "TEMPLATE", AT(format), "Print by a Go template, or as json"),
	INT('i', "interval", "SECONDS", AT(interval), 1, INT_MAX, "Time between two looks",
	    .def = "5"),
	FLAG('l', "latest", AT(latest), "Show the newest container"),
	FLAG(0, "no-reset", AT(no_reset), "Do not clear the screen between two looks"),
	FLAG(0, "no-stream", AT(no_stream), "Look once"),
	FLAG(0, "no-trunc", AT(no_trunc), "Show whole IDs"),
	END,
};

/* One container, and what was seen of it last. */
struct watched {
	char *id;
	struct container_usage last;
};
struct watch_list {
	struct watched *w;
	size_t n;
};

static void scoped_watch_list(struct watch_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->w[i].id);
	free(l->w);
}

/* What was seen of ID before; a fresh place otherwise.  NULL: out of memory. */
static struct watched *seen(struct watch_list *l, const char *id)
{
	struct watched *more;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->w[i].id, id) == 0)
			return &l->w[i];
	more = reallocarray(l->w, l->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	l->w = more;
	more += l->n;
	*more = (struct watched){ .id = strdup(id) };
	if (!more->id)
		return NULL;
	l->n++;
	return more;
}

/* ---- columns --------------------------------------------------------------------------------- */

static void put_pair(json_object *o, const char *name, int64_t a, int64_t b)
{
	char x[UNITS_MAX], y[UNITS_MAX], text[2 * UNITS_MAX + 4];
	(void)snprintf(text, sizeof(text), "%s / %s", size_human(a, "", x), size_human(b, "", y));
	json_put_str(o, name, text);
}

static void put_percent(json_object *o, const char *name, double v)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "%.2f%%", v);
	json_put_str(o, name, text);
}

static double percent_of(int64_t part, int64_t whole)
{
	return whole > 0 ? (double)part / (double)whole * 100 : 0;
}

/* "1.234567s" */
static void put_seconds(json_object *o, const char *name, int64_t ns)
{
	char text[48];
	(void)snprintf(text, sizeof(text), "%.6gs", (double)ns / (double)NS_PER_S);
	json_put_str(o, name, text);
}

struct numbers {
	double cpu, average, memory;
};

/* Since the last look; at the first since the container's start. */
static struct numbers work_out(const struct container *c, const struct container_usage *u,
			       const struct container_usage *last)
{
	int64_t from = last->taken_ns ? last->taken_ns : c->started;

	return (struct numbers){ .cpu = percent_of(u->cpu_ns - last->cpu_ns, u->taken_ns - from),
				 .average = percent_of(u->cpu_ns, u->taken_ns - c->started),
				 .memory = percent_of(u->memory, u->memory_limit) };
}

static json_object *row(const struct container *c, const struct container_usage *u,
			const struct numbers *v, int no_trunc)
{
	json_object *o = json_object_new_object();
	char id[ID_LEN + 1];

	(void)snprintf(id, sizeof(id), "%.*s", no_trunc ? ID_LEN : ID_SHORT_LEN, c->id);
	json_put_str(o, "ID", id);
	json_put_str(o, "ContainerID", c->id);
	json_put_str(o, "Name", c->name);
	put_percent(o, "CPUPerc", v->cpu);
	put_percent(o, "CPU", v->cpu);
	put_percent(o, "AVGCPU", v->average);
	put_percent(o, "AvgCPU", v->average);
	put_percent(o, "MemPerc", v->memory);
	put_pair(o, "MemUsage", u->memory, u->memory_limit);
	put_pair(o, "MemUsageBytes", u->memory, u->memory_limit);
	put_pair(o, "NetIO", u->net_in, u->net_out);
	put_pair(o, "BlockIO", u->block_in, u->block_out);
	json_put_int(o, "MemLimit", u->memory_limit);
	json_put_int(o, "BlockInput", u->block_in);
	json_put_int(o, "BlockOutput", u->block_out);
	json_put_int(o, "CPUNano", u->cpu_ns);
	json_put_int(o, "SystemNano", u->taken_ns);
	json_put_int(o, "PIDS", u->pids);
	json_put_int(o, "PIDs", u->pids);
	put_seconds(o, "UpTime", u->cpu_ns);
	put_seconds(o, "Up", u->cpu_ns);
	put_seconds(o, "Duration", u->cpu_ns);
	return o;
}

/* Members as in Podman's document. */
static json_object *document(const struct container *c, const struct container_usage *u,
			     const struct numbers *v)
{
	json_object *o = json_object_new_object();
	char id[ID_LEN + 1];

	(void)snprintf(id, sizeof(id), "%.*s", ID_SHORT_LEN, c->id);
	json_put_str(o, "id", id);
	json_put_str(o, "name", c->name);
	put_seconds(o, "cpu_time", u->cpu_ns);
	put_percent(o, "cpu_percent", v->cpu);
	put_percent(o, "avg_cpu", v->average);
	put_pair(o, "mem_usage", u->memory, u->memory_limit);
	put_percent(o, "mem_percent", v->memory);
	put_pair(o, "net_io", u->net_in, u->net_out);
	put_pair(o, "block_io", u->block_in, u->block_out);
	{
		char pids[24];
		(void)snprintf(pids, sizeof(pids), "%" PRId64, u->pids);
		json_put_str(o, "pids", pids);
	}
	return o;
}

/* ---- looks ----------------------------------------------------------------------------------- */

static int add_row(struct engine *en, const struct container *c, const struct stats_cli *o,
		   struct watch_list *l, json_object *rows, struct err *e)
{
	struct watched *w = seen(l, c->id);
	struct container_usage u = { 0 };
	struct numbers v;
	int r = 0;

	if (!w)
		return err_errno(e, ENOMEM, "stats");
	if (c->state == CONTAINER_RUNNING)
		r = container_stats(en, c, &u, e);
	if (r < 0) { /* it has ended since it was looked up */
		err_clear(e);
		return 0;
	}
	v = work_out(c, &u, &w->last);
	(void)json_object_array_add(rows, report_is_json(o->format) ? document(c, &u, &v)
								    : row(c, &u, &v, o->no_trunc));
	w->last = u;
	return 0;
}

static int add_named(struct engine *en, char *const *names, const struct stats_cli *o,
		     struct watch_list *l, json_object *rows, struct err *e)
{
	int r = 0;
	for (; *names && r == 0; names++) {
		scoped(container) struct container *c = NULL;
		r = container_find(en, *names, &c, e);
		if (r == 0)
			r = add_row(en, c, o, l, rows, e);
	}
	return r;
}

static int add_all(struct engine *en, const struct stats_cli *o, struct watch_list *l,
		   json_object *rows, struct err *e)
{
	struct container **list = NULL;
	size_t n = 0;
	int r = container_list(en, o->all, &list, &n, e);

	for (size_t i = 0; i < n && r == 0; i++)
		r = add_row(en, list[i], o, l, rows, e);
	container_list_free(list, n);
	return r;
}

static int look(struct engine *en, char *const *names, const struct stats_cli *o,
		struct watch_list *l, struct err *e)
{
	static const struct report_header headers[] = { { "ID", "ID" },
							{ "Name", "NAME" },
							{ "CPUPerc", "CPU %" },
							{ "MemUsage", "MEM USAGE / LIMIT" },
							{ "MemPerc", "MEM %" },
							{ "NetIO", "NET IO" },
							{ "BlockIO", "BLOCK IO" },
							{ "PIDS", "PIDS" },
							{ "UpTime", "CPU TIME" },
							{ "AVGCPU", "AVG CPU %" },
							{ NULL, NULL } };
	scoped(json) json_object *rows = json_object_new_array();
	struct report report = { .name = "stats",
				 .format = o->format,
				 .headers = headers,
				 .standard =
					 "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t"
					 "{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDS}}\t"
					 "{{.UpTime}}\t{{.AVGCPU}}" };
	int r = *names ? add_named(en, names, o, l, rows, e) : add_all(en, o, l, rows, e);

	if (r < 0)
		return r;
	if (!o->no_stream && !o->no_reset)
		(void)fputs("\033[2J\033[H", stdout);
	return report_is_json(o->format) ? report_json(rows, e) : report_print(&report, rows, e);
}

static int stats(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct stats_cli *o = opts;
	scoped(container) struct container *c = NULL;
	scoped(watch_list) struct watch_list l = { 0 };
	char *latest[2] = { NULL, NULL };
	struct timespec pause = { o->interval, 0 };
	int r = 0;

	if (*args && (o->all || o->latest))
		return err_set(e, -EINVAL,
			       "--all, --latest and containers cannot be used together");
	if (o->latest) {
		r = container_latest(en, &c, e);
		if (r < 0)
			return r;
		latest[0] = c->id;
		args = latest;
	}
	for (;;) {
		r = look(en, args, o, &l, e);
		if (r < 0 || o->no_stream)
			return r;
		(void)fflush(stdout);
		engine_store_close(en); /* others write meanwhile */
		(void)nanosleep(&pause, NULL);
	}
}

const struct cmd cmd_container_stats = {
	.noun = "container",
	.verb = "stats",
	.alias = "stats",
	.args = "[CONTAINER...]",
	.help = "Show what running containers use",
	.man = "CPU time in percent of one CPU since the last look (at the first since the start), "
	       "memory, network, block devices and processes. Where the container's cgroup does "
	       "not count something its processes are added up.",
	.examples = "cove stats --no-stream\n"
		    "cove stats --no-stream --format '{{.Name}} {{.MemUsage}}'",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct stats_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = stats,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* cove ps. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/cli/container/filter.h"
#include "src/cli/container/ls_columns.h"
#include "src/cli/container/options.h"
#include "src/cli/report.h"
#include "src/container/networks.h"
#include "src/container/size.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/table.h"
#include "src/util/units.h"

#define NS_PER_S      1000000000LL
#define COMMAND_WIDTH 17 /* of a truncated command, as Podman cuts it */

struct ps_options {
	int all, external, quiet, no_trunc, no_heading, latest, last;
	int namespaces, pods, sizes, sync, watch;
	const char *format, *sort;
	char **filters;
};

#define AT(f) offsetof(struct ps_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Show containers that do not run, too"),
	FLAG(0, "external", AT(external), "Show containers of other tools, too",
	     .man = "There are none in this store.", .spellings = "storage"),
	LIST('f', "filter", "KEY=VALUE", AT(filters), "Show only containers for which this holds",
	     .man = CONTAINER_FILTER_KEYS),
	STR(0, "format", "FORMAT", AT(format), "Print as JSON or by a Go template"),
	INT('n', "last", "N", AT(last), -1, 1000000, "Show the N newest containers", .init = -1),
	FLAG('l', "latest", AT(latest), "Show the newest container"),
	FLAG(0, "no-trunc", AT(no_trunc), "Do not truncate IDs and commands",
	     .spellings = "notruncate"),
	FLAG(0, "noheading", AT(no_heading), "Do not print column headings"),
	FLAG(0, "ns", AT(namespaces), "Show in which namespaces the processes are",
	     .spellings = "namespace"),
	FLAG('p', "pod", AT(pods), "Show the pods, too"),
	FLAG('q', "quiet", AT(quiet), "Print IDs only"),
	FLAG('s', "size", AT(sizes), "Show how large the files are",
	     .man = "Those that the container changed, and in parentheses with the image's."),
	STR(0, "sort", "KEY", AT(sort), "Sort by this", .def = "created",
	    .values = "command|created|id|image|names|runningfor|size|status"),
	FLAG(0, "sync", AT(sync), "Ask the runtime first",
	     .man = "Without effect: what is shown is always how things are."),
	INT('w', "watch", "SECONDS", AT(watch), 0, 1000000, "Show the list anew, so often"),
	EXCLUDES("quiet", "format"),
	END,
};

/* ---- columns -------------------------------------------------------------------------------- */

static void add_status(const struct container *c, struct strbuf *b)
{
	char text[UNITS_MAX];
	int64_t now = time_now_ns();

	if (c->is_paused)
		(void)strbuf_puts(b, "Paused");
	else if (c->state == CONTAINER_RUNNING)
		(void)strbuf_printf(b, "Up %s%s",
				    duration_human((now - c->started) / NS_PER_S, text),
				    c->is_cut_off ? " (no network)" : "");
	else if (c->state == CONTAINER_EXITED)
		(void)strbuf_printf(b, "Exited (%d) %s ago", c->exit_code,
				    duration_human((now - c->finished) / NS_PER_S, text));
	else
		(void)strbuf_puts(b, "Created");
}

static void add_command(const struct container *c, struct strbuf *b, int no_trunc)
{
	scoped(strbuf) struct strbuf joined = STRBUF_INIT;

	for (size_t i = 0; c->command && c->command[i]; i++)
		(void)strbuf_printf(&joined, "%s%s", i ? " " : "", c->command[i]);
	if (!no_trunc && joined.len > COMMAND_WIDTH + 3) {
		joined.s[COMMAND_WIDTH] = '\0';
		(void)name_escape(b, joined.s);
		(void)strbuf_puts(b, "...");
	} else {
		(void)name_escape(b, joined.s ? joined.s : "");
	}
}

static void add_ports(const struct container *c, struct strbuf *b)
{
	for (size_t i = 0; i < json_len(c->ports); i++) {
		json_object *p = json_object_array_get_idx(c->ports, i);
		const char *ip = json_get_str(p, "host_ip");
		(void)strbuf_printf(b, "%s%s:%d->%d/%s", i ? ", " : "", ip && *ip ? ip : "0.0.0.0",
				    (int)json_get_int(p, "host_port", 0),
				    (int)json_get_int(p, "container_port", 0),
				    json_get_str(p, "protocol"));
	}
}

static void put_status(const struct container *c, json_object *o)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	add_status(c, &b);
	json_put_str(o, "Status", b.s);
}

static void put_command(const struct container *c, json_object *o, int no_trunc)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	add_command(c, &b, no_trunc);
	json_put_str(o, "Command", b.s);
}

static void put_ports(const struct container *c, json_object *o)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	add_ports(c, &b);
	json_put_str(o, "Ports", b.s);
}

/* {{.Label "key"}}; and the namespaces, which are looked up for who asks. */
static json_object *member(void *ctx, json_object *o, const char *name, const char *arg)
{
	const char *v;
	(void)ctx;
	if (!arg && str_in_words(name, strlen(name), "Cgroup|IPC|MNT|NET|PIDNS|USERNS|UTS")) {
		scoped(json) json_object *all = ls_namespaces(o);
		return json_object_get(json_get(all, name));
	}
	if (!arg && strcmp(name, "Namespaces") == 0)
		return ls_namespaces(o);
	if (strcmp(name, "Label") != 0 || !arg)
		return NULL;
	v = json_get_str(json_get(o, "Labels"), arg);
	return json_object_new_string(v ? v : "");
}

/* What templates and the table see. */
static json_object *row_object(const struct container *c, const struct ps_options *o)
{
	json_object *t = json_object_new_object();
	char text[UNITS_MAX], id[ID_LEN + 1];
	scoped(strbuf) struct strbuf since = STRBUF_INIT;

	(void)snprintf(id, sizeof(id), "%.*s", o->no_trunc ? ID_LEN : ID_SHORT_LEN, c->id);
	json_put_str(t, "ID", id);
	json_put_str(t, "Id", c->id);
	json_put_str(t, "Image", c->image_name);
	json_put_str(t, "ImageID", c->image_id);
	put_command(c, t, o->no_trunc);
	(void)strbuf_printf(&since, "%s ago",
			    duration_human((time_now_ns() - c->created) / NS_PER_S, text));
	json_put_str(t, "CreatedHuman", since.s);
	json_put_str(t, "RunningFor", since.s);
	json_put_str(t, "Created", since.s);
	json_put_str(t, "CreatedAt", time_long(c->created, 1, text));
	json_put_str(t, "StartedAt", time_rfc3339(c->started, text));
	put_status(c, t);
	json_put_str(t, "State", container_state_text(c));
	put_ports(c, t);
	json_put_str(t, "Names", c->name);
	json_put_int(t, "Pid", c->pid);
	json_put_int(t, "ExitCode", c->exit_code);
	json_put_bool(t, "Exited", c->state == CONTAINER_EXITED);
	json_put_str(t, "Networks", "");
	json_put_str(t, "Pod", "");
	json_put_str(t, "PodName", "");
	json_put_str(t, "Mounts", "");
	json_put(t, "Labels", c->labels ? json_object_get(c->labels) : json_object_new_object());
	return t;
}

/* --format json: the members that Podman's document has. */
static json_object *document(const struct container *c)
{
	json_object *o = json_object_new_object(), *names = json_object_new_array();
	char text[UNITS_MAX];

	json_put_bool(o, "AutoRemove", 0);
	json_put_strv(o, "Command", c->command);
	json_put_str(o, "CreatedAt", time_long(c->created, 1, text));
	json_put_bool(o, "Exited", c->state == CONTAINER_EXITED);
	json_put_int(o, "ExitedAt", c->finished / NS_PER_S);
	json_put_int(o, "ExitCode", c->state == CONTAINER_RUNNING ? 0 : c->exit_code);
	json_put_str(o, "Id", c->id);
	json_put_str(o, "Image", c->image_name);
	json_put_str(o, "ImageID", c->image_id);
	json_put_bool(o, "IsInfra", 0);
	json_put(o, "Labels",
		 c->labels && json_object_object_length(c->labels) ? json_object_get(c->labels)
								   : NULL);
	json_put(o, "Mounts", json_object_new_array());
	(void)json_object_array_add(names, json_object_new_string(c->name));
	json_put(o, "Names", names);
	json_put(o, "Networks", json_object_new_array());
	json_put_int(o, "Pid", c->pid);
	json_put_str(o, "Pod", "");
	json_put_str(o, "PodName", "");
	json_put(o, "Ports", json_len(c->ports) ? json_object_get(c->ports) : NULL);
	json_put_int(o, "StartedAt", c->started / NS_PER_S);
	json_put_str(o, "State", container_state_text(c));
	put_status(c, o);
	json_put_int(o, "Created", c->created / NS_PER_S);
	return o;
}

static int compare(const void *a, const void *b, void *key)
{
	const struct container *x = *(struct container *const *)a,
			       *y = *(struct container *const *)b;
	const char *sort = key;
	int c = 0;

	if (strcmp(sort, "names") == 0)
		c = strcmp(x->name, y->name);
	else if (strcmp(sort, "id") == 0)
		c = strcmp(x->id, y->id);
	else if (strcmp(sort, "image") == 0)
		c = strcmp(x->image_name, y->image_name);
	else if (strcmp(sort, "size") == 0)
		c = (x->size.all > y->size.all) - (x->size.all < y->size.all);
	else if (strcmp(sort, "status") == 0)
		c = x->state - y->state;
	else if (strcmp(sort, "command") == 0)
		c = strcmp(x->command && x->command[0] ? x->command[0] : "",
			   y->command && y->command[0] ? y->command[0] : "");
	if (c)
		return c;
	return (x->created > y->created) - (x->created < y->created); /* newest last */
}

/* The standard table, which is asked for most: without a document and a template for each row. */
static int print_table(struct container **list, size_t n, const struct ps_options *o, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(strbuf) struct strbuf out = STRBUF_INIT;
	char text[UNITS_MAX];

	if (!o->no_heading)
		(void)strbuf_puts(&b,
				  "CONTAINER ID\tIMAGE\tCOMMAND\tCREATED\tSTATUS\tPORTS\tNAMES\n");
	for (size_t i = 0; i < n; i++) {
		const struct container *c = list[i];
		(void)strbuf_add(&b, c->id, o->no_trunc ? ID_LEN : ID_SHORT_LEN);
		(void)strbuf_printf(&b, "\t%s\t", c->image_name);
		add_command(c, &b, o->no_trunc);
		(void)strbuf_printf(&b, "\t%s ago\t",
				    duration_human((time_now_ns() - c->created) / NS_PER_S, text));
		add_status(c, &b);
		(void)strbuf_putc(&b, '\t');
		add_ports(c, &b);
		(void)strbuf_printf(&b, "\t%s\n", c->name);
	}
	if (b.failed || table_align(b.s ? b.s : "", &out) < 0)
		return err_errno(e, ENOMEM, "list containers");
	return fputs(out.s ? out.s : "", stdout) < 0 ? err_sys(e, "write to standard output") : 0;
}

/* In the document a list, for templates one word. */
static void put_networks(json_object *row, json_object *names, int json)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	if (!names)
		return;
	for (size_t i = 0; i < json_len(names); i++)
		(void)strbuf_printf(&b, "%s%s", i ? "," : "", json_str_at(names, i));
	if (json)
		json_put(row, "Networks", json_object_get(names));
	else
		json_put_str(row, "Networks", b.s ? b.s : "");
}

static int wants_size(const struct ps_options *o)
{
	return o->sizes || strcmp(o->sort, "size") == 0 ||
	       (o->format && strstr(o->format, ".Size"));
}

/* Without --format, with the columns that were asked for.  Owned, or NULL when out of memory. */
static char *standard(const struct ps_options *o)
{
	if (o->namespaces)
		return strdup(
			"table {{.ID}}\\t{{.Names}}\\t{{.Pid}}\\t{{.Cgroup}}\\t{{.IPC}}\\t{{.MNT}}"
			"\\t{{.NET}}\\t{{.PIDNS}}\\t{{.USERNS}}\\t{{.UTS}}");
	return str_printf("table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.CreatedHuman}}\\t"
			  "{{.Status}}\\t{{.Ports}}\\t{{.Names}}%s%s",
			  o->pods ? "\\t{{.Pod}}\\t{{.PodName}}" : "",
			  o->sizes ? "\\t{{.Size}}" : "");
}

static int print(struct engine *en, struct container **list, size_t n, const struct ps_options *o,
		 struct err *e)
{
	scoped(json) json_object *networks = NULL;
	scoped(mem) char *own = NULL;
	static const struct report_header headers[] = {
		{ "ID", "CONTAINER ID" }, { "CreatedHuman", "CREATED" },
		{ "Created", "CREATED" }, { "RunningFor", "CREATED" },
		{ "Cgroup", "CGROUPNS" }, { "Pod", "POD ID" },
		{ "PodName", "PODNAME" }, { NULL, NULL }
	};
	static const struct template_schema schema = { .maps = "Labels", .member = member };
	scoped(json) json_object *rows = json_object_new_array();
	struct report r = { .name = "ps",
			    .format = o->format,
			    .headers = headers,
			    .schema = &schema,
			    .no_heading = o->no_heading };
	int json = report_is_json(o->format);

	if (o->quiet) {
		for (size_t i = 0; i < n; i++)
			(void)printf("%.*s\n", o->no_trunc ? ID_LEN : ID_SHORT_LEN, list[i]->id);
		return 0;
	}
	if ((!o->format || !*o->format) && !o->namespaces && !o->pods && !o->sizes)
		return print_table(list, n, o, e);
	own = standard(o);
	r.standard = own;
	if (!rows || !own)
		return err_errno(e, ENOMEM, "list containers");
	if ((json || (o->format && strstr(o->format, ".Networks"))) &&
	    networks_names(en, &networks, e) < 0)
		return e->code;
	for (size_t i = 0; i < n; i++) {
		json_object *row = json ? document(list[i]) : row_object(list[i], o);
		put_networks(row, json_get(networks, list[i]->id), json);
		if (wants_size(o) && (!json || o->sizes))
			ls_put_size(list[i], row, json);
		if (json && o->namespaces)
			json_put(row, "Namespaces", ls_namespaces(row));
		(void)json_object_array_add(rows, row);
	}
	return json ? report_json(rows, e) : report_print(&r, rows, e);
}

static int wants_all(const struct ps_options *o)
{
	if (o->all || o->latest || o->last > 0)
		return 1;
	for (size_t i = 0; o->filters && o->filters[i]; i++)
		if (strncmp(o->filters[i], "status=", 7) == 0 ||
		    strncmp(o->filters[i], "exited=", 7) == 0)
			return 1;
	return 0;
}

static int list_once(struct engine *en, const struct ps_options *o, struct err *e)
{
	struct container **list = NULL;
	size_t n = 0, kept = 0, most = o->latest ? 1 : o->last > 0 ? (size_t)o->last : SIZE_MAX;
	int r = container_list(en, wants_all(o), &list, &n, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		int ok = r < 0 ? 0 : container_passes(en, o->filters, list[i], e);
		if (ok < 0)
			r = ok;
		if (ok > 0 && kept < most)
			list[kept++] = list[i];
		else
			(void)container_free(list[i]);
	}
	for (size_t i = 0; i < kept && r >= 0 && wants_size(o); i++)
		r = container_measure(en, list[i], e);
	if (n)
		qsort_r(list, kept, sizeof(*list), compare, (void *)o->sort);
	if (r >= 0)
		r = print(en, list, kept, o, e);
	container_list_free(list, kept);
	return r;
}

static int ls(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct ps_options *o = opts;
	int r;

	(void)args;
	if (o->sizes && o->namespaces)
		return err_set(e, -EINVAL, "size and namespace options conflict");
	for (;;) {
		if (o->watch && isatty(STDOUT_FILENO))
			(void)fputs("\033[H\033[2J", stdout); /* home, and all of it erased */
		r = list_once(en, o, e);
		if (r < 0 || !o->watch || fflush(stdout) != 0)
			return r;
		(void)sleep((unsigned)o->watch);
	}
}

const struct cmd cmd_container_ls = {
	.noun = "container",
	.verb = "ls",
	.verbs = "list|ps",
	.alias = "ps",
	.help = "List containers",
	.man = "Running containers, with --all those that have ended or were never started, too.",
	.examples =
		"cove ps --all\ncove ps --filter status=exited --format '{{.Names}} {{.Status}}'",
	.max_args = 0,
	.size = sizeof(struct ps_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = ls,
};

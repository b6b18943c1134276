/* SPDX-License-Identifier: Apache-2.0 */
/* cove events: the event log, and what comes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/store/events.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

struct events_options {
	char **filters;
	const char *format, *since, *until;
	int no_trunc, stream;
};

#define AT(f) offsetof(struct events_options, f)
static const struct opt options[] = {
	LIST('f', "filter", "KEY=VALUE", AT(filters), "Show only events for which this holds",
	     .man = "Keys: artifact, container, event (or status), image, label, pod, type, "
		    "volume. "
		    "Of several values for one key one has to hold, of several keys each."),
	STR(0, "format", "FORMAT", AT(format), "Print as JSON or by a Go template"),
	FLAG(0, "no-trunc", AT(no_trunc), "Do not truncate IDs", .def = "true"),
	STR(0, "since", "TIME", AT(since), "Show events from then on"),
	FLAG(0, "stream", AT(stream), "Wait for more events", .def = "true"),
	STR(0, "until", "TIME", AT(until), "Show events up to then, and wait no longer"),
	END,
};

#define TYPES "artifact|container|image|machine|network|pod|secret|system|volume"

/* ---- filters --------------------------------------------------------------------------------- */

static const char *text(json_object *o, const char *name)
{
	const char *s = json_get_str(o, name);
	return s ? s : "";
}

/* An object of a type, by its name or the beginning of its ID. */
static int is_object(json_object *o, const char *type, const char *value)
{
	return !strcmp(text(o, "Type"), type) &&
	       (!strcmp(text(o, "Name"), value) || (*value && str_starts(text(o, "ID"), value)));
}

static int has_label(json_object *o, const char *value)
{
	size_t n = strcspn(value, "=");
	scoped(mem) char *key = strndup(value, n);
	const char *have = key ? json_get_str(json_get(o, "Attributes"), key) : NULL;

	return have && (!value[n] || !strcmp(have, value + n + 1));
}

static int passes_one(json_object *o, const char *key, const char *value)
{
	if (!strcmp(key, "event") || !strcmp(key, "status")) /* "die" is docker's word */
		return !strcmp(text(o, "Status"), strcmp(value, "die") ? value : "died");
	if (!strcmp(key, "type"))
		return !strcmp(text(o, "Type"), value);
	return !strcmp(key, "label") ? has_label(o, value) : is_object(o, key, value);
}

/* "KEY=VALUE" in parts; KEY into BUF. */
static const char *split(const char *filter, char *buf, size_t n)
{
	size_t len = strcspn(filter, "=");

	(void)snprintf(buf, n, "%.*s", (int)(len < n ? len : n - 1), filter);
	if (!strcmp(buf, "status")) /* the same, under another name */
		(void)snprintf(buf, n, "event");
	return filter[len] ? filter + len + 1 : NULL;
}

static int check_filters(char *const *filters, struct err *e)
{
	for (; filters && *filters; filters++) {
		char key[16];
		const char *value = split(*filters, key, sizeof(key));

		if (!value)
			return err_set(e, -EINVAL, "%s is an invalid filter", *filters);
		if (!str_in_words(key, strlen(key),
				  "artifact|container|event|image|label|pod|type|volume"))
			return err_set(e, -EINVAL, "%s is an invalid filter", key);
		if (!strcmp(key, "type") && !str_in_words(value, strlen(value), TYPES))
			return err_set(e, -EINVAL, "unknown event type \"%s\"", value);
	}
	return 0;
}

static int passes(json_object *o, char *const *filters)
{
	for (char *const *f = filters; f && *f; f++) {
		char key[16], other[16];
		int any = 0;

		(void)split(*f, key, sizeof(key));
		for (char *const *g = filters; *g && !any; g++) {
			const char *value = split(*g, other, sizeof(other));
			any = !strcmp(key, other) && passes_one(o, key, value);
		}
		if (!any)
			return 0;
	}
	return 1;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static int64_t when(json_object *o)
{
	int64_t ns = 0;
	return time_parse(text(o, "Time"), 0, &ns) < 0 ? 0 : ns;
}

static const char *id_of(json_object *o, int no_trunc, char buf[ID_LEN + 1])
{
	(void)snprintf(buf, ID_LEN + 1, "%.*s", no_trunc ? ID_LEN : ID_SHORT_LEN, text(o, "ID"));
	return buf;
}

static void add_attributes(struct strbuf *b, json_object *o)
{
	json_object *all = json_get(o, "Attributes");

	if (!json_object_is_type(all, json_type_object))
		return;
	json_object_object_foreach(all, key, value)
	{
		(void)strbuf_puts(b, ", ");
		(void)name_escape(b, key);
		(void)strbuf_puts(b, "=");
		(void)name_escape(b, json_object_get_string(value));
	}
}

static void add_subject(struct strbuf *b, json_object *o, int no_trunc)
{
	const char *type = text(o, "Type");
	char id[ID_LEN + 1];

	(void)id_of(o, no_trunc, id);
	if (!strcmp(type, "container") || !strcmp(type, "pod")) {
		(void)strbuf_printf(b, " %s (image=", id);
		(void)name_escape(b, text(o, "Image"));
		(void)strbuf_printf(b, ", name=%s", text(o, "Name"));
		add_attributes(b, o);
		(void)strbuf_puts(b, ")");
	} else if (!strcmp(type, "network")) {
		json_object *all = json_get(o, "Attributes");
		if (*text(all, "container"))
			(void)strbuf_printf(b, " %s (container=%s, name=%s)", id,
					    text(all, "container"), text(o, "Name"));
		else
			(void)strbuf_printf(b, " %s (name=%s, type=%s)", id, text(o, "Name"),
					    text(all, "type"));
	} else {
		if (!strcmp(type, "image") || !strcmp(type, "artifact") || !strcmp(type, "secret"))
			(void)strbuf_printf(b, " %s", id);
		if (*text(o, "Name") || !strcmp(type, "image")) {
			(void)strbuf_puts(b, " ");
			(void)name_escape(b, text(o, "Name"));
		}
	}
	if (*text(o, "error")) {
		(void)strbuf_puts(b, " ");
		(void)name_escape(b, text(o, "error"));
	}
}

static int print_line(json_object *o, int no_trunc, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	char buf[UNITS_MAX];

	(void)strbuf_printf(&b, "%s %s %s", time_long(when(o), 1, buf), text(o, "Type"),
			    text(o, "Status"));
	add_subject(&b, o, no_trunc);
	if (strbuf_putc(&b, '\n') < 0)
		return err_errno(e, b.failed, "show an event");
	(void)fputs(b.s, stdout); /* a failure shows when it is flushed */
	return 0;
}

/* As templates see it. */
static json_object *row_of(json_object *o)
{
	static const char *const same[] = { "Image", "Name", "Status", "Time", "Type" };
	json_object *row = json_object_new_object(), *attributes = json_get(o, "Attributes");

	if (!row)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		json_put_str(row, same[i], text(o, same[i]));
	json_put_str(row, "ID", text(o, "ID")); /* --no-trunc=false is of lines */
	json_put_int(row, "ContainerExitCode", json_get_int(o, "ContainerExitCode", 0));
	json_put_bool(row, "OOMKilled", json_get_bool(o, "OOMKilled", 0));
	json_put_str(row, "Network", text(o, "network"));
	json_put_str(row, "Error", text(o, "error"));
	json_put_str(row, "PodID", text(o, "PodID"));
	json_put_str(row, "HealthStatus", text(o, "health_status"));
	json_put_int(row, "TimeNano", when(o));
	json_put(row, "Attributes",
		 attributes ? json_object_get(attributes) : json_object_new_object());
	return row;
}

static int show(void *arg, json_object *o, struct err *e)
{
	static const struct template_schema schema = { .maps = "Attributes", .times = "Time" };
	const struct events_options *opts = arg;
	const struct report r = { .name = "events", .format = opts->format, .schema = &schema };
	int rc = 0;

	if (!passes(o, opts->filters))
		return 0;
	if (!opts->format || !*opts->format) {
		rc = print_line(o, opts->no_trunc, e);
	} else if (report_is_json(opts->format)) {
		(void)puts(json_object_to_json_string_ext(
			o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	} else {
		scoped(json) json_object *row = row_of(o);
		rc = row ? report_print_one(&r, row, e) : err_errno(e, ENOMEM, "show an event");
	}
	if (rc == 0 && fflush(stdout) != 0) /* somebody waits for it */
		rc = err_sys(e, "write to standard output");
	return rc;
}

static int events(struct engine *en, void *opts, char **args, struct err *e)
{
	struct events_options *o = opts;
	struct events_query q = { .follow = o->stream };
	int r = check_filters(o->filters, e);

	(void)args;
	if (r == 0)
		r = cmd_time(o->since, &q.since, e);
	if (r == 0)
		r = cmd_time(o->until, &q.until, e);
	if (r < 0)
		return err_in(e, "failed to parse event filters");
	if (strcmp(events_backend(en), "none") == 0)
		return err_set(e, -EINVAL, "cannot read events with the \"none\" backend");
	/* Without a beginning what has been is passed over, as long as there is more to come. */
	if (q.follow && !o->since && !o->until)
		q.since = time_now_ns();
	return events_read(en, &q, show, o, e);
}

const struct cmd cmd_system_events = {
	.noun = "system",
	.verb = "events",
	.alias = "events",
	.args = "",
	.help = "Show what happens to containers, images, volumes and networks",
	.man = "Events of this user's commands are kept in the runtime directory, so that a reboot "
	       "ends them; the log is cut when it reaches a megabyte.",
	.examples = "cove events --filter event=died\n"
		    "cove events --since 10m --stream=false --format json",
	.max_args = 0,
	.size = sizeof(struct events_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = events,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/image/image_parent.h"
#include "src/image/image_stores.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/units.h"

#define NS_PER_S       1000000000LL
#define CREATED_BY_MAX 45 /* longer commands are cut to this, "..." included */

struct history_options {
	const char *format;
	int human, no_trunc, quiet;
};

#define AT(f) offsetof(struct history_options, f)
static const struct opt options[] = {
	STR(0, "format", "FORMAT", AT(format), "Print as JSON or by a Go template"),
	FLAG('H', "human", AT(human), "Show dates as ages", .def = "true"),
	FLAG(0, "no-trunc", AT(no_trunc), "Do not truncate IDs and commands",
	     .spellings = "notruncate"),
	FLAG('q', "quiet", AT(quiet), "Print IDs only"),
	END,
};

static int64_t layer_size(struct engine *en, const struct image *i, const char *name, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct store *s = image_store_db_of(en, i, e);
	int r = s ? store_query(s, &q, e, "SELECT diff_size FROM layer WHERE name = ?", "s", name)
		  : e->code;

	if (r >= 0)
		r = store_step(q, e);
	return r > 0 ? store_int(q, 0) : r;
}

/* One step as --format json prints it; NAMES of the image that ends with it. */
static json_object *step_object(json_object *step, const char *id, int64_t size, char *const *names)
{
	json_object *o = json_object_new_object();
	const char *created = json_get_str(step, "created"), *by = json_get_str(step, "created_by");
	const char *comment = json_get_str(step, "comment");
	char text[UNITS_MAX];
	int64_t ns = 0; /* what is no time counts as the epoch */

	json_put_str(o, "id", id);
	json_put_str(o, "created", created ? created : "1970-01-01T00:00:00Z");
	json_put_str(o, "CreatedBy", by);
	json_put_int(o, "size", size);
	json_put_str(o, "comment", comment);
	(void)time_parse(json_get_str(o, "created"), 0, &ns);
	json_put_str(o, "Created", time_rfc3339(ns - ns % NS_PER_S, text));
	if (names && names[0])
		json_put_strv(o, "tags", names);
	return o;
}

/* The image among LIST that has just the first STEPS and LAYERS of I; NULL: none. */
static const struct image *image_of_step(struct image *const *list, size_t n, const struct image *i,
					 size_t steps, size_t layers)
{
	for (size_t k = 0; k < n; k++)
		if (strv_len(list[k]->layers) == layers && image_stands_on(i, list[k]) == steps)
			return list[k];
	return NULL;
}

/* Steps newest first; images whose config tells no history get one line for each layer. */
static int collect(struct engine *en, const struct image *i, struct image *const *relatives,
		   size_t n_relatives, json_object *list, struct err *e)
{
	json_object *history = json_get(i->config, "history");
	size_t layers = strv_len(i->layers), steps = json_len(history);
	int newest = 1;

	for (size_t n = steps ? steps : layers; n-- > 0; newest = 0) {
		json_object *step = steps ? json_object_array_get_idx(history, n) : NULL;
		const struct image *it =
			newest ? i : image_of_step(relatives, n_relatives, i, n + 1, layers);
		int64_t size = 0;
		if (!json_get_bool(step, "empty_layer", 0) && layers > 0) {
			size = layer_size(en, i, i->layers[--layers], e);
			if (size < 0)
				return (int)size;
		}
		(void)json_object_array_add(list, step_object(step, it ? it->id : "<missing>", size,
							      it ? it->names : NULL));
	}
	return 0;
}

static void put_escaped(json_object *o, const char *name, const char *s, size_t max)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	(void)name_escape(&b, s ? s : "");
	if (max && b.len > max) {
		b.len = max - 3;
		b.s[b.len] = '\0';
		(void)strbuf_puts(&b, "...");
	}
	json_put_str(o, name, b.s ? b.s : "");
}

/* The same step for templates and the table. */
static json_object *row_object(json_object *step, const struct history_options *o)
{
	json_object *row = json_object_new_object(), *tags = json_get(step, "tags");
	const char *id = json_get_str(step, "id"), *created = json_get_str(step, "created");
	scoped(strbuf) struct strbuf age = STRBUF_INIT;
	char text[UNITS_MAX], short_id[ID_LEN + 1];
	int64_t ns = 0;

	(void)time_parse(created, 0, &ns); /* what is no time counts as the epoch */
	ns -= ns % NS_PER_S;
	(void)snprintf(short_id, sizeof(short_id), "%.*s",
		       o->no_trunc || id[0] == '<' ? ID_LEN : ID_SHORT_LEN, id);
	json_put_str(row, "ID", short_id);
	(void)strbuf_printf(&age, "%s ago", duration_human((time_now_ns() - ns) / NS_PER_S, text));
	json_put_str(row, "Created", o->human ? age.s : time_rfc3339(ns, text));
	json_put_str(row, "CreatedSince", age.s);
	json_put_str(row, "CreatedAt", time_long(ns, 0, text));
	put_escaped(row, "CreatedBy", json_get_str(step, "CreatedBy"),
		    o->no_trunc ? 0 : CREATED_BY_MAX);
	json_put_str(row, "Size", size_human(json_get_int(step, "size", 0), " ", text));
	put_escaped(row, "Comment", json_get_str(step, "comment"), 0);
	json_put(row, "Tags", tags ? json_object_get(tags) : json_object_new_array());
	return row;
}

static int print(json_object *list, const struct history_options *o, struct err *e)
{
	static const struct report_header headers[] = {
		{ "CreatedSince", "CREATED" },
		{ "CreatedBy", "CREATED BY" },
		{ NULL, NULL },
	};
	struct report r = {
		.name = "history",
		.format = o->quiet ? "{{.ID}}" : o->format,
		.headers = headers,
		.standard =
			"table {{.ID}}\\t{{.Created}}\\t{{.CreatedBy}}\\t{{.Size}}\\t{{.Comment}}",
	};
	scoped(json) json_object *rows = json_object_new_array();

	if (report_is_json(r.format)) {
		scoped(mem) char *text = json_text(list);
		return !text || puts(text) < 0 ? err_sys(e, "write to standard output") : 0;
	}
	for (size_t i = 0; rows && i < json_len(list); i++)
		(void)json_object_array_add(rows,
					    row_object(json_object_array_get_idx(list, i), o));
	return rows ? report_print(&r, rows, e) : err_errno(e, ENOMEM, "history");
}

static int history(struct engine *en, void *opts, char **args, struct err *e)
{
	scoped(image) struct image *i = NULL;
	scoped(json) json_object *list = json_object_new_array();
	struct image **relatives = NULL;
	size_t n = 0;
	int r = list ? image_find(en, args[0], &i, e) : err_errno(e, ENOMEM, "history");

	if (r >= 0)
		r = image_relatives(en, i, &relatives, &n, e);
	if (r >= 0)
		r = collect(en, i, relatives, n, list, e);
	image_list_free(relatives, n);
	return r < 0 ? r : print(list, opts, e);
}

const struct cmd cmd_image_history = {
	.noun = "image",
	.verb = "history",
	.alias = "history",
	.args = "IMAGE",
	.help = "Show the steps an image was made in",
	.examples =
		"cove history debian:12\ncove history --no-trunc --format '{{.CreatedBy}}' alpine",
	.complete = "image",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct history_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = history,
};

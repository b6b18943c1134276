/* SPDX-License-Identifier: Apache-2.0 */
/* cove images: a row for each name of each image. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/image/filter.h"
#include "src/cli/report.h"
#include "src/image/image_parent.h"
#include "src/image/manifest_list.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/units.h"

#define NS_PER_S 1000000000LL

struct ls_options {
	int all, digests, history, no_trunc, no_heading, quiet;
	const char *format, *sort;
	char **filters;
};

#define AT(f) offsetof(struct ls_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Show intermediate images, too",
	     .man = "Those without a name that others were made from."),
	FLAG(0, "digests", AT(digests), "Show digests"),
	LIST('f', "filter", "KEY=VALUE", AT(filters), "Show only images for which this holds",
	     .man = "Keys: after, before, containers, dangling, digest, id, intermediate, "
		    "label, label!, readonly, reference, since, until.  Images of additional "
		    "stores (see "
		    "--storage-opt of cove) are read-only; a column R/O says so where there are "
		    "such."),
	STR(0, "format", "FORMAT", AT(format), "Print as JSON or by a Go template"),
	FLAG(0, "history", AT(history), "Show the names an image has had"),
	FLAG(0, "no-trunc", AT(no_trunc), "Do not truncate IDs"),
	FLAG('n', "noheading", AT(no_heading), "Do not print column headings"),
	FLAG('q', "quiet", AT(quiet), "Print IDs only"),
	STR(0, "sort", "KEY", AT(sort), "Sort by this", .def = "created",
	    .values = "created|id|repository|size|tag"),
	END,
};

/* One line of the table. */
struct row {
	const struct image *image;
	const char *name;  /* NULL: none */
	size_t repository; /* length of the repository in NAME */
};

/* What --format json prints of one image, and what templates see of it beside the fields of a row.
 */
static json_object *summary(struct engine *en, const struct image *i)
{
	scoped(strv) char **names = image_all_names(i);
	char text[UNITS_MAX];
	json_object *o = json_object_new_object(),
		    *labels = json_path(i->config, "config", "Labels", NULL);

	json_put_str(o, "Id", i->id);
	json_put_str(o, "ParentId", i->parent);
	json_put(o, "RepoTags", NULL);
	json_put_strv(o, "RepoDigests", i->digests);
	json_put_int(o, "Size", i->size);
	json_put_int(o, "SharedSize", 0);
	json_put_int(o, "VirtualSize", i->size);
	json_put(o, "Labels", json_object_get(labels));
	json_put_int(o, "Containers", image_containers(en, i->id));
	if (i->store)
		json_put_bool(o, "ReadOnly", 1);
	if (image_is_dangling(i))
		json_put_bool(o, "Dangling", 1);
	json_put_strv(o, "Names", names);
	json_put_str(o, "Digest", i->manifest_digest);
	json_put_strv(o, "History", i->past ? i->past : names);
	json_put_int(o, "Created", i->created);
	json_put_str(o, "CreatedAt", time_rfc3339(i->created * NS_PER_S, text));
	return o;
}

/* The same for templates and tables: human, one name. */
static json_object *row_object(struct engine *en, const struct row *r, const struct ls_options *o)
{
	const struct image *i = r->image;
	json_object *t = summary(en, i);
	char text[UNITS_MAX], id[ID_LEN + 8];
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	int64_t age = time_now_ns() / NS_PER_S - i->created;

	(void)snprintf(id, sizeof(id), "%s%.*s", o->no_trunc ? "sha256:" : "",
		       o->no_trunc ? ID_LEN : ID_SHORT_LEN, i->id);
	json_put_str(t, "ID", id);
	(void)strbuf_add(&b, r->name ? r->name : "<none>", r->name ? r->repository : 6);
	json_put_str(t, "Repository", b.s);
	json_put_str(t, "Tag",
		     r->name && r->name[r->repository] == ':' ? r->name + r->repository + 1
							      : "<none>");
	json_put_strv(t, "RepoTags", i->names);
	json_put_str(t, "Size", size_human(i->size, " ", text));
	(void)strbuf_printf((strbuf_reset(&b), &b), "%s ago", duration_human(age, text));
	json_put_str(t, "Created", b.s);
	json_put_str(t, "CreatedSince", b.s);
	json_put_str(t, "CreatedAt", time_long(i->created * NS_PER_S, 0, text));
	json_put_str(t, "CreatedTime", text);
	json_put_bool(t, "Dangling", image_is_dangling(i));
	json_put_bool(t, "IsDangling", image_is_dangling(i));
	json_put_bool(t, "ReadOnly", i->store != NULL);
	json_put_bool(t, "IsReadOnly", i->store != NULL);
	strbuf_reset(&b);
	for (char **n = i->past ? i->past : i->names; n && *n; n++)
		(void)strbuf_printf(&b, "%s%s", b.len ? ", " : "", *n);
	json_put_str(t, "History", b.s ? b.s : "");
	return t;
}

static int compare_names(const struct row *x, const struct row *y)
{
	return strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

/* Equal rows stay in the order of their names, so that output never depends on the sort. */
static int compare_rows(const void *a, const void *b, void *key)
{
	const struct row *x = a, *y = b;
	const char *sort = key;
	int c = 0;

	if (strcmp(sort, "created") == 0)
		c = (x->image->created < y->image->created) -
		    (x->image->created > y->image->created);
	else if (strcmp(sort, "size") == 0)
		c = (x->image->size > y->image->size) - (x->image->size < y->image->size);
	else if (strcmp(sort, "id") == 0)
		c = strcmp(x->image->id, y->image->id);
	else if (strcmp(sort, "tag") == 0)
		c = strcmp(x->name ? x->name + x->repository : "",
			   y->name ? y->name + y->repository : "");
	if (c == 0)
		c = compare_names(x, y);
	return c ? c : strcmp(x->image->id, y->image->id);
}

static size_t repository_length(const char *name)
{
	const char *slash = strrchr(name, '/'), *colon = strpbrk(slash ? slash : name, ":@");
	return colon ? (size_t)(colon - name) : strlen(name);
}

/* Rows of all names, sorted; owned, NULL when out of memory. */
static struct row *make_rows(struct image **list, size_t n, const char *sort, size_t *ret_n)
{
	size_t rows = 0;
	struct row *r;

	for (size_t i = 0; i < n; i++)
		rows += strv_len(list[i]->names) + strv_len(list[i]->pinned) + 1;
	r = calloc(rows + 1, sizeof(*r));
	if (!r)
		return NULL;
	rows = 0;
	for (size_t i = 0; i < n; i++) {
		for (char **name = list[i]->names; name && *name; name++)
			r[rows++] = (struct row){ list[i], *name, repository_length(*name) };
		if (list[i]->names && list[i]->names[0])
			continue;
		for (char **pin = list[i]->pinned; pin && *pin; pin++)
			r[rows++] = (struct row){ list[i], *pin, repository_length(*pin) };
		if (!image_has_name(list[i]))
			r[rows++] = (struct row){ list[i], NULL, 0 };
	}
	qsort_r(r, rows, sizeof(*r), compare_rows, (void *)sort);
	*ret_n = rows;
	return r;
}

static int print_quiet(const struct row *rows, size_t n, const struct ls_options *o)
{
	for (size_t i = 0; i < n; i++) {
		size_t j = 0;
		while (strcmp(rows[j].image->id, rows[i].image->id) != 0)
			j++;
		if (j == i) /* once for each image */
			(void)printf("%s%.*s\n", o->no_trunc ? "sha256:" : "",
				     o->no_trunc ? ID_LEN : ID_SHORT_LEN, rows[i].image->id);
	}
	return 0;
}

static int print_rows(struct engine *en, const struct row *rows, size_t n,
		      const struct ls_options *o, struct err *e)
{
	static const struct report_header headers[] = {
		{ "ID", "IMAGE ID" }, { "Created", "CREATED" }, { "CreatedSince", "CREATED" },
		{ "Size", "SIZE" },   { "ReadOnly", "R/O" },	{ NULL, NULL },
	};
	static const struct template_schema schema = { .maps = "Labels" };
	scoped(json) json_object *list = json_object_new_array();
	char standard[160];
	struct report r = {
		.name = "images",
		.format = o->format,
		.headers = headers,
		.schema = &schema,
		.standard = standard,
		.no_heading = o->no_heading,
	};
	int json = report_is_json(o->format), read_only = 0;

	for (size_t i = 0; i < n; i++)
		read_only |= rows[i].image->store != NULL;
	(void)snprintf(standard, sizeof(standard),
		       "table "
		       "{{.Repository}}\\t{{.Tag}}%s\\t{{.ID}}\\t{{.Created}}\\t{{.Size}}%s%s",
		       o->digests ? "\\t{{.Digest}}" : "",
		       o->history ? "\\t{{or .History `<none>`}}" : "",
		       read_only ? "\\t{{.ReadOnly}}" : "");
	if (!list)
		return err_errno(e, ENOMEM, "images");
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(list, json ? summary(en, rows[i].image)
						       : row_object(en, &rows[i], o));
	return json ? report_json(list, e) : report_print(&r, list, e);
}

/* Lists of images are shown among them. */
static int add_lists(struct engine *en, struct image ***list, size_t *n, struct err *e)
{
	scoped(strv) char **ids = NULL;
	struct image **more;

	if (manifest_list_ids(en, 0, &ids, e) < 0)
		return e->code;
	more = reallocarray(*list, *n + strv_len(ids) + 1, sizeof(struct image *));
	if (!more)
		return err_errno(e, ENOMEM, "images");
	*list = more;
	for (char **id = ids; id && *id; id++) {
		scoped(manifest_list) struct manifest_list *l = NULL;
		struct err ignored = { 0 };

		if (manifest_list_find(en, *id, &l, &ignored) < 0)
			continue; /* removed meanwhile */
		if (manifest_list_as_image(l, &more[*n], e) < 0)
			return e->code;
		++*n;
	}
	return 0;
}

static int asks_for_intermediate(char *const *filters)
{
	for (; filters && *filters; filters++)
		if (str_starts(*filters, "intermediate="))
			return 1;
	return 0;
}

static int ls(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct ls_options *o = opts;
	scoped(mem) struct row *rows = NULL;
	scoped(strv) char **filters = strv_copy(o->filters);
	scoped(strbuf) struct strbuf reference = STRBUF_INIT;
	struct image **list = NULL;
	size_t n = 0, n_rows = 0;
	int r;

	if (args[0] && (!filters || strbuf_printf(&reference, "reference=%s", args[0]) < 0 ||
			strv_add(&filters, reference.s) < 0))
		return err_errno(e, ENOMEM, "images");
	if (!o->all && !asks_for_intermediate(o->filters) &&
	    strv_add(&filters, "intermediate=false") < 0)
		return err_errno(e, ENOMEM, "images");
	r = image_list(en, &list, &n, e);
	if (r >= 0)
		r = add_lists(en, &list, &n, e);
	if (r < 0) {
		image_list_free(list, n);
		return r;
	}
	r = image_filter(en, list, n, filters, e);
	if (r >= 0) {
		n = (size_t)r;
		rows = make_rows(list, n, o->sort, &n_rows);
		r = rows ? 0 : err_errno(e, ENOMEM, "images");
	}
	if (r >= 0)
		r = o->quiet ? print_quiet(rows, n_rows, o) : print_rows(en, rows, n_rows, o, e);
	image_list_free(list, n);
	return r;
}

const struct cmd cmd_image_ls = {
	.noun = "image",
	.verb = "ls",
	.verbs = "list",
	.alias = "images",
	.args = "[IMAGE]",
	.help = "List images",
	.man = "Shows every name of every image that was pulled, loaded, imported or built; with "
	       "IMAGE only "
	       "images with such a name.",
	.examples = "cove images debian\n"
		    "cove images --filter dangling=true --quiet\n"
		    "cove images --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
	.complete = "image",
	.max_args = 1,
	.size = sizeof(struct ls_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = ls,
};

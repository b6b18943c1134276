/* SPDX-License-Identifier: Apache-2.0 */
/* cove system df: what the store holds, and what could be had back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/container/prune.h"
#include "src/container/size.h"
#include "src/image/image_parent.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"
#include "src/volume/volume.h"

#define NS_PER_S 1000000000LL

struct df_options {
	const char *format;
	int verbose;
};

#define AT(f) offsetof(struct df_options, f)
static const struct opt options[] = {
	STR(0, "format", "FORMAT", AT(format), "Print as JSON or by a Go template"),
	FLAG('v', "verbose", AT(verbose), "Show each image, container and volume"),
	EXCLUDES("format", "verbose"),
	END,
};

struct usage {
	int64_t total, active, size, reclaimable;
};

struct df {
	struct engine *en;
	struct usage images, containers, volumes;
	/* Rows of --verbose, as templates see them. */
	json_object *image_rows, *container_rows, *volume_rows;
};

static void scoped_df(struct df *d)
{
	json_free(d->image_rows);
	json_free(d->container_rows);
	json_free(d->volume_rows);
}

static const char *ago(int64_t ns, char buf[UNITS_MAX])
{
	return duration_human((time_now_ns() - ns) / NS_PER_S, buf);
}

static void put_size(json_object *o, const char *name, int64_t bytes)
{
	char text[UNITS_MAX];
	json_put_str(o, name, size_human_digits(bytes, 4, "", text));
}

/* ---- images ---------------------------------------------------------------------------------- */

/* One number of the database. */
static int number(struct engine *en, const char *sql, const char *arg, int64_t *ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct store *s = engine_store(en, e);
	int r = s ? store_query(s, &q, e, sql, arg ? "s" : "", arg) : e->code;

	if (r == 0)
		r = store_step(q, e);
	if (r > 0)
		*ret = store_int(q, 0);
	return r < 0 ? r : 0;
}

static void add_image_row(struct df *d, const struct image *i, const char *name, int64_t shared,
			  int64_t containers)
{
	json_object *o = json_object_new_object();
	const char *slash = name ? strrchr(name, '/') : NULL;
	const char *colon = name ? strpbrk(slash ? slash : name, ":@") : NULL;
	scoped(mem) char *repository = colon ? strndup(name, (size_t)(colon - name)) : NULL;
	char text[UNITS_MAX], id[ID_SHORT_LEN + 1];

	(void)snprintf(id, sizeof(id), "%.*s", ID_SHORT_LEN, i->id);
	json_put_str(o, "Repository", repository ? repository : "<none>");
	json_put_str(o, "Tag", colon && *colon == ':' ? colon + 1 : "<none>");
	json_put_str(o, "ImageID", id);
	json_put_str(o, "Created", ago(i->created * NS_PER_S, text));
	put_size(o, "Size", i->size);
	put_size(o, "SharedSize", shared);
	put_size(o, "UniqueSize", i->size - shared);
	json_put_int(o, "Containers", containers);
	(void)json_object_array_add(d->image_rows, o);
}

static int add_image(struct df *d, const struct image *i, struct err *e)
{
	static const char shared_sql[] =
		"SELECT total(tree_size) FROM layer WHERE name IN (SELECT layer FROM image_layer "
		"WHERE image_id = ?1) AND name IN (SELECT layer FROM image_layer WHERE image_id != "
		"?1)";
	int64_t containers = image_containers(d->en, i->id), shared = 0;
	int r = number(d->en, shared_sql, i->id, &shared, e);

	if (r < 0)
		return r;
	d->images.total++;
	d->images.active += containers > 0;
	if (!image_has_name(i))
		add_image_row(d, i, NULL, shared, containers);
	for (char **name = i->names; name && *name; name++)
		add_image_row(d, i, *name, shared, containers);
	for (char **pin = i->names && i->names[0] ? NULL : i->pinned; pin && *pin; pin++)
		add_image_row(d, i, *pin, shared, containers);
	return 0;
}

static int add_images(struct df *d, struct err *e)
{
	static const char size_sql[] =
		"SELECT total(tree_size) FROM layer WHERE name NOT GLOB '/*'";
	static const char free_sql[] =
		"SELECT total(tree_size) FROM layer WHERE name NOT GLOB '/*' AND name NOT IN "
		"(SELECT il.layer FROM "
		"image_layer il JOIN container c ON c.image_id = il.image_id)";
	struct image **list = NULL;
	size_t n = 0;
	int r = image_list(d->en, &list, &n, e);

	for (size_t i = 0; i < n && r == 0; i++)
		r = list[i]->store ? 0 : add_image(d, list[i], e);
	image_list_free(list, n);
	if (r == 0)
		r = number(d->en, size_sql, NULL, &d->images.size, e);
	if (r == 0)
		r = number(d->en, free_sql, NULL, &d->images.reclaimable, e);
	return r;
}

/* ---- containers ------------------------------------------------------------------------------ */

static int add_container(struct df *d, const struct container *c, struct err *e)
{
	json_object *o = json_object_new_object();
	scoped(container) struct container *full = NULL;
	scoped(strbuf) struct strbuf command = STRBUF_INIT;
	char text[UNITS_MAX], id[ID_SHORT_LEN + 1], image[ID_SHORT_LEN + 1];
	int64_t size = 0;
	int r = container_find(d->en, c->id, &full, e);

	if (r == 0)
		r = container_size(d->en, c->id, &size, e);
	if (r < 0 || !full) {
		json_free(o);
		if (r != -ENOENT)
			return r;
		err_clear(e); /* removed just now */
		return 0;
	}
	(void)snprintf(id, sizeof(id), "%.*s", ID_SHORT_LEN, c->id);
	(void)snprintf(image, sizeof(image), "%.*s", ID_SHORT_LEN, c->image_id);
	for (size_t i = 0; c->command && c->command[i]; i++) {
		if (i)
			(void)strbuf_putc(&command, ' ');
		(void)name_escape(&command, c->command[i]);
	}
	json_put_str(o, "ContainerID", id);
	json_put_str(o, "Image", image);
	json_put_str(o, "Command", command.s ? command.s : "");
	json_put_int(o, "LocalVolumes", (int64_t)json_len(json_get(full->spec, "Volumes")));
	put_size(o, "Size", size);
	json_put_str(o, "Created", ago(c->created, text));
	json_put_str(o, "Status", container_state_text(c));
	json_put_str(o, "Names", c->name);
	(void)json_object_array_add(d->container_rows, o);
	d->containers.total++;
	d->containers.active += c->state == CONTAINER_RUNNING;
	d->containers.size += size;
	d->containers.reclaimable += c->state == CONTAINER_RUNNING ? 0 : size;
	return 0;
}

static int add_containers(struct df *d, struct err *e)
{
	struct container **list = NULL;
	size_t n = 0;
	int r = container_list(d->en, 1, &list, &n, e);

	for (size_t i = 0; i < n && r == 0; i++)
		r = add_container(d, list[i], e);
	container_list_free(list, n);
	return r;
}

/* ---- volumes --------------------------------------------------------------------------------- */

static int add_volumes(struct df *d, struct err *e)
{
	scoped(strv) char **names = NULL;
	scoped(strv) char **used = NULL;
	int r = volume_list(d->en, &names, e);

	if (r == 0)
		r = container_volumes(d->en, &used, e);
	for (char **name = names; name && *name && r == 0; name++) {
		json_object *o;
		int64_t links = 0, size = 0;
		for (char **u = used; u && *u; u++)
			links += strcmp(*u, *name) == 0;
		r = volume_size(d->en, *name, &size, e);
		if (r == -ENOENT) { /* removed just now */
			err_clear(e);
			r = 0;
			continue;
		}
		o = json_object_new_object();
		json_put_str(o, "VolumeName", *name);
		json_put_int(o, "Links", links);
		put_size(o, "Size", size);
		(void)json_object_array_add(d->volume_rows, o);
		d->volumes.total++;
		d->volumes.active += links > 0;
		d->volumes.size += size;
		d->volumes.reclaimable += links ? 0 : size;
	}
	return r;
}

/* ---- output ---------------------------------------------------------------------------------- */

static void add_summary(json_object *list, const char *type, const struct usage *u)
{
	json_object *o = json_object_new_object();
	char size[UNITS_MAX], text[2 * UNITS_MAX];

	json_put_str(o, "Type", type);
	json_put_int(o, "Total", u->total);
	json_put_int(o, "Active", u->active);
	json_put_int(o, "RawSize", u->size);
	json_put_int(o, "RawReclaimable", u->reclaimable);
	json_put_int(o, "TotalCount", u->total);
	json_put_str(o, "Size", size_human_digits(u->size, 4, "", size));
	(void)snprintf(text, sizeof(text), "%s (%lld%%)",
		       size_human_digits(u->reclaimable, 4, "", size),
		       u->size ? (long long)((u->reclaimable * 100 + u->size / 2) / u->size) : 0);
	json_put_str(o, "Reclaimable", text);
	(void)json_object_array_add(list, o);
}

static int print_summary(const struct df *d, const char *format, struct err *e)
{
	scoped(json) json_object *list = json_object_new_array();
	const struct report r = {
		.name = "df",
		.format = format,
		.standard =
			"table {{.Type}}\\t{{.Total}}\\t{{.Active}}\\t{{.Size}}\\t{{.Reclaimable}}",
	};

	if (!list)
		return err_errno(e, ENOMEM, "df");
	add_summary(list, "Images", &d->images);
	add_summary(list, "Containers", &d->containers);
	add_summary(list, "Local Volumes", &d->volumes);
	return format && strcmp(format, "json") == 0 ? report_json(list, e)
						     : report_print(&r, list, e);
}

static int print_verbose(const struct df *d, struct err *e)
{
	static const struct report_header headers[] = { { "ImageID", "IMAGE ID" },
							{ "ContainerID", "CONTAINER ID" },
							{ NULL, NULL } };
	struct report r = { .name = "df", .headers = headers };
	int rc;

	(void)puts("Images space usage:\n");
	r.standard = "table {{.Repository}}\\t{{.Tag}}\\t{{.ImageID}}\\t{{.Created}}\\t{{.Size}}\\t"
		     "{{.SharedSize}}\\t{{.UniqueSize}}\\t{{.Containers}}";
	rc = report_print(&r, d->image_rows, e);
	if (rc < 0)
		return rc;
	(void)puts("\nContainers space usage:\n");
	r.standard = "table {{.ContainerID}}\\t{{.Image}}\\t{{.Command}}\\t{{.LocalVolumes}}\\t"
		     "{{.Size}}\\t{{.Created}}\\t{{.Status}}\\t{{.Names}}";
	rc = report_print(&r, d->container_rows, e);
	if (rc < 0)
		return rc;
	(void)puts("\nLocal Volumes space usage:\n");
	r.standard = "table {{.VolumeName}}\\t{{.Links}}\\t{{.Size}}";
	return report_print(&r, d->volume_rows, e);
}

static int df(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct df_options *o = opts;
	scoped(df) struct df d = { .en = en,
				   .image_rows = json_object_new_array(),
				   .container_rows = json_object_new_array(),
				   .volume_rows = json_object_new_array() };
	int r = d.image_rows && d.container_rows && d.volume_rows ? 0 : err_errno(e, ENOMEM, "df");

	(void)args;
	if (r == 0)
		r = add_images(&d, e);
	if (r == 0)
		r = add_containers(&d, e);
	if (r == 0)
		r = add_volumes(&d, e);
	if (r < 0)
		return r;
	return o->verbose ? print_verbose(&d, e) : print_summary(&d, o->format, e);
}

const struct cmd cmd_system_df = {
	.noun = "system",
	.verb = "df",
	.help = "Show what images, containers and volumes take",
	.man = "Sizes are those of the files; a layer that several images have counts once. What "
	       "could be had back are images without a container, what stopped containers "
	       "changed, and volumes that no container has.",
	.examples = "cove system df\ncove system df --verbose\ncove system df --format '{{.Type}} "
		    "{{.Reclaimable}}'",
	.max_args = 0,
	.size = sizeof(struct df_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = df,
};

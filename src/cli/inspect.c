/* SPDX-License-Identifier: Apache-2.0 */
/* cove inspect: whatever has the name, a container before an image, a volume, a network. */
#include "src/cli/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/container/inspect.h"
#include "src/cli/image/inspect.h"
#include "src/cli/network/filter.h"
#include "src/cli/report.h"
#include "src/cli/volume/filter.h"
#include "src/container/container.h"
#include "src/container/size.h"
#include "src/image/image.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

#define AT(f) offsetof(struct inspect_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Print by a Go template", .def = "json"),
	FLAG('l', "latest", AT(latest), "Show the newest container"),
	FLAG('s', "size", AT(size), "Show how large the files of a container are"),
	STR('t', "type", "TYPE", AT(type), "Look only for this", .def = "all",
	    .values = "all|container|image|network|volume"),
	END,
};

static int inspect_network(struct engine *en, const struct inspect_options *o, const char *ref,
			   json_object **ret, const struct template_schema **schema, struct err *e)
{
	scoped(json) json_object *network = NULL;
	int r = network_inspect(en, ref, &network, e);

	if (r == -ENOENT && strcmp(o->type, "all") == 0)
		return err_set(e, r, "no such object: \"%s\"", ref);
	if (r < 0)
		return r;
	*schema = &network_schema;
	*ret = report_is_json(o->format) ? take_ptr(&network) : network_row(network);
	return *ret ? 0 : err_errno(e, ENOMEM, "inspect");
}

static int inspect_other(struct engine *en, const struct inspect_options *o, const char *ref,
			 json_object **ret, const struct template_schema **schema, struct err *e)
{
	int r = -ENOENT;

	if (strcmp(o->type, "network") != 0)
		r = volume_inspect(en, ref, !report_is_json(o->format), ret, e);
	if (r == 0)
		*schema = &volume_schema;
	if (r != -ENOENT || strcmp(o->type, "volume") == 0)
		return r;
	err_clear(e);
	return inspect_network(en, o, ref, ret, schema, e);
}

static int put_size(struct engine *en, json_object *doc, struct err *e)
{
	scoped(container) struct container *c = NULL;
	int r = container_find(en, json_get_str(doc, "Id"), &c, e);

	if (r == 0)
		r = container_measure(en, c, e);
	if (r < 0)
		return r;
	json_put_int(doc, "SizeRw", c->size.changed);
	json_put_int(doc, "SizeRootFs", c->size.all);
	return 0;
}

static int inspect_one(struct engine *en, const struct inspect_options *o, const char *ref,
		       json_object **ret, const struct template_schema **schema, struct err *e)
{
	scoped(image) struct image *i = NULL;
	int r = -ENOENT;

	*schema = &container_inspect_schema;
	if (!str_in_words(o->type, strlen(o->type), "image|network|volume")) {
		r = container_inspect(en, ref, ret, e);
		if (r == 0 && o->size)
			r = put_size(en, *ret, e);
		if (r != -ENOENT || strcmp(o->type, "container") == 0)
			return r;
		err_clear(e);
	}
	*schema = &image_inspect_schema;
	r = -ENOENT;
	if (!str_in_words(o->type, strlen(o->type), "network|volume"))
		r = image_find(en, ref, &i, e);
	if (r == 0)
		*ret = image_inspect_json(en, i);
	if (r != -ENOENT || strcmp(o->type, "image") == 0)
		return r;
	err_clear(e);
	return inspect_other(en, o, ref, ret, schema, e);
}

int inspect_objects(struct engine *en, const struct inspect_options *o, char **args, struct err *e)
{
	const struct template_schema *schema = &container_inspect_schema;
	scoped(json) json_object *list = json_object_new_array();
	scoped(container) struct container *newest = NULL;
	scoped(mem) struct err *failures = NULL;
	char *latest[2] = { NULL, NULL };
	size_t n = 0;
	int status = 0, r;

	if (o->latest) {
		r = container_latest(en, &newest, e);
		if (r < 0)
			return r;
		latest[0] = newest->id;
		args = latest;
	}
	if (!args[0])
		return err_set(e, -EINVAL, "no names or ids specified");
	failures = calloc(strv_len(args), sizeof(*failures));
	if (!failures)
		return err_errno(e, ENOMEM, "inspect");
	for (; *args; args++) {
		json_object *doc = NULL;
		if (inspect_one(en, o, *args, &doc, &schema, e) < 0) {
			failures[n++] = *e;
			err_clear(e);
		} else {
			(void)json_object_array_add(list, doc);
		}
	}
	r = report_inspect(o->format, list, schema, e);
	if (r < 0)
		return r;
	(void)fflush(stdout); /* what was found comes before what was not */
	for (size_t i = 0; i < n; i++)
		status = exit_failed(EXIT_ENGINE, status, &failures[i]);
	return status;
}

static int inspect(struct engine *en, void *opts, char **args, struct err *e)
{
	return inspect_objects(en, opts, args, e);
}

const struct cmd cmd_inspect = {
	.verb = "inspect",
	.args = "NAME [NAME...]",
	.help = "Show all that is known of a container, an image, a volume or a network",
	.examples = "cove inspect web\ncove inspect --format '{{.State.Pid}}' web",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct inspect_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = inspect,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* cove inspect: whatever has the name, a container before an image. */
#include "src/cli/inspect.h"

#include <errno.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/container/inspect.h"
#include "src/cli/image/inspect.h"
#include "src/cli/report.h"
#include "src/container/container.h"
#include "src/image/image.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

#define AT(f) offsetof(struct inspect_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Print by a Go template", .def = "json"),
	FLAG('l', "latest", AT(latest), "Show the newest container"),
	STR('t', "type", "TYPE", AT(type), "Look only for this", .def = "all",
	    .values = "all|container|image"),
	END,
};

static int inspect_one(struct engine *en, const struct inspect_options *o, const char *ref,
		       json_object **ret, const struct template_schema **schema, struct err *e)
{
	scoped(image) struct image *i = NULL;
	int r = -ENOENT;

	*schema = &container_inspect_schema;
	if (strcmp(o->type, "image") != 0) {
		r = container_inspect(en, ref, ret, e);
		if (r != -ENOENT || strcmp(o->type, "container") == 0)
			return r;
		err_clear(e);
	}
	*schema = &image_inspect_schema;
	r = image_find(en, ref, &i, e);
	if (r == -ENOENT && strcmp(o->type, "all") == 0)
		return err_set(e, r, "no such object: \"%s\"", ref);
	if (r == 0)
		*ret = image_inspect_json(en, i);
	return r;
}

int inspect_objects(struct engine *en, const struct inspect_options *o, char **args, struct err *e)
{
	const struct template_schema *schema = &container_inspect_schema;
	scoped(json) json_object *list = json_object_new_array();
	scoped(container) struct container *newest = NULL;
	char *latest[2] = { NULL, NULL };
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
	for (; *args; args++) {
		json_object *doc = NULL;
		if (inspect_one(en, o, *args, &doc, &schema, e) < 0)
			status = exit_failed(EXIT_ENGINE, status, e);
		else
			(void)json_object_array_add(list, doc);
	}
	r = report_inspect(o->format, list, schema, e);
	return r < 0 ? r : status;
}

static int inspect(struct engine *en, void *opts, char **args, struct err *e)
{
	return inspect_objects(en, opts, args, e);
}

const struct cmd cmd_inspect = {
	.verb = "inspect",
	.args = "NAME [NAME...]",
	.help = "Show all that is known of a container or an image",
	.examples = "cove inspect web\ncove inspect --format '{{.State.Pid}}' web",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct inspect_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = inspect,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/cli/image/inspect.h"
#include "src/cli/report.h"
#include "src/image/image.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

const struct template_schema image_inspect_schema = {
	.maps = "Labels|Annotations|ExposedPorts|Volumes|Data",
	.times = "Created",
	.member = report_any_case,
};

struct inspect_options {
	const char *format;
};

#define AT(f) offsetof(struct inspect_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Print by a Go template", .def = "json"),
	END,
};

static int inspect(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct inspect_options *o = opts;
	scoped(json) json_object *list = json_object_new_array();
	int status = 0, r;

	if (!list)
		return err_errno(e, ENOMEM, "inspect");
	for (; *args; args++) {
		scoped(image) struct image *i = NULL;
		r = image_find(en, *args, &i, e);
		if (r >= 0)
			(void)json_object_array_add(list, image_inspect_json(en, i));
		else
			status = exit_failed(EXIT_ENGINE, status, e);
	}
	r = report_inspect(o->format, list, &image_inspect_schema, e);
	return r < 0 ? r : status;
}

const struct cmd cmd_image_inspect = {
	.noun = "image",
	.verb = "inspect",
	.args = "IMAGE [IMAGE...]",
	.help = "Show all that is known of an image",
	.examples = "cove image inspect alpine\ncove image inspect --format '{{.Id}} "
		    "{{.Config.Env}}' alpine",
	.complete = "image",
	.min_args = 1,
	.max_args = -1,
	.args_error = "no names or ids specified",
	.size = sizeof(struct inspect_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = inspect,
};
